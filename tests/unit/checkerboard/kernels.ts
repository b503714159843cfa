import { type Kernels, overlap } from 'deconv-wasm/checkerboard';
import fc from 'fast-check';
import { mulberry32 } from '../../support/random.js';
import { sizeOf } from '../../support/tensors.js';

export interface Axis {
  readonly kernelSize: number;
  readonly stride: number;
  readonly dilation: number;
}

export const axis: fc.Arbitrary<Axis> = fc.record({
  kernelSize: fc.integer({ min: 1, max: 7 }),
  stride: fc.integer({ min: 1, max: 5 }),
  dilation: fc.integer({ min: 1, max: 4 }),
});

/** Axes with whole numbers as taps: sums are exact. */
export function withTaps(
  axes: fc.Arbitrary<readonly Axis[]>,
): fc.Arbitrary<{ axes: readonly Axis[]; kernel: number[] }> {
  return axes.chain((list) => {
    const count = list.reduce((product, { kernelSize }) => product * kernelSize, 1);
    const taps = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: count, maxLength: count });
    return taps.map((kernel) => ({ axes: list, kernel }));
  });
}

/** The kernel with its holes: h[n], n from 0 to the reach. */
export function dilated(kernel: readonly number[], dilation: number): number[] {
  const h = new Array<number>((kernel.length - 1) * dilation + 1).fill(0);
  for (const [tap, value] of kernel.entries()) h[tap * dilation] = value;
  return h;
}

export function convolve(one: readonly number[], other: readonly number[]): number[] {
  const result = new Array<number>(one.length + other.length - 1).fill(0);
  for (const [i, a] of one.entries()) {
    for (const [j, b] of other.entries()) result[i + j] = (result[i + j] as number) + a * b;
  }
  return result;
}

export function outer(one: readonly number[], other: readonly number[]): number[] {
  return one.flatMap((a) => other.map((b) => a * b));
}

export function ones(count: number): number[] {
  return new Array<number>(count).fill(1);
}

/** Kernels of any rank with random taps, pairs and a geometry; every phase gets a tap if `filled`. */
export function randomKernels(filled: boolean): fc.Arbitrary<{ kernels: Kernels; axes: readonly Axis[] }> {
  return fc
    .record({ axes: fc.array(axis, { minLength: 1, maxLength: 3 }), seed: fc.nat(), pairs: fc.nat(2) })
    .filter(({ axes }) => !filled || !overlap(axes).holes)
    .map(({ axes, seed, pairs }) => {
      const shape = [pairs + 1, 2, ...axes.map(({ kernelSize }) => kernelSize)];
      const random = mulberry32(seed);
      return {
        axes,
        kernels: {
          geometry: {
            stride: axes.map(({ stride }) => stride),
            dilation: axes.map(({ dilation }) => dilation),
          },
          weight: { data: Float64Array.from({ length: sizeOf(shape) }, () => 2 * random() - 1), shape },
        },
      };
    });
}

export function doubles(count: number, seed: number): number[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, () => 2 * random() - 1);
}

/** Phase of each tap of one kernel, by the definition. */
export function phasesOf(axes: readonly Axis[]): number[] {
  return axes.reduce<number[]>(
    (list, { kernelSize, stride, dilation }) =>
      list.flatMap((outer) =>
        Array.from({ length: kernelSize }, (_, tap) => outer * stride + ((tap * dilation) % stride)),
      ),
    [0],
  );
}
