// What an operation makes of shapes, and what is wrong with them: pure arithmetic.

import { broadcastShape } from '../core/broadcasting.js';
import { fault, shapeText } from '../core/checks.js';
import { at, product } from '../core/lists.js';
import { elementCount, sameList } from '../core/tensor.js';
import { joinedShapes } from '../graph/joins.js';
import type { Layout } from '../runtime/operation.js';
import type { Operation, OperationKind } from './operations.js';

export type Shape = readonly number[];
type Of<Kind extends OperationKind> = Extract<Operation, { readonly kind: Kind }>;

/** Axes that the core's loops count. */
export const MOST_AXES = 8;

/**
 * Shapes of an operation's outputs.
 *
 * @param where names its node in errors
 * @param held whether a heap has to hold them: not where sizes are all that is asked for
 * @throws {DeconvError} `BAD_SHAPE`, `TOO_LARGE`
 */
export function outputShapesOf(
  where: string,
  operation: Operation,
  inputShapes: readonly Shape[],
  held = true,
): readonly Shape[] {
  const shapes = shapesOf(where, operation, inputShapes);
  for (const shape of shapes) {
    if (shape.length > MOST_AXES) {
      refuseShapes(where, `values of at most ${MOST_AXES} axes`, [shape], 'Merge axes that lie together.');
    }
    // What a file divides or counts wrongly would leave memory in the output that nobody has written.
    if (!shape.every((extent) => Number.isInteger(extent) && extent >= 0)) {
      refuseShapes(where, 'an output of whole axes from 0 on', [shape]);
    }
    if (held) elementCount(where, 'an output', shape);
  }
  return shapes;
}

/** Where the channels of a value lie: behind the batch, or last. */
export function channelAxis(layout: Layout, shape: Shape): number {
  return layout === 'channels-first' ? 1 : shape.length - 1;
}

/** A value as `[outer, channels, inner]`. */
export function aroundChannels(layout: Layout, shape: Shape): readonly [number, number, number] {
  const axis = channelAxis(layout, shape);
  return [product(shape.slice(0, axis)), at(shape, axis), product(shape.slice(axis + 1))];
}

/** The axes between batch and channels. */
export function spatialAxes(layout: Layout, rank: number): readonly number[] {
  return Array.from({ length: rank - 2 }, (_, axis) => axis + (layout === 'channels-first' ? 2 : 1));
}

function shapesOf(where: string, operation: Operation, shapes: readonly Shape[]): readonly Shape[] {
  const [shape] = shapes as readonly [Shape];
  switch (operation.kind) {
    case 'convolution':
      return [convolutionShape(where, operation, shape)];
    case 'affine':
      checkChannels(where, operation.layout, shape, operation.scale.length);
      return [shape];
    case 'normalization':
      checkNormalization(where, operation, shape);
      return [shape];
    case 'unary':
      if (operation.channelA !== null)
        checkChannels(where, operation.layout, shape, operation.channelA.length);
      return [shape];
    case 'binary':
      return [
        broadcastShape(shapes) ??
          refuseShapes(where, 'shapes that broadcast', shapes, 'Axes that differ must be 1 in all but one.'),
      ];
    case 'softmax':
      checkAxis(where, operation.axis, shape);
      return [shape];
    case 'concat':
    case 'split':
      return joinedShapes(operation, shapes, where);
    case 'slice':
      return [sliceShape(where, operation, shape)];
    case 'pad':
      return [padShape(where, operation, shape)];
    case 'resize':
      return [resizeShape(where, operation, shape)];
    case 'depth-to-space':
    case 'space-to-depth':
      return [blockShape(where, operation, shape)];
    case 'pool':
      return [poolShape(where, operation, shape)];
    case 'reduce':
      return [reduceShape(where, operation, shape)];
    case 'matmul':
      return [matrixShape(where, operation, shapes)];
    case 'transpose':
      return [transposeShape(where, operation, shape)];
    case 'reshape':
      if (product(operation.shape) !== product(shape)) {
        refuseShapes(where, `as many values as shape ${shapeText(operation.shape)} has`, shapes);
      }
      return [operation.shape];
    case 'expand':
      return [
        broadcastShape([shape, operation.shape]) ??
          refuseShapes(where, `a shape that broadcasts with ${shapeText(operation.shape)}`, shapes),
      ];
  }
}

