// What each action does, and what must come of it.

import { conv, convTranspose, HeapTensor, type Tensor } from 'deconv-wasm';
import {
  analyze,
  initializeIcnr,
  repair,
  spectralPenalty,
  toConvTranspose,
  toResizeConv,
} from 'deconv-wasm/checkerboard';
import { calibrate, loadQuantized, type QuantizedLayer, quantize, saveQuantized } from 'deconv-wasm/quantize';
import { adam, sgd } from 'deconv-wasm/training';
import { badTensors } from '../support/bad-tensors.js';
import { compareWith } from '../support/compare.js';
import { tensorsOf } from '../support/geometries.js';
import { dynamicReference, staticReference, steps } from '../support/int8-reference.js';
import { reference } from '../support/reference.js';
import { sizeOf, toChannelsFirst, toChannelsLast } from '../support/tensors.js';
import type { Action, Backward, Forward } from './actions.js';
import { chains } from './chains.js';
import { normalizations } from './normalization.js';
import { Placed, valuesOf } from './places.js';
import { SMALLEST_NORMAL, Subject, transformedOf, type Wanted } from './subjects.js';
import { copyOf, expectSameBits, expectThat, type Reasons, type World } from './world.js';

type Of<Name extends Action['do']> = Extract<Action, { readonly do: Name }>;

const ROUNDOFF = 2 ** -24;
const LEAST = 2 ** -149;
/** Beyond this, sums of float32 may end in infinity where those of float64 do not. */
const OVERFLOWS = 2 ** 120;
/** See tests/conformance/winograd.test.ts: how much the largest transform enlarges what it sums. */
const ENLARGEMENT = 48 ** 2;

/** Whether the world went on; a step that has nothing to act on does nothing. */
export async function apply(world: World, action: Action): Promise<void> {
  switch (action.do) {
    case 'layer':
      return makeLayer(world, action);
    case 'forward':
      return forward(world, action);
    case 'backward':
      return backward(world, action);
    case 'parameters':
      return parameters(world, action);
    case 'optimize':
      return optimize(world, action);
    case 'study':
      return study(world, action);
    case 'quantize':
      return makeQuantized(world, action);
    case 'int8':
      return int8(world, action);
    case 'call':
      return call(world, action);
    case 'misuse':
      return misuse(world, action);
    case 'normalize':
      return normalizations(world, action);
    case 'chain':
      return chains(world, action);
    case 'dispose':
      return dispose(world, action);
    case 'drop tensor':
      return dropTensor(world, action);
    case 'grow':
      return grow(world, action);
    case 'init':
      return world.init(action.threads, action.race);
    case 'shutdown':
      return world.shutdown();
    case 'runtime':
      return world.createRuntime(action.threads);
    case 'end runtime':
      return world.endRuntime(world.seatFor(action.seat));
  }
}

function picked<Item>(items: readonly Item[], index: number): Item | undefined {
  return items[index % items.length];
}

function makeLayer(world: World, drawn: Of<'layer'>): void {
  const seat = world.seatFor(drawn.seat);
  const reasons: Reasons = { must: [], may: [] };
  // The only class that fixes the sizes of its input refuses those without an output.
  if (drawn.family === 'brainstate') reasons.may.push('BAD_SHAPE');
  // And fromOnnx takes an output padding below the stride only.
  if (drawn.family === 'onnx') reasons.may.push('BAD_OPTION');
  const { runtime } = world.seat(seat);
  const subject = world.attempt(`new ${drawn.family}`, reasons, () => new Subject(drawn, seat, runtime));
  if (subject !== null) world.subjects.push(subject);
}

/** Why a call on a layer may fail that is right in itself. */
function reasonsOf(
  world: World,
  subject: Subject,
  { room, arrays }: { room: number | null; arrays: number | null },
): Reasons {
  const reasons: Reasons = { must: [], may: [] };
  if (subject.disposed) reasons.must.push('DISPOSED');
  if (!world.runs(subject)) reasons.must.push('NOT_INITIALIZED');
  if (room !== null || arrays !== null) reasons.may.push('OUT_OF_MEMORY');
  if (subject.drawn.route !== 'auto') reasons.may.push('UNSUPPORTED');
  return reasons;
}

