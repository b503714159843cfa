// What the page says about a model file whose convolutions raise the resolution without being called transposed.

import { describe, expect, it } from 'vitest';
import { readLayers } from '../../web/demo/src/engine/model.js';
import { floats, input, node, onnx, output } from '../support/onnx-writer.js';

const weight = floats(
  'w',
  [8, 3, 3, 3],
  Float32Array.from({ length: 216 }, (_, at) => Math.sin(3 * at + 1)),
);
const conv = (from: string, to: string) => node('Conv', [from, 'w'], [to], { pads: [1, 1, 1, 1] });
const fileOf = (...parts: ReturnType<typeof node>[]) =>
  new File([onnx([weight, ...parts, input('x', [1, 3, 6, 6]), output('y')])], 'model.onnx');

describe('the page on a model file', () => {
  it('shows a sub-pixel convolution as the transposed convolution that it is', async () => {
    const shuffle = node('DepthToSpace', ['c'], ['y'], { blocksize: 2, mode: 'CRD' });
    const { layers } = await readLayers({ files: [fileOf(conv('x', 'c'), shuffle)] });
    expect(layers).toMatchObject([
      {
        operator: 'Conv + DepthToSpace',
        transposed: true,
        problem: null,
        geometry: { transposed: true, inChannels: 3, outChannels: 2, kernelSize: [6, 6], stride: [2, 2] },
        found: {
          verdict: 'weights-only',
          overlap: [
            [3, 3],
            [3, 3],
          ],
        },
        pairs: 6,
      },
    ]);
    expect(layers[0]?.geometry).toMatchObject({ padBefore: [2, 2], padAfter: [2, 2] });
    expect(layers[0]?.kernels.map(({ taps }) => taps.length)).toEqual([36, 36, 36, 36, 36, 36]);
  });

  it('shows what cannot be judged among what raises the resolution', async () => {
    const sum = node('Add', ['c', 'x'], ['s']);
    const shuffle = node('DepthToSpace', ['s'], ['y'], { blocksize: 2 });
    const { layers } = await readLayers({ files: [fileOf(conv('x', 'c'), sum, shuffle)] });
    expect(layers).toMatchObject([{ operator: 'DepthToSpace', transposed: true, found: null }]);
    expect(layers[0]?.problem).toContain('what Add makes');
  });
});
