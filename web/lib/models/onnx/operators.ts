import { allocateValues, bitsOf, isFloat, type ModelDtype, type Values } from '../dtypes.js';
import {
  broadcastShape,
  combine,
  map,
  multiplyMatrices,
  type Reduction,
  reduce,
  roundHalfEven,
} from '../folding/arithmetic.js';
import { broadcast, concatenate, gather, product } from '../folding/arrays.js';
import { type Fold, foldedTensor, literalTensor, notFoldable, reasonOf } from '../folding/folded.js';
import { dequantized, quantized } from '../folding/quantized.js';
import {
  axesOf,
  axisOf,
  broadcastTo,
  picked,
  reshaped,
  reshapedTo,
  sliced,
  transposed,
} from '../folding/shapes.js';
import { LIMITS } from '../limits.js';
import type { ModelFile } from '../source.js';
import { checkExtent } from '../stored.js';
import { type ModelTensor, storedTensor } from '../tensor.js';
import { Evaluation, type TensorPlace } from '../tensor-content.js';
import type { OnnxNode } from './graph.js';
import { ATTRIBUTE, DTYPES } from './schema.js';

export { narrowest } from '../folding/folded.js';

/** A node whose inputs are constants. */
export interface FoldedNode {
  readonly node: OnnxNode;
  /** Which of its outputs is wanted. */
  readonly output: number;
  /** Null for those left out. */
  readonly inputs: readonly (ModelTensor | null)[];
  /** The tensor attribute of a name; a text says why it cannot be read. */
  readonly tensorOf: (name: string) => Promise<ModelTensor | string | null>;
  readonly file: ModelFile;
}

/** Numbers of tensors that many nodes may share. */
const lists = new WeakMap<ModelTensor, readonly number[]>();

/** The same as rules see it. */
export class Operands {
  readonly #given: FoldedNode;

  constructor(given: FoldedNode) {
    this.#given = given;
  }

  get node(): OnnxNode {
    return this.#given.node;
  }

  get output(): number {
    return this.#given.output;
  }

  get file(): ModelFile {
    return this.#given.file;
  }

  async tensor(attribute: string): Promise<ModelTensor | null> {
    const found = await this.#given.tensorOf(attribute);
    return typeof found === 'string' ? notFoldable(`its ${attribute} is ${found}`) : found;
  }

  /** An input that must be there. */
  input(place: number): ModelTensor {
    return this.#given.inputs[place] ?? notFoldable(`its input ${place} is left out`);
  }

  optional(place: number): ModelTensor | null {
    return this.#given.inputs[place] ?? null;
  }

