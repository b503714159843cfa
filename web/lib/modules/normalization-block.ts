import { codeOf, type Layout } from '../runtime/operation.js';

/** What is normalized together, by the core's numbers: a channel, a group of channels of an entry, a point. */
export const SET = { channel: 0, group: 1, point: 2 } as const;

/** What does not change from call to call. */
export interface NormalizationParameters {
  readonly set: number;
  readonly layout: Layout;
  readonly channels: number;
  readonly groups: number;
  readonly eps: number;
  /** Of every channel, as far as there are any; mean and variance instead of the input's own, or neither. */
  readonly weight: Float32Array | null;
  readonly bias: Float32Array | null;
  readonly mean: Float32Array | null;
  readonly variance: Float32Array | null;
}

/** The core's block of them. */
export function normalizationBlock(own: NormalizationParameters): Float32Array<ArrayBuffer> {
  const parts = [own.weight, own.bias, own.mean, own.variance];
  const [weight, bias, moments] = parts.map((part) => (part === null ? 0 : 1)) as [number, number, number];
  const present = parts.filter((part) => part !== null);
  const head = [own.set, codeOf(own.layout), own.channels, own.groups, weight, bias, moments];
  const first = head.length + 1;
  const values = new Float32Array(first + present.length * own.channels);
  new Int32Array(values.buffer).set(head);
  values[head.length] = own.eps;
  for (const [index, part] of present.entries()) values.set(part, first + index * own.channels);
  return values;
}