/** A tensor that is none, or the good one. */
function faulty(fault: number | null, good: Tensor, reasons: Reasons): Tensor {
  if (fault === null || good.data.length === 0) return good;
  const [, tensor, code] = picked(badTensors(good.shape), fault) as ReturnType<typeof badTensors>[number];
  reasons.must.push(code);
  return tensor as Tensor;
}

/** By plain sums, or by transforms of so many planes, which take in more than is left of the `whole`. */
function allowedIn(wanted: Wanted, transformed: number, whole = wanted): (index: number) => number {
  const most = transformed > 0 ? largestOf(whole.magnitude) : 0;
  const enlarged = ENLARGEMENT * (transformed + 20) * ROUNDOFF * most;
  return (index) => {
    const magnitude = wanted.magnitude[index] as number;
    const terms = wanted.terms[index] as number;
    // Not a number of terms that a sum in float32 would end with as one of float64 does.
    if (!(magnitude < OVERFLOWS) || !(ENLARGEMENT * most < OVERFLOWS)) return Number.POSITIVE_INFINITY;
    return ROUNDOFF * (terms + 8) * magnitude + 4 * (terms + 4) * LEAST + enlarged;
  };
}

function largestOf(values: ArrayLike<number>): number {
  let most = 0;
  for (let index = 0; index < values.length; index += 1) most = Math.max(most, values[index] as number);
  return most;
}

function compare(what: string, got: Tensor, wanted: Wanted, allowed: (index: number) => number): void {
  const data = wanted.data;
  const difference = compareWith(got, wanted.shape, data, (index) => {
    // NaN and infinities are the same in every order of a sum.
    if (!Number.isFinite(data[index])) return 0;
    return allowed(index);
  });
  expectThat(difference === undefined, `${what}: ${difference}`);
}

/** Whether what is not finite is where the definition has it. */
function isTold(subject: Subject, ...values: readonly (Float32Array | null)[]): boolean {
  const finite = (data: Float32Array | null): boolean => data === null || data.every(Number.isFinite);
  // Denormals may be flushed before or after several are summed to one tap.
  if (subject.sumsFlushed && [subject.weight, ...values].some((data) => data?.some(isDenormal))) return false;
  // Weights that are not finite spread, and one of 0 may hide what it is multiplied with (README, Limits).
  const told = subject.plain && !subject.drawn.masked && !subject.weight.includes(0);
  return finite(subject.weight) && finite(subject.bias) && (told || values.every(finite));
}

const isDenormal = (value: number): boolean => value !== 0 && Math.abs(value) < SMALLEST_NORMAL;

function relu(wanted: Wanted): Wanted {
  return { ...wanted, data: wanted.data.map((value) => (value < 0 ? 0 : value)) };
}

/** What a call takes and gives, and why it may have to be refused. */
function callOf(world: World, subject: Subject, action: Forward | Backward) {
  const extents = subject.extents(action.wider);
  const shape = subject.inputShape(action.batch, extents);
  const outShape = subject.outputShape(action.batch, extents);
  const reasons = reasonsOf(world, subject, action);
  if (outShape === null) reasons.must.push('BAD_SHAPE');
  const x = valuesOf(action.values, shape, action.seed);
  return { shape, outShape, reasons, x };
}

