// How alike images are, against the definitions by plain loops.

import type { Tensor } from 'deconv-wasm';
import { compareImages, type Image, scoreImage } from 'deconv-wasm/checkerboard';
import { describe, expect, it } from 'vitest';
import { caught, expectError } from '../../support/errors.js';
import { mulberry32 } from '../../support/random.js';

function noise(shape: readonly number[], seed: number): Image {
  const random = mulberry32(seed);
  return { data: Array.from({ length: shape.reduce((all, own) => all * own, 1) }, random), shape };
}

/** Structural similarity of one plane, place by place. */
function similarity(
  one: readonly number[],
  other: readonly number[],
  [tall, wide]: readonly [number, number],
  range: number,
) {
  const window: { readonly y: number; readonly x: number; readonly weight: number }[] = [];
  for (let y = -5; y <= 5; y += 1) {
    for (let x = -5; x <= 5; x += 1) window.push({ y, x, weight: Math.exp(-(x * x + y * y) / 4.5) });
  }
  const whole = window.reduce((sum, { weight }) => sum + weight, 0);
  let [sum, count] = [0, 0];
  for (let row = 5; row < tall - 5; row += 1) {
    for (let column = 5; column < wide - 5; column += 1) {
      const mean = (of: (place: number) => number) =>
        window.reduce(
          (all, { y, x, weight }) => all + (weight / whole) * of((row + y) * wide + column + x),
          0,
        );
      const [a, b] = [mean((place) => one[place] as number), mean((place) => other[place] as number)];
      const covariance = (p: readonly number[], q: readonly number[], m: number, n: number) =>
        mean((place) => ((p[place] as number) - m) * ((q[place] as number) - n));
      const [c1, c2] = [(0.01 * range) ** 2, (0.03 * range) ** 2];
      sum +=
        ((2 * a * b + c1) * (2 * covariance(one, other, a, b) + c2)) /
        ((a * a + b * b + c1) * (covariance(one, one, a, a) + covariance(other, other, b, b) + c2));
      count += 1;
    }
  }
  return sum / count;
}

it('takes the images of other libraries, which have dims', () => {
  const [one, other] = [1, 2].map((seed) => noise([1, 1, 12, 13], seed)) as [Tensor, Tensor];
  const dims = { data: one.data, dims: one.shape };
  const otherDims = { data: other.data, dims: other.shape };
  expect(compareImages(dims, otherDims)).toEqual(compareImages(one, other));
  expect(compareImages(dims, other)).toEqual(compareImages(one, other));
  expect(scoreImage(dims, [2, 2])).toEqual(scoreImage(one, [2, 2]));
  const error = caught(() => compareImages(dims, noise([1, 1, 13, 12], 1)));
  expectError(error, 'BAD_SHAPE', 'compareImages');
  expect(error.message).toContain('a second image of shape [1, 1, 12, 13], got [1, 1, 13, 12]');
});

