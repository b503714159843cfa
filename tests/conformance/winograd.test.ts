// Winograd's routes: their products round otherwise than plain sums, so they have bounds of their own.

import { host } from '@host';
import {
  Conv2d,
  ConvTranspose2d,
  type ConvTransposeOptions,
  conv,
  convTranspose,
  type Plan,
  type RouteName,
  type Tensor,
} from 'deconv-wasm';
import { ConvTranspose2d as ChannelsLast, Conv2d as ChannelsLastConv } from 'deconv-wasm/brainstate';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BUILDS, describeEachBuild } from '../support/builds.js';
import { compareExactly, compareShape, compareWith } from '../support/compare.js';
import { caught } from '../support/errors.js';
import { type RandomProblem, withOutput } from '../support/geometries.js';
import { mulberry32 } from '../support/random.js';
import { type Geometry, reference } from '../support/reference.js';
import { type RouteChoice, runFunctional, unlessRefused } from '../support/run.js';
import { runsOf, seed } from '../support/seed.js';
import {
  quarters,
  randomTensor,
  sizeOf,
  toChannelsFirst,
  toChannelsLast,
  zeros,
} from '../support/tensors.js';

/** Random geometries on each build; a third at least must be such that the route takes them. */
const RUNS = 120;
const ROUNDOFF = 2 ** -24;

/**
 * `enlargement`: how much |A^T| (|G| |B^T|) of F(m x m, r x r) enlarges what it sums, at most, over both
 * axes; see cpp/src/routes/winograd.cpp. `rows` of the kernel that are summed in the product, at most.
 * `denominator`: of the transform of the weights. `mostTaps`: of kernels by stride, so that most have up to r taps
 * a phase and a few have more. `line`: along one axis alone, with dilation (cpp/src/routes/winograd_line.cpp);
 * `rows` are pieces of the kernel.
 */
const FORMS = [
  { route: 'winograd-line', enlargement: 87, rows: 1, denominator: 90, mostTaps: [0, 5, 9, 13], line: true },
  { route: 'winograd-f45', enlargement: 87, rows: 6, denominator: 90, mostTaps: [0, 5, 9, 13] },
  { route: 'winograd-f43', enlargement: 48 ** 2, rows: 1, denominator: 576, mostTaps: [0, 3, 7, 9] },
  { route: 'winograd-f42', enlargement: 20 ** 2, rows: 1, denominator: 576, mostTaps: [0, 2, 5, 7] },
  { route: 'winograd-f22', enlargement: 4 ** 2, rows: 1, denominator: 576, mostTaps: [0, 2, 5, 7] },
] as const;
/** Kernels of the transforms that round more, and in whose pieces nothing is whole. */
const LONG = { ...FORMS[0], enlargement: 426, rows: 3, mostTaps: [0, 13, 21, 29] } as const;
type Form = (typeof FORMS)[number] | typeof LONG;

function formOf(route: RouteName | undefined): Form {
  return FORMS.find((form) => form.route === route) as Form;
}

/**
 * What is summed for each input channel: the slices under the taps of the depth, and the parities of a strided
 * convolution.
 */
function planesOf({ geometry, kernel }: RandomProblem): number {
  const axes = kernel.map((taps, at) => ({ taps, stride: geometry.stride[at] as number }));
  const slices = axes
    .slice(0, -2)
    .map(({ taps, stride }) => (geometry.transposed ? Math.ceil(taps / stride) : taps));
  const parities = geometry.transposed
    ? []
    : axes.slice(-2).map(({ taps, stride }) => Math.min(taps, stride));
  return [...slices, ...parities].reduce((all, count) => all * count, 1);
}

/**
 * The most that rounding can do to any output: errors come from the whole window, not the own terms. Each plane that
 * is summed counts as a channel.
 */
