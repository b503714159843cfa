// Random problems of every rank, over the whole space of the canonical operators.

import type { Tensor } from 'deconv-wasm';
import fc from 'fast-check';
import { type Geometry, referenceExtent } from './reference.js';
import { randomTensor } from './tensors.js';

/** Small enough to print in a failure report; the tensors come from `seed`. */
export interface RandomProblem {
  readonly geometry: Geometry;
  readonly batch: number;
  readonly groupIn: number;
  readonly groupOut: number;
  readonly extents: readonly number[];
  readonly kernel: readonly number[];
  readonly layout: 'channels-first' | 'channels-last';
  readonly withBias: boolean;
  readonly seed: number;
}

interface Axis {
  readonly n: number;
  readonly k: number;
  readonly stride: number;
  readonly dilation: number;
  readonly inputDilation: number;
  readonly padBefore: number;
  readonly padAfter: number;
  readonly extra: number;
}

// Pads of either sign, some larger than any kernel here; most of them small, as in practice.
const pad = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 2 }) },
  { weight: 2, arbitrary: fc.integer({ min: -4, max: 9 }) },
);

function axisOf(rank: number): fc.Arbitrary<Axis> {
  const most = [0, 12, 7, 4][rank] as number;
  return fc.record({
    n: fc.integer({ min: 1, max: most }),
    k: fc.integer({ min: 1, max: rank === 3 ? 3 : 5 }),
    stride: fc.integer({ min: 1, max: 5 }),
    dilation: fc.oneof(
      { weight: 3, arbitrary: fc.constant(1) },
      { weight: 2, arbitrary: fc.integer({ min: 2, max: 4 }) },
    ),
    inputDilation: fc.oneof(
      { weight: 3, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.integer({ min: 2, max: 3 }) },
    ),
    padBefore: pad,
    padAfter: pad,
    extra: fc.integer({ min: 0, max: 4 }),
  });
}

// Counts below, at and above the 4 and 8 lanes of the kernels, and odd ones.
const channels = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 1, arbitrary: fc.integer({ min: 6, max: 19 }) },
);

export const randomProblem: fc.Arbitrary<RandomProblem> = fc
  .constantFrom(1, 2, 2, 2, 3)
  .chain((rank) =>
    fc.record({
      transposed: fc.boolean(),
      // Half of the problems keep to what the fast routes take: no negative pad, no dilated input.
      tame: fc.boolean(),
      axes: fc.array(axisOf(rank), { minLength: rank, maxLength: rank }),
      batch: fc.constantFrom(1, 1, 1, 2, 3, 0),
      groups: fc.constantFrom(1, 1, 1, 2, 3, 5),
      groupIn: channels,
      groupOut: channels,
      layout: fc.constantFrom('channels-first', 'channels-last'),
      withBias: fc.boolean(),
      seed: fc.nat(),
    }),
  )
  .map(({ transposed, tame, axes, groups, ...rest }) => {
    const all = (read: (axis: Axis) => number): number[] => axes.map(read);
    const ones = axes.map(() => 1);
    const geometry: Geometry = {
      transposed,
      groups,
      stride: all(({ stride }) => stride),
      dilation: all(({ dilation }) => dilation),
      padBefore: all(({ padBefore }) => (tame ? Math.abs(padBefore) : padBefore)),
      padAfter: all(({ padAfter }) => (tame ? Math.abs(padAfter) : padAfter)),
      // Legal up to the larger of stride and dilation, so also at and above the stride.
      outputPadding: transposed
        ? all(({ extra, stride, dilation }) => Math.min(extra, Math.max(stride, dilation) - 1))
        : ones.map(() => 0),
      inputDilation: transposed || tame ? ones : all(({ inputDilation }) => inputDilation),
    };
    const extents = all(({ n }) => n);
    const kernel = all(({ k }) => k);
    return { ...rest, geometry: withOutput(geometry, extents, kernel), extents, kernel };
  });

/** Changes the tail of every axis whose output would be empty, so that one or two places remain. */
export function withOutput(
  geometry: Geometry,
  extents: readonly number[],
  kernel: readonly number[],
): Geometry {
  const padAfter = geometry.padAfter.map((pad, axis) => {
    const k = kernel[axis] as number;
    const n = extents[axis] as number;
    let after = pad;
    while (referenceExtent({ ...geometry, padAfter: geometry.padAfter.with(axis, after) }, axis, n, k) < 1) {
      after += geometry.transposed ? -1 : 1;
    }
    return after;
  });
  return { ...geometry, padAfter };
}

/** The tensors of a problem, channels first. */
export function tensorsOf(problem: RandomProblem): {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Float32Array | null;
} {
  const { geometry, batch, groupIn, groupOut, extents, kernel, seed } = problem;
  const inChannels = groupIn * geometry.groups;
  const outChannels = groupOut * geometry.groups;
  const rows = geometry.transposed ? [inChannels, groupOut] : [outChannels, groupIn];
  return {
    x: randomTensor([batch, inChannels, ...extents], seed),
    weight: randomTensor([...rows, ...kernel], seed + 1),
    bias: problem.withBias ? randomTensor([outChannels], seed + 2).data : null,
  };
}
