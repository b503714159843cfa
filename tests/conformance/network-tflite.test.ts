// Networks of TFLite files as they run: operator by operator as LiteRT.js computes them, and MediaPipe's as they are in
// double precision, from which LiteRT.js is as far: their last layers amplify what float32 rounds.

import { host } from '@host';
import type { Tensor } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { beforeAll, expect, it } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import { SELFIES, TFLITE_CASES } from '../support/tflite-cases.js';
import { tflite } from '../support/tflite-writer.js';

let known: Record<string, readonly (readonly number[])[]>;
beforeAll(async () => {
  known = JSON.parse(new TextDecoder().decode(await host.readFixture('models/tflite-outputs.json')));
});

/** The largest difference over the root of the mean square of what is expected. */
function distance(got: ArrayLike<number>, expected: readonly number[]): number {
  expect(got).toHaveLength(expected.length);
  const rms = Math.hypot(...expected) / Math.sqrt(expected.length);
  return Math.max(...expected.map((value, index) => Math.abs(value - (got[index] as number)))) / rms;
}

/** The root of the mean square of the differences, over that of what is expected. */
function meanDistance(got: ArrayLike<number>, expected: readonly number[]): number {
  return (
    Math.hypot(...expected.map((value, index) => value - (got[index] as number))) / Math.hypot(...expected)
  );
}

/** Sizes from and to which is resized; many of them to a whole part. */
const NEAREST = [
  [14, 2],
  ...[3, 7, 14, 28, 30, 61].flatMap((from) => [1, 2, 3, 6, 7, 10, 20, 61].map((to) => [from, to] as const)),
] as const;

function nearest(from: number, to: number, corners: number, centers: number) {
  const tensors = [
    { name: 'x', shape: [1, from, 1, 1] },
    { name: 'size', shape: [2], values: Int32Array.of(to, 1) },
    { name: 'y', shape: [1, to, 1, 1] },
  ];
  const options = [{ byte: corners }, { byte: centers }];
  const operator = { code: 97, kind: 74, options, inputs: ['x', 'size'], outputs: ['y'] };
  return tflite(tensors, [operator], { inputs: ['x'], outputs: ['y'] });
}

describeEachBuild(() => {
  it.each(TFLITE_CASES.map((one) => [one.name, one] as const))(
    '%s',
    async (name, { bytes, inputs, outputs }) => {
      const network = await loadNetwork(bytes);
      const results = Object.values(network.run(inputs));
      for (const [place] of outputs.entries()) {
        const expected = known[name]?.[place] as readonly number[];
        expect(distance((results[place] as Tensor).data, expected)).toBeLessThan(1e-5);
      }
      network.dispose();
    },
  );

  // As resize_nearest_neighbor.h has it: another formula is off by a row where a place falls on one.
  it.each([
    ['places', 0, 0],
    ['corners', 1, 0],
    ['centers', 0, 1],
  ] as const)(
    'RESIZE_NEAREST_NEIGHBOR takes the rows that TFLite takes, by %s',
    async (_, corners, centers) => {
      const { fround } = Math;
      const results: number[][] = [];
      const expected: number[][] = [];
      for (const [from, to] of NEAREST) {
        const network = await loadNetwork(nearest(from, to, corners, centers));
        const rows = Float32Array.from({ length: from }, (_, row) => row);
        results.push([...network.forward({ data: rows, shape: [1, from, 1, 1] }).data]);
        network.dispose();
        const scale = fround(corners === 1 && to > 1 ? (from - 1) / (to - 1) : from / to);
        const rowOf = (target: number): number => {
          const place = fround((target + centers / 2) * scale);
          return Math.min(corners === 1 ? Math.floor(place + 0.5) : Math.floor(place), from - 1);
        };
        expected.push(Array.from({ length: to }, (_, target) => rowOf(target)));
      }
      expect(results).toEqual(expected);
      if (corners + centers === 0) expect(results[0]).toEqual([0, 7]);
    },
  );

  it.skipIf(host.name !== 'Node').each(SELFIES)('$name', async ({ name, file, input, every }) => {
    const address = new URL(`../../node_modules/@mediapipe/selfie_segmentation/${file}`, import.meta.url);
    const { readFile } = await import('node:fs/promises');
    const network = await loadNetwork(new Uint8Array(await readFile(address)));
    const { data, shape } = network.forward(input);
    expect(shape).toEqual([...input.shape.slice(0, 3), 1]);
    const kept = data.filter((_, index) => index % every === 0);
    const [litert, exact] = known[name] as [number[], number[]];
    // They amplify rounding: LiteRT.js itself is off by 8.4e-4.
    expect(distance(kept, exact)).toBeLessThan(8e-4);
    expect(meanDistance(kept, exact)).toBeLessThan(1e-4);
    expect(meanDistance(kept, litert)).toBeLessThan(1e-4);
    expect(network.steps.length).toBeLessThan(100);
    network.dispose();
  });
});