function boundOf(
  { enlargement, rows }: Form,
  groupIn: number,
  x: Tensor,
  weight: Tensor,
  bias: Float32Array | null,
): number {
  const [most, heaviest] = [largest(x.data), largest(weight.data)];
  const channels = rows * groupIn;
  const products = enlargement * (channels + 20) * ROUNDOFF * channels * most * heaviest;
  // The bias joins a sum of at most 9 terms a channel, and is rounded with it.
  return products + ROUNDOFF * (9 * channels * most * heaviest + 2 * largest(bias ?? []));
}

function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let index = 0; index < values.length; index += 1) {
    most = Math.max(most, Math.abs(values[index] as number));
  }
  return most;
}

function rms(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += (values[index] as number) ** 2;
  return Math.sqrt(sum / values.length);
}

function difference(one: Tensor, other: Tensor): Float64Array {
  return Float64Array.from(one.data, (value, index) => value - (other.data[index] as number));
}

const axis = (mostTaps: readonly number[], most: number, strided: boolean) =>
  fc.integer({ min: 1, max: strided ? 3 : 1 }).chain((stride) =>
    fc.record({
      n: fc.integer({ min: 1, max: most }),
      k: fc.integer({ min: 2, max: mostTaps[stride] as number }),
      stride: fc.constant(stride),
      // Crops and extensions of a transposed convolution, padding and crops of the other.
      padBefore: fc.oneof(
        { weight: 3, arbitrary: fc.integer({ min: 0, max: 2 }) },
        { weight: 1, arbitrary: fc.integer({ min: -3, max: 5 }) },
      ),
      padAfter: fc.integer({ min: -3, max: 5 }),
      extra: fc.integer({ min: 0, max: stride - 1 }),
    }),
  );

/** Of three spatial axes. */
const depths = fc.integer({ min: 1, max: 2 }).chain((stride) =>
  fc.record({
    n: fc.integer({ min: 1, max: 4 }),
    k: fc.integer({ min: 1, max: 3 }),
    stride: fc.constant(stride),
    padBefore: fc.integer({ min: -1, max: 2 }),
    padAfter: fc.integer({ min: -1, max: 2 }),
    extra: fc.integer({ min: 0, max: stride - 1 }),
  }),
);

/** Two spatial axes of up to `most` positions, or three. */
function problemsUpTo(form: Form, most: number): fc.Arbitrary<RandomProblem> {
  const { mostTaps } = form;
  const line = 'line' in form;
  const plain = { n: 1, k: 1, stride: 1, padBefore: 0, padAfter: 0, extra: 0 };
  const lines = fc.integer({ min: 1, max: 3 }).map((n) => ({ ...plain, n }));
  return fc
    .boolean()
    .chain((transposed) =>
      fc.record({
        transposed: fc.constant(transposed),
        axes: fc.tuple(
          line ? lines : axis(mostTaps, most, true),
          axis(mostTaps, line ? 4 * most : most, transposed || !line),
        ),
        dilation: fc.integer({ min: 1, max: line ? 5 : 1 }),
        /** The first axis has the kernel instead of the last. */
        turned: line ? fc.boolean() : fc.constant(false),
        depth: fc.option(line ? lines : depths, { freq: 1 }),
        batch: fc.constantFrom(1, 1, 2, 3),
        groups: fc.constantFrom(1, 1, 2),
        groupIn: fc.integer({ min: 16, max: 24 }),
        groupOut: fc.integer({ min: 16, max: 24 }),
        layout: fc.constantFrom('channels-first', 'channels-last'),
        withBias: fc.boolean(),
        symmetric: fc.boolean(),
        seed: fc.nat(),
      }),
    )
    .map(({ transposed, axes, dilation, turned, depth, groups, symmetric, ...rest }) => {
      const straight = depth === null ? axes : [depth, ...axes];
      const all = turned ? straight.toReversed() : straight;
      const extents = all.map(({ n }) => n);
      const kernel = all.map(({ k }) => k);
      const geometry: Geometry = {
        transposed,
        groups,
        stride: all.map(({ stride }) => stride),
        dilation: all.map(({ stride }) => (stride === 1 ? dilation : 1)),
        padBefore: all.map(({ padBefore }) => padBefore),
        padAfter: all.map(({ padBefore, padAfter }) => (symmetric ? padBefore : padAfter)),
        outputPadding: all.map(({ extra }) => (transposed ? extra : 0)),
        inputDilation: all.map(() => 1),
      };
      return { ...rest, geometry: withOutput(geometry, extents, kernel), extents, kernel };
    });
}

