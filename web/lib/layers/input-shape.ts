import { fault, shapeText } from '../core/checks.js';
import { type OperatorSpec, outputExtents } from '../core/spec.js';
import { checkShape, elementCount } from '../core/tensor.js';
import type { Layout } from '../runtime/operation.js';

/** What decides which inputs a layer takes. */
export interface InputRules {
  readonly spec: OperatorSpec;
  readonly layout: Layout;
  /** Spatial sizes that the input must have, where the convention fixes them. */
  readonly inputExtents?: readonly number[] | undefined;
}

export interface InputShape {
  /** Names the public method in errors. */
  readonly where: string;
  /** Undefined for an unbatched input. */
  readonly batch: number | undefined;
  readonly extents: readonly number[];
}

/** Splits an input shape into batch and spatial axes, or says what is wrong with it. */
export function readInputShape(
  where: string,
  { spec, layout, inputExtents }: InputRules,
  value: unknown,
): InputShape {
  const rank = spec.kernel.length;
  const shape = checkShape(where, 'the input shape', value);
  const batched = shape.length === rank + 2;
  const spatial: readonly (number | string)[] = inputExtents ?? AXIS_NAMES.slice(3 - rank);
  const single = layout === 'channels-first' ? [spec.inChannels, ...spatial] : [...spatial, spec.inChannels];
  const expected = `[N, ${single.join(', ')}] or [${single.join(', ')}]`;
  const complain = (what: string, advice: string): never => {
    throw fault('BAD_SHAPE', where, `input of shape ${expected}`, `${shapeText(shape)}${what}`, advice, {
      expected,
      got: shape,
    });
  };
  if (!batched && shape.length !== rank + 1) complain(` (${shape.length} axes)`, 'Add or drop axes.');
  const channelAxis = layout === 'channels-first' ? (batched ? 1 : 0) : shape.length - 1;
  if (shape[channelAxis] !== spec.inChannels) {
    complain(
      ` (channel axis ${channelAxis})`,
      `Make the layer for ${shape[channelAxis]} input channels or reorder the data.`,
    );
  }
  const first = layout === 'channels-first' ? channelAxis + 1 : batched ? 1 : 0;
  const extents = shape.slice(first, first + rank);
  for (const [axis, extent] of extents.entries()) {
    if (extent < 1) {
      complain(` (axis ${first + axis} is empty)`, 'Only the batch may be 0.');
    }
    if (inputExtents !== undefined && extent !== inputExtents[axis]) {
      complain(` (axis ${first + axis})`, 'Make the layer with the inSize that it will see.');
    }
  }
  elementCount(where, 'an input', shape);
  return { where, batch: batched ? (shape[0] as number) : undefined, extents };
}

const AXIS_NAMES = ['D', 'H', 'W'];

/** The output's shape under `spec`. */
export function outputShape(
  spec: OperatorSpec,
  layout: Layout,
  { where, batch, extents }: InputShape,
): number[] {
  const shape = arrange(layout, batch, spec.outChannels, outputExtents(where, spec, extents));
  elementCount(where, 'an output', shape);
  return shape;
}

export function arrange(
  layout: Layout,
  batch: number | undefined,
  channels: number,
  extents: readonly number[],
): number[] {
  return [
    ...(batch === undefined ? [] : [batch]),
    ...(layout === 'channels-first' ? [channels, ...extents] : [...extents, channels]),
  ];
}