  all(): ModelTensor[] {
    if (this.#given.inputs.length === 0) notFoldable('it has no inputs');
    return this.#given.inputs.map((_, place) => this.input(place));
  }

  /** Numbers that say what the node does: an input in newer opsets, an attribute in older ones. */
  async numbers(place: number, attribute: string): Promise<readonly number[] | null> {
    const given = this.optional(place);
    if (given === null) {
      const one = this.node.integer(attribute);
      return this.node.integers(attribute) ?? (one === undefined ? null : [one]);
    }
    const known = lists.get(given);
    if (known !== undefined) return known;
    const count = product(given.shape);
    if (count > LIMITS.shapeValues) notFoldable(`its ${attribute} are ${count} numbers`);
    const list = [...(await new Evaluation().valuesOf(given.content))];
    lists.set(given, list);
    return list;
  }

  async required(place: number, attribute: string): Promise<readonly number[]> {
    return (await this.numbers(place, attribute)) ?? notFoldable(`it has no ${attribute}`);
  }
}

export type Rule = (operands: Operands) => Fold | ModelTensor | Promise<Fold | ModelTensor>;

/** Applied to every value, rounded to the type of the input. */
function elementwise(apply: (value: number) => number): Rule {
  return (operands) => {
    const x = operands.input(0);
    const { shape, numeric: dtype } = x;
    return { shape, dtype, inputs: [x], compute: ([values]) => map(values as Values, dtype, apply) };
  };
}

function binary(apply: (a: number, b: number) => number, result?: ModelDtype): Rule {
  return (operands) => {
    const [a, b] = [operands.input(0), operands.input(1)];
    const { node } = operands;
    const axis = node.integer('axis');
    // Before opset 7 the second operand was aligned at an axis and not at the end.
    const aligned =
      node.integer('broadcast') === 1 && axis !== undefined
        ? foldedTensor(b.name, reshaped(b, [...b.shape, ...ones(a.shape.length - axis - b.shape.length)]))
        : b;
    return variadic([a, aligned], apply, result);
  };
}

function ones(count: number): number[] {
  return Array(Math.max(0, count)).fill(1);
}

function variadic(
  inputs: readonly ModelTensor[],
  apply: (a: number, b: number) => number,
  result?: ModelDtype,
  scale = 1,
): Fold {
  const [first] = inputs as [ModelTensor];
  const inner = first.numeric;
  const dtype = result ?? inner;
  const shape =
    broadcastShape(inputs.map((input) => input.shape)) ?? notFoldable('its shapes do not broadcast');
  return {
    shape,
    dtype,
    inputs,
    work: 3 * inputs.length * product(shape),
    compute: (values) => {
      let [total, extents] = [values[0] as Values, first.shape];
      for (const [place, { shape: own }] of [...inputs.entries()].slice(1)) {
        total = combine([total, values[place] as Values], [extents, own], shape, [inner, dtype], apply);
        extents = shape;
      }
      return scale === 1 ? total : map(total, dtype, (value) => value * scale);
    },
  };
}

function reduction(rule: Reduction): Rule {
  return async (operands) => {
    const x = operands.input(0);
    const { shape, numeric: dtype } = x;
    const given = (await operands.numbers(1, 'axes')) ?? [];
    if (given.length === 0 && operands.node.integer('noop_with_empty_axes') === 1) return x;
    const axes = given.length === 0 ? shape.map((_, axis) => axis) : axesOf(given, shape.length);
    const keep = operands.node.integer('keepdims') !== 0;
    return {
      shape: shape.flatMap((extent, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [extent])),
      dtype,
      inputs: [x],
      work: 2 * product(shape),
      compute: ([values]) => reduce(values as Values, shape, axes, dtype, rule),
    };
  };
}

const sum = (total: number, value: number) => total + value;

const reshape: Rule = async (operands) =>
  reshapedTo(
    operands.input(0),
    await operands.required(1, 'shape'),
    operands.node.integer('allowzero') === 1,
  );

const flatten: Rule = (operands) => {
  const x = operands.input(0);
  const given = operands.node.integer('axis') ?? 1;
  const axis = given < 0 ? given + x.shape.length : given;
  if (axis < 0 || axis > x.shape.length) notFoldable(`it has no axis ${given}`);
  return reshaped(x, [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))]);
};

const unsqueeze: Rule = async (operands) => {
  const x = operands.input(0);
  const given = await operands.required(1, 'axes');
  const rank = x.shape.length + given.length;
  const axes = axesOf(given, rank);
  const rest = [...x.shape];
  return reshaped(
    x,
    Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : (rest.shift() as number))),
  );
};

const squeeze: Rule = async (operands) => {
  const x = operands.input(0);
  const given = await operands.numbers(1, 'axes');
  const axes =
    given === null
      ? x.shape.flatMap((extent, axis) => (extent === 1 ? [axis] : []))
      : axesOf(given, x.shape.length);
  if (axes.some((axis) => x.shape[axis] !== 1)) notFoldable('it drops an axis of more than one value');
  return reshaped(
    x,
    x.shape.filter((_, axis) => !axes.includes(axis)),
  );
};

const slice: Rule = async (operands) => {
  const x = operands.input(0);
  const starts = await operands.required(1, 'starts');
  const ends = await operands.required(2, 'ends');
  const given = (await operands.numbers(3, 'axes')) ?? starts.map((_, place) => place);
  const steps = (await operands.numbers(4, 'steps')) ?? starts.map(() => 1);
  const axes = axesOf(given, x.shape.length);
  if ([ends, axes, steps].some((list) => list.length !== starts.length)) {
    notFoldable('its lists have different lengths');
  }
  return sliced(x, axes, [starts, ends, steps]);
};