function forward(world: World, action: Forward): void {
  const subject = picked(world.subjects, action.layer);
  if (subject === undefined) return;
  const { layer, seat } = subject;
  const { shape, outShape, reasons, x } = callOf(world, subject, action);
  const beside = action.out === 'same' || action.out === 'overlap';
  const shift = action.out === 'same' ? 0 : action.shift;
  let input: Placed;
  let output: Placed | null = null;
  if (beside && outShape !== null) {
    [input, output] = Placed.beside(world, [shape, outShape], action.input !== 'array', seat, shift);
  } else {
    input = Placed.of(world, action.input, shape, seat, action.shift);
    if (action.out === 'misshapen') {
      output = Placed.of(world, 'array', [...(outShape ?? [1]), 2], seat, 0);
      reasons.must.push('BAD_SHAPE');
    } else if (outShape !== null && action.out !== 'none' && !beside) {
      output = Placed.of(world, action.out as 'array', outShape, seat, action.shift);
    }
  }
  input.fill(x);
  const given = faulty(action.fault, input.tensor, reasons);
  const out = output?.tensor;
  const before = output?.tensor.data.slice();
  const onHeap = input.blocks.length + (output?.blocks.length ?? 0) > 0;
  // A view that the caller took does not survive that the heap grows.
  if (onHeap) reasons.may.push('BAD_BUFFER');
  const options = { ...(out && { out }), ...(action.relu && { activation: 'relu' as const }) };
  const y = world.attempt('forward', reasons, () =>
    world.scarcely(action, seat, () => layer.forward(given, options)),
  );
  if (y !== null && outShape !== null) {
    expectThat(out === undefined || y === out, 'forward gave another tensor than out');
    const got = copyOf(out === undefined ? y : (output as Placed).tensor);
    expectThat(
      got.shape.join() === outShape.join(),
      `forward gave shape [${got.shape}] instead of [${outShape}]`,
    );
    if (isTold(subject, x.data)) {
      const all = subject.forward(x);
      const wanted = action.relu ? relu(all) : all;
      const transformed = layer.plan?.route.startsWith('winograd') === true ? subject.transformed : 0;
      const what = `forward of ${layer} on [${shape}] by ${layer.plan?.route}`;
      compare(what, subject.arranged(got), wanted, allowedIn(wanted, transformed));
    }
  }
  if (!(beside && y !== null)) expectSameBits(input.tensor.data, x.data, 'the input of forward');
  if (y === null && output !== null && before !== undefined) {
    expectSameBits(output.tensor.data, before, 'the out of a forward that failed');
  }
  input.release(action.keep);
  if (!beside) output?.release(action.keep);
}

function backward(world: World, action: Backward): void {
  const subject = picked(world.subjects, action.layer);
  if (subject === undefined) return;
  const { layer, seat } = subject;
  const { shape, outShape, reasons, x } = callOf(world, subject, action);
  const g = valuesOf(action.values, outShape ?? shape, action.seed + 1);
  const input = Placed.of(world, action.input, x.shape, seat, action.shift).fill(x);
  const gradient = Placed.of(world, action.gradient, g.shape, seat, action.shift);
  gradient.fill(g);
  input.fill(x);
  const clamped = action.relu && outShape !== null ? relu(subject.forward(x)) : null;
  const output =
    clamped !== null && action.withOutput && outShape !== null && !subject.channelsLast
      ? { data: Float32Array.from(clamped.data), shape: outShape }
      : undefined;
  const given = faulty(action.faultInGradient ? null : action.fault, input.tensor, reasons);
  const givenGradient = faulty(action.faultInGradient ? action.fault : null, gradient.tensor, reasons);
  if (input.blocks.length + gradient.blocks.length > 0) reasons.may.push('BAD_BUFFER');
  const options = action.relu ? { activation: 'relu' as const, ...(output && { output }) } : {};
  const gradients = world.attempt('backward', reasons, () =>
    world.scarcely(action, seat, () => layer.backward(given, givenGradient, options)),
  );
  if (gradients !== null && isTold(subject, x.data, g.data)) {
    compareGradients(subject, x, g, clamped, gradients);
  }
  expectSameBits(input.tensor.data, x.data, 'the input of backward');
  expectSameBits(gradient.tensor.data, g.data, 'gradOutput of backward');
  input.release(false);
  gradient.release(false);
}

