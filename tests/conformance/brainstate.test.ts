// Layers in brainstate's words: the golden cases, and what they must agree with.

import { fixtures } from 'virtual:case-files';
import { host } from '@host';
import type { Tensor } from 'deconv-wasm';
import * as torch from 'deconv-wasm';
import {
  type BrainstateConvOptions,
  type BrainstateConvTransposeOptions,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type Padding,
} from 'deconv-wasm/brainstate';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeEachBuild, ROUTE_CHOICES } from '../support/builds.js';
import type { CaseFile, GoldenCase } from '../support/cases.js';
import { compareExactly, compareWith } from '../support/compare.js';
import { type RouteChoice, unlessRefused } from '../support/run.js';
import { runsOf } from '../support/seed.js';
import { quarters, sizeOf, toChannelsFirst, toChannelsLast } from '../support/tensors.js';

type BrainstateLayer = Conv2d | ConvTranspose2d;

const TORCH = {
  Conv1d: torch.Conv1d,
  Conv2d: torch.Conv2d,
  Conv3d: torch.Conv3d,
  ConvTranspose1d: torch.ConvTranspose1d,
  ConvTranspose2d: torch.ConvTranspose2d,
  ConvTranspose3d: torch.ConvTranspose3d,
} as const;

const CLASSES = { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } as const;

interface BrainstateCase extends GoldenCase {
  readonly op: keyof typeof CLASSES;
  readonly out_size: readonly number[];
  readonly grad?: Readonly<Record<'grad_output' | 'grad_input' | 'grad_weight', CaseNumbers>> & {
    readonly grad_bias: CaseNumbers | null;
  };
}

type CaseNumbers = Pick<GoldenCase['input'], 'shape' | 'data'>;

function tensor({ shape, data }: CaseNumbers): Tensor {
  return { data: Float32Array.from(data, Number), shape };
}

/** The case's arguments in the package's spelling. */
function layerOf(golden: BrainstateCase, route: RouteChoice): BrainstateLayer {
  const { unbatched: _, ...attrs } = golden.attrs;
  const words = Object.entries(attrs).map(([key, value]) => [
    key.replaceAll(/_(\w)/g, (_match, letter: string) => letter.toUpperCase()),
    value,
  ]);
  const options = {
    ...Object.fromEntries(words),
    wInit: tensor(golden.weight),
    bInit: golden.bias === null ? null : tensor(golden.bias),
    wMask: golden.w_mask == null ? null : tensor(golden.w_mask),
    route,
  } as BrainstateConvOptions & BrainstateConvTransposeOptions;
  return new CLASSES[golden.op](options) as BrainstateLayer;
}

/** What is wrong with one case by one route; null if the route refuses it. */
function runCase(golden: BrainstateCase, route: RouteChoice): readonly string[] | null {
  using layer = layerOf(golden, route);
  const x = tensor(golden.input);
  const y = unlessRefused(() => layer.forward(x));
  if (y === null) return null;
  const failures: string[] = [];
  const check = (what: string, got: Tensor | null, wanted: CaseNumbers | null): void => {
    if (got === null || wanted === null) {
      if (got !== wanted) failures.push(`${what} is ${got} instead of ${wanted}`);
      return;
    }
    const { data, shape } = tensor(wanted);
    const difference = compareWith(got, shape, data, (index) =>
      golden.exact_f32 ? 0 : 1e-5 + 1e-4 * Math.abs(data[index] as number),
    );
    if (difference !== undefined) failures.push(`${what}: ${difference}`);
  };
  check('output', y, golden.expected);
  if (layer.outSize.join() !== golden.out_size.join()) failures.push(`outSize is ${layer.outSize}`);
  if (layer.outputShape(x.shape).join() !== y.shape.join()) failures.push('outputShape differs');
  check('weight', layer.weight, golden.weight);
  check('bias', layer.bias, golden.bias);
  if (golden.grad) {
    const gradients = layer.backward(x, tensor(golden.grad.grad_output));
    check('input gradient', gradients.input, golden.grad.grad_input);
    check('weight gradient', gradients.weight, golden.grad.grad_weight);
    check('bias gradient', gradients.bias, golden.grad.grad_bias);
  }
  return failures;
}

