import { broadcastShape } from '../../core/broadcasting.js';
import type { Values } from '../dtypes.js';
import { concatenate, gather, product } from '../folding/arrays.js';
import { foldedTensor, literalTensor, notFoldable } from '../folding/folded.js';
import {
  axesOf,
  axisOf,
  broadcastTo,
  picked,
  reshaped,
  reshapedTo,
  type SlicedAxis,
  sliced,
  slicedAxes,
  transposed,
} from '../folding/shapes.js';
import { LIMITS } from '../limits.js';
import type { ModelTensor } from '../tensor.js';
import type { OnnxNode } from './graph.js';
import type { Numbers, Operands, Rule } from './operands.js';

const reshape: Rule = (operands) =>
  reshapedTo(operands.input(0), operands.required(1, 'shape'), operands.node.integer('allowzero') === 1);

const flatten: Rule = (operands) => {
  const x = operands.input(0);
  const given = operands.node.integer('axis') ?? 1;
  const axis = given < 0 ? given + x.shape.length : given;
  if (axis < 0 || axis > x.shape.length) notFoldable(`it has no axis ${given}`);
  return reshaped(x, [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))]);
};

const unsqueeze: Rule = (operands) => {
  const x = operands.input(0);
  const given = operands.required(1, 'axes');
  const rank = x.shape.length + given.length;
  const axes = axesOf(given, rank);
  const rest = [...x.shape];
  return reshaped(
    x,
    Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : (rest.shift() as number))),
  );
};

const squeeze: Rule = (operands) => {
  const x = operands.input(0);
  const given = operands.numbers(1, 'axes');
  const axes = given?.length
    ? axesOf(given, x.shape.length)
    : x.shape.flatMap((extent, axis) => (extent === 1 ? [axis] : []));
  if (axes.some((axis) => x.shape[axis] !== 1)) notFoldable('it drops an axis of more than one value');
  return reshaped(
    x,
    x.shape.filter((_, axis) => !axes.includes(axis)),
  );
};

/** What a Slice takes along every axis. */
export function sliceOf(operands: Operands): SlicedAxis[] {
  const { shape } = operands.input(0);
  const starts = operands.required(1, 'starts');
  const ends = operands.required(2, 'ends');
  const given = operands.numbers(3, 'axes') ?? starts.map((_, place) => place);
  const steps = operands.numbers(4, 'steps') ?? starts.map(() => 1);
  checkSlices([starts, ends, given, steps]);
  return slicedAxes(shape, axesOf(given, shape.length), [starts, ends, steps]);
}

/** Of the numbers of a Slice those that are known: starts, ends, axes and steps. */
export function checkSlices(lists: readonly Numbers[]): void {
  if (new Set(lists.flatMap((list) => list?.length ?? [])).size > 1) {
    notFoldable('its lists have different lengths');
  }
  if (lists[3]?.includes(0)) notFoldable('its step is 0');
}

/** Whether a Split has sizes for all outputs. */
export function checkParts({ outputs }: OnnxNode, sizes: Numbers): void {
  if (sizes && sizes.length !== outputs.length) notFoldable('its parts do not fit');
}

/** The parts of a Split, one for each output. */
export function splitOf(operands: Operands): { readonly axis: number; readonly sizes: readonly number[] } {
  const { shape } = operands.input(0);
  const { node } = operands;
  const axis = axisOf(node.integer('axis') ?? 0, shape.length);
  const extent = shape[axis] as number;
  if (node.outputs.length > LIMITS.shapeValues) notFoldable(`it has ${node.outputs.length} parts`);
  const parts = node.integer('num_outputs');
  // The last part is smaller where they cannot be alike, and opset 18 has a number of them.
  const size = parts === undefined ? extent / node.outputs.length : Math.ceil(extent / Math.max(1, parts));
  const sizes =
    operands.numbers(1, 'split') ?? node.outputs.map((_, place) => Math.min(size, extent - size * place));
  checkParts(node, sizes);
  const fit = sizes.every((one) => one >= 0 && Number.isInteger(one)) && total(sizes) === extent;
  return fit ? { axis, sizes } : notFoldable('its parts do not fit');
}