function compareGradients(
  subject: Subject,
  x: Tensor,
  g: Tensor,
  clamped: Wanted | null,
  got: { readonly input: Tensor; readonly weight: Tensor; readonly bias: Tensor | null },
): void {
  let grad = g;
  if (clamped !== null) {
    const allowed = allowedIn(clamped, subject.transformed);
    const all = subject.forward(x);
    // Rounding decides on which side of 0 an output lies: then nobody knows its gradient.
    for (const [index, value] of all.data.entries()) {
      if (value !== 0 && !(Math.abs(value) > allowed(index))) return;
    }
    const data = subject
      .arranged(g)
      .data.map((value, index) => ((all.data[index] as number) <= 0 ? 0 : value));
    const batched = subject.arranged(g).shape;
    grad = subject.channelsLast ? toChannelsLast({ data, shape: batched }) : { data, shape: batched };
  }
  const wanted = subject.gradients(x, grad);
  const what = `backward of ${subject.layer} on [${x.shape}]`;
  expectThat(got.input.shape.join() === x.shape.join(), `${what}: input of shape [${got.input.shape}]`);
  compare(
    `${what}, input`,
    subject.arranged(got.input),
    wanted.input,
    allowedIn(wanted.input, subject.transformed),
  );
  compare(
    `${what}, weight`,
    subject.canonicalGradient(got.weight),
    wanted.weight,
    allowedIn(wanted.weight, 0),
  );
  expectThat((got.bias === null) === (subject.bias === null), `${what}: a bias where there is none, or none`);
  if (got.bias !== null) {
    const bias = { data: got.bias.data, shape: wanted.bias.shape };
    compare(`${what}, bias`, bias, wanted.bias, allowedIn(wanted.bias, 0));
  }
}

/** The weight and the bias are those that the layer was given last. */
function expectParameters(subject: Subject): void {
  if (subject.disposed) return;
  const { weight, bias } = subject.layer;
  expectSameBits(weight.data, subject.weight, 'the weight');
  expectThat((bias === null) === (subject.bias === null), 'a bias came or went');
  if (bias !== null && subject.bias !== null) expectSameBits(bias.data, subject.bias, 'the bias');
}

function parameters(world: World, { layer: index, how, values, seed }: Of<'parameters'>): void {
  const subject = picked(world.subjects, index);
  if (subject === undefined) return;
  const { layer } = subject;
  const reasons: Reasons = { must: subject.disposed ? ['DISPOSED'] : [], may: [] };
  const shape = subject.disposed ? [subject.weight.length] : layer.weight.shape;
  const weight = valuesOf(values === 'large' ? 'random' : values, shape, seed);
  const prefix = subject.drawn.family === 'brainstate' ? 'weight.' : '';
  const bias = subject.disposed ? null : layer.bias;
  const named = (tensor: Tensor): object => ({
    [`${prefix}weight`]: tensor,
    ...(bias !== null && { [`${prefix}bias`]: bias }),
  });
  let wanted: Float32Array = weight.data;
  const set = (act: () => unknown): void => {
    if (world.attempt(`weight, ${how}`, reasons, act) !== null) subject.weight = wanted;
  };
  switch (how) {
    case 'tensor':
      set(() => layer.setWeight(weight));
      break;
    case 'bare':
      set(() => layer.setWeight(weight.data));
      break;
    case 'heap': {
      const placed = Placed.of(world, 'heap', shape, 0, 0).fill(weight);
      set(() => layer.setWeight(placed.tensor));
      placed.release(true);
      break;
    }
    case 'half': {
      const words = new Uint32Array(weight.data.buffer, weight.data.byteOffset, weight.data.length);
      const bits = Uint16Array.from(words, (word) => word >>> 16);
      wanted = new Float32Array(Uint32Array.from(bits, (word) => word << 16).buffer);
      // A NaN whose payload lies in the lower half would become an infinity.
      if (weight.data.some(Number.isNaN)) return;
      set(() => layer.setWeight({ data: bits, shape, dtype: 'bfloat16' }));
      break;
    }
    case 'state':
    case 'nested': {
      if (subject.disposed) {
        world.attempt('state', reasons, () => layer.stateDict());
        return;
      }
      const flat = named(weight);
      const nested = how === 'nested' && subject.drawn.family === 'brainstate';
      const entries = Object.entries(flat).map(([key, tensor]) => [key.split('.').at(-1), tensor]);
      const state = nested ? { weight: Object.fromEntries(entries) } : flat;
      set(() => layer.loadStateDict(state as never));
      break;
    }
    case 'misshapen': {
      if (!subject.disposed) reasons.must.push('BAD_SHAPE');
      const tensor = { data: new Float32Array(weight.data.length + 1), shape: [weight.data.length + 1] };
      const act = (): unknown =>
        seed % 2 === 0 ? layer.setWeight(tensor) : layer.loadStateDict(named(tensor) as never);
      world.attempt('weight, misshapen', reasons, act);
      break;
    }
    case 'read':
      world.attempt('state', reasons, () => layer.stateDict());
      break;
  }
  expectParameters(subject);
}

