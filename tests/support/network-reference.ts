// Networks by plain loops in double precision: what the operations of web/lib/network mean, one function each.

import type { NetworkGraph, Operation } from '../../web/lib/network/operations.js';

export interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

type Of<Kind extends Operation['kind']> = Extract<Operation, { readonly kind: Kind }>;

/** The outputs, in their order, of inputs in theirs. */
export function evaluate(graph: NetworkGraph, inputs: readonly ArrayLike<number>[]): Values[] {
  const values = new Map<number, Values>();
  for (const [place, number] of graph.inputs.entries()) {
    values.set(number, {
      shape: shapeOf(graph, number),
      data: Float64Array.from(inputs[place] as ArrayLike<number>),
    });
  }
  const valuesOf = (number: number): Values => {
    const known = values.get(number);
    if (known !== undefined) return known;
    const { constant, name } = graph.values[number] as NetworkGraph['values'][number];
    if (constant === null) throw new Error(`nothing computes ${name}`);
    return { shape: constant.shape, data: Float64Array.from(constant.data) };
  };
  for (const node of graph.nodes) {
    const results = compute(node.operation, node.inputs.map(valuesOf));
    for (const [place, number] of node.outputs.entries()) {
      const result = results[place] as Values;
      if (String(result.shape) !== String(shapeOf(graph, number))) {
        throw new Error(`${node.names[0]}: ${result.shape} instead of ${shapeOf(graph, number)}`);
      }
      values.set(number, result);
    }
  }
  return graph.outputs.map(valuesOf);
}

function shapeOf(graph: NetworkGraph, number: number): readonly number[] {
  return (graph.values[number] as NetworkGraph['values'][number]).shape;
}

/** The outputs of one operation. */
export function compute(operation: Operation, inputs: readonly Values[]): Values[] {
  const [x] = inputs as [Values];
  switch (operation.kind) {
    case 'convolution':
      return [inLayout(operation.layout, x, (first) => convolution(operation, first))];
    case 'affine':
      return [
        inLayout(operation.layout, x, (first) =>
          byChannel(first, (value, channel) => {
            const [mean, scale, shift] = [operation.mean, operation.scale, operation.shift].map(
              (list) => list[channel] as number,
            ) as [number, number, number];
            return (value - mean) * scale + shift;
          }),
        ),
      ];
    case 'normalization':
      // Axes of a layer are what they are in either layout.
      return operation.over === 'layer'
        ? [normalization(operation, x)]
        : [inLayout(operation.layout, x, (first) => normalization(operation, first))];
    case 'unary': {
      const { a, b, channelA } = operation;
      const apply = UNARY[operation.function];
      return [
        inLayout(operation.layout, x, (first) =>
          byChannel(first, (value, channel) => apply(value, channelA?.[channel] ?? a, b)),
        ),
      ];
    }
    case 'binary':
      return [broadcasting(inputs as [Values, Values], BINARY[operation.function])];
    case 'softmax':
      return [softmax(operation, x)];
    case 'concat':
      return [concat(operation.axis, inputs)];
    case 'split': {
      let start = 0;
      return operation.sizes.map((size) => {
        const from = start;
        start += size;
        return gathered(replaced(x.shape, operation.axis, size), x, (at) =>
          replaced(at, operation.axis, (at[operation.axis] as number) + from),
        );
      });
    }
    case 'slice':
      return [
        gathered(operation.count, x, (at) =>
          at.map(
            (index, axis) => (operation.start[axis] as number) + index * (operation.step[axis] as number),
          ),
        ),
      ];
    case 'pad':
      return [pad(operation, x)];
    case 'resize':
      return [resize(operation, x)];
    case 'depth-to-space':
    case 'space-to-depth':
      return [inLayout(operation.layout, x, (first) => blocks(operation, first))];
    case 'pool':
      return [inLayout(operation.layout, x, (first) => pool(operation, first))];
    case 'reduce':
      return [reduce(operation, x)];
    case 'matmul':
      return [matmul(operation, inputs)];
    case 'transpose': {
      const { permutation } = operation;
      const shape = permutation.map((axis) => x.shape[axis] as number);
      return [gathered(shape, x, (at) => x.shape.map((_, axis) => at[permutation.indexOf(axis)] as number))];
    }
    case 'reshape':
      return [{ shape: operation.shape, data: x.data }];
    case 'expand':
      return [broadcasting([x, filled(operation.shape, 0)], (value) => value)];
  }
}