function shapesOf({ geometry, batch, groupIn, groupOut, extents, kernel }: RandomProblem) {
  const [inChannels, outChannels] = [groupIn * geometry.groups, groupOut * geometry.groups];
  return {
    x: [batch, inChannels, ...extents],
    weight: [...(geometry.transposed ? [inChannels, groupOut] : [outChannels, groupIn]), ...kernel],
    bias: [outChannels],
  };
}

/** Null from a route that refuses; channels first in any layout. */
function compute(
  { geometry, layout }: RandomProblem,
  tensors: { readonly x: Tensor; readonly weight: Tensor; readonly bias: Float32Array | null },
  route: RouteChoice,
): Tensor | null {
  const last = layout === 'channels-last';
  const x = last ? toChannelsLast(tensors.x) : tensors.x;
  const y = unlessRefused(() => runFunctional({ ...tensors, geometry, layout, x }, route));
  return y === null || !last ? y : toChannelsFirst(y);
}

/**
 * Tensors with which no value of the route rounds: weights are multiples of what G divides by,
 * so all is integers, or 32nds with F(4, 5), and no partial sum is above 2304 * 9 * 576 < 2^24, or
 * 87 * 9 * 6 * 90 < 2^19, as seven channels are not 0, or one where up to nine planes are summed.
 */
function integersOf(
  { denominator }: Form,
  problem: RandomProblem,
): { x: Tensor; weight: Tensor; bias: Float32Array | null } {
  const shapes = shapesOf(problem);
  const random = mulberry32(problem.seed);
  const sign = (): number => Math.floor(3 * random()) - 1;
  const points = sizeOf(problem.extents);
  const x = zeros(...shapes.x);
  const first = Math.floor(random() * problem.groupIn);
  const channels = planesOf(problem) > 1 ? 1 : 7;
  for (let index = 0; index < x.data.length; index += 1) {
    const channel = Math.floor(index / points) % problem.groupIn;
    if ((channel - first + problem.groupIn) % problem.groupIn < channels) x.data[index] = sign();
  }
  const weight = zeros(...shapes.weight);
  for (let index = 0; index < weight.data.length; index += 1) weight.data[index] = denominator * sign();
  const bias = problem.withBias ? quarters(shapes.bias, problem.seed).data.map(Math.round) : null;
  return { x, weight, bias };
}

const PLAIN = { inChannels: 64, outChannels: 64, kernelSize: 3, padding: 1, seed: 5 } as const;
const LARGE = [1, 64, 32, 32] as const;

function candidateOf(plan: Plan | null, route: string) {
  return plan?.candidates.find((candidate) => candidate.route === route);
}

// With threads come the same bits, whose test is threads.test.ts.
const ONE_THREAD = BUILDS.filter(({ options }) => options.threads === 1);

