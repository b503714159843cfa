// What the examples share: seeded numbers, small pictures that are drawn, and how each is run by itself.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { init, shutdown } from 'deconv-wasm';

/** mulberry32: uniform numbers from 0 to 1, the same for the same seed. */
export function uniformNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A tensor of normal numbers (Box and Muller) from uniform ones. */
export function normalTensor(random, shape) {
  const count = shape.reduce((product, extent) => product * extent);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return { data: Float32Array.from({ length: count }, normal), shape };
}

/**
 * Pictures with one ball and one box each, `[count, 1, size, size]`, or volumes with `rank: 3`: `value` is called for each point
 * with its distances from the ball's edge and from the box's, below 0 inside. The same seed gives the same places.
 */
export function drawShapes({ count, size, seed, rank = 2 }, value) {
  const random = uniformNumbers(seed);
  const points = size ** rank;
  const data = new Float32Array(count * points);
  for (let picture = 0; picture < count; picture += 1) {
    const [ball, box] = [0, 1].map(() => ({
      centre: Array.from({ length: rank }, () => size * (0.25 + 0.5 * random())),
      radius: size * (0.15 + 0.1 * random()),
    }));
    for (let point = 0; point < points; point += 1) {
      const offsets = ({ centre }) =>
        centre.map((middle, axis) => (Math.floor(point / size ** axis) % size) + 0.5 - middle);
      const toBall = Math.hypot(...offsets(ball)) - ball.radius;
      const toBox = Math.max(...offsets(box).map(Math.abs)) - box.radius;
      data[picture * points + point] = value(toBall, toBox);
    }
  }
  return { data, shape: [count, 1, ...new Array(rank).fill(size)] };
}

/** How much of a pixel lies inside. */
export function covered(distance) {
  return Math.min(1, Math.max(0, 0.5 - distance));
}

/** All values of a shape the same, as a discriminator's answers should be. */
export function constant(shape, value) {
  const count = shape.reduce((product, extent) => product * extent);
  return { data: new Float32Array(count).fill(value), shape };
}

/** Runs `train` where its file is the program, and prints every loss that it gives. */
export async function runAlone(address, train) {
  if (address !== pathToFileURL(process.argv[1] ?? '').href) return;
  let given;
  try {
    given = readOptions();
  } catch (error) {
    console.error(`${path.basename(process.argv[1], '.mjs')}: ${error.message}`);
    process.exitCode = 1;
    return;
  }
  // The build whose numbers are the same on every processor.
  await init({ build: 'simd' });
  for (const [name, losses] of Object.entries(train(given))) {
    console.log(
      `${name} ${losses[0].toPrecision(4)} to ${losses.at(-1).toPrecision(4)} in ${losses.length} steps`,
    );
  }
  await shutdown();
}

/** `--seed` and `--steps`, as far as they are given. */
function readOptions() {
  const { values } = parseArgs({ options: { seed: { type: 'string' }, steps: { type: 'string' } } });
  const given = Object.entries(values).map(([name, text]) => {
    const [value, least] = [Number(text), name === 'steps' ? 1 : 0];
    if (Number.isInteger(value) && value >= least) return [name, value];
    throw new Error(`expected --${name} to be a whole number from ${least} on, got ${text}`);
  });
  return Object.fromEntries(given);
}
