import { checkInteger, checkOptions, describe } from '../core/checks.js';
import { isDeconvError } from '../core/errors.js';
import { product } from '../core/lists.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import type { NamedInputs } from '../graph/named.js';
import { analyze } from './analyze.js';
import { sentenceOfAttribution } from './attribution-sentence.js';
import type {
  PatternedValue,
  PatternNetwork,
  UpsamplingLayer,
  UpsamplingWeights,
} from './pattern-network.js';
import {
  type MeasuredValue,
  type PatternStrength,
  pictureOf,
  planesOf,
  strengthOf,
  visible,
} from './pattern-strength.js';
import { repairKernels } from './repair.js';
import { type ImageScore, scoreImage } from './score-image.js';
import { type PatternChange, TRACE_OPTIONS, Trace, type TracedOutput, type TraceOptions } from './trace.js';
import { checkFiniteValues } from './values.js';
import type { Verdict } from './verdict.js';

/**
 * Options of {@link attribute}.
 *
 * @example
 * const net = await loadNetwork('generator.onnx');
 * const { steps } = await attribute(net, null, { pictures: 16 });
 * console.log(steps.map(({ picture }) => picture.shape.join('x')).join(' ')); // 8x8 16x16 16x16
 * net.dispose();
 */
export interface AttributeOptions extends TraceOptions {
  /** Largest extent of the steps' pictures; 0 for none. Default 64. */
  readonly pictures?: number;
}

/** A step of the network, and the pattern of what it gives. */
export interface AttributionStep {
  /** The file's name of the value. */
  readonly name: string;
  /** The file's operators that it computes at once. */
  readonly types: readonly string[];
  readonly shape: readonly number[];
  /** The period of the pattern that has been made so far, or as much of it as fits, along each spatial axis. */
  readonly stride: readonly number[];
  /** The upsampling layers among what it computes. */
  readonly layers: readonly string[];
  /** Null where not four periods of any pattern fit. */
  readonly strength: PatternStrength | null;
  /** For drawings: the middle of its channel with the strongest pattern, of the last input. */
  readonly picture: Tensor | null;
}

/** An upsampling layer, and what it brings to the output. */
export interface AttributedLayer {
  readonly name: string;
  readonly kind: UpsamplingLayer['kind'];
  readonly stride: readonly number[];
  /** Of its own, as of `analyze`; those of a resize are 0, -320 and `'free'`. */
  readonly unevenness: number;
  readonly levelDbc: number;
  readonly verdict: Verdict;
  /** What repairing this layer alone makes of the output; null where there is nothing to repair, or nothing that can be. */
  readonly repaired: PatternChange | null;
  /** The share of the output's pattern power that goes with its repair: below 0 where the pattern grows. */
  readonly share: number;
  /**
   * The share by its linear response: how far the output's pattern goes back along itself when this layer is repaired.
   * Those of all layers add up to what repairing all takes away. Null in a network that is far from linear in them.
   */
  readonly response: number | null;
  /** Why it is not repaired though it has a pattern, a sentence; else null. */
  readonly problem: string | null;
}

/** Where the pattern of a network's output comes from; plain data but for the pictures. */
export interface Attribution {
  /** The output that was looked at. */
  readonly output: string;
  /**
   * The period of its pattern along each spatial axis: of all upsampling on the way, or the largest part of it of which four
   * periods fit. 1 where nothing raises the resolution.
   */
  readonly stride: readonly number[];
  /** What the network was given. */
  readonly inputs: readonly string[];
  /** Null where nothing on the way to the output raises the resolution. */
  readonly before: PatternStrength | null;
  /** Of the output for the last input. */
  readonly score: ImageScore | null;
  readonly steps: readonly AttributionStep[];
  /** In the order in which they are computed. */
  readonly layers: readonly AttributedLayer[];
  /** The layer that brings more of the pattern than any other; null where there is none, or none that can be repaired. */
  readonly culprit: string | null;
  /** What repairing all layers makes of the output; null where there is nothing to repair. */
  readonly all: PatternChange | null;
  /** For drawings: the same part of the output before and after the repair of all, for the last input. */
  readonly pictures: { readonly before: Tensor; readonly after: Tensor | null } | null;
  /** How far what all repairs do together is from the sum of what each does, as a share of it: 0 in a linear network. */
  readonly nonlinearity: number | null;
  /** All of this for people. */
  readonly sentence: string;
}