function refuseShapes(where: string, expected: string, shapes: readonly Shape[], advice?: string): never {
  const shown = shapes.map(shapeText).join(' and ');
  throw fault('BAD_SHAPE', where, expected, shown, advice, { shapes });
}

function checkAxis(where: string, axis: number, shape: Shape): void {
  if (axis < 0 || axis >= shape.length) refuseShapes(where, `an input with an axis ${axis}`, [shape]);
}

function checkRank(where: string, rank: number, shape: Shape): void {
  if (shape.length !== rank) refuseShapes(where, `an input of ${rank} axes`, [shape]);
}

function checkChannels(where: string, layout: Layout, shape: Shape, channels: number): void {
  if (shape.length < 2 || shape[channelAxis(layout, shape)] !== channels) {
    const axes = layout === 'channels-first' ? `[N, ${channels}, ...]` : `[N, ..., ${channels}]`;
    refuseShapes(where, `an input of shape ${axes}`, [shape]);
  }
}

/** The shape with others for its spatial extents and channels. */
function arranged(layout: Layout, shape: Shape, channels: number, extents: readonly number[]): Shape {
  const batch = at(shape, 0);
  return layout === 'channels-first' ? [batch, channels, ...extents] : [batch, ...extents, channels];
}

/** Of windows that reach over `reach` values, `stride` apart. */
function windowCount(where: string, shape: Shape, padded: number, reach: number, stride: number): number {
  if (padded < reach)
    refuseShapes(where, `a window of ${reach} to fit into ${padded} padded values`, [shape]);
  return Math.floor((padded - reach) / stride) + 1;
}

function convolutionShape(where: string, operation: Of<'convolution'>, shape: Shape): Shape {
  const { transposed, weight, bias, stride, dilation, groups, pads, outputPadding, layout } = operation;
  const [first = 0, second = 0, ...kernel] = weight.shape;
  const [channels, outputs] = transposed ? [first, second * groups] : [second * groups, first];
  checkRank(where, kernel.length + 2, shape);
  checkChannels(where, layout, shape, channels);
  if (bias !== null && bias.data.length !== outputs) {
    refuseShapes(where, `a bias of ${outputs} values`, [bias.shape]);
  }
  const extents = spatialAxes(layout, shape.length).map((axis, index) => {
    const extent = at(shape, axis);
    const reach = at(dilation, index) * (at(kernel, index) - 1) + 1;
    const [before, behind] = pads[index] as readonly [number, number];
    if (!transposed) return windowCount(where, shape, extent + before + behind, reach, at(stride, index));
    const length = (extent - 1) * at(stride, index) + reach + at(outputPadding, index) - before - behind;
    if (extent < 1 || length < 1) {
      refuseShapes(where, `an input that leaves an output within pads of ${before} and ${behind}`, [shape]);
    }
    return length;
  });
  return arranged(layout, shape, outputs, extents);
}

function checkNormalization(where: string, operation: Of<'normalization'>, shape: Shape): void {
  const { over, groups, axis, scale, shift, layout } = operation;
  if (over === 'layer') checkAxis(where, axis, shape);
  if (over === 'groups' && shape.length < 2) refuseShapes(where, 'an input of at least 2 axes', [shape]);
  const count = over === 'layer' ? product(shape.slice(axis)) : at(shape, channelAxis(layout, shape));
  if (over === 'groups' && count % groups !== 0) {
    refuseShapes(where, `a multiple of ${groups} channels`, [shape]);
  }
  for (const parameters of [scale, shift]) {
    if (parameters !== null && parameters.length !== count) {
      refuseShapes(where, `an input with ${parameters.length} values to scale, not ${count}`, [shape]);
    }
  }
}

function sliceShape(where: string, { start, step, count }: Of<'slice'>, shape: Shape): Shape {
  checkRank(where, count.length, shape);
  for (const [axis, extent] of shape.entries()) {
    const first = at(start, axis);
    const last = first + (at(count, axis) - 1) * at(step, axis);
    if (count[axis] !== 0 && (Math.min(first, last) < 0 || Math.max(first, last) >= extent)) {
      refuseShapes(where, `an input with values ${first} to ${last} along axis ${axis}`, [shape]);
    }
  }
  return count;
}