/** A random layer of either words, as the two spell it; lists have one entry per axis. */
interface Twin {
  readonly transposed: boolean;
  readonly groups: number;
  readonly groupIn: number;
  readonly groupOut: number;
  readonly axes: readonly {
    readonly n: number;
    readonly k: number;
    readonly stride: number;
    readonly dilation: number;
    readonly spread: number;
    readonly lo: number;
    readonly hi: number;
    readonly extra: number;
  }[];
  readonly word: 'SAME' | 'VALID' | undefined;
  readonly batch: number | undefined;
  readonly channelFirst: boolean;
  readonly withBias: boolean;
  readonly seed: number;
}

const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

const twin: fc.Arbitrary<Twin> = fc.record({
  transposed: fc.boolean(),
  groups: small(1, 3),
  groupIn: small(1, 3),
  groupOut: small(1, 3),
  axes: fc.array(
    fc.record({
      n: small(1, 5),
      k: small(1, 4),
      stride: small(1, 4),
      dilation: small(1, 3),
      spread: small(1, 3),
      lo: small(-2, 6),
      hi: small(-2, 6),
      extra: small(0, 3),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  word: fc.constantFrom(undefined, 'SAME' as const, 'VALID' as const),
  batch: fc.constantFrom(undefined, 0, 1, 2),
  channelFirst: fc.boolean(),
  withBias: fc.boolean(),
  seed: fc.nat(),
});

function sizesOf({ axes, groups, groupIn, groupOut, batch, channelFirst }: Twin) {
  const extents = axes.map(({ n }) => n);
  const inChannels = groups * groupIn;
  const inSize = channelFirst ? [inChannels, ...extents] : [...extents, inChannels];
  return {
    inSize,
    inChannels,
    outChannels: groups * groupOut,
    kernelSize: axes.map(({ k }) => k),
    stride: axes.map(({ stride }) => stride),
    dilation: axes.map(({ dilation }) => dilation),
    xShape: batch === undefined ? inSize : [batch, ...inSize],
  };
}

/** A layer of brainstate's, or null where its arguments leave no output. */
function make(problem: Twin, options: Partial<BrainstateConvTransposeOptions>): BrainstateLayer | null {
  const { inSize, outChannels, kernelSize, stride, dilation } = sizesOf(problem);
  const rank = problem.axes.length as 1 | 2 | 3;
  const all = {
    inSize,
    outChannels,
    kernelSize,
    stride,
    rhsDilation: dilation,
    groups: problem.groups,
    channelFirst: problem.channelFirst,
    seed: problem.seed,
    ...options,
  };
  try {
    const layer = new CLASSES[`${problem.transposed ? 'ConvTranspose' : 'Conv'}${rank}d`](
      all,
    ) as BrainstateLayer;
    layer.setWeight(quarters(layer.weight.shape, problem.seed));
    if (layer.bias !== null) layer.setBias(quarters(layer.bias.shape, problem.seed + 1));
    return layer;
  } catch (error) {
    if (error instanceof torch.DeconvError && error.code === 'BAD_SHAPE') return null;
    throw error;
  }
}

/** [N, ..., C] or [..., C] to channels first, or as it is. */
function first(problem: Twin, value: Tensor): Tensor {
  if (problem.channelFirst) return value;
  if (problem.batch !== undefined) return toChannelsFirst(value);
  const { data, shape } = toChannelsFirst({ data: value.data, shape: [1, ...value.shape] });
  return { data, shape: shape.slice(1) };
}

/** PyTorch's weight in brainstate's order, by the formulas of the two documentations. */
function toBrainstate(problem: Twin, weight: Tensor): Tensor {
  const { groups, groupIn, groupOut, transposed } = problem;
  const { kernelSize, inChannels, outChannels } = sizesOf(problem);
  const taps = sizeOf(kernelSize);
  const data = new Float32Array(weight.data.length);
  for (let group = 0; group < groups; group += 1) {
    for (let il = 0; il < groupIn; il += 1) {
      for (let ol = 0; ol < groupOut; ol += 1) {
        const [i, o] = [group * groupIn + il, group * groupOut + ol];
        for (let t = 0; t < taps; t += 1) {
          const [from, to] = transposed
            ? [(i * groupOut + ol) * taps + t, (t * outChannels + o) * groupIn + il]
            : [(o * groupIn + il) * taps + t, (t * groupIn + il) * outChannels + o];
          data[to] = weight.data[from] as number;
        }
      }
    }
  }
  const channels = transposed ? [outChannels, inChannels / groups] : [inChannels / groups, outChannels];
  return { data, shape: [...kernelSize, ...channels] };
}

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

/** `x` with step - 1 zeros behind every value of every spatial axis but the last value. */
function spread(problem: Twin, x: Tensor): Tensor {
  const steps = problem.axes.map((axis) => axis.spread);
  const front = problem.batch === undefined ? [] : [1];
  const perAxis = problem.channelFirst ? [...front, 1, ...steps] : [...front, ...steps, 1];
  const shape = x.shape.map((extent, axis) => (extent - 1) * (perAxis[axis] as number) + 1);
  if (x.shape.includes(0)) shape[0] = 0;
  const data = new Float32Array(sizeOf(shape));
  for (let index = 0; index < x.data.length; index += 1) {
    let rest = index;
    let target = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      const extent = x.shape[axis] as number;
      target += (rest % extent) * (perAxis[axis] as number) * stride;
      stride *= shape[axis] as number;
      rest = Math.floor(rest / extent);
    }
    data[target] = x.data[index] as number;
  }
  return { data, shape };
}

describeEachBuild((build) => {
  describe('golden cases', () => {
    for (const file of ['brainstate_conv', 'brainstate_conv_transpose']) {
      it(file, () => {
        const cases = (fixtures[file] as CaseFile).cases as readonly BrainstateCase[];
        const failures: string[] = [];
        const runs = new Map<RouteChoice, number>();
        for (const golden of cases) {
          for (const route of ROUTE_CHOICES) {
            const wrong = runCase(golden, route);
            if (wrong === null) continue;
            runs.set(route, (runs.get(route) ?? 0) + 1);
            failures.push(...wrong.map((text) => `${golden.id} by ${route}: ${text}`));
          }
        }
        const routes = [...runs].map(([route, count]) => `${route} ${count}`).join(', ');
        console.log(`${file} (layers): ${cases.length} cases (${routes}), ${build.name} in ${host.name}`);
        expect(failures).toEqual([]);
        expect(cases.length).toBeGreaterThan(0);
        expect(runs.get('auto')).toBe(cases.length);
        expect(runs.get('scalar')).toBe(cases.length);
      });
    }
  });

  it('agree with the layers in PyTorch words wherever the two describe one operator', () => {
    let compared = 0;
    fc.assert(
      fc.property(twin, (problem) => {
        const { inChannels, outChannels, kernelSize, stride, dilation, xShape } = sizesOf(problem);
        const { axes, transposed, groups, withBias: bias } = problem;
        // PyTorch's p crops the output; brainstate pads what it is computed from.
        const padding = axes.map(({ lo }) => Math.abs(lo));
        const outputPadding = axes.map((axis) => axis.extra % Math.max(axis.stride, axis.dilation));
        const pairs = axes.map(({ k, dilation: step }, axis): [number, number] => {
          const p = padding[axis] as number;
          const full = step * (k - 1) - p;
          return transposed ? [full, full + (outputPadding[axis] as number)] : [p, p];
        });
        const layer = make(problem, {
          padding: pairs,
          bInit: bias ? () => new Float32Array(outChannels) : null,
        });
        if (layer === null) return;
        using own = layer;
        const rank = axes.length as 1 | 2 | 3;
        const shared = { inChannels, outChannels, kernelSize, stride, dilation, padding, groups, bias };
        using other = (
          transposed
            ? new TORCH[`ConvTranspose${rank}d`]({ ...shared, outputPadding })
            : new TORCH[`Conv${rank}d`](shared)
        ) as torch.ConvTranspose2d;
        const weight = quarters(other.weight.shape, problem.seed + 2);
        other.setWeight(weight);
        own.setWeight(toBrainstate(problem, weight));
        if (own.bias !== null) other.setBias(own.bias.data);
        const x = quarters(xShape, problem.seed + 3);
        const y = own.forward(x);
        const wanted = other.forward(first(problem, x));
        expectSame(first(problem, y), wanted);
        const g = quarters(y.shape, problem.seed + 4);
        const gradients = own.backward(x, g);
        const wantedGradients = other.backward(first(problem, x), first(problem, g));
        expectSame(first(problem, gradients.input), wantedGradients.input);
        expectSame(gradients.weight, toBrainstate(problem, wantedGradients.weight));
        expect(gradients.bias?.data).toEqual(wantedGradients.bias?.data);
        expect(gradients.bias?.shape).toEqual(own.bias?.shape);
        compared += 1;
      }),
      runsOf(300, build.name),
    );
    expect(compared).toBeGreaterThan(150);
  });

  it('lhsDilation is a layer without, on an input with zeros between its values', () => {
    let compared = 0;
    fc.assert(
      fc.property(twin, (problem) => {
        const { axes } = problem;
        const pairs = axes.map(({ lo, hi }): [number, number] => [lo, hi]);
        const padding: Padding = problem.transposed && problem.word !== undefined ? problem.word : pairs;
        const layer = make(problem, { padding, lhsDilation: axes.map((axis) => axis.spread) });
        const wide = {
          ...problem,
          axes: axes.map((axis) => ({ ...axis, n: (axis.n - 1) * axis.spread + 1 })),
        };
        const other = make(wide, { padding });
        expect(layer === null).toBe(other === null);
        if (layer === null || other === null) return;
        using own = layer;
        using plain = other;
        expect(own.outSize).toEqual(plain.outSize);
        const x = quarters(sizesOf(problem).xShape, problem.seed + 3);
        const y = own.forward(x);
        expectSame(y, plain.forward(spread(problem, x)));
        const g = quarters(y.shape, problem.seed + 4);
        const gradients = own.backward(x, g);
        const wanted = plain.backward(spread(problem, x), g);
        expectSame(gradients.weight, wanted.weight);
        // Of the wide gradient, the places that hold values: spread marks them.
        const marks = spread(problem, { data: new Float32Array(x.data.length).fill(1), shape: x.shape });
        expect([...gradients.input.data]).toEqual(
          [...wanted.input.data].filter((_, at) => marks.data[at] === 1),
        );
        compared += 1;
      }),
      runsOf(300, build.name),
    );
    expect(compared).toBeGreaterThan(150);
  });

  it('a mask multiplies the kernel in forward and its gradient in backward, and never the parameter', () => {
    fc.assert(
      fc.property(
        twin,
        fc.constantFrom('values', 'tensor', 'taps', 'function', 'number'),
        (problem, form) => {
          const plain = make(problem, {});
          if (plain === null) return;
          const { shape } = plain.weight;
          const full = quarters(shape, problem.seed + 5);
          const taps = quarters([...shape.slice(0, -2), 1, 1], problem.seed + 5);
          const [mask, maskAt] = {
            values: [full.data, (at: number) => full.data[at] as number] as const,
            tensor: [full, (at: number) => full.data[at] as number] as const,
            taps: [
              taps,
              (at: number) => taps.data[Math.floor(at / sizeOf(shape.slice(-2)))] as number,
            ] as const,
            function: [
              (given: number[]) => quarters(given, problem.seed + 5),
              (at: number) => full.data[at] as number,
            ] as const,
            number: [0.5, () => 0.5] as const,
          }[form];
          using own = make(problem, { wMask: mask }) as BrainstateLayer;
          expectSame(own.weight, plain.weight);
          const masked = plain.weight.data.map((value, at) => value * maskAt(at));
          plain.setWeight(masked);
          using other = plain;
          const x = quarters(sizesOf(problem).xShape, problem.seed + 3);
          const y = own.forward(x);
          expectSame(y, other.forward(x));
          const g = quarters(y.shape, problem.seed + 4);
          const gradients = own.backward(x, g);
          const wanted = other.backward(x, g);
          expectSame(gradients.input, wanted.input);
          // Three factors of quarters: not always exact in float32 any more.
          const product = wanted.weight.data.map((value, at) => value * maskAt(at));
          expectSame(gradients.weight, { data: product, shape });
        },
      ),
      runsOf(100, build.name),
    );
  });

  it('channelFirst changes the order of x and y alone', () => {
    fc.assert(
      fc.property(twin, (given) => {
        const problem = { ...given, channelFirst: false, batch: given.batch ?? 1 };
        const layer = make(problem, { bInit: (shape) => quarters(shape, 1) });
        if (layer === null) return;
        using last = layer;
        using firstLayer = make(
          { ...problem, channelFirst: true },
          { bInit: (shape) => quarters(shape, 1) },
        ) as BrainstateLayer;
        expectSame(firstLayer.weight, last.weight);
        const x = quarters(sizesOf(problem).xShape, problem.seed + 3);
        expectSame(toChannelsLast(firstLayer.forward(toChannelsFirst(x))), last.forward(x));
      }),
      runsOf(60, build.name),
    );
  });
});