const split: Rule = async (operands) => {
  const x = operands.input(0);
  const axis = axisOf(operands.node.integer('axis') ?? 0, x.shape.length);
  const extent = x.shape[axis] as number;
  const parts = operands.node.integer('num_outputs') ?? operands.node.outputs.length;
  // The last part is smaller where they cannot be alike.
  const size = Math.ceil(extent / Math.max(1, parts));
  const sizes = (await operands.numbers(1, 'split')) ?? null;
  const start = sizes === null ? size * operands.output : total(sizes.slice(0, operands.output));
  const length = sizes === null ? Math.min(size, extent - start) : (sizes[operands.output] ?? -1);
  if (length < 0 || start + length > extent) notFoldable('its parts do not fit');
  return sliced(x, [axis], [[start], [start + length], [1]]);
};

function total(list: readonly number[]): number {
  return list.reduce(sum, 0);
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

const expand: Rule = async (operands) => {
  const x = operands.input(0);
  const wanted = await operands.required(1, 'shape');
  if (wanted.some((extent) => !(extent >= 0))) notFoldable('its shape has negative extents');
  const shape = broadcastShape([x.shape, wanted]) ?? notFoldable('its shape does not fit');
  return broadcastTo(x, shape);
};

const tile: Rule = async (operands) => {
  const x = operands.input(0);
  const repeats = await operands.required(1, 'repeats');
  if (operands.optional(2) !== null) notFoldable('it has the inputs of opset 1');
  if (repeats.length !== x.shape.length || repeats.some((count) => !(count >= 0))) {
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

const pad: Rule = async (operands) => {
  const x = operands.input(0);
  const { node } = operands;
  const rank = x.shape.length;
  const pads =
    (await operands.numbers(1, 'pads')) ?? node.integers('paddings') ?? notFoldable('it has no pads');
  const filler = (await operands.numbers(2, 'constant_value'))?.[0] ?? node.float('value') ?? 0;
  const axes = axesOf((await operands.numbers(3, 'axes')) ?? x.shape.map((_, axis) => axis), rank);
  const mode = node.text('mode') || 'constant';
  if (pads.length !== 2 * axes.length || !pads.every(Number.isSafeInteger))
    notFoldable('its pads do not fit');
  const list = x.shape.map((extent, axis) => {
    const place = axes.indexOf(axis);
    const before = place < 0 ? 0 : (pads[place] as number);
    const after = place < 0 ? 0 : (pads[place + axes.length] as number);
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

function castTo(x: ModelTensor, dtype: ModelDtype | undefined): Fold | ModelTensor {
  if (dtype === undefined) return notFoldable('it casts to a type that is not read');
  if (isFloat(dtype) && bitsOf(dtype) < 16) return notFoldable(`it casts to ${dtype}`);
  if (dtype === x.numeric) return x;
  // Of doubles too a layer keeps what float32 holds.
  const widens = isFloat(x.numeric) && (dtype === 'float32' || dtype === 'float64');
  return {
    shape: x.shape,
    dtype,
    inputs: [x],
    compute: ([values]) => map(values as Values, dtype, (value) => value),
    ...(widens && { invert: (values: Float32Array) => [values], widens }),
  };
}

const shapeOf: Rule = (operands) => {
  const { shape } = operands.input(0);
  const { node } = operands;
  const part = shape.slice(node.integer('start') ?? 0, node.integer('end') ?? shape.length);
  return literalTensor(node.name, [part.length], 'int64', part);
};

const constantOfShape: Rule = async (operands) => {
  const shape = await operands.required(0, 'shape');
  if (shape.some((extent) => !(extent >= 0))) notFoldable('its shape has negative extents');
  const value = (await operands.tensor('value')) ?? literalTensor('', [1], 'float32', [0]);
  return broadcastTo(foldedTensor('', reshaped(value, [])), shape);
};

const range: Rule = async (operands) => {
  const [start = 0, limit = 0, step = 1] = [
    ...(await operands.required(0, 'start')),
    ...(await operands.required(1, 'limit')),
    ...(await operands.required(2, 'delta')),
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

const where: Rule = (operands) => {
  const [condition, x, y] = [operands.input(0), operands.input(1), operands.input(2)];
  const dtype = x.numeric;
  const shape =
    broadcastShape([condition.shape, x.shape, y.shape]) ?? notFoldable('its shapes do not broadcast');
  return {
    shape,
    dtype,
    inputs: [condition, x, y],
    work: 4 * product(shape),
    compute: ([choice, left, right]) => {
      const picks = broadcast(choice as Values, condition.shape, shape, 'bool');
      const [a, b] = [
        broadcast(left as Values, x.shape, shape, dtype),
        broadcast(right as Values, y.shape, shape, dtype),
      ];
      const result = allocateValues(dtype, product(shape));
      for (let index = 0; index < result.length; index += 1) {
        result[index] = (picks[index] === 0 ? b[index] : a[index]) as number;
      }
      return result;
    },
  };
};

const clip: Rule = async (operands) => {
  const { node } = operands;
  const x = operands.input(0);
  const low = (await operands.numbers(1, 'minimum'))?.[0] ?? node.float('min') ?? Number.NEGATIVE_INFINITY;
  const high = (await operands.numbers(2, 'maximum'))?.[0] ?? node.float('max') ?? Number.POSITIVE_INFINITY;
  const { shape, numeric: dtype } = x;
  return {
    shape,
    dtype,
    inputs: [x],
    compute: ([values]) => map(values as Values, dtype, (value) => Math.min(Math.max(value, low), high)),
  };
};

/** `x / |x|` along one axis. */
const lpNormalization: Rule = (operands) => {
  const x = operands.input(0);
  const { shape, numeric: dtype } = x;
  const axis = axisOf(operands.node.integer('axis') ?? -1, shape.length);
  const p = operands.node.integer('p') ?? 2;
  const norms = shape.map((extent, at) => (at === axis ? 1 : extent));
  return {
    shape,
    dtype,
    inputs: [x],
    work: 4 * product(shape),
    compute: ([values]) => {
      const norm = reduce(values as Values, shape, [axis], dtype, p === 1 ? L1 : L2);
      return combine([values as Values, norm], [shape, norms], shape, [dtype, dtype], (v, n) =>
        n === 0 ? 0 : v / n,
      );
    },
  };
};

const matMul: Rule = (operands) => {
  const [a, b] = [operands.input(0), operands.input(1)];
  if (a.shape.length === 0 || b.shape.length === 0) notFoldable('it has an operand without axes');
  const aShape = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const bShape = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const dtype = a.numeric;
  const batch = broadcastShape([aShape.slice(0, -2), bShape.slice(0, -2)]);
  const [m, k] = aShape.slice(-2) as [number, number];
  const n = bShape.at(-1) as number;
  if (batch === null || k !== bShape.at(-2)) return notFoldable('its shapes do not fit');
  return {
    shape: [...batch, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])],
    dtype,
    inputs: [a, b],
    work: product(batch) * m * n * Math.max(1, k),
    compute: ([x, y]) => multiplyMatrices([x as Values, y as Values], [aShape, bShape], batch, dtype),
  };
};

function scaleParts(operands: Operands, rank: number) {
  const given = operands.node.integer('axis') ?? 1;
  const axis = given < 0 ? given + rank : given;
  return { axis, blockSize: operands.node.integer('block_size') ?? 0 };
}

const dequantizeLinear: Rule = (operands) => {
  const [x, scale] = [operands.input(0), operands.input(1)];
  const wanted = operands.node.integer('output_dtype') ?? 0;
  const dtype = wanted === 0 ? scale.numeric : DTYPES[wanted];
  return dequantized(x, scale, operands.optional(2), scaleParts(operands, x.shape.length), dtype);
};

const quantizeLinear: Rule = (operands) => {
  const [x, scale, zero] = [operands.input(0), operands.input(1), operands.optional(2)];
  const wanted = operands.node.integer('output_dtype') ?? 0;
  const dtype = zero?.numeric ?? (wanted === 0 ? 'uint8' : DTYPES[wanted]);
  if (dtype === undefined) return notFoldable('it makes a type that is not read');
  return quantized(x, scale, zero, scaleParts(operands, x.shape.length), dtype);
};

const L1: Reduction = { start: 0, add: (total, value) => total + Math.abs(value) };
const L2: Reduction = { start: 0, add: (total, value) => total + value * value, finish: Math.sqrt };

/** Numbers in attributes; a tensor is none of its business. */
const constant: Rule = ({ node, file }) => {
  const name = node.outputs[0] ?? '';
  const ranges = node.attribute('value_floats')?.ranges(ATTRIBUTE.floats) ?? [];
  if (ranges.length > 0) {
    const place: TensorPlace = { file, ranges, encoding: 'raw' };
    const count = total(ranges.map(({ length }) => length)) / 4;
    checkExtent(name, [count], 'float32', place);
    return storedTensor(name, [count], 'float32', place);
  }
  const integers = node.integers('value_ints');
  if (integers !== undefined) return literalTensor(name, [integers.length], 'int64', integers);
  const float = node.attribute('value_float') && (node.float('value_float') ?? 0);
  if (float !== undefined) return literalTensor(name, [], 'float32', [float]);
  const integer = node.attribute('value_int') && (node.integer('value_int') ?? 0);
  if (integer !== undefined) return literalTensor(name, [], 'int64', [integer]);
  return notFoldable('it is of another kind than a tensor');
};

/**
 * ONNX's operators as far as weights pass them. What changed over the opsets shows in a node itself: lists
 * that were attributes are inputs now.
 */
const RULES: Readonly<Record<string, Rule>> = {
  Constant: constant,
  Dropout: (operands) => (operands.output === 0 ? operands.input(0) : notFoldable('it is the mask')),
  Transpose: (operands) => {
    const x = operands.input(0);
    return transposed(x, operands.node.integers('perm') ?? x.shape.map((_, axis) => axis).reverse());
  },
  Reshape: reshape,
  Flatten: flatten,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Slice: slice,
  Split: split,
  Concat: concat,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  Gather: gathered,
  Cast: (operands) => castTo(operands.input(0), DTYPES[operands.node.integer('to') ?? 0]),
  CastLike: (operands) => castTo(operands.input(0), operands.input(1).numeric),
  Shape: shapeOf,
  Size: (operands) => literalTensor('', [], 'int64', [product(operands.input(0).shape)]),
  ConstantOfShape: constantOfShape,
  Range: range,
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Pow: binary((a, b) => a ** b),
  Equal: binary((a, b) => Number(a === b), 'bool'),
  Greater: binary((a, b) => Number(a > b), 'bool'),
  Less: binary((a, b) => Number(a < b), 'bool'),
  GreaterOrEqual: binary((a, b) => Number(a >= b), 'bool'),
  LessOrEqual: binary((a, b) => Number(a <= b), 'bool'),
  And: binary((a, b) => a && b, 'bool'),
  Or: binary((a, b) => a || b, 'bool'),
  Not: elementwise((value) => Number(value === 0)),
  Where: where,
  Max: (operands) => variadic(operands.all(), Math.max),
  Min: (operands) => variadic(operands.all(), Math.min),
  Sum: (operands) => variadic(operands.all(), sum),
  Mean: (operands) => {
    const inputs = operands.all();
    return variadic(inputs, sum, undefined, 1 / inputs.length);
  },
  Sqrt: elementwise(Math.sqrt),
  Neg: elementwise((value) => -value),
  Abs: elementwise(Math.abs),
  Reciprocal: elementwise((value) => 1 / value),
  Exp: elementwise(Math.exp),
  Log: elementwise(Math.log),
  Sin: elementwise(Math.sin),
  Cos: elementwise(Math.cos),
  Sign: elementwise(Math.sign),
  Floor: elementwise(Math.floor),
  Ceil: elementwise(Math.ceil),
  Round: elementwise(roundHalfEven),
  Tanh: elementwise(Math.tanh),
  Sigmoid: elementwise((value) => 1 / (1 + Math.exp(-value))),
  Relu: elementwise((value) => (value < 0 ? 0 : value)),
  Softplus: elementwise((value) => Math.log1p(Math.exp(-Math.abs(value))) + Math.max(value, 0)),
  Clip: clip,
  ReduceSum: reduction({ start: 0, add: sum }),
  ReduceMean: reduction({ start: 0, add: sum, finish: (all, count) => all / count }),
  ReduceL1: reduction(L1),
  ReduceL2: reduction(L2),
  ReduceSumSquare: reduction({ start: 0, add: L2.add }),
  ReduceMax: reduction({ start: Number.NEGATIVE_INFINITY, add: Math.max }),
  ReduceMin: reduction({ start: Number.POSITIVE_INFINITY, add: Math.min }),
  ReduceProd: reduction({ start: 1, add: (all, value) => all * value }),
  ReduceLogSum: reduction({ start: 0, add: sum, finish: Math.log }),
  ReduceLogSumExp: reduction({
    start: 0,
    add: (all, value) => all + Math.exp(value),
    finish: Math.log,
  }),
  LpNormalization: lpNormalization,
  MatMul: matMul,
  DequantizeLinear: dequantizeLinear,
  QuantizeLinear: quantizeLinear,
};

/** ONNX Runtime's own domain has the quantizing pair with more types. */
const MICROSOFT_RULES: Readonly<Record<string, Rule>> = {
  DequantizeLinear: dequantizeLinear,
  QuantizeLinear: quantizeLinear,
};

export function ruleOf({ domain, type }: OnnxNode): Rule | undefined {
  const rules = domain === '' ? RULES : domain === 'com.microsoft' ? MICROSOFT_RULES : {};
  return Object.hasOwn(rules, type) ? rules[type] : undefined;
}

/** The constant that a node makes, or why it makes none; none of its values is computed yet. */
export async function foldNode(rule: Rule, given: FoldedNode): Promise<ModelTensor | string> {
  const { node, output } = given;
  const pair = node.type === 'DequantizeLinear' ? await storedPair(given) : null;
  if (pair !== null) return pair;
  try {
    const made = await rule(new Operands(given));
    if (!('compute' in made)) return made;
    // New values must not reach whoever else takes the input.
    const { invert, ...fold } = made;
    const shared = node.inputs.some((name) => node.scope.consumers(name).length > 1);
    const name = node.outputs[output] ?? '';
    return foldedTensor(name, shared || invert === undefined ? fold : made);
  } catch (error) {
    return `computed by ${node.type}, and ${reasonOf(error)}`;
  }
}

/** Integers as they are stored, with their scales beside them; null where more is to be done. */
async function storedPair({ node, inputs: [x, scale, zero] }: FoldedNode): Promise<ModelTensor | null> {
  const place = x?.content.place;
  if (!x || !place || scale?.dtype !== 'float32') return null;
  const [blocks = 0, wanted = 0] = [node.integer('block_size'), node.integer('output_dtype')];
  if (x.quantization !== null || blocks !== 0 || wanted > 1) return null;
  const given = node.integer('axis') ?? 1;
  const count = product(scale.shape);
  const axis = count === 1 ? 0 : given < 0 ? given + x.shape.length : given;
  const zeros = zero ? product(zero.shape) : count;
  if ((count !== 1 && x.shape[axis] !== count) || (zeros !== 1 && zeros !== count)) return null;
  const zeroPoint = zero ? (await zero.read()).data : Float32Array.of(0);
  return storedTensor(x.name, x.shape, x.dtype, place, {
    axis,
    scale: (await scale.read()).data,
    zeroPoint,
  });
}
