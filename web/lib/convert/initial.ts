import { checkInteger, checkOptions, refuse } from '../core/checks.js';
import { product } from '../core/lists.js';
import { freshSeed, type RandomSource, seededRandom } from '../core/random.js';
import { isRecord, memberOf } from '../core/realms.js';
import { allocateTensor } from '../core/tensor.js';
import type { ConvertedParameters } from './kernel.js';

/** In place of parameters: they are drawn as the system initialises them. */
export interface InitialParameters {
  /** 0 to 2^32 - 1. Default: another one each time. The numbers are not those of the system's own generator. */
  readonly seed?: number;
}

/** The same for systems whose attributes do not name the input's channels: they see them in the first input. */
export interface InitialInputParameters extends InitialParameters {
  readonly inChannels: number;
}

/** Shape and distribution of what a system draws. */
export interface InitialValues {
  readonly weightShape: readonly number[];
  /** Values of the bias; 0 for a layer without. */
  readonly biasCount: number;
  fillWeight(values: Float32Array, random: RandomSource): void;
  /** Left out, they stay 0. */
  fillBias?(values: Float32Array, random: RandomSource): void;
}

/** What a system's attributes say before there is a weight. */
export interface InitialCall<Attributes extends object> {
  readonly where: string;
  readonly name: string;
  readonly transposed: boolean;
  /** 0 where the kernel's size tells it. */
  readonly rank: number;
  readonly given: Attributes;
  /** Channels of the input, by the caller. */
  inChannels(): number;
}

/** What has no names of its own: a tensor, what is still to be awaited, what iterates, as a Map. */
const NAMELESS = ['data', 'then', Symbol.iterator];

/** What stands in place of parameters. They are drawn then, so nothing may pass that was meant to be some. */
export function checkInitial<Asked extends InitialParameters>(
  where: string,
  asked: unknown,
  names: readonly (keyof Asked & string)[],
): Asked {
  if (!isRecord(asked) || NAMELESS.some((name) => memberOf(asked, name) !== undefined)) {
    const expected = 'parameters { weight, bias }, or { seed } to draw them';
    refuse('BAD_TYPE', where, expected, asked, 'Write { weight } for a weight alone.');
  }
  return checkOptions<Asked & ConvertedParameters>(where, asked, ['weight', 'bias', ...names]);
}

/** Parameters as `rule` has them of a call without any. */
export function drawParameters<Attributes extends object>(
  rule: (call: InitialCall<Attributes>) => InitialValues,
  call: Omit<InitialCall<Attributes>, 'inChannels'>,
  parameters: unknown,
): ConvertedParameters {
  const { where } = call;
  const checked = checkInitial<Partial<InitialInputParameters>>(where, parameters, ['inChannels', 'seed']);
  const seed = checkInteger(where, 'seed', checked.seed ?? freshSeed(), 0, 2 ** 32 - 1);
  const { weightShape, biasCount, fillWeight, fillBias } = rule({
    ...call,
    inChannels: () => {
      if (checked.inChannels !== undefined) return checkInteger(where, 'inChannels', checked.inChannels, 1);
      const advice = 'Pass { inChannels } in place of the parameters, or the parameters.';
      return refuse(
        'BAD_OPTION',
        where,
        "inChannels, as the attributes do not say the input's",
        undefined,
        advice,
      );
    },
  });
  const random = seededRandom(seed);
  const weight = allocateTensor(where, weightShape);
  fillWeight(weight.data, random);
  if (biasCount === 0) return { weight };
  const bias = allocateTensor(where, [biasCount]);
  fillBias?.(bias.data, random);
  return { weight, bias };
}

/** An attribute that nothing else says where there is no weight. */
export function required<Value>(where: string, name: string, value: Value | null | undefined): Value {
  if (value !== undefined && value !== null) return value;
  return refuse('BAD_OPTION', where, `${name}, or parameters whose weight says it`, value, 'Pass either.');
}

/** Values per input and per output of a kernel whose last two axes count channels. */
export function channelsLastFans(shape: readonly number[]): { readonly in: number; readonly out: number } {
  const taps = product(shape.slice(0, -2));
  return { in: taps * (shape.at(-2) as number), out: taps * (shape.at(-1) as number) };
}
