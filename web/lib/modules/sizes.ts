import { checkAxes } from '../core/checks.js';
import { tuple } from '../layers/repr.js';

/** Numbers of an option: as PyTorch keeps and prints them, and one for every axis. */
export interface Sizes {
  readonly given: number | readonly number[];
  readonly axes: readonly number[];
}

export function readSizes(where: string, name: string, value: unknown, rank: number, minimum: number): Sizes {
  const axes = checkAxes(where, name, value, rank, minimum);
  return { given: typeof value === 'number' ? value : [...(value as readonly number[])], axes };
}

/** A number or a list of them as Python prints it. */
export function sizeText(given: number | readonly number[]): string {
  return typeof given === 'number' ? String(given) : tuple(given);
}
