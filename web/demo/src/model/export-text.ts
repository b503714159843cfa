// Pieces of programs: shapes and numbers as Python and JavaScript write them.

import type { LayerSpec } from './geometry';

export const ranks = ({ axes }: LayerSpec) => `${axes}d` as const;
export const each = <T>({ axes }: LayerSpec, value: T): T[] => new Array<T>(axes).fill(value);
export const tuple = (values: readonly (number | string)[]) =>
  values.length === 1 ? `(${values[0]},)` : `(${values.join(', ')})`;
export const list = (values: readonly (number | string)[]) => `[${values.join(', ')}]`;
export const extents = (spec: LayerSpec) => each(spec, spec.size);
export const taps = (spec: LayerSpec) => each(spec, spec.kernel);

/** Numbers in lines that fit a screen. */
export function numbers(values: readonly number[], width: number): string {
  const lines: string[] = [];
  for (let at = 0; at < values.length; at += width) lines.push(values.slice(at, at + width).join(', '));
  return lines.length === 1 ? `[${lines[0]}]` : `[\n    ${lines.join(',\n    ')},\n]`;
}

export const channelsFirst = (spec: LayerSpec) => [1, spec.groups, ...extents(spec)];
export const channelsLast = (spec: LayerSpec) => [1, ...extents(spec), 1];