function optimize(world: World, { layers: indices, optimizer, relu: clamps, seed }: Of<'optimize'>): void {
  const drawn = indices.flatMap((index) => picked(world.subjects, index) ?? []);
  const subjects = drawn.filter((subject) => !subject.disposed && world.runs(subject));
  if (subjects.length === 0) return;
  const twice = new Set(subjects).size !== subjects.length;
  const make = optimizer === 'sgd' ? sgd : adam;
  const reasons: Reasons = { must: twice ? ['BAD_OPTION'] : [], may: [] };
  const rate = 0.125;
  const step = world.attempt(optimizer, reasons, () =>
    make(
      subjects.map(({ layer }) => layer),
      { learningRate: rate, weightDecay: 0.25 },
    ),
  );
  if (step === null) return;
  const gradients = subjects.map((subject) => {
    const extents = subject.extents([0, 0, 0]);
    const outShape = subject.outputShape(1, extents);
    if (outShape === null) return null;
    const x = valuesOf('random', subject.inputShape(1, extents), seed);
    const g = valuesOf('random', outShape, seed + 1);
    const failures: Reasons = { must: [], may: subject.drawn.route === 'auto' ? [] : ['UNSUPPORTED'] };
    const options = clamps ? { activation: 'relu' as const } : {};
    return world.attempt('backward to optimize', failures, () => subject.layer.backward(x, g, options));
  });
  if (gradients.some((gradient) => gradient === null)) return;
  const given = gradients.map((gradient) => gradient as NonNullable<typeof gradient>);
  world.attempt(`${optimizer} step`, { must: [], may: [] }, () => step(given));
  for (const [index, subject] of subjects.entries()) {
    const gradient = given[index] as (typeof given)[number];
    if (optimizer === 'sgd') {
      const moved = (values: Float32Array, slope: Float32Array): Float32Array =>
        values.map((value, at) => value - rate * ((slope[at] as number) + 0.25 * value));
      subject.weight = moved(subject.weight, gradient.weight.data);
      if (subject.bias !== null) subject.bias = moved(subject.bias, (gradient.bias as Tensor).data);
    } else {
      subject.weight = subject.layer.weight.data;
      subject.bias = subject.layer.bias?.data ?? null;
    }
    expectParameters(subject);
  }
}

const STUDIES: readonly (readonly [string, (layer: never) => unknown])[] = [
  ['analyze', (layer) => analyze(layer)],
  ['spectralPenalty', (layer) => spectralPenalty(layer)],
  ['repair', (layer) => repair(layer)],
  ['toResizeConv', (layer) => (toResizeConv(layer) as { dispose(): void }).dispose()],
  ['toConvTranspose', (layer) => (toConvTranspose(layer) as { dispose(): void }).dispose()],
  ['initializeIcnr', (layer) => initializeIcnr(layer, { seed: 1 })],
  ['String', (layer) => String(layer)],
  ['saveQuantized', (layer) => saveQuantized(layer)],
];