/**
 * Finds out which layer of a network draws the pattern in its output: measures the pattern of every value between the
 * steps, then repairs one upsampling layer at a time, and all of them, and runs again.
 *
 * @param network of `loadNetwork`, which stays as it is
 * @param input a tensor, or tensors by the names of the inputs; without one, flats of several grey levels and a picture
 * that is made of a seed are tried, and latents where an input has no places
 * @throws {DeconvError} `BAD_SHAPE` for an output into which not four periods of any pattern fit, `BAD_OPTION` (values that are not finite),
 * `BAD_TYPE`; as `run`; the reason of `signal`
 *
 * @example
 * const net = await loadNetwork('unet.onnx');
 * const { culprit, layers } = await attribute(net);
 * console.log(culprit); // /up1/ConvTranspose
 * console.log(layers.map(({ share }) => `${(100 * share).toFixed(0)} %`).join(', ')); // -1 %, 81 %
 */
export async function attribute(
  network: PatternNetwork,
  input?: TensorLike | NamedInputs | null,
  options: AttributeOptions = {},
): Promise<Attribution> {
  const where = 'attribute';
  const checked = checkOptions<AttributeOptions>(where, options, [...TRACE_OPTIONS, 'pictures']);
  const largest = checkInteger(where, 'pictures', checked.pictures ?? 64, 0);
  const trace = await Trace.of(where, network, input, checked);
  const judged = trace.upsampling.layers.map((layer) => judge(where, layer));
  const inputs = trace.tried.map(({ name }) => name);
  const { name: output, stride } = trace.output;
  if (!trace.isPatterned) {
    const nothing = { before: null, score: null, steps: [], culprit: null, all: null, pictures: null };
    const layers = judged.map(({ told }) => ({ ...told, repaired: null, share: 0, response: null }));
    const made = { output, stride, inputs, layers, nonlinearity: null, ...nothing };
    return { ...made, sentence: sentenceOfAttribution(made) };
  }
  const changes = judged.flatMap(({ change }) => change ?? []);
  const groups = groupsOf(trace.upsampling.values.map(visible));
  trace.total = trace.tried.length * (1 + groups.length + changes.length + (changes.length > 1 ? 1 : 0));
  const own = await trace.outputOf(network);
  const steps = await stepsOf(trace, network, groups, largest);
  const before = strengthOf(own.measured);
  const repaired = new Map<UpsamplingWeights, TracedOutput>();
  for (const change of changes) repaired.set(change, await outputWith(trace, network, [change]));
  const [only] = repaired.values();
  const together = changes.length > 1 ? await outputWith(trace, network, changes) : only;
  const { responses, nonlinearity } = responsesOf(own, [...repaired.values()], together);
  const layers = judged.map(({ told, change }): AttributedLayer => {
    const made = change === null ? undefined : repaired.get(change);
    if (change === null || made === undefined) return { ...told, repaired: null, share: 0, response: null };
    const alone = trace.change(own, made);
    const share = before.power === 0 ? 0 : 1 - alone.after.power / before.power;
    return { ...told, repaired: alone, share, response: responses?.[changes.indexOf(change)] ?? null };
  });
  const greatest = layers.reduce<AttributedLayer | null>(
    (most, layer) => (layer.share > (most?.share ?? LEAST_SHARE) ? layer : most),
    null,
  );
  const [image, measured] = [own.images.at(-1) as Tensor, own.measured.at(-1) as MeasuredValue];
  const after = together?.images.at(-1);
  const made = {
    output,
    stride,
    inputs,
    before,
    score: scoreImage(image, stride),
    steps,
    layers,
    culprit: greatest?.name ?? null,
    all: together === undefined ? null : trace.change(own, together),
    pictures:
      largest === 0
        ? null
        : {
            before: pictureOf(image, measured, largest),
            after: after === undefined ? null : pictureOf(after, measured, largest),
          },
    nonlinearity,
  };
  return { ...made, sentence: sentenceOfAttribution(made) };
}

/** A layer that takes less away is no culprit. */
const LEAST_SHARE = 0.01;

/** Responses that add up worse than this are no shares. */
const NEARLY_LINEAR = 0.25;

interface Judged {
  readonly told: Omit<AttributedLayer, 'repaired' | 'share' | 'response'>;
  readonly change: UpsamplingWeights | null;
}

