// Networks of TFLite files as they run: operator by operator as LiteRT.js computes them, and MediaPipe's as they are in
// double precision, from which LiteRT.js is as far: their last layers amplify what float32 rounds.

import { host } from '@host';
import type { Tensor } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { beforeAll, expect, it } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import { SELFIES, TFLITE_CASES } from '../support/tflite-cases.js';

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