function study(world: World, { layer: index, what }: Of<'study'>): void {
  const subject = picked(world.subjects, index);
  if (subject === undefined) return;
  const [name, act] = picked(STUDIES, what) as (typeof STUDIES)[number];
  // What they refuse depends on the class and on the weight; that it is in words is what is looked at here.
  const may: Reasons['may'] = ['UNSUPPORTED', 'BAD_OPTION', 'BAD_TYPE', 'BAD_SHAPE', 'TOO_LARGE', 'DISPOSED'];
  world.attempt(name, { must: [], may }, () => act(subject.layer as never));
  const changes = name === 'initializeIcnr' || name === 'repair';
  if (changes && !subject.disposed) {
    subject.weight = subject.layer.weight.data;
    subject.bias = subject.layer.bias?.data ?? null;
  }
  expectParameters(subject);
}

function makeQuantized(world: World, { layer: index, fixed, zeroPoint, seed }: Of<'quantize'>): void {
  const subject = picked(world.subjects, index);
  if (subject === undefined) return;
  const { family, linear, replicate } = subject.drawn;
  const reasons: Reasons = { must: subject.disposed ? ['DISPOSED'] : [], may: [] };
  const finite = subject.weight.every(Number.isFinite);
  if (!finite) reasons.must.push('BAD_OPTION');
  if (family === 'resize' && (linear || replicate)) reasons.may.push('UNSUPPORTED');
  const scale = 2 ** -((seed % 5) + 3);
  const quantization = { scale, zeroPoint };
  // An output scale may be too small for the sums.
  if (fixed) reasons.may.push('BAD_OPTION');
  const layer = world.attempt('quantize', reasons, () => {
    const made = quantize(
      subject.layer,
      fixed ? { input: quantization, output: { scale: 4 * scale, zeroPoint } } : {},
    );
    return seed % 3 === 0 ? loadQuantized(subject.layer, saveQuantized(made)) : made;
  });
  if (layer !== null) world.quantized.push({ layer, from: subject, disposed: false });
  if (seed % 4 !== 0 || subject.disposed || !world.runs(subject)) return;
  const extents = subject.extents([0, 0, 0]);
  if (subject.outputShape(1, extents) === null) return;
  const sample = valuesOf('random', subject.inputShape(1, extents), seed);
  const may: Reasons['may'] = ['UNSUPPORTED', ...(finite ? [] : (['BAD_OPTION'] as const))];
  world.attempt('calibrate', { must: [], may }, () => calibrate(subject.layer, [sample]));
}

function int8(world: World, action: Of<'int8'>): void {
  const quantized = picked(world.quantized, action.layer);
  if (quantized === undefined) return;
  const { layer, from: subject } = quantized;
  const extents = subject.extents([0, 0, 0]);
  const shape = subject.inputShape(action.batch, extents);
  const outShape = subject.outputShape(action.batch, extents);
  const reasons = reasonsOf(world, subject, action);
  reasons.must.splice(0);
  if (quantized.disposed) reasons.must.push('DISPOSED');
  if (!world.runs(subject)) reasons.must.push('NOT_INITIALIZED');
  if (outShape === null) reasons.must.push('BAD_SHAPE');
  // Geometries that int8 does not take.
  reasons.may.push('UNSUPPORTED');
  const dynamic = layer.mode === 'dynamic';
  if (dynamic && (action.bytesIn || action.bytesOut)) reasons.must.push('UNSUPPORTED');
  const x = valuesOf(action.values, shape, action.seed);
  const finite = x.data.every(Number.isFinite);
  if (dynamic && !finite) reasons.must.push('BAD_OPTION');
  const place = Placed.of(world, action.input, shape, subject.seat, action.shift).fill(x);
  if (place.blocks.length > 0) reasons.may.push('BAD_BUFFER');
  const input = layer.input ?? { scale: 1, zeroPoint: 0 };
  const bytes = Int8Array.from(x.data, (value) => steps(Number.isFinite(value) ? value : 0, input));
  const given = action.bytesIn ? { data: bytes, shape } : place.tensor;
  const y = world.attempt(`int8, ${layer.mode}`, reasons, () =>
    world.scarcely(action, subject.seat, () =>
      action.bytesOut ? layer.forwardInt8(given) : layer.forward(given),
    ),
  );
  expectSameBits(place.tensor.data, x.data, 'the input of int8');
  place.release(false);
  const plain =
    subject.drawn.family === 'torch' ||
    subject.drawn.family === 'onnx' ||
    subject.drawn.family === 'brainstate';
  if (y === null || outShape === null || !plain || !finite || action.values === 'denormal') return;
  expectThat(y.shape.join() === outShape.join(), `int8 gave shape [${y.shape}] instead of [${outShape}]`);
  compareInt8(subject, layer, x, y);
}

