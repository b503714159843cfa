// Gradients of the layers, in PyTorch's words and in all ranks. Inputs are small multiples of 1/4, whose
// sums of products are exact in float32, so that everything here is compared with ===.

import { host } from '@host';
import {
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type LayerGradients,
  type Tensor,
} from 'deconv-wasm';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeEachBuild, SOME_BUILDS } from '../support/builds.js';
import { compareWith } from '../support/compare.js';
import { type Geometry, referenceGradients } from '../support/reference.js';
import { runsOf } from '../support/seed.js';
import { quarters } from '../support/tensors.js';

/** Random geometries on each build, other ones on each. */
const RUNS = 500;

interface RandomLayer {
  readonly transposed: boolean;
  readonly batch: number;
  readonly groups: number;
  readonly groupIn: number;
  readonly groupOut: number;
  readonly bias: boolean;
  readonly extents: readonly number[];
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly number[];
  /** Transposed only. */
  readonly outputPadding: readonly number[];
  readonly seed: number;
}

interface Axis {
  readonly n: number;
  readonly k: number;
  readonly s: number;
  readonly d: number;
  readonly p: number;
  readonly op: number;
}

function axisOf(rank: number, transposed: boolean): fc.Arbitrary<Axis> {
  return fc
    .record({
      n: fc.integer({ min: 1, max: [0, 10, 6, 4][rank] as number }),
      k: fc.integer({ min: 1, max: rank === 3 ? 3 : 5 }),
      s: fc.integer({ min: 1, max: 4 }),
      d: fc.constantFrom(1, 1, 1, 2, 3),
      p: fc.integer({ min: 0, max: 4 }),
      op: fc.integer({ min: 0, max: 3 }),
    })
    .map((axis) => {
      const op = Math.min(axis.op, Math.max(axis.s, axis.d) - 1);
      // The nearest padding that leaves an output.
      let p = axis.p;
      while (extentOf(transposed, { ...axis, op, p }) < 1) p += transposed ? -1 : 1;
      return { ...axis, op, p };
    });
}

function extentOf(transposed: boolean, { n, k, s, d, p, op }: Axis): number {
  const reach = d * (k - 1) + 1;
  return transposed ? (n - 1) * s + reach + op - 2 * p : Math.floor((n + 2 * p - reach) / s) + 1;
}

const randomLayer: fc.Arbitrary<RandomLayer> = fc
  .tuple(fc.constantFrom(1, 2, 2, 3), fc.boolean())
  .chain(([rank, transposed]) =>
    fc.record({
      transposed: fc.constant(transposed),
      axes: fc.array(axisOf(rank, transposed), { minLength: rank, maxLength: rank }),
      batch: fc.constantFrom(0, 1, 1, 2, 3),
      groups: fc.constantFrom(1, 1, 2, 3),
      groupIn: fc.integer({ min: 1, max: 5 }),
      groupOut: fc.integer({ min: 1, max: 5 }),
      bias: fc.boolean(),
      seed: fc.nat(),
    }),
  )
  .map(({ axes, ...rest }) => ({
    ...rest,
    extents: axes.map(({ n }) => n),
    kernelSize: axes.map(({ k }) => k),
    stride: axes.map(({ s }) => s),
    dilation: axes.map(({ d }) => d),
    padding: axes.map(({ p }) => p),
    outputPadding: axes.map(({ op }) => op),
  }));

const CLASSES = {
  conv: [Conv1d, Conv2d, Conv3d],
  transposed: [ConvTranspose1d, ConvTranspose2d, ConvTranspose3d],
} as const;

type AnyLayer = InstanceType<(typeof CLASSES)['conv' | 'transposed'][number]>;

/** With weights that are exact; `swap` makes the other of the two operators, over the same weight. */
function layerOf(random: RandomLayer, swap = false): AnyLayer {
  const { transposed, groups, groupIn, groupOut, kernelSize, stride, dilation, padding, bias, seed } = random;
  const [inside, outside] = swap ? [groupOut, groupIn] : [groupIn, groupOut];
  const shared = {
    inChannels: inside * groups,
    outChannels: outside * groups,
    groups,
    kernelSize,
    stride,
    dilation,
    padding,
    bias: bias && !swap,
  };
  const rank = kernelSize.length;
  const layer =
    transposed !== swap
      ? new (CLASSES.transposed[rank - 1] as typeof ConvTranspose2d)({
          ...shared,
          outputPadding: swap ? 0 : random.outputPadding,
        })
      : new (CLASSES.conv[rank - 1] as typeof Conv2d)(shared);
  layer.setWeight(quarters(layer.weight.shape, seed));
  if (layer.bias !== null) layer.setBias(quarters(layer.bias.shape, seed + 1));
  return layer;
}

function inputOf({ batch, groups, groupIn, extents, seed }: RandomLayer): Tensor {
  return quarters([batch, groups * groupIn, ...extents], seed + 2);
}