const split: Rule = (operands) => {
  const x = operands.input(0);
  const { axis, sizes } = splitOf(operands);
  const start = total(sizes.slice(0, operands.output));
  const end = start + (sizes[operands.output] as number);
  return sliced(x, slicedAxes(x.shape, [axis], [[start], [end], [1]]));
};

function total(list: readonly number[]): number {
  return list.reduce((sum, value) => sum + value, 0);
}

const concat: Rule = (operands) => {
  const inputs = operands.all();
  const [first] = inputs as [ModelTensor];
  const axis = axisOf(operands.node.integer('axis') ?? 1, first.shape.length);
  const dtype = first.numeric;
  const fits = inputs.every(
    (input) =>
      input.numeric === dtype &&
      input.shape.length === first.shape.length &&
      input.shape.every((extent, at) => at === axis || extent === first.shape[at]),
  );
  if (!fits) notFoldable('its parts have other shapes or types than the first');
  const shape = first.shape.map((extent, at) =>
    at === axis ? total(inputs.map((input) => input.shape[axis] as number)) : extent,
  );
  return {
    shape,
    dtype,
    inputs,
    // An outer axis of very many empty parts is work, too.
    work: product(shape) + inputs.length * product(shape.slice(0, axis)),
    compute: (values) =>
      concatenate(
        values,
        inputs.map((input) => input.shape),
        axis,
        dtype,
      ),
  };
};

function checkExtents(shape: readonly number[]): void {
  if (shape.length > LIMITS.rank) notFoldable(`its shape has ${shape.length} axes`);
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) {
    notFoldable('its shape has extents that are none');
  }
}

const expand: Rule = (operands) => {
  const x = operands.input(0);
  const wanted = operands.required(1, 'shape');
  checkExtents(wanted);
  const shape = broadcastShape([x.shape, wanted]) ?? notFoldable('its shape does not fit');
  return broadcastTo(x, shape);
};

const tile: Rule = (operands) => {
  const x = operands.input(0);
  const repeats = operands.required(1, 'repeats');
  if (operands.optional(2) !== null) notFoldable('it has the inputs of opset 1');
  if (
    repeats.length !== x.shape.length ||
    repeats.some((count) => !(Number.isSafeInteger(count) && count >= 0))
  ) {
    notFoldable('its repeats do not fit');
  }
  return picked(
    x,
    x.shape.map((extent, axis) => ({
      extent: extent * (repeats[axis] as number),
      index: (at: number) => at % extent,
    })),
  );
};

/** What a Pad adds before and behind every axis. */
export function padOf(operands: Operands) {
  const { node } = operands;
  const { shape } = operands.input(0);
  const pads = operands.numbers(1, 'pads') ?? node.integers('paddings') ?? notFoldable('it has no pads');
  const filler = operands.numbers(2, 'constant_value')?.[0] ?? node.float('value') ?? 0;
  const axes = axesOf(operands.numbers(3, 'axes') ?? shape.map((_, axis) => axis), shape.length);
  if (pads.length !== 2 * axes.length || !pads.every(Number.isSafeInteger))
    notFoldable('its pads do not fit');
  const pairs = shape.map((_, axis): readonly [before: number, after: number] => {
    const place = axes.indexOf(axis);
    return place < 0 ? [0, 0] : [pads[place] as number, pads[place + axes.length] as number];
  });
  return { pairs, mode: node.text('mode') || 'constant', filler };
}