function compareInt8(
  subject: Subject,
  layer: QuantizedLayer,
  x: Tensor,
  y: { data: Int8Array | Float32Array; shape: readonly number[] },
): void {
  const input = subject.arranged(x);
  const { geometry } = subject;
  const what = `${layer} on [${x.shape}]`;
  const got = subject.arranged({ data: Float32Array.from(y.data), shape: y.shape });
  if (layer.mode === 'dynamic') {
    const wanted = dynamicReference(geometry, input, layer);
    const difference = compareWith(got, got.shape, wanted, () => 0);
    expectThat(difference === undefined, `${what}: ${difference}`);
    return;
  }
  const wanted = staticReference(geometry, input, layer);
  const { scale, zeroPoint } = layer.output as { scale: number; zeroPoint: number };
  const real =
    y.data.BYTES_PER_ELEMENT === 1
      ? wanted
      : Float32Array.from(wanted, (value) => Math.fround((value - zeroPoint) * Math.fround(scale)));
  const difference = compareWith(got, got.shape, real, () => 0);
  expectThat(difference === undefined, `${what}: ${difference}`);
}

function call(world: World, action: Of<'call'>): void {
  const { problem, route, values } = action;
  const seat = world.seatFor(action.seat);
  const { runtime, running } = world.seat(seat);
  const { geometry, layout } = problem;
  const { x: drawn, weight, bias } = tensorsOf(problem);
  const x = valuesOf(values, drawn.shape, problem.seed);
  const last = layout === 'channels-last';
  const given = last ? toChannelsLast(x) : x;
  const before = copyOf(given);
  const reasons: Reasons = { must: running ? [] : ['NOT_INITIALIZED'], may: [] };
  if (action.room !== null || action.arrays !== null) reasons.may.push('OUT_OF_MEMORY');
  if (route !== 'auto') reasons.may.push('UNSUPPORTED');
  const { transposed, outputPadding, inputDilation, ...words } = geometry;
  const common = { ...words, layout, bias, route, runtime } as const;
  const y = world.attempt('call', reasons, () =>
    world.scarcely(action, seat, () =>
      transposed
        ? convTranspose(given, weight, { ...common, outputPadding })
        : conv(given, weight, { ...common, inputDilation }),
    ),
  );
  expectSameBits(given.data, before.data, 'the input of a call');
  if (y === null) return;
  const wanted = reference(geometry, x, weight, bias);
  const mayTransform = route === 'auto' || route.startsWith('winograd');
  const transformed = mayTransform ? transformedOf(problem.groupIn, geometry) : 0;
  if (transformed > 0 && !x.data.every(Number.isFinite)) return;
  const none = geometry.stride.map(() => 0);
  const uncropped = { ...geometry, padBefore: none, padAfter: none };
  const whole = transposed && transformed > 0 ? reference(uncropped, x, weight, bias) : wanted;
  compare('call', last ? toChannelsFirst(y) : y, wanted, allowedIn(wanted, transformed, whole));
}

