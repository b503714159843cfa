import { at } from '../core/lists.js';
import type { Tensor } from '../core/tensor.js';
import type { InputGradient } from '../modules/heap-module.js';
import { ReplicationPad1d, ReplicationPad2d, ReplicationPad3d } from '../modules/pads.js';
import { Upsample, type UpsampleMode } from '../modules/upsample.js';
import type { Runtime } from '../runtime/runtime.js';

/** Values by which an axis grows at its two ends. */
export type Ends = readonly [before: number, after: number];

/** Something that happens to the input of a layer before its operator sees it. */
export interface InputStep {
  /** In errors: what it does. */
  readonly verb: string;
  /** The spatial sizes that it makes of `extents`. */
  extents(extents: readonly number[]): readonly number[];
  forward(x: Tensor): Tensor<ArrayBuffer>;
  backward(x: Tensor, gradient: Tensor): InputGradient;
}

/** Repeats the values at the ends of each axis. */
export function repeatedEdges(edges: readonly Ends[], runtime: Runtime | undefined): InputStep {
  const Pad = [ReplicationPad1d, ReplicationPad2d, ReplicationPad3d][edges.length - 1];
  const pad = new (Pad as typeof ReplicationPad1d)({
    padding: [...edges].reverse().flat() as [number, number],
    runtime,
  });
  return {
    verb: 'repeats the edges of',
    extents: (extents) => extents.map((extent, axis) => extent + sum(edges[axis] as Ends)),
    forward: (x) => pad.forward(x),
    backward: (x, gradient) => pad.backward(x, gradient),
  };
}

function sum([before, after]: Ends): number {
  return before + after;
}

/** Resizes by whole factors, with a batch axis or without. */
export function resized(
  scaleFactor: readonly number[],
  mode: UpsampleMode,
  runtime: Runtime | undefined,
): InputStep {
  const resize = new Upsample({ scaleFactor, mode, runtime });
  const batched = (x: Tensor): Tensor =>
    x.shape.length === scaleFactor.length + 2 ? x : { ...x, shape: [1, ...x.shape] };
  const as = (x: Tensor, { data, shape }: Tensor<ArrayBuffer>): Tensor<ArrayBuffer> => ({
    data,
    shape: shape.slice(shape.length - x.shape.length),
  });
  return {
    verb: 'resizes',
    extents: (extents) => extents.map((extent, axis) => extent * at(scaleFactor, axis)),
    forward: (x) => as(x, resize.forward(batched(x))),
    backward: (x, gradient) => ({ input: as(x, resize.backward(batched(x), batched(gradient)).input) }),
  };
}
