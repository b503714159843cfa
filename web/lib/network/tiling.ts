import { product } from '../core/lists.js';
import type { Of } from './operations.js';
import type { Shape } from './shapes.js';

/**
 * What repeats a value so often along each axis. Axes of one value are spread; of any other, one after another, a new axis
 * before it is spread, and both are made one: all at once may be more axes than values have.
 */
export function tilingOf(shape: Shape, times: readonly number[]): readonly Of<'reshape' | 'expand'>[] {
  const operations: Of<'reshape' | 'expand'>[] = [];
  const tiled = shape.map((extent, axis) => (extent === 1 ? (times[axis] as number) : extent));
  if (String(tiled) !== String(shape)) operations.push({ kind: 'expand', shape: [...tiled] });
  for (const [axis, count] of times.entries()) {
    if (count === 1 || shape[axis] === 1) continue;
    const [outer, inner] = [product(tiled.slice(0, axis)), product(tiled.slice(axis))];
    tiled[axis] = (tiled[axis] as number) * count;
    operations.push(
      { kind: 'reshape', shape: [outer, 1, inner] },
      { kind: 'expand', shape: [outer, count, inner] },
      { kind: 'reshape', shape: [...tiled] },
    );
  }
  return operations;
}