const AWKWARD: readonly unknown[] = [
  undefined,
  null,
  Number.NaN,
  -1,
  2 ** 31,
  '',
  'weight',
  3n,
  Symbol('s'),
  {},
  [],
  [1, 2, 3],
  [-1],
  () => 1,
  new Map(),
  new Float32Array(3),
  { data: new Float32Array(2), shape: [2] },
  { data: [1], shape: [1] },
  { shape: [2 ** 30, 2 ** 30] },
  Object.create(null),
];

/** Those of all classes but `dispose`, which is a step of its own. */
const MEMBERS = [
  'forward',
  'backward',
  'forwardInt8',
  'setWeight',
  'setBias',
  'stateDict',
  'loadStateDict',
  'outputShape',
  'extraRepr',
  'toString',
  'weight',
  'weightType',
  'weightScale',
  'wMask',
  'bias',
  'plan',
  'disposed',
  'outChannels',
  'groups',
] as const;

/** Any member of a layer, on anything, with anything. */
function misuse(world: World, { layer: index, quantized, member, receiver, args }: Of<'misuse'>): void {
  const subject = picked(world.subjects, index);
  const owner = quantized ? picked(world.quantized, index)?.layer : subject?.layer;
  if (owner === undefined) return;
  const name = picked(MEMBERS, member) as string;
  const target = { itself: owner, proxy: new Proxy(owner, {}), heir: Object.create(owner) }[receiver];
  const given = args.map((arg) => picked(AWKWARD, arg));
  const may: Reasons['may'] = [
    'BAD_TYPE',
    'BAD_OPTION',
    'BAD_SHAPE',
    'BAD_BUFFER',
    'TOO_LARGE',
    'UNSUPPORTED',
    'NOT_INITIALIZED',
    'DISPOSED',
  ];
  world.attempt(`misuse of ${receiver}`, { must: [], may }, () => {
    const value = Reflect.get(target, name, target) as unknown;
    if (typeof value === 'function') return Reflect.apply(value, target, given) as unknown;
    return value;
  });
  if (subject === undefined || subject.disposed) return;
  // Some of it may have been right.
  subject.weight = subject.layer.weight.data;
  subject.bias = subject.layer.bias?.data ?? null;
}

function dispose(world: World, { layer: index, quantized, times }: Of<'dispose'>): void {
  const chosen = picked<{ layer: { dispose(): void }; disposed: boolean }>(
    quantized ? world.quantized : world.subjects,
    index,
  );
  if (chosen === undefined) return;
  for (let time = 0; time < times; time += 1) chosen.layer.dispose();
  chosen.disposed = true;
}

function dropTensor(world: World, { tensor: index, layer: layerIndex }: Of<'drop tensor'>): void {
  const kept = picked(world.tensors, index);
  if (kept === undefined) return;
  const lived = world.lives(kept);
  const stale = lived ? kept.tensor.data : null;
  kept.tensor.dispose();
  kept.tensor.dispose();
  kept.disposed = true;
  world.attempt('disposed tensor', { must: ['DISPOSED'], may: [] }, () => kept.tensor.data);
  const subject = picked(world.subjects, layerIndex);
  if (stale === null || subject === undefined) return;
  // Its old view is refused whether or not the shape would do.
  const must: Reasons['must'] = ['BAD_BUFFER', 'BAD_SHAPE', 'DISPOSED'];
  const shape = subject.inputShape(-1, subject.extents([0, 0, 0]));
  const view = stale.subarray(0, sizeOf(shape));
  world.attempt('stale view', { must, may: ['NOT_INITIALIZED'] }, () =>
    subject.layer.forward({ data: view, shape }),
  );
}

function grow(world: World, { seat: drawn, megabytes }: Of<'grow'>): void {
  const { running, runtime } = world.seat(world.seatFor(drawn));
  const must: Reasons['must'] = running ? [] : ['NOT_INITIALIZED'];
  world.attempt('grow', { must, may: [] }, () =>
    new HeapTensor([megabytes * 2 ** 18], { runtime }).dispose(),
  );
}
