// Networks of ONNX files, operator by operator: what they are lowered to, computed by plain loops in double
// precision, is what ONNX Runtime gives.

import { host } from '@host';
import { describe, expect, it } from 'vitest';
import { bytesSource, ModelFile } from '../../web/lib/models/source.js';
import { readOnnxNetwork } from '../../web/lib/network/onnx/read.js';
import { compareWith, within } from '../support/compare.js';
import { bytesOf, NETWORK_CASES, valuesFor } from '../support/network-onnx-cases/index.js';
import { evaluate } from '../support/network-reference.js';
import { runOnnx } from '../support/onnx-runtime.js';
import { node } from '../support/onnx-writer.js';
import { seed } from '../support/seed.js';

const read = (bytes: Uint8Array) =>
  readOnnxNetwork(new ModelFile(bytesSource(bytes), null), async () => {
    throw new Error('no external data');
  });

describe.skipIf(host.name !== 'Node')('as ONNX Runtime computes them', () => {
  for (const [title, one] of Object.entries(NETWORK_CASES)) {
    it(title, async () => {
      const bytes = bytesOf(one);
      const inputs = valuesFor(one, seed);
      const names = one.outputs ?? ['y'];
      const network = await read(bytes);
      const shapes = new Map(inputs.map(({ name, shape }) => [name, shape]));
      const outputs = evaluate(
        network.lower(shapes, names),
        inputs.map(({ data }) => data),
      );
      const wanted = await runOnnx(bytes, inputs);
      if (typeof wanted === 'string') throw new Error(wanted);
      for (const [place, name] of names.entries()) {
        const [got, expected] = [outputs[place], wanted[name]];
        expect([name, got?.shape]).toEqual([name, expected?.shape]);
        const data = [...(expected?.data ?? [])];
        const rms = Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0) / data.length);
        const allowed = within(one.tolerance ?? 1e-5, 1e-6 + rms, data);
        expect(
          compareWith(got as NonNullable<typeof got>, expected?.shape ?? [], data, allowed),
          name,
        ).toBeUndefined();
      }
    });
  }
});

// ceil((length - reach + 1) / stride), which ONNX Runtime does not go by.
it('a pool of auto_pad VALID with ceil_mode is as long as the specification of ONNX says: 3 of 7 by 2', async () => {
  for (const type of ['MaxPool', 'AveragePool']) {
    const attributes = { kernel_shape: [2], strides: [2], auto_pad: 'VALID', ceil_mode: 1 };
    const parts = [node(type, ['x'], ['y'], attributes)];
    const network = await read(bytesOf({ parts, inputs: { x: [1, 1, 7] }, opset: 22 }));
    const graph = network.lower(new Map([['x', [1, 1, 7]]]), ['y']);
    expect(graph.values[graph.outputs[0] as number]?.shape).toEqual([1, 1, 3]);
  }
});
