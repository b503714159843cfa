// The relaxed builds choose int8 kernels by what the engine's dot product does at its ends, which differs
// from processor to processor. Whatever is chosen, the values must be the same.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '..', '..');

/** Prints one line a layer: its int8 and float32 outputs, hashed. All values at their ends. */
const PROGRAM = `
import { createHash } from 'node:crypto';
import { Conv2d, ConvTranspose2d, init } from 'deconv-wasm';
import { calibrate, quantize } from 'deconv-wasm/quantize';

await init({ build: process.env.BUILD });
const ends = (values) => values.map((value, index) => ((index * 2654435761) >>> 7) & 1 ? 1 : -1);
for (const [Layer, options] of [
  [ConvTranspose2d, { inChannels: 37, outChannels: 21, kernelSize: 4, stride: 2, padding: 1 }],
  [ConvTranspose2d, { inChannels: 64, outChannels: 32, kernelSize: 2, stride: 2 }],
  [ConvTranspose2d, { inChannels: 30, outChannels: 12, kernelSize: 3, groups: 3, dilation: 2 }],
  [Conv2d, { inChannels: 32, outChannels: 16, kernelSize: 1 }],
  [Conv2d, { inChannels: 20, outChannels: 20, kernelSize: 3, groups: 20, stride: 2 }],
]) {
  const layer = new Layer({ ...options, bias: false });
  const { data, shape } = layer.weight;
  layer.setWeight({ data: ends(data), shape });
  const x = { data: ends(new Float32Array(options.inChannels * 99)), shape: [options.inChannels, 9, 11] };
  const hash = createHash('sha256');
  const dynamic = quantize(layer);
  const fixed = quantize(layer, calibrate(layer, [x]));
  // Long enough for the optimising compiler, whose dot product must be the one that was probed.
  for (let round = 0; round < 40; round += 1) hash.update(dynamic.forward(x).data).update(fixed.forwardInt8(x).data);
  console.log(hash.digest('hex'));
}
`;

function hashes(build: string, flags: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, '--input-type=module', '--eval', PROGRAM],
    { cwd: root, encoding: 'utf8', env: { ...process.env, BUILD: build } },
  );
  expect(status, stderr).toBe(0);
  return stdout.trim().split('\n');
}

// One compiler alone, or a processor with fewer instructions.
test.each([
  ['relaxed', []],
  ['relaxed', ['--no-enable-avx-vnni']],
  ['relaxed', ['--liftoff-only']],
  ['relaxed', ['--no-liftoff']],
  ['relaxed', ['--no-enable-avx-vnni', '--no-liftoff']],
  ['relaxed', ['--no-enable-avx']],
] as const)('%s with %j gives the bytes of the simd build', (build, flags) => {
  const wanted = hashes('simd', []);
  expect(wanted).toHaveLength(5);
  expect(new Set(wanted).size).toBe(5);
  expect(hashes(build, flags)).toEqual(wanted);
});