describeEachBuild((build) => {
  it.each([...FORMS, LONG])(
    '$route is off by no more than its bound, from the definition in float64',
    (form) => {
      let taken = 0;
      let worst = 0;
      let typical = 0;
      fc.assert(
        fc.property(problemsUpTo(form, 7), (problem) => {
          const shapes = shapesOf(problem);
          const x = randomTensor(shapes.x, problem.seed);
          const weight = randomTensor(shapes.weight, problem.seed + 1);
          const bias = problem.withBias ? randomTensor(shapes.bias, problem.seed + 2).data : null;
          const y = compute(problem, { x, weight, bias }, form.route);
          if (y === null) return;
          taken += 1;
          const wanted = reference(problem.geometry, x, weight, bias);
          const channels = problem.groupIn * planesOf(problem);
          const bound = boundOf(form, channels, x, weight, bias);
          expect(compareWith(y, wanted.shape, wanted.data, () => bound)).toBeUndefined();
          const error = Float64Array.from(wanted.data, (value, index) => value - (y.data[index] as number));
          worst = Math.max(worst, largest(error) / bound);
          const scale = ROUNDOFF * Math.sqrt(9 * channels);
          typical = Math.max(typical, rms(error) / scale);
          // The bound is far away from random values: these are off by five times a plain sum of terms of 1.
          expect(rms(error)).toBeLessThan(25 * scale);
        }),
        runsOf(RUNS, build.name),
      );
      console.log(
        `${form.route}: ${taken} of ${RUNS} random geometries, error at most ${worst.toExponential(1)} of the bound, ` +
          `rms at most ${typical.toFixed(1)} times a plain sum's, ${build.name} in ${host.name}`,
      );
      expect(taken).toBeGreaterThan(RUNS / 3);
    },
  );

  it.each(FORMS)('$route is exact where nothing rounds', (form) => {
    let taken = 0;
    let layers = 0;
    fc.assert(
      fc.property(problemsUpTo(form, 40), (problem) => {
        if (planesOf(problem) > 9) return;
        const tensors = integersOf(form, problem);
        const y = compute(problem, tensors, form.route);
        if (y === null) return;
        taken += 1;
        expect(compareExactly(y, compute(problem, tensors, 'scalar') as Tensor)).toBeUndefined();
        // And the same with ReLU, which only layers have.
        const clamped = { data: y.data.map((value) => Math.max(value, 0)), shape: y.shape };
        const layer = layerOf(form.route, problem, tensors);
        if (layer === null) return;
        using _ = layer;
        layers += 1;
        expect(compareExactly(layer.forward(tensors.x, { activation: 'relu' }), clamped)).toBeUndefined();
        expect(layer.plan?.route).toBe(form.route);
      }),
      runsOf(RUNS, build.name),
    );
    console.log(
      `${form.route}: ${taken} of ${RUNS} geometries without rounding, ${layers} as layers, ` +
        `${build.name} in ${host.name}`,
    );
    expect(taken).toBeGreaterThan(RUNS / 3);
    expect(layers).toBeGreaterThan(RUNS / 20);
  });

  it('channels last, and ReLU there', () => {
    const sized = {
      inSize: [17, 19, 24],
      outChannels: 18,
      seed: 4,
      padding: 'SAME',
    } as const;
    const x = randomTensor([2, 17, 19, 24], seed);
    const square = (route: RouteName) => new ChannelsLast({ ...sized, kernelSize: 4, stride: 2, route });
    const plain = (route: RouteName) => new ChannelsLast({ ...sized, kernelSize: 3, stride: 1, route });
    const across = (route: RouteName) => new ChannelsLastConv({ ...sized, kernelSize: 3, route });
    const down = (route: RouteName) => new ChannelsLastConv({ ...sized, kernelSize: 4, stride: 2, route });
    for (const [route, make] of [
      ['winograd-f43', square],
      ['winograd-f43', plain],
      ['winograd-f43', across],
      ['winograd-f42', square],
      ['winograd-f42', down],
      ['winograd-f22', square],
    ] as const) {
      using layer = make(route);
      using model = make('scalar');
      const bound = boundOf(formOf(route), make === down ? 4 * 24 : 24, x, layer.weight, null);
      for (const options of [{}, { activation: 'relu' }] as const) {
        const wanted = model.forward(x, options);
        const y = layer.forward(x, options);
        expect(compareWith(y, wanted.shape, wanted.data, () => bound)).toBeUndefined();
        expect(Math.min(...y.data) < 0).toBe(options.activation === undefined);
      }
    }
  });

  it('is what a large layer runs on, forward and back, unless its precision is exact', () => {
    const x = randomTensor(LARGE, seed);
    for (const Layer of [ConvTranspose2d, Conv2d]) {
      using fast = new Layer(PLAIN);
      using exact = new Layer({ ...PLAIN, precision: 'exact' });
      expect(compareExactly(fast.weight, exact.weight)).toBeUndefined();
      const [y, wanted] = [fast.forward(x), exact.forward(x)];
      expect(fast.plan?.route).toBe('winograd-f43');
      expect(exact.plan?.route).not.toContain('winograd');
      const form = formOf('winograd-f43');
      const bound = 2 * boundOf(form, 64, x, fast.weight, (fast.bias as Tensor).data);
      expect(compareWith(y, wanted.shape, wanted.data, () => bound)).toBeUndefined();
      const gradient = randomTensor(y.shape, seed + 1);
      const back = fast.backward(x, gradient);
      const wantedBack = exact.backward(x, gradient);
      const backBound = 2 * boundOf(form, 64, gradient, fast.weight, null);
      const input = wantedBack.input as Tensor;
      expect(compareWith(back.input as Tensor, input.shape, input.data, () => backBound)).toBeUndefined();
      // Not the same bits: the way back took the fast route too, and other sums stayed what they were.
      expect(compareExactly(back.input as Tensor, input)).toBeDefined();
      expect(back.weight).toEqual(wantedBack.weight);
      expect(back.bias).toEqual(wantedBack.bias);
    }
  });

  it.each(FORMS)(
    'exact results never come from $route: not forced, not estimated, not measured',
    ({ route }) => {
      const x = randomTensor(LARGE, seed);
      const size = {
        'winograd-line': { kernelSize: [5, 1], padding: [2, 0] },
        'winograd-f45': { kernelSize: 5 },
        'winograd-f43': { kernelSize: 3 },
        'winograd-f42': { kernelSize: 2 },
        'winograd-f22': { kernelSize: 2 },
      } as const;
      const options = { ...PLAIN, ...size[route] } as const;
      const exact = { ...options, precision: 'exact' } as const;
      using forced = new ConvTranspose2d({ ...exact, route });
      const error = caught(() => forced.forward(x));
      expect(error.code).toBe('UNSUPPORTED');
      expect(error.message).toMatch(
        /^ConvTranspose2d\.forward: expected .*, got .*rounds more than a plain sum\./,
      );
      for (const plan of ['model', 'measure'] as const) {
        using layer = new ConvTranspose2d({ ...exact, planning: plan });
        layer.forward(x);
        expect(layer.plan?.route).not.toContain('winograd');
        expect(candidateOf(layer.plan, route)).toEqual({
          route,
          estimate: null,
          measured: null,
          refusal: 'rounds more than a plain sum',
        });
      }
      // The same layer without the word measures it.
      using fast = new ConvTranspose2d({ ...options, planning: 'measure' });
      fast.forward(x);
      expect(candidateOf(fast.plan, route)?.estimate).toBeGreaterThan(0);
      if (route !== 'winograd-f22') expect(candidateOf(fast.plan, route)?.measured).toBeGreaterThan(0);
    },
  );

  it('says what it does not take', () => {
    const refusal = (act: () => unknown): string => {
      const error = caught(act);
      expect(error.code).toBe('UNSUPPORTED');
      return /it refuses: it (.*)\. Use route/.exec(error.message)?.[1] ?? error.message;
    };
    const route = 'winograd-f43';
    const x = zeros(1, 16, 9, 9);
    const square = (channels: number, k: number): Tensor => zeros(channels, channels, k, k);
    expect(refusal(() => convTranspose(zeros(1, 11, 9, 9), square(11, 3), { route }))).toBe(
      'gains nothing with so few input channels',
    );
    expect(refusal(() => conv(zeros(1, 22, 9, 9), zeros(16, 11, 3, 3), { route, groups: 2 }))).toBe(
      'gains nothing with so few input channels',
    );
    expect(refusal(() => conv(x, square(16, 7), { route, stride: 6 }))).toBe('takes no strides this long');
    expect(refusal(() => conv(x, square(16, 3), { route, dilation: 2 }))).toBe('takes no dilation');
    expect(refusal(() => conv(x, square(16, 3), { route, inputDilation: 2 }))).toBe('takes no dilation');
    expect(refusal(() => convTranspose(x, square(16, 3), { route, dilation: 2 }))).toBe('takes no dilation');
    const oneTap = 'gains nothing where phases have one tap';
    expect(refusal(() => conv(x, square(16, 1), { route }))).toBe(oneTap);
    expect(refusal(() => convTranspose(x, square(16, 2), { route, stride: 2 }))).toBe(oneTap);
    expect(refusal(() => conv(x, square(16, 2), { route, stride: 2 }))).toBe(oneTap);
    expect(refusal(() => conv(zeros(1, 16, 9), zeros(16, 16, 3), { route }))).toBe(oneTap);
    const three = 'takes three taps a phase at most';
    expect(refusal(() => conv(x, square(16, 4), { route }))).toBe(three);
    expect(refusal(() => convTranspose(x, square(16, 7), { route, stride: 2 }))).toBe(three);
    for (const two of ['winograd-f42', 'winograd-f22'] as const) {
      expect(refusal(() => convTranspose(x, square(16, 5), { route: two, stride: 2 }))).toBe(
        'takes two taps a phase at most',
      );
    }
    const line = 'winograd-line';
    const signal = zeros(1, 16, 9);
    const along = (k: number): Tensor => zeros(16, 16, k);
    expect(refusal(() => conv(x, square(16, 3), { route: line }))).toBe('takes kernels along one axis only');
    expect(refusal(() => conv(signal, along(1), { route: line }))).toBe(oneTap);
    expect(refusal(() => convTranspose(signal, along(2), { route: line, stride: 2 }))).toBe(oneTap);
    expect(refusal(() => conv(signal, along(3), { route: line, stride: 2 }))).toBe(
      'takes convolutions of stride 1 only',
    );
    expect(refusal(() => conv(signal, along(3), { route: line, inputDilation: 2 }))).toBe(
      'takes no input dilation',
    );
    expect(refusal(() => convTranspose(signal, along(3), { route: line, stride: 2, dilation: 2 }))).toBe(
      'takes no dilation where phases have taps of their own',
    );
    expect(refusal(() => conv(zeros(1, 16, 60), along(42), { route: line }))).toBe(
      'takes no kernel this long',
    );
    const deep = { route, dilation: [2, 1, 1] } as const;
    expect(refusal(() => conv(zeros(1, 16, 9, 9, 9), zeros(16, 16, 3, 3, 3), deep))).toBe(
      'takes no dilation',
    );
    expect(refusal(() => conv(zeros(1, 1536, 4, 4), square(1536, 3), { route }))).toBe(
      'would keep more than 80 MB of weights',
    );
  });

  it.each(FORMS)(
    '$route: new parameters take effect, and nothing of one call is left in the next',
    (form) => {
      const options: ConvTransposeOptions<2> = {
        inChannels: 17,
        outChannels: 19,
        kernelSize: 'line' in form ? [1, 4] : 4,
        stride: 'line' in form ? [1, 2] : 2,
      };
      using layer = new ConvTranspose2d({ ...options, route: form.route });
      using model = new ConvTranspose2d({ ...options, route: 'scalar' });
      const x = randomTensor([2, 17, 9, 21], seed);
      for (const round of [1, 2]) {
        const weight = randomTensor(layer.weight.shape, seed + round);
        const bias = randomTensor([19], seed - round);
        for (const one of [layer, model]) one.setWeight(weight).setBias(bias);
        const wanted = model.forward(x);
        const y = layer.forward(x);
        const bound = boundOf(form, 17, x, weight, bias.data);
        expect(compareWith(y, wanted.shape, wanted.data, () => bound)).toBeUndefined();
        // An image of another batch, and after a poisoned one, gives the same bits.
        const poisoned = layer.forward({ data: x.data.map(() => Number.NaN), shape: x.shape });
        expect(poisoned.data.every(Number.isNaN)).toBe(true);
        expect(compareExactly(layer.forward(x), y)).toBeUndefined();
        const half = { data: x.data.subarray(x.data.length / 2), shape: [1, 17, 9, 21] };
        const image = layer.forward(half);
        const second = { data: y.data.subarray(y.data.length / 2), shape: image.shape };
        expect(compareExactly(image, second)).toBeUndefined();
      }
    },
  );

  // The numbers of docs/performance.md.
  it('the errors of some layers', () => {
    const up: ConvTransposeOptions = {
      inChannels: 128,
      outChannels: 64,
      kernelSize: 5,
      stride: 2,
      padding: 2,
    };
    const small: ConvTransposeOptions = { ...up, kernelSize: 4, padding: 1, seed: 5 };
    const wide = [1, 128, 32, 32];
    for (const { name, routes, shape, options } of [
      { name: 'k3s1 64x64x64->64', routes: ['winograd-f43'], shape: [1, 64, 64, 64], options: PLAIN },
      {
        name: 'k5s2 32x32x128->64',
        routes: ['winograd-f43'],
        shape: wide,
        options: { ...up, outputPadding: 1, seed: 5 },
      },
      {
        name: 'k4s2 32x32x128->64',
        routes: ['winograd-f43', 'winograd-f42', 'winograd-f22'],
        shape: wide,
        options: small,
      },
    ] as const) {
      const x = randomTensor(shape, seed);
      const run = (more: Partial<ConvTransposeOptions>): [Tensor, Tensor] => {
        using layer = new ConvTranspose2d({ ...options, bias: false, ...more });
        return [layer.forward(x), layer.weight];
      };
      const [plain] = run({ precision: 'exact' });
      const [wanted] = run({ route: 'scalar' });
      const scale = rms(wanted.data);
      const told = ([one, other]: readonly [Tensor, Tensor]): string => {
        const error = difference(one, other);
        return `max ${(largest(error) / scale).toExponential(2)}, rms ${(rms(error) / scale).toExponential(2)}`;
      };
      for (const route of routes) {
        const [fast, weight] = run({ route });
        expect(compareShape(fast.shape, wanted.shape)).toBeUndefined();
        console.log(
          `${name}, relative to the output's rms: ${route} against exact ${told([fast, plain])}; ` +
            `against sums in float64 ${told([fast, wanted])}, exact ${told([plain, wanted])} (${build.name} in ${host.name})`,
        );
        expect(largest(difference(fast, wanted))).toBeLessThan(
          boundOf(formOf(route), options.inChannels, x, weight, null),
        );
        expect(rms(difference(fast, wanted)) / scale).toBeLessThan(1e-5);
      }
    }
  });
}, ONE_THREAD);

/** The same problem as a layer in PyTorch's words, or null where those cannot say it. */
function layerOf(
  route: RouteName,
  { geometry, extents, groupIn, groupOut, kernel }: RandomProblem,
  { weight, bias }: { readonly weight: Tensor; readonly bias: Float32Array | null },
): ConvTranspose2d | Conv2d | null {
  const { transposed, groups, stride, dilation, padBefore, padAfter, outputPadding } = geometry;
  const symmetric = padBefore.every((pad, at) => pad === padAfter[at] && pad >= 0);
  if (extents.length !== 2 || !symmetric) return null;
  const common = {
    inChannels: groupIn * groups,
    outChannels: groupOut * groups,
    kernelSize: kernel,
    stride,
    dilation,
    groups,
    padding: padBefore,
    bias: bias !== null,
    route,
  } as const;
  const layer = transposed ? new ConvTranspose2d({ ...common, outputPadding }) : new Conv2d(common);
  layer.setWeight(weight);
  if (bias !== null) layer.setBias(bias);
  return layer;
}
