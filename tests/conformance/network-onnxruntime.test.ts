// Whole networks against ONNX Runtime: those of tests/support/networks.ts, and of a collection beside the repository
// where there is one.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { host } from '@host';
import { init, shutdown, type Tensor } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, valuesFor } from '../support/network-onnx-cases/index.js';
import { NETWORKS } from '../support/networks.js';
import { runOnnx } from '../support/onnx-runtime.js';
import { seed } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';

interface File {
  readonly bytes: Uint8Array;
  readonly inputs: Readonly<Record<string, Tensor<ArrayBuffer>>>;
}

type Zoo = Readonly<
  Record<
    string,
    () => { readonly bytes: Uint8Array; readonly inputs: Readonly<Record<string, readonly number[]>> }
  >
>;

const own = Object.entries(NETWORKS).map(
  ([title, { net }]) =>
    [
      title,
      (): File => ({
        bytes: bytesOf(net),
        inputs: Object.fromEntries(valuesFor(net, seed).map(({ name, ...tensor }) => [name, tensor])),
      }),
    ] as const,
);

const collection = path.join(import.meta.dirname, '..', '..', '..', 'shared', 'networks', 'zoo.mjs');
const zoo: Zoo = existsSync(collection) ? (await import(pathToFileURL(collection).href)).zoo : {};
const foreign = Object.entries(zoo).map(
  ([title, make]) =>
    [
      title,
      (): File => {
        const { bytes, inputs } = make();
        const tensors = Object.entries(inputs).map(([name, shape]) => [name, randomTensor(shape, seed)]);
        return { bytes, inputs: Object.fromEntries(tensors) };
      },
    ] as const,
);

describe.skipIf(host.name !== 'Node')('as ONNX Runtime computes it', () => {
  beforeAll(() => init());
  afterAll(shutdown);

  it.each([...own, ...foreign])('%s', async (title, make) => {
    const { bytes, inputs } = make();
    const wanted = await runOnnx(
      bytes,
      Object.entries(inputs).map(([name, tensor]) => ({ name, ...tensor })),
    );
    if (typeof wanted === 'string') throw new Error(wanted);
    // The large ones take their time.
    const precisions = [['fast', 1e-4] as const, ...(title in NETWORKS ? [['exact', 1e-5] as const] : [])];
    for (const [precision, tolerance] of precisions) {
      const net = await loadNetwork(bytes, { precision });
      const got = net.run(inputs);
      expect(Object.keys(got)).toEqual(Object.keys(wanted));
      for (const [name, { shape, data }] of Object.entries(wanted)) {
        expect(got[name]?.shape).toEqual(shape);
        const rms = Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0) / data.length);
        const error = data.reduce(
          (most, value, index) => Math.max(most, Math.abs(value - (got[name]?.data[index] ?? Number.NaN))),
          0,
        );
        expect(error / rms, precision).toBeLessThan(tolerance);
      }
      net.dispose();
    }
  });
});