const pad: Rule = (operands) => {
  const x = operands.input(0);
  const { pairs, mode, filler } = padOf(operands);
  const list = x.shape.map((extent, axis) => {
    const [before, after] = pairs[axis] as readonly [number, number];
    // What negative pads take off is gone before the others repeat anything.
    const [start, end] = [Math.max(0, -before), extent - Math.max(0, -after)];
    const inner = Math.max(0, end - start);
    const lead = Math.max(0, before);
    const length = lead + inner + Math.max(0, after);
    if (mode !== 'constant' && inner === 0 && length > 0) notFoldable('it repeats nothing');
    return {
      extent: length,
      index: (at: number) => {
        const place = padSource(at - lead, inner, mode);
        return place < 0 ? place : start + place;
      },
    };
  });
  return picked(x, list, filler);
};

/** Where a padded position takes its value from; below 0 from nowhere. */
function padSource(at: number, extent: number, mode: string): number {
  const modulo = (value: number, size: number) => ((value % size) + size) % size;
  if (at >= 0 && at < extent) return at;
  if (mode === 'constant') return -1;
  if (mode === 'edge') return at < 0 ? 0 : extent - 1;
  if (mode === 'wrap') return modulo(at, extent);
  if (mode !== 'reflect') notFoldable(`its mode is ${mode.slice(0, 20)}`);
  const place = modulo(at, Math.max(1, 2 * extent - 2));
  return Math.min(place, 2 * extent - 2 - place);
}

const gathered: Rule = (operands) => {
  const [x, indices] = [operands.input(0), operands.input(1)];
  const axis = axisOf(operands.node.integer('axis') ?? 0, x.shape.length);
  const dtype = x.numeric;
  return {
    shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
    dtype,
    inputs: [x, indices],
    compute: ([values, places]) => gather(values as Values, x.shape, axis, places as Values, dtype),
  };
};

const shapeOf: Rule = (operands) => {
  const { shape } = operands.input(0);
  const { node } = operands;
  const part = shape.slice(node.integer('start') ?? 0, node.integer('end') ?? shape.length);
  return literalTensor(node.name, [part.length], 'int64', part);
};

const constantOfShape: Rule = (operands) => {
  const shape = operands.required(0, 'shape');
  checkExtents(shape);
  const value = operands.value ?? literalTensor('', [1], 'float32', [0]);
  return broadcastTo(foldedTensor('', reshaped(value, [])), shape);
};

const range: Rule = (operands) => {
  const [start = 0, limit = 0, step = 1] = [
    ...operands.required(0, 'start'),
    ...operands.required(1, 'limit'),
    ...operands.required(2, 'delta'),
  ];
  const count = Math.max(0, Math.ceil((limit - start) / step));
  if (!(count <= LIMITS.shapeValues)) notFoldable(`it has ${count} values`);
  const dtype = operands.input(0).numeric;
  return literalTensor(
    operands.node.name,
    [count],
    dtype,
    Array.from({ length: count }, (_, index) => start + step * index),
  );
};

/** Operators that order, repeat and pick values, and those that tell and make shapes. */
export const MOVING_RULES: Readonly<Record<string, Rule>> = {
  Identity: (operands) => operands.input(0),
  Dropout: (operands) => {
    if (operands.output > 0) notFoldable('it is the mask');
    // Opset 12 has an input for it, and 0 is what everybody writes there.
    if ((operands.numbers(2, 'training_mode')?.[0] ?? 0) !== 0) notFoldable('it is in training');
    return operands.input(0);
  },
  Transpose: (operands) => {
    const x = operands.input(0);
    return transposed(x, operands.node.integers('perm') ?? x.shape.map((_, axis) => axis).reverse());
  },
  Reshape: reshape,
  Flatten: flatten,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Slice: (operands) => sliced(operands.input(0), sliceOf(operands)),
  Split: split,
  Concat: concat,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  Gather: gathered,
  Shape: shapeOf,
  Size: (operands) => literalTensor('', [], 'int64', [product(operands.input(0).shape)]),
  ConstantOfShape: constantOfShape,
  Range: range,
};
