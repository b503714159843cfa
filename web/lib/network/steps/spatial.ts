// Pads, resizes and pools.

import { stridesOf } from '../../core/broadcasting.js';
import { at } from '../../core/lists.js';
import { type Shape, spatialAxes } from '../shapes.js';
import { type AxisTaps, mapStep } from './maps.js';
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

export function resizeStep(call: StepCall, operation: Of<'resize'>): Compute {
  const [shape, output] = shapesOf(call);
  const tables = shape.map((extent, axis) => resizeTaps(operation, axis, extent));
  const resize = mapStep(call, shape, tables, {});
  const { outside } = operation;
  if (outside === 0 || operation.coordinates !== 'crop-and-resize') return resize;
  const misses = tables.map((table) => table?.map((taps) => taps.length === 0));
  return (inputs, outputs) => {
    resize(inputs, outputs);
    fillMissed(call.runtime.heap, at(outputs, 0) / 4, output, misses, outside);
  };
}

/** What no source is near to, along whatever axis. */
function fillMissed(
  heap: Float32Array,
  first: number,
  shape: Shape,
  misses: readonly (readonly boolean[] | undefined)[],
  value: number,
): void {
  const strides = stridesOf(shape);
  const visit = (axis: number, begin: number): void => {
    for (let place = 0; place < at(shape, axis); place += 1) {
      const own = begin + place * at(strides, axis);
      if (misses[axis]?.[place] === true) heap.fill(value, own, own + at(strides, axis));
      else if (axis + 1 < shape.length) visit(axis + 1, own);
    }
  };
  visit(0, first);
}