const product = (list: readonly number[]) => list.reduce((all, one) => all * one, 1);

function filled(shape: readonly number[], value: number): Values {
  return { shape, data: new Float64Array(product(shape)).fill(value) };
}

function replaced(list: readonly number[], place: number, value: number): number[] {
  return list.map((one, at) => (at === place ? value : one));
}

/** Every place of a shape, in order. The list is reused. */
function* places(shape: readonly number[]): Generator<number[]> {
  const at = shape.map(() => 0);
  for (let count = product(shape); count > 0; count -= 1) {
    yield at;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      at[axis] = (at[axis] as number) + 1;
      if ((at[axis] as number) < (shape[axis] as number)) break;
      at[axis] = 0;
    }
  }
}

function offsetOf(shape: readonly number[], at: readonly number[]): number {
  return shape.reduce((offset, extent, axis) => offset * extent + (at[axis] as number), 0);
}

function mapped(x: Values, apply: (value: number, at: readonly number[]) => number): Values {
  const data = new Float64Array(x.data.length);
  let index = 0;
  for (const at of places(x.shape)) {
    data[index] = apply(x.data[index] as number, at);
    index += 1;
  }
  return { shape: x.shape, data };
}

/** Of every value with the number of its channel, where there are channels. */
function byChannel(x: Values, apply: (value: number, channel: number) => number): Values {
  const [, channels = 1, ...rest] = x.shape;
  const inner = product(rest);
  return {
    shape: x.shape,
    data: x.data.map((value, index) => apply(value, Math.floor(index / inner) % channels)),
  };
}

function gathered(
  shape: readonly number[],
  x: Values,
  from: (at: readonly number[]) => readonly number[],
): Values {
  return mapped(filled(shape, 0), (_, at) => x.data[offsetOf(x.shape, from(at))] as number);
}

/** Computes with channels first, whatever the layout. */
function inLayout(layout: string, x: Values, apply: (first: Values) => Values): Values {
  const rank = x.shape.length;
  // Two axes are in either order, and a value of fewer has no channels.
  if (layout === 'channels-first' || rank < 3) return apply(x);
  const forth = [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 1)];
  const move = (values: Values, permutation: readonly number[]) =>
    compute({ kind: 'transpose', permutation }, [values])[0] as Values;
  const result = apply(move(x, forth));
  return move(result, [0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2), 1]);
}

