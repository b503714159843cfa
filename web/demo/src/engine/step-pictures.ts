import type { Tensor } from 'deconv-wasm';
import type { Network } from 'deconv-wasm/network';
import type { Excerpt } from '../model/picture';
import { cut, layoutOf, planeOf, reduced } from './value-planes';

/** A value that is drawn. */
export interface DrawnValue {
  /** Null where it cannot be asked for. */
  readonly name: string | null;
  readonly shape: readonly number[];
  readonly spatialAxes: readonly number[];
  /** Whether there may be a pattern in it, that a smaller picture would hide. */
  readonly isPatterned: boolean;
}

/** Values of one run, as many as lie in memory without trouble. */
const MOST_VALUES = 1 << 24;

/** What each value is for these inputs, in one channel or in the mean of all, at most so long. */
export function stepPictures(
  network: Network,
  inputs: Readonly<Record<string, Tensor>>,
  values: readonly DrawnValue[],
  channel: number | null,
  side: number,
): (Excerpt | null)[] {
  const pictures = new Map<DrawnValue, Excerpt>();
  for (const group of groupsOf(values)) {
    const outputs = group.flatMap(({ name }) => name ?? []);
    const made = network.run(inputs, { outputs });
    for (const value of group) {
      const tensor = made[value.name ?? ''] as Tensor;
      const plane = planeOf(tensor, layoutOf(tensor.shape, value.spatialAxes), channel);
      pictures.set(value, value.isPatterned ? cut(plane, side) : reduced(plane, side));
    }
  }
  return values.map((value) => pictures.get(value) ?? null);
}

function groupsOf(values: readonly DrawnValue[]): DrawnValue[][] {
  const groups: DrawnValue[][] = [];
  let room = 0;
  for (const value of values) {
    if (value.name === null) continue;
    const count = value.shape.reduce((product, extent) => product * extent, 1);
    if (count > room) {
      groups.push([]);
      room = MOST_VALUES;
    }
    room -= count;
    groups.at(-1)?.push(value);
  }
  return groups;
}