describe('compareImages', () => {
  it('follows the definitions', () => {
    const shape = [1, 2, 14, 17];
    const [one, other] = [noise(shape, 1), noise(shape, 2)];
    const mixed = {
      shape,
      data: Array.from(one.data, (value, index) => 0.8 * value + 0.2 * (other.data[index] as number)),
    };
    const { psnr, ssim } = compareImages(one, mixed, { range: 1 });
    const error = mixed.data.reduce(
      (sum, value, index) => sum + (value - (one.data[index] as number)) ** 2,
      0,
    );
    expect(psnr).toBeCloseTo(10 * Math.log10(mixed.data.length / error), 9);
    const planes = [0, 1].map((plane) => {
      const [a, b] = [one, mixed].map(({ data }) =>
        Array.from(data).slice(plane * 14 * 17, (plane + 1) * 14 * 17),
      );
      return similarity(a as number[], b as number[], [14, 17], 1);
    });
    expect(ssim).toBeCloseTo(((planes[0] as number) + (planes[1] as number)) / 2, 9);
  });

  it('takes equal images for equal, and flats by their levels', () => {
    const one = noise([1, 1, 16, 16], 3);
    expect(compareImages(one, one)).toEqual({ psnr: 320, ssim: 1 });
    const flat = (value: number): Image => ({ data: new Array(256).fill(value), shape: [1, 1, 16, 16] });
    const { psnr, ssim } = compareImages(flat(0.5), flat(0.6), { range: 1 });
    expect(psnr).toBeCloseTo(20, 9);
    expect(ssim).toBeCloseTo((2 * 0.5 * 0.6 + 1e-4) / (0.25 + 0.36 + 1e-4), 9);
  });

  // Flat but for what rounding leaves: the range is some steps of float32, and squares of the whole are 10^13 times its own.
  it.each([1, -1, 1e4, 1e-3])('tells what differs in its last bits around %f as well', (level) => {
    const step = 2 ** (Math.floor(Math.log2(Math.abs(level))) - 23);
    const [one, other] = [7, 8].map((seed) => {
      const { data, shape } = noise([1, 1, 15, 18], seed);
      return { data: Float32Array.from(data, (value) => level + step * Math.round(3 * value)), shape };
    }) as [Image, Image];
    const [a, b] = [one, other].map(({ data }) => Array.from(data)) as [number[], number[]];
    const range = Math.max(...a) - Math.min(...a);
    const { psnr, ssim } = compareImages(one, other);
    expect(ssim).toBeCloseTo(similarity(a, b, [15, 18], range), 8);
    const error = a.reduce((sum, value, index) => sum + ((value - (b[index] as number)) / range) ** 2, 0);
    expect(psnr).toBeCloseTo(10 * Math.log10(a.length / error), 8);
  });

  it('takes ranges whose squares no number holds', () => {
    const one = noise([1, 1, 16, 16], 3);
    const other = noise([1, 1, 16, 16], 4);
    const said = compareImages(one, other, { range: 1 });
    for (const factor of [1e-30, 1e30]) {
      const large = [one, other].map(({ data, shape }) => ({
        data: Float64Array.from(data, (value) => value * factor),
        shape,
      }));
      const { psnr, ssim } = compareImages(large[0] as Image, large[1] as Image, { range: factor });
      expect(psnr).toBeCloseTo(said.psnr, 9);
      expect(ssim).toBeCloseTo(said.ssim, 9);
    }
    expect(compareImages(one, one, { range: 1e200 })).toEqual({ psnr: 320, ssim: 1 });
    const least = { data: new Float64Array(256).fill(1e-200), shape: [1, 1, 16, 16] };
    expect(compareImages(least, least)).toEqual({ psnr: 320, ssim: 1 });
  });

  it('takes one axis and less than a window', () => {
    const { psnr, ssim } = compareImages(noise([1, 3, 4], 1), noise([1, 3, 4], 1), { axes: 1 });
    expect([psnr, ssim]).toEqual([320, 1]);
  });

  it('refuses other shapes and values that are not finite', () => {
    const one = noise([1, 1, 8, 8], 1);
    const refusals = [
      [() => compareImages(one, noise([1, 1, 8, 7], 1)), 'BAD_SHAPE'],
      [() => compareImages(one, { data: [Number.NaN], shape: [1, 1, 1, 1] }), 'BAD_OPTION'],
      [() => compareImages(one, { data: [1], shape: [1, 1, 8, 8] }), 'BAD_SHAPE'],
      [() => compareImages(null as never, one), 'BAD_TYPE'],
      [() => compareImages(Promise.resolve(one) as never, one), 'BAD_TYPE'],
      [() => compareImages(one, one, { axes: 0 }), 'BAD_OPTION'],
      [() => compareImages(one, one, { range: 0 }), 'BAD_OPTION'],
      [() => compareImages(one, one, { range: Number.POSITIVE_INFINITY }), 'BAD_OPTION'],
      [() => compareImages(one, noise([1, 1, 8, 8], 2), { range: 1e-300 }), 'BAD_OPTION'],
      [() => compareImages(one, one, { range: '2' as never }), 'BAD_TYPE'],
    ] as const;
    for (const [act, code] of refusals) expectError(caught(act), code, 'compareImages');
  });
});