function padShape(where: string, { pads, mode }: Of<'pad'>, shape: Shape): Shape {
  checkRank(where, pads.length, shape);
  return shape.map((extent, axis) => {
    const ends = pads[axis] as readonly [number, number];
    const length = extent + ends[0] + ends[1];
    if (length < 0) refuseShapes(where, `an axis ${axis} of at least ${extent - length}`, [shape]);
    // What is cropped is gone before the rest is padded.
    const most = Math.max(...ends);
    const left = extent + Math.min(ends[0], 0) + Math.min(ends[1], 0);
    if (mode === 'reflect' && most > 0 && most >= left) {
      refuseShapes(where, `more than ${most} values along axis ${axis}, which is padded by reflection`, [
        shape,
      ]);
    }
    if (mode !== 'constant' && left < 1 && length > 0) {
      refuseShapes(where, `values along axis ${axis} to pad with`, [shape]);
    }
    return length;
  });
}

function resizeShape(where: string, { size }: Of<'resize'>, shape: Shape): Shape {
  checkRank(where, size.length, shape);
  for (const [axis, extent] of shape.entries()) {
    if (extent === 0 && at(size, axis) > 0)
      refuseShapes(where, `values along axis ${axis} to resize`, [shape]);
  }
  return size;
}

function blockShape(
  where: string,
  { kind, block, layout }: Of<'depth-to-space' | 'space-to-depth'>,
  shape: Shape,
): Shape {
  checkRank(where, 4, shape);
  const [high = 0, wide = 0] = spatialAxes(layout, 4).map((axis) => at(shape, axis));
  const channels = at(shape, channelAxis(layout, shape));
  const square = block * block;
  if (kind === 'depth-to-space') {
    if (channels % square !== 0) refuseShapes(where, `a multiple of ${square} channels`, [shape]);
    return arranged(layout, shape, channels / square, [high * block, wide * block]);
  }
  if (high % block !== 0 || wide % block !== 0) {
    refuseShapes(where, `a height and a width that are multiples of ${block}`, [shape]);
  }
  return arranged(layout, shape, channels * square, [high / block, wide / block]);
}

function poolShape(where: string, operation: Of<'pool'>, shape: Shape): Shape {
  const { kernel, stride, dilation, pads, layout } = operation;
  checkRank(where, kernel.length + 2, shape);
  const extents = spatialAxes(layout, shape.length).map((axis, index) => {
    const [before, behind] = pads[index] as readonly [number, number];
    const reach = at(dilation, index) * (at(kernel, index) - 1) + 1;
    return windowCount(where, shape, at(shape, axis) + before + behind, reach, at(stride, index));
  });
  return arranged(layout, shape, at(shape, channelAxis(layout, shape)), extents);
}

function reduceShape(where: string, { axes, keepAxes }: Of<'reduce'>, shape: Shape): Shape {
  for (const axis of axes) checkAxis(where, axis, shape);
  return keepAxes
    ? shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
    : shape.filter((_, axis) => !axes.includes(axis));
}

function matrixShape(
  where: string,
  { transposeA, transposeB }: Of<'matmul'>,
  shapes: readonly Shape[],
): Shape {
  const [one, other, summand] = shapes as readonly [Shape, Shape, Shape?];
  if (one.length < 2 || other.length < 2) refuseShapes(where, 'matrices', shapes);
  const rowsFirst = (shape: Shape, transposed: boolean): Shape =>
    transposed ? [at(shape, shape.length - 1), at(shape, shape.length - 2)] : shape.slice(-2);
  const [rows, depth] = rowsFirst(one, transposeA) as readonly [number, number];
  const [otherDepth, columns] = rowsFirst(other, transposeB) as readonly [number, number];
  const batch = broadcastShape([one.slice(0, -2), other.slice(0, -2)]);
  if (depth !== otherDepth || batch === null) {
    refuseShapes(where, 'as many columns in A as rows in B, and batches that broadcast', shapes);
  }
  const result = [...batch, rows, columns];
  if (summand !== undefined && !sameList(broadcastShape([result, summand]) ?? [], result)) {
    refuseShapes(where, `a summand that broadcasts to ${shapeText(result)}`, [summand]);
  }
  return result;
}

function transposeShape(where: string, { permutation }: Of<'transpose'>, shape: Shape): Shape {
  checkRank(where, permutation.length, shape);
  return permutation.map((axis) => at(shape, axis));
}