function erf(x: number): number {
  // Its series near 0, a continued fraction far from it.
  const z = Math.abs(x);
  let result: number;
  if (z < 3) {
    let [term, sum] = [z, z];
    for (let n = 1; n < 100; n += 1) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    result = (2 / Math.sqrt(Math.PI)) * sum;
  } else {
    let fraction = 0;
    for (let n = 60; n > 0; n -= 1) fraction = n / 2 / (z + fraction);
    result = 1 - Math.exp(-z * z) / (z + fraction) / Math.sqrt(Math.PI);
  }
  return x < 0 ? -result : result;
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest === 0.5 ? below + (below % 2 === 0 ? 0 : 1) : Math.floor(value + 0.5);
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const clamp = (x: number, low: number, high: number) => (x < low ? low : x > high ? high : x);

export const UNARY: Readonly<Record<Of<'unary'>['function'], (x: number, a: number, b: number) => number>> = {
  relu: (x) => (x < 0 ? 0 : x),
  'leaky-relu': (x, a) => (x < 0 ? a * x : x),
  elu: (x, a) => (x < 0 ? a * Math.expm1(x) : x),
  silu: (x) => x * sigmoid(x),
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  'gelu-tanh': (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
  hardswish: (x) => x * clamp(x / 6 + 0.5, 0, 1),
  hardsigmoid: (x, a, b) => clamp(a * x + b, 0, 1),
  clamp,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  sigmoid,
  tanh: Math.tanh,
  snake: (x, a) => x + Math.sin(a * x) ** 2 / a,
  abs: Math.abs,
  neg: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  reciprocal: (x) => 1 / x,
  sin: Math.sin,
  cos: Math.cos,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  sign: Math.sign,
  erf,
  softsign: (x) => x / (1 + Math.abs(x)),
};

export const BINARY: Readonly<Record<Of<'binary'>['function'], (x: number, y: number) => number>> = {
  add: (x, y) => x + y,
  subtract: (x, y) => x - y,
  multiply: (x, y) => x * y,
  divide: (x, y) => x / y,
  minimum: Math.min,
  maximum: Math.max,
  // Of IEEE 754: 1 raised to whatever is 1, and so is -1 to infinities.
  power: (x, y) => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y),
  remainder: (x, y) => x % y,
  'floor-remainder': (x, y) => (Math.sign(x % y) * Math.sign(y) < 0 ? (x % y) + y : x % y),
};

function broadcasting([a, b]: readonly [Values, Values], apply: (x: number, y: number) => number): Values {
  const rank = Math.max(1, a.shape.length, b.shape.length);
  const aligned = ({ shape }: Values) => [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const [first, second] = [aligned(a), aligned(b)];
  const shape = first.map((extent, axis) => (extent === 1 ? (second[axis] as number) : extent));
  const data = new Float64Array(product(shape));
  const length = shape[rank - 1] as number;
  const [stepA, stepB] = [Number(first[rank - 1] !== 1), Number(second[rank - 1] !== 1)];
  const rowAt = (own: readonly number[], at: readonly number[]) =>
    offsetOf(own, [...at.map((index, axis) => (own[axis] === 1 ? 0 : index)), 0]);
  let to = 0;
  for (const at of places(shape.slice(0, -1))) {
    const [rowA, rowB] = [rowAt(first, at), rowAt(second, at)];
    for (let index = 0; index < length; index += 1) {
      data[to] = apply(a.data[rowA + stepA * index] as number, b.data[rowB + stepB * index] as number);
      to += 1;
    }
  }
  return { shape: shape.slice(rank - Math.max(a.shape.length, b.shape.length)), data };
}

/** Shapes and lists of three spatial axes, those in front empty. */
function inSpace(list: readonly number[], other: number): [number, number, number] {
  return [...new Array<number>(3 - list.length).fill(other), ...list] as [number, number, number];
}

function pairsInSpace(pads: Of<'pool'>['pads']): [number, number][] {
  return [
    ...new Array<[number, number]>(3 - pads.length).fill([0, 0]),
    ...pads.map(([a, b]) => [a, b] as [number, number]),
  ];
}

type Four = [number, number, number, number];

function convolution(operation: Of<'convolution'>, x: Values): Values {
  const { transposed, weight, bias, groups, pads } = operation;
  const [batch = 1, channels = 1, ...given] = x.shape;
  const extents = inSpace(given, 1);
  const [outer = 1, inner = 1, ...taps] = weight.shape;
  const kernel = inSpace(taps, 1);
  const [stride, dilation] = [inSpace(operation.stride, 1), inSpace(operation.dilation, 1)];
  const around = pairsInSpace(pads);
  const extra = inSpace(operation.outputPadding, 0);
  const outputs = transposed ? inner * groups : outer;
  const sizes = extents.map((extent, axis) => {
    const [before, after] = around[axis] as [number, number];
    const reach = (dilation[axis] as number) * ((kernel[axis] as number) - 1) + 1;
    const step = stride[axis] as number;
    return transposed
      ? (extent - 1) * step + reach - before - after + (extra[axis] as number)
      : Math.floor((extent + before + after - reach) / step) + 1;
  });
  const y = filled([batch, outputs, ...sizes], 0);
  for (const [n = 0, channel = 0] of places([batch, outputs])) {
    y.data.fill(
      bias?.data[channel] ?? 0,
      offsetOf([batch, outputs], [n, channel]) * product(sizes),
      (offsetOf([batch, outputs], [n, channel]) + 1) * product(sizes),
    );
  }
  const [inGroup, outGroup] = [channels / groups, outputs / groups];
  // Of either kind: a place on the dense side is one on the wide side for every tap.
  const [dense, wide] = transposed ? [extents, sizes] : [sizes, extents];
  for (const [n = 0, group = 0, input = 0, output = 0] of places([batch, groups, inGroup, outGroup])) {
    const [c, o] = [group * inGroup + input, group * outGroup + output];
    const tapsAt = (transposed ? c * outGroup + output : o * inGroup + input) * product(kernel);
    const from = (n * channels + c) * product(extents);
    const to = (n * outputs + o) * product(sizes);
    for (const tap of places(kernel)) {
      const factor = weight.data[tapsAt + offsetOf(kernel, tap)] as number;
      // Where the first place of the dense side is on the wide one.
      const starts = tap.map((index, axis) => {
        return index * (dilation[axis] as number) - (around[axis] as [number, number])[0];
      });
      const [step, extent, length] = [stride[2], wide[2] as number, dense[2] as number];
      const [deepEnd, highEnd, deepWide, highWide] = [dense[0], dense[1], wide[0], wide[1]] as Four;
      for (let row = 0; row < deepEnd * highEnd; row += 1) {
        const deepAt = Math.floor(row / highEnd) * stride[0] + (starts[0] as number);
        const highAt = (row % highEnd) * stride[1] + (starts[1] as number);
        if (deepAt < 0 || deepAt >= deepWide || highAt < 0 || highAt >= highWide) continue;
        const denseRow = row * length;
        const wideRow = (deepAt * highWide + highAt) * extent;
        for (let index = 0, at = starts[2] as number; index < length; index += 1, at += step) {
          if (at < 0 || at >= extent) continue;
          const source = transposed ? denseRow + index : wideRow + at;
          const target = transposed ? wideRow + at : denseRow + index;
          y.data[to + target] = (y.data[to + target] as number) + factor * (x.data[from + source] as number);
        }
      }
    }
  }
  return { shape: [batch, outputs, ...sizes.slice(3 - given.length)], data: y.data };
}

function normalization(
  { over, groups, axis, epsilon, scale, shift }: Of<'normalization'>,
  x: Values,
): Values {
  const [batch = 1, channels = 1] = x.shape;
  const rows = over === 'groups' ? batch * groups : product(x.shape.slice(0, axis));
  const length = x.data.length / rows;
  const data = new Float64Array(x.data.length);
  for (let row = 0; row < rows; row += 1) {
    const values = x.data.subarray(row * length, (row + 1) * length);
    const mean = values.reduce((sum, value) => sum + value, 0) / length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
    for (const [index, value] of values.entries()) {
      const perChannel = product(x.shape.slice(2));
      const place = over === 'layer' ? index : Math.floor((row * length + index) / perChannel) % channels;
      const normal = (value - mean) / Math.sqrt(variance + epsilon);
      data[row * length + index] = normal * (scale?.[place] ?? 1) + (shift?.[place] ?? 0);
    }
  }
  return { shape: x.shape, data };
}

function softmax({ axis, logarithm }: Of<'softmax'>, x: Values): Values {
  const alike = (reduction: Of<'reduce'>['function'], of: Values) =>
    reduce({ kind: 'reduce', function: reduction, axes: [axis], keepAxes: true }, of);
  const centred = broadcasting([x, alike('maximum', x)], (value, most) => value - most);
  const powers = mapped(centred, Math.exp);
  const sums = alike('sum', powers);
  if (logarithm) return broadcasting([centred, sums], (value, sum) => value - Math.log(sum));
  return broadcasting([powers, sums], (value, sum) => value / sum);
}

function concat(axis: number, inputs: readonly Values[]): Values {
  const [first] = inputs as [Values];
  const y = filled(
    replaced(
      first.shape,
      axis,
      inputs.reduce((sum, { shape }) => sum + (shape[axis] as number), 0),
    ),
    0,
  );
  let start = 0;
  for (const { shape, data } of inputs) {
    let index = 0;
    for (const at of places(shape)) {
      y.data[offsetOf(y.shape, replaced(at, axis, (at[axis] as number) + start))] = data[index] as number;
      index += 1;
    }
    start += shape[axis] as number;
  }
  return y;
}

function pad({ pads, mode, value }: Of<'pad'>, x: Values): Values {
  const kept = x.shape.map((extent, axis) => {
    const [before, after] = pads[axis] as readonly [number, number];
    return [Math.max(0, -before), extent - Math.max(0, -after)] as const;
  });
  const shape = x.shape.map(
    (extent, axis) =>
      extent + (pads[axis] as readonly [number, number])[0] + (pads[axis] as readonly [number, number])[1],
  );
  return mapped(filled(shape, 0), (_, at) => {
    const from = at.map((index, axis) => {
      const [first, end] = kept[axis] as readonly [number, number];
      const [length, place] = [
        end - first,
        index - Math.max(0, (pads[axis] as readonly [number, number])[0]),
      ];
      if (place >= 0 && place < length) return first + place;
      if (mode === 'constant') return -1;
      if (mode === 'edge') return first + clamp(place, 0, length - 1);
      if (mode === 'wrap') return first + (((place % length) + length) % length);
      return first + (place < 0 ? -place : 2 * (length - 1) - place);
    });
    return from.includes(-1) ? value : (x.data[offsetOf(x.shape, from)] as number);
  });
}

function blocks({ kind, block, order }: Of<'depth-to-space' | 'space-to-depth'>, x: Values): Values {
  const [batch = 1, channels = 1, high = 1, wide = 1] = x.shape;
  const deep = kind === 'depth-to-space' ? channels / block ** 2 : channels;
  const channelOf = (channel: number, row: number, column: number) =>
    order === 'depth-column-row'
      ? (row * block + column) * deep + channel
      : (channel * block + row) * block + column;
  if (kind === 'depth-to-space') {
    return gathered([batch, deep, high * block, wide * block], x, ([n = 0, c = 0, row = 0, column = 0]) => {
      return [
        n,
        channelOf(c, row % block, column % block),
        Math.floor(row / block),
        Math.floor(column / block),
      ];
    });
  }
  const y = filled([batch, channels * block ** 2, high / block, wide / block], 0);
  for (const [n = 0, c = 0, row = 0, column = 0] of places(x.shape)) {
    const to = [
      n,
      channelOf(c, row % block, column % block),
      Math.floor(row / block),
      Math.floor(column / block),
    ];
    y.data[offsetOf(y.shape, to)] = x.data[offsetOf(x.shape, [n, c, row, column])] as number;
  }
  return y;
}

function pool(operation: Of<'pool'>, x: Values): Values {
  const { countPadding, function: name } = operation;
  const [batch = 1, channels = 1, ...given] = x.shape;
  const extents = inSpace(given, 1);
  const kernel = inSpace(operation.kernel, 1);
  const [stride, dilation] = [inSpace(operation.stride, 1), inSpace(operation.dilation, 1)];
  const [around, overhang] = [pairsInSpace(operation.pads), inSpace(operation.overhang, 0)];
  const sizes = extents.map((extent, axis) => {
    const [before, after] = around[axis] as [number, number];
    const reach = (dilation[axis] as number) * ((kernel[axis] as number) - 1) + 1;
    return Math.floor((extent + before + after - reach) / (stride[axis] as number)) + 1;
  });
  const ends = extents.map((extent, axis) => {
    return extent + (around[axis] as [number, number])[1] - (overhang[axis] as number);
  });
  const y = mapped(filled([batch, channels, ...sizes], 0), (_, [n = 0, c = 0, ...at]) => {
    let [total, most, count, padded] = [0, Number.NEGATIVE_INFINITY, 0, 0];
    for (const tap of places(kernel)) {
      let [from, within, isThere] = [n * channels + c, true, true];
      for (let axis = 0; axis < 3; axis += 1) {
        const index =
          (at[axis] as number) * (stride[axis] as number) -
          (around[axis] as [number, number])[0] +
          (tap[axis] as number) * (dilation[axis] as number);
        from = from * (extents[axis] as number) + index;
        within &&= index < (ends[axis] as number);
        isThere &&= index >= 0 && index < (extents[axis] as number);
      }
      if (within) padded += 1;
      if (!isThere) continue;
      const value = x.data[from] as number;
      total += value;
      most = Math.max(most, value);
      count += 1;
    }
    if (name === 'maximum') return most;
    return count === 0 ? 0 : total / (countPadding ? padded : count);
  });
  return { shape: [batch, channels, ...sizes.slice(3 - given.length)], data: y.data };
}

function reduce({ function: name, axes, keepAxes }: Of<'reduce'>, x: Values): Values {
  const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const start = {
    maximum: Number.NEGATIVE_INFINITY,
    minimum: Number.POSITIVE_INFINITY,
    product: 1,
  } as Record<string, number>;
  const y = filled(kept, start[name] ?? 0);
  const steps = kept.map((_, axis) => (axes.includes(axis) ? 0 : product(kept.slice(axis + 1))));
  let index = 0;
  for (const at of places(x.shape)) {
    let to = 0;
    for (let axis = 0; axis < steps.length; axis += 1) to += (at[axis] as number) * (steps[axis] as number);
    const [total, value] = [y.data[to] as number, x.data[index] as number];
    index += 1;
    y.data[to] =
      name === 'maximum'
        ? Math.max(total, value)
        : name === 'minimum'
          ? Math.min(total, value)
          : name === 'product'
            ? total * value
            : total +
              (name === 'l1'
                ? Math.abs(value)
                : name === 'l2' || name === 'sum-square'
                  ? value * value
                  : value);
  }
  const count = x.data.length / y.data.length;
  const data = y.data.map((total) =>
    name === 'mean' ? total / count : name === 'l2' ? Math.sqrt(total) : total,
  );
  return { shape: keepAxes ? kept : x.shape.filter((_, axis) => !axes.includes(axis)), data };
}

function matmul({ transposeA, transposeB, alpha, beta }: Of<'matmul'>, inputs: readonly Values[]): Values {
  const turned = (x: Values, turn: boolean) => {
    const axes = x.shape.map((_, axis) => axis);
    const permutation = turn ? [...axes.slice(0, -2), axes.length - 1, axes.length - 2] : axes;
    return compute({ kind: 'transpose', permutation }, [x])[0] as Values;
  };
  const [a, b] = [turned(inputs[0] as Values, transposeA), turned(inputs[1] as Values, transposeB)];
  const depth = a.shape.at(-1) as number;
  // A's rows against B's columns: [..., m, 1, k] and [..., 1, n, k].
  const left: Values = { shape: [...a.shape.slice(0, -1), 1, depth], data: a.data };
  const columns = turned(b, true);
  const right: Values = {
    shape: [...columns.shape.slice(0, -2), 1, ...columns.shape.slice(-2)],
    data: columns.data,
  };
  const products = broadcasting([left, right], (x, y) => x * y);
  const last = products.shape.length - 1;
  const sums = reduce({ kind: 'reduce', function: 'sum', axes: [last], keepAxes: false }, products);
  const scaled = mapped(sums, (value) => alpha * value);
  const summand = inputs[2];
  return summand === undefined
    ? scaled
    : broadcasting([scaled, summand], (value, other) => value + beta * other);
}

function resize(operation: Of<'resize'>, x: Values): Values {
  const { size, interpolation, rounding, cubicA, excludeOutside, coordinates, outside } = operation;
  let y = x;
  const lost = size.map((extent) => new Array<boolean>(extent).fill(false));
  for (const [axis, extent] of size.entries()) {
    const input = x.shape[axis] as number;
    const shape = replaced(y.shape, axis, extent);
    const taps = Array.from({ length: extent }, (_, index) => {
      const place = placeOf(operation, axis, index, input);
      if (coordinates === 'crop-and-resize' && (place < 0 || place > input - 1)) {
        (lost[axis] as boolean[])[index] = true;
      }
      return tapsOf(place, input);
    });
    const before = y;
    y = mapped(filled(shape, 0), (_, at) => {
      return (taps[at[axis] as number] as [number, number][]).reduce((sum, [from, weight]) => {
        return sum + weight * (before.data[offsetOf(before.shape, replaced(at, axis, from))] as number);
      }, 0);
    });
  }
  return mapped(y, (value, at) => (at.some((index, axis) => lost[axis]?.[index]) ? outside : value));

  // ONNX Runtime's, which floats may have moved.
  function isTie(place: number): boolean {
    return Math.abs(place - Math.floor(place) - 0.5) < 1e-6;
  }

  function tapsOf(place: number, input: number): [number, number][] {
    const within = (index: number) => clamp(index, 0, input - 1);
    if (interpolation === 'nearest') {
      const nearest = {
        floor: Math.floor(place),
        ceil: Math.ceil(place),
        'round-prefer-floor': isTie(place) ? Math.floor(place) : Math.round(place),
        'round-prefer-ceil': isTie(place) ? Math.ceil(place) : Math.round(place),
        'half-up': Math.floor(place + 0.5),
      }[rounding];
      return [[within(nearest), 1]];
    }
    if (interpolation === 'linear') {
      const at = clamp(place, 0, input - 1);
      const low = Math.floor(at);
      return [
        [low, 1 - (at - low)],
        [within(low + 1), at - low],
      ];
    }
    const low = Math.floor(place);
    const cubic = (distance: number) => {
      const d = Math.abs(distance);
      if (d <= 1) return ((cubicA + 2) * d - (cubicA + 3)) * d * d + 1;
      return ((cubicA * d - 5 * cubicA) * d + 8 * cubicA) * d - 4 * cubicA;
    };
    const list = [-1, 0, 1, 2].map((step): [number, number] => {
      const index = low + step;
      const weight = excludeOutside && index !== within(index) ? 0 : cubic(place - index);
      return [within(index), weight];
    });
    const sum = excludeOutside ? list.reduce((total, [, weight]) => total + weight, 0) : 1;
    return list.map(([index, weight]) => [index, weight / sum]);
  }
}

function placeOf(
  { coordinates, multiplies, size, scale, region }: Of<'resize'>,
  axis: number,
  index: number,
  input: number,
): number {
  const [output, factor] = [size[axis] as number, Math.fround(scale[axis] as number)];
  const [begin, end] = region[axis] as readonly [number, number];
  // In float32, as everyone computes these: whether a place is half or whole depends on it.
  const { fround } = Math;
  if (multiplies) {
    const corners = coordinates === 'align-corners' && output > 1;
    const step = fround(corners ? (input - 1) / (output - 1) : input / output);
    if (coordinates === 'half-pixel') return fround(fround((index + 0.5) * step) - 0.5);
    return fround(index * step);
  }
  const halfPixel = () => fround(fround((index + 0.5) / factor) - 0.5);
  switch (coordinates) {
    case 'asymmetric':
      return fround(index / factor);
    case 'half-pixel':
      return halfPixel();
    case 'pytorch-half-pixel':
      return output > 1 ? halfPixel() : 0;
    case 'align-corners':
      return output > 1 ? fround((index * (input - 1)) / (output - 1)) : 0;
    case 'half-pixel-symmetric': {
      const adjustment = fround(output / fround(factor * input));
      const offset = fround((input / 2) * fround(1 - adjustment));
      return fround(fround(offset + fround((index + 0.5) / factor)) - 0.5);
    }
    case 'crop-and-resize':
      return output > 1
        ? fround(begin * (input - 1) + (index * (end - begin) * (input - 1)) / (output - 1))
        : fround(0.5 * (begin + end) * (input - 1));
  }
}
