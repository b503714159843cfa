// What takes or gives several values: sums, and values laid behind one another along an axis.

import { fault, refuse, shapeText } from '../core/checks.js';
import { product } from '../core/lists.js';
import { allocateTensor, sameList, type Tensor } from '../core/tensor.js';

export type Join =
  | { readonly kind: 'add' }
  | { readonly kind: 'concat'; readonly axis: number }
  | { readonly kind: 'split'; readonly axis: number; readonly sizes: readonly number[] };

/** How parts lie in a whole: in each of its rows one behind the other, from `first` on. */
export interface Sections {
  readonly rows: number;
  readonly first: number;
  /** Values of a row of the whole, and of every part. */
  readonly stride: number;
  readonly lengths: readonly number[];
  /** Whether the step gives the whole, or the parts. */
  readonly gathers: boolean;
}

/** Shapes of what a join gives for those that it takes, or what is wrong with them, of any size. */
export function joinedShapes(
  join: Join,
  shapes: readonly (readonly number[])[],
  where: string = join.kind,
): readonly number[][] {
  const [first] = shapes as readonly [readonly number[]];
  const expect = (what: string, advice: string): never => {
    throw fault('BAD_SHAPE', where, what, shapes.map(shapeText).join(', '), advice, { shapes });
  };
  if (join.kind === 'add') {
    if (!shapes.every((shape) => sameList(shape, first))) {
      expect('values of one shape', 'Bring them to it: nothing is broadcast.');
    }
    return [[...first]];
  }
  const axis = axisOf(join, first, where);
  const sized = (size: number): number[] => first.map((extent, index) => (index === axis ? size : extent));
  if (join.kind === 'split') {
    const total = join.sizes.reduce((sum, size) => sum + size, 0);
    if (first[axis] !== total) {
      expect(
        `a value of ${total} along axis ${axis}`,
        `The sizes [${join.sizes.join(', ')}] must add up to it.`,
      );
    }
    return join.sizes.map(sized);
  }
  const others = (shape: readonly number[]): readonly number[] => shape.filter((_, index) => index !== axis);
  if (!shapes.every((shape) => shape.length === first.length && sameList(others(shape), others(first)))) {
    expect(`values of one shape but for axis ${axis}`, 'Crop or resize them to it.');
  }
  const total = shapes.reduce((sum, shape) => sum + (shape[axis] as number), 0);
  return [sized(total)];
}

function axisOf(
  join: Exclude<Join, { kind: 'add' }>,
  shape: readonly number[],
  where: string = join.kind,
): number {
  const axis = join.axis < 0 ? join.axis + shape.length : join.axis;
  if (axis < 0 || axis >= shape.length) {
    refuse('BAD_SHAPE', where, `a value with an axis ${join.axis}`, [...shape]);
  }
  return axis;
}

export function sectionsOf(
  join: Exclude<Join, { kind: 'add' }>,
  parts: readonly (readonly number[])[],
): Sections {
  const [first] = parts as readonly [readonly number[]];
  const axis = axisOf(join, first);
  const lengths = parts.map((shape) => product(shape.slice(axis)));
  return {
    rows: product(first.slice(0, axis)),
    first: 0,
    gathers: join.kind === 'concat',
    stride: lengths.reduce((sum, length) => sum + length, 0),
    lengths,
  };
}

/** Computes a join, or with the shapes of what it took the gradients of it: each is the other way round. */
export function join(where: string, kind: Join, values: readonly Tensor[]): Tensor[] {
  const shapes = joinedShapes(
    kind,
    values.map(({ shape }) => shape),
  );
  if (kind.kind === 'add') return [sum(where, values)];
  return kind.kind === 'concat'
    ? [gather(where, kind, values, shapes[0] as readonly number[])]
    : scatter(where, kind, values[0] as Tensor, shapes);
}

/** Gradients of a join's inputs, of these shapes, for those of its outputs. */
export function joinGradients(
  where: string,
  kind: Join,
  gradients: readonly Tensor[],
  shapes: readonly (readonly number[])[],
): Tensor[] {
  if (kind.kind === 'add') return shapes.map(() => gradients[0] as Tensor);
  return kind.kind === 'concat'
    ? scatter(where, kind, gradients[0] as Tensor, shapes)
    : [gather(where, kind, gradients, shapes[0] as readonly number[])];
}

export function sum(where: string, values: readonly Tensor[]): Tensor {
  const [{ shape, data: first }, ...others] = values as readonly [Tensor, ...Tensor[]];
  const result = allocateTensor(where, shape);
  result.data.set(first);
  for (const { data } of others) {
    for (let index = 0; index < data.length; index += 1) {
      result.data[index] = (result.data[index] as number) + (data[index] as number);
    }
  }
  return result;
}

function gather(
  where: string,
  kind: Exclude<Join, { kind: 'add' }>,
  parts: readonly Tensor[],
  shape: readonly number[],
): Tensor {
  const { rows, stride, lengths } = sectionsOf(
    kind,
    parts.map((part) => part.shape),
  );
  const result = allocateTensor(where, shape);
  let begin = 0;
  for (const [index, { data }] of parts.entries()) {
    const length = lengths[index] as number;
    for (let row = 0; row < rows; row += 1) {
      result.data.set(data.subarray(row * length, (row + 1) * length), row * stride + begin);
    }
    begin += length;
  }
  return result;
}

function scatter(
  where: string,
  kind: Exclude<Join, { kind: 'add' }>,
  { data }: Tensor,
  shapes: readonly (readonly number[])[],
): Tensor[] {
  const { rows, stride, lengths } = sectionsOf(kind, shapes);
  let begin = 0;
  return shapes.map((shape, index) => {
    const part = allocateTensor(where, shape);
    const length = lengths[index] as number;
    for (let row = 0; row < rows; row += 1) {
      const from = row * stride + begin;
      part.data.set(data.subarray(from, from + length), row * length);
    }
    begin += length;
    return part;
  });
}