function judge(where: string, layer: UpsamplingLayer): Judged {
  const { name, kind, stride, kernels } = layer;
  const free = { name, kind, stride, unevenness: 0, levelDbc: -320, verdict: 'free' as const, problem: null };
  if (kernels === null) return { told: free, change: null };
  checkFiniteValues(where, `the weight of ${describe(name)}`, kernels.weight.data);
  const { unevenness, levelDbc, verdict } = analyze(kernels, { pass: 'forward', gains: false });
  const told = { ...free, unevenness, levelDbc, verdict };
  if (verdict === 'free') return { told, change: null };
  try {
    const { weight, bias } = repairKernels(kernels, { precision: 'float32' });
    return {
      told,
      change: {
        layer,
        weight: Float32Array.from(weight.data),
        bias: bias === null ? null : Float32Array.from(bias),
      },
    };
  } catch (error) {
    if (!isDeconvError(error)) throw error;
    return { told: { ...told, problem: error.message }, change: null };
  }
}

async function outputWith(
  trace: Trace,
  network: PatternNetwork,
  changes: readonly UpsamplingWeights[],
): Promise<TracedOutput> {
  const changed = network.withWeights(changes);
  try {
    return await trace.outputOf(changed);
  } finally {
    changed.dispose();
  }
}

/** Values of one run: as many as lie in JavaScript's memory without trouble. */
const MOST_VALUES = 1 << 24;

/** Channels of a value between two steps that are looked at: fewer, but some, of large ones. */
function channelsOf({ shape, spatialAxes }: PatternedValue): number {
  const area = product(spatialAxes.map((axis) => shape[axis] as number));
  return Math.max(4, Math.min(32, Math.floor(LOOKED_AT / area)));
}

const LOOKED_AT = 1 << 17;

function groupsOf(values: readonly PatternedValue[]): PatternedValue[][] {
  const groups: PatternedValue[][] = [];
  let room = 0;
  for (const value of values) {
    const count = product(value.shape);
    if (count > room || groups.length === 0) {
      groups.push([]);
      room = MOST_VALUES;
    }
    room -= count;
    groups.at(-1)?.push(value);
  }
  return groups;
}

async function stepsOf(
  trace: Trace,
  network: PatternNetwork,
  groups: readonly (readonly PatternedValue[])[],
  largest: number,
): Promise<AttributionStep[]> {
  const measured = new Map<PatternedValue, MeasuredValue[]>();
  const pictures = new Map<PatternedValue, Tensor>();
  for (const group of groups) {
    const names = group.map(({ name }) => name);
    for (const one of trace.tried) {
      const made = await trace.run(network, one, names);
      for (const value of group) {
        const image = planesOf(made[value.name] as Tensor, value.spatialAxes, channelsOf(value));
        const own = measureIfLarge(trace, image, value);
        if (own === null) continue;
        measured.set(value, [...(measured.get(value) ?? []), own]);
        if (largest > 0 && one === trace.tried.at(-1)) pictures.set(value, pictureOf(image, own, largest));
      }
    }
  }
  return groups.flat().map((value) => {
    const { name, types, shape, stride, layers } = value;
    const own = measured.get(value);
    return {
      name,
      types,
      shape,
      stride,
      layers,
      strength: own === undefined ? null : strengthOf(own),
      picture: pictures.get(value) ?? null,
    };
  });
}

/** Null for a value of less than four periods. */
function measureIfLarge(trace: Trace, image: Tensor, value: PatternedValue): MeasuredValue | null {
  try {
    return trace.measure(image, value);
  } catch (error) {
    if (isDeconvError(error) && error.code === 'BAD_SHAPE') return null;
    throw error;
  }
}

/** What each repair takes off the output's pattern, along the pattern itself. */
function responsesOf(
  before: TracedOutput,
  alone: readonly TracedOutput[],
  together: TracedOutput | undefined,
): { readonly responses: readonly number[] | null; readonly nonlinearity: number | null } {
  const pattern = patternOf(before);
  const power = dot(pattern, pattern);
  if (together === undefined || power === 0) return { responses: null, nonlinearity: null };
  const taken = (after: TracedOutput): Float64Array => {
    const left = patternOf(after);
    return pattern.map((value, index) => value - (left[index] as number));
  };
  const each = alone.map(taken);
  const all = taken(together);
  const rest = all.map((value, index) => each.reduce((left, own) => left - (own[index] as number), value));
  const size = dot(all, all);
  const nonlinearity = size === 0 ? 0 : Math.sqrt(dot(rest, rest) / size);
  return {
    nonlinearity,
    responses: nonlinearity > NEARLY_LINEAR ? null : each.map((own) => dot(own, pattern) / power),
  };
}

function patternOf({ measured }: TracedOutput): Float64Array {
  return Float64Array.from(measured.flatMap(({ deviations }) => Array.from(deviations)));
}

function dot(one: Float64Array, other: Float64Array): number {
  return one.reduce((sum, value, index) => sum + value * (other[index] as number), 0);
}
