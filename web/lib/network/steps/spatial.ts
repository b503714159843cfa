// Pads, resizes and pools.

import { stridesOf } from '../../core/broadcasting.js';
import { at } from '../../core/lists.js';
import { type Shape, spatialAxes } from '../shapes.js';
import { type AxisTaps, mapStep, type Table, type Take } from './maps.js';
import { type Compute, type Of, type StepCall, shapesOf } from './step.js';
import { padTaps, poolTaps, resizeTaps } from './tables.js';

export function padStep(call: StepCall, operation: Of<'pad'>): Compute {
  const [shape] = shapesOf(call);
  const tables = shape.map((extent, axis) => padTaps(operation, axis, extent));
  return mapStep(call, shape, tables, { fill: operation.value });
}

export function poolStep(call: StepCall, operation: Of<'pool'>): Compute {
  const [shape, output] = shapesOf(call);
  const tables = new Array<AxisTaps>(shape.length).fill(null);
  for (const [index, axis] of spatialAxes(operation.layout, shape.length).entries()) {
    tables[axis] = poolTaps(operation, index, at(shape, axis), at(output, axis));
  }
  return mapStep(call, shape, tables, { maximum: operation.function === 'maximum' });
}

/** Whether one pass over the input gives a resize with a pad behind it. */
export function resizesPadded(
  { coordinates, interpolation }: Of<'resize'>,
  { mode, value }: Of<'pad'>,
): boolean {
  if (coordinates === 'crop-and-resize') return false;
  // A sum of no sources is 0; of one source at most it is what is wanted.
  return mode !== 'constant' || value === 0 || interpolation === 'nearest';
}

/** With `pad`, which `resizesPadded` has found good, around it. */
export function resizeStep(call: StepCall, operation: Of<'resize'>, pad?: Of<'pad'>): Compute {
  const [shape, output] = shapesOf(call);
  const tables = shape.map((extent, axis) => resizeTaps(operation, axis, extent));
  if (pad !== undefined) {
    const padded = tables.map((table, axis) => composed(table, padTaps(pad, axis, at(operation.size, axis))));
    return mapStep(call, shape, padded, { fill: pad.value });
  }
  const resize = mapStep(call, shape, tables, {});
  const { outside } = operation;
  if (outside === 0 || operation.coordinates !== 'crop-and-resize') return resize;
  const misses = tables.map((table) => table && missesOf(table));
  return (inputs, outputs) => {
    resize(inputs, outputs);
    fillMissed(call.runtime.heap, at(outputs, 0) / 4, output, misses, outside);
  };
}

/** What `second`, of which no target has several sources, makes of what `first` gives. */
function composed(first: AxisTaps, second: AxisTaps): AxisTaps {
  if (first === null || second === null) return first ?? second;
  const eachTap = (target: number, take: Take): void =>
    second.eachTap(target, (source) => first.eachTap(source, take));
  return { length: second.length, eachTap };
}

/** Which targets have no source. */
function missesOf({ length, eachTap }: Table): Uint8Array {
  const misses = new Uint8Array(length).fill(1);
  for (let target = 0; target < length; target += 1) {
    eachTap(target, () => {
      misses[target] = 0;
    });
  }
  return misses;
}

/** What no source is near to, along whatever axis. */
function fillMissed(
  heap: Float32Array,
  first: number,
  shape: Shape,
  misses: readonly (Uint8Array | null)[],
  value: number,
): void {
  const strides = stridesOf(shape);
  const visit = (axis: number, begin: number): void => {
    for (let place = 0; place < at(shape, axis); place += 1) {
      const own = begin + place * at(strides, axis);
      if (misses[axis]?.[place] === 1) heap.fill(value, own, own + at(strides, axis));
      else if (axis + 1 < shape.length) visit(axis + 1, own);
    }
  };
  visit(0, first);
}
