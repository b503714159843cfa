// PyTorch's words that more than one kind of layer takes.

import { checkAxes, checkChoice, fault, MAX_INTEGER, refuse } from './checks.js';
import { at } from './lists.js';
import { splitPads } from './same-padding.js';

/** PyTorch's factory arguments; a layer computes where it is, in float32. */
export interface PlacementOptions {
  /** `'cpu'`, or null, the default, which is the same here. */
  readonly device?: 'cpu' | null;
  /** `'float32'`, or null, the default. Weights of 16 bits go in through `setWeight`. */
  readonly dtype?: 'float32' | null;
}

export const PLACEMENT_OPTION_NAMES = [
  'device',
  'dtype',
] as const satisfies readonly (keyof PlacementOptions)[];

export function checkPlacement(where: string, { device, dtype }: PlacementOptions): void {
  if (device !== undefined && device !== null && device !== 'cpu') {
    refuse(
      'UNSUPPORTED',
      where,
      "device 'cpu' or null, as layers run in WebAssembly",
      device,
      'Leave it out.',
    );
  }
  if (dtype !== undefined && dtype !== null && dtype !== 'float32') {
    refuse(
      'UNSUPPORTED',
      where,
      "dtype 'float32' or null, as layers compute in float32",
      dtype,
      'Leave it out; setWeight keeps a float16 or bfloat16 weight as it is.',
    );
  }
}

/** Zeros only; `name` is the option as the caller spells it. */
export function checkPaddingMode(where: string, name: string, value: unknown): void {
  if (value === undefined || value === 'zeros') return;
  refuse('UNSUPPORTED', where, `${name} 'zeros'`, value, 'Pad the input beforehand.');
}

export interface TorchPadding {
  /** As the caller wrote it, a number spread over the axes. */
  readonly given: readonly number[] | 'same' | 'valid';
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * Padding of a convolution of stride 1, or in numbers: both ends alike, `'valid'` for none, `'same'` for as many
 * as keep the size, an odd total's larger half at the end.
 */
export function readTorchPadding(
  where: string,
  value: unknown,
  { kernel, stride, dilation }: Readonly<Record<'kernel' | 'stride' | 'dilation', readonly number[]>>,
): TorchPadding {
  if (typeof value !== 'string') {
    const pads = checkAxes(where, 'padding', value, kernel.length, 0);
    return { given: pads, before: pads, after: pads };
  }
  const given = checkChoice(where, 'padding', value, ['same', 'valid']);
  if (given === 'same' && stride.some((step) => step !== 1)) {
    refuse('BAD_OPTION', where, "stride 1 with padding 'same'", stride, 'Give the padding in numbers.');
  }
  const pads = kernel.map((taps, axis) => splitPads(given === 'same' ? at(dilation, axis) * (taps - 1) : 0));
  return { given, before: pads.map(([before]) => before), after: pads.map(([, after]) => after) };
}

/** Padding of a transposed convolution, which crops both ends of the output; PyTorch has no words for it. */
export function readTorchCrops(where: string, value: unknown, rank: number): number[] {
  if (typeof value !== 'string') return checkAxes(where, 'padding', value, rank, 0);
  return refuse(
    'BAD_TYPE',
    where,
    "padding in numbers, as PyTorch has no words for a transposed layer's",
    value,
    "'valid' would be 0; 'same', an output of input * stride, has 2 * padding - output padding = dilation * (kernel size - 1) + 1 - stride.",
  );
}

/** PyTorch's limit, and ONNX's: below the stride or below the dilation; `name` as the caller spells it. */
export function checkOutputPadding(
  where: string,
  name: string,
  extra: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): void {
  for (const [axis, entry] of extra.entries()) {
    const limit = Math.max(at(stride, axis), at(dilation, axis));
    if (entry >= limit) {
      refuse(
        'BAD_OPTION',
        where,
        `${name}[${axis}] below stride or dilation (${limit})`,
        entry,
        'A larger size comes from a larger input.',
      );
    }
  }
}

/** Pads of the two ends apart, where `padding` has one number for both. */
export interface PadOptions {
  readonly padding?: unknown;
  readonly padBefore?: unknown;
  readonly padAfter?: unknown;
}

/** The pads of a call: by `read` from a `padding`, or from numbers for each end, which may be negative. */
export function readPads(
  where: string,
  { padding, padBefore, padAfter }: PadOptions,
  rank: number,
  read: (padding: unknown) => { readonly before: readonly number[]; readonly after: readonly number[] },
): { readonly before: readonly number[]; readonly after: readonly number[] } {
  if (padding !== undefined) {
    if (padBefore !== undefined || padAfter !== undefined) {
      throw fault('BAD_OPTION', where, 'padding, or padBefore and padAfter', 'both', 'Give the pads once.');
    }
    return read(padding);
  }
  return {
    before: checkAxes(where, 'padBefore', padBefore ?? 0, rank, -MAX_INTEGER),
    after: checkAxes(where, 'padAfter', padAfter ?? 0, rank, -MAX_INTEGER),
  };
}