function geometryOf(random: RandomLayer): Geometry {
  const { transposed, groups, stride, dilation, padding, outputPadding } = random;
  return {
    transposed,
    groups,
    stride,
    dilation,
    padBefore: padding,
    padAfter: padding,
    outputPadding,
    inputDilation: stride.map(() => 1),
  };
}

function expectSame(got: Tensor, shape: readonly number[], wanted: ArrayLike<number>, what: string): void {
  expect(
    compareWith(got, shape, wanted, () => 0),
    what,
  ).toBeUndefined();
}

function dot(one: Tensor, other: Tensor): number {
  return one.data.reduce((sum, value, index) => sum + value * (other.data[index] as number), 0);
}

describeEachBuild((build) => {
  it('gradients are those of the definition', () => {
    const counts = new Map<string, number>();
    fc.assert(
      fc.property(randomLayer, (random) => {
        using layer = layerOf(random);
        const x = inputOf(random);
        const g = quarters(layer.outputShape(x.shape), random.seed + 3);
        const got: LayerGradients = layer.backward(x, g);
        const wanted = referenceGradients(geometryOf(random), x, layer.weight, g);
        expectSame(got.input, x.shape, wanted.input.data, 'input');
        expectSame(got.weight, layer.weight.shape, wanted.weight.data, 'weight');
        if (got.bias === null) expect(layer.bias).toBeNull();
        else expectSame(got.bias, [random.groups * random.groupOut], wanted.bias.data, 'bias');
        const name = layer.constructor.name;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }),
      runsOf(RUNS, build.name),
    );
    const names = [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
    console.log(`gradients: ${RUNS} geometries (${names}), ${build.name} in ${host.name}`);
    expect(counts.size).toBe(6);
  });

  // The layer is linear in each of them, so a step of any length gives the exact slope.
  it('gradients are central differences', () => {
    fc.assert(
      fc.property(randomLayer, fc.nat(), (random, place) => {
        using layer = layerOf(random);
        const x = inputOf(random);
        const g = quarters(layer.outputShape(x.shape), random.seed + 3);
        const gradients = layer.backward(x, g);
        const slopeOf = (
          values: Float32Array,
          index: number,
          use: (moved: Float32Array) => Tensor,
        ): number => {
          const [above, below] = [1, -1].map((step) =>
            dot(use(values.with(index, (values[index] as number) + step)), g),
          ) as [number, number];
          return (above - below) / 2;
        };
        const check = (
          values: Float32Array,
          gradient: Tensor,
          use: (moved: Float32Array) => Tensor,
          restore: () => unknown,
        ): void => {
          for (let count = 0; count < Math.min(values.length, 4); count += 1) {
            const index = (place + count * 7) % values.length;
            expect(slopeOf(values, index, use)).toBe((gradient.data[index] as number) + 0);
          }
          restore();
        };
        const { weight, bias } = layer;
        check(
          x.data,
          gradients.input,
          (data) => layer.forward({ data, shape: x.shape }),
          () => {},
        );
        check(
          weight.data,
          gradients.weight,
          (moved) => layer.setWeight(moved).forward(x),
          () => layer.setWeight(weight),
        );
        if (bias === null) return;
        check(
          bias.data,
          gradients.bias as Tensor,
          (moved) => layer.setBias(moved).forward(x),
          () => layer.setBias(bias),
        );
      }),
      runsOf(RUNS / 5, build.name),
    );
  });

  it('Conv and ConvTranspose over the same weight are adjoint', () => {
    fc.assert(
      fc.property(randomLayer, (random) => {
        // A transposed layer's size must be one that its convolution maps back onto the input's.
        const outputPadding = random.outputPadding.map((extra, axis) =>
          Math.min(extra, (random.stride[axis] as number) - 1),
        );
        const settled = { ...random, transposed: true, bias: false, outputPadding };
        // Generated for either kind: less padding where a transposed one would have no output.
        const padding = settled.padding.map((pad, axis) => Math.min(pad, largestPadding(settled, axis)));
        const fair = { ...settled, padding };
        using up = layerOf(fair);
        using down = layerOf(fair, true);
        const x = inputOf(fair);
        const y = quarters(up.outputShape(x.shape), fair.seed + 3);
        expect(down.weight.shape).toEqual(up.weight.shape);
        expect(down.outputShape(y.shape)).toEqual(x.shape);
        expect(dot(up.forward(x), y)).toBe(dot(x, down.forward(y)));
      }),
      runsOf(RUNS, `${build.name} adjoint`),
    );
    console.log(`adjoint: ${RUNS} geometries, ${build.name} in ${host.name}`);
  });
}, SOME_BUILDS);

/** The padding that leaves a transposed layer one output at least. */
function largestPadding(
  { extents, kernelSize, stride, dilation, outputPadding }: RandomLayer,
  axis: number,
): number {
  const at = (values: readonly number[]): number => values[axis] as number;
  const natural =
    (at(extents) - 1) * at(stride) + at(dilation) * (at(kernelSize) - 1) + 1 + at(outputPadding);
  return Math.floor((natural - 1) / 2);
}
