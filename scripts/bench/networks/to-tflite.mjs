// A network of ONNX as TFLite would have it, channels last, for the peer that reads nothing else: batch norms in the
// weights, SAME or VALID where they say the same, and else PAD or SLICE beside it.

import { NotSupported } from '../candidates/not-supported.mjs';
import { product } from '../geometry.mjs';
import { transposed } from '../layouts.mjs';
import { byte, float, Graph, int } from '../models/tflite.mjs';
import { channelsLast, lastOf } from './layouts.mjs';

const [SAME, VALID] = [0, 1];
const UNARY = { relu: 'RELU', sigmoid: 'LOGISTIC', tanh: 'TANH', hardswish: 'HARD_SWISH', elu: 'ELU' };
const BINARY = {
  add: 'ADD',
  subtract: 'SUB',
  multiply: 'MUL',
  divide: 'DIV',
  maximum: 'MAXIMUM',
  minimum: 'MINIMUM',
};

/** `graph` is a NetworkGraph; gives the file's bytes and the shapes that it takes. */
export function toTflite(source) {
  const graph = withoutAffines(source);
  const file = new Graph();
  const tensors = new Map();
  const shapeOf = (value) => graph.values[value].shape;
  const inputs = graph.inputs.map((value) => {
    tensors.set(value, file.tensor(lastOf(shapeOf(value))));
    return tensors.get(value);
  });
  const tensorOf = (value) => {
    if (tensors.has(value)) return tensors.get(value);
    const { constant } = graph.values[value];
    if (constant === null) throw new NotSupported('a value that is not written');
    const { data, shape } = constant;
    const tensor = file.constant(channelsLast(data, shape), lastOf(shape));
    tensors.set(value, tensor);
    return tensor;
  };
  for (const node of graph.nodes) {
    const writer = WRITERS[node.operation.kind];
    if (writer === undefined) throw new NotSupported(`${node.operation.kind} is not written as TFLite`);
    const results = writer(file, node.operation, node.inputs.map(tensorOf), {
      shapes: node.inputs.map(shapeOf),
      made: node.outputs.map(shapeOf),
    });
    for (const [place, output] of node.outputs.entries()) tensors.set(output, [results].flat()[place]);
  }
  return {
    bytes: file.finish(inputs, graph.outputs.map(tensorOf)),
    inputs: graph.inputs.map((value) => lastOf(shapeOf(value))),
    outputs: graph.outputs.map(shapeOf),
  };
}

/** Scales and shifts behind a convolution that nobody else reads are in its weight. */
function withoutAffines(graph) {
  const readers = new Map();
  for (const { inputs } of graph.nodes)
    for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  const nodes = [];
  for (const node of graph.nodes) {
    const at = nodes.findIndex(({ outputs }) => outputs[0] === node.inputs[0]);
    const before = nodes[at];
    const folds =
      node.operation.kind === 'affine' &&
      before?.operation.kind === 'convolution' &&
      readers.get(node.inputs[0]) === 1 &&
      !graph.outputs.includes(node.inputs[0]);
    if (folds)
      nodes[at] = { ...before, operation: scaled(before.operation, node.operation), outputs: node.outputs };
    else nodes.push(node);
  }
  return { ...graph, nodes };
}

function scaled(operation, { scale, shift }) {
  const { weight, bias, transposed: up, groups } = operation;
  const [first, second, ...kernel] = weight.shape;
  const taps = product(kernel);
  const channelOf = (index) =>
    up
      ? Math.floor(index / taps / second / (first / groups)) * second + (Math.floor(index / taps) % second)
      : Math.floor(index / taps / second);
  return {
    ...operation,
    weight: { ...weight, data: weight.data.map((value, index) => value * scale[channelOf(index)]) },
    bias: {
      name: '',
      shape: [scale.length],
      data: Float32Array.from(
        scale,
        (factor, channel) => (bias?.data[channel] ?? 0) * factor + shift[channel],
      ),
    },
  };
}

const two = (values, neutral) => (values.length === 1 ? [neutral, ...values] : values);

const WRITERS = {
  convolution(file, operation, [x], { shapes: [shape], made: [made] }) {
    const kernel = two(operation.weight.shape.slice(2), 1);
    const stride = two(operation.stride, 1);
    const dilation = two(operation.dilation, 1);
    const pads = operation.pads.length === 1 ? [[0, 0], ...operation.pads] : operation.pads;
    const [from, to] = [lastOf(shape), lastOf(made)];
    return operation.transposed
      ? stamped(file, operation, x, { kernel, stride, dilation, pads, from, to })
      : gathered(file, operation, x, { kernel, stride, dilation, pads, from, to });
  },

  affine(file, { scale, shift }, [x], { made: [made] }) {
    const product = binary(file, 'MUL', [x, file.constant(Float32Array.from(scale))], lastOf(made));
    return binary(file, 'ADD', [product, file.constant(Float32Array.from(shift))], lastOf(made));
  },

  normalization(file, { over, groups, epsilon, scale, shift }, [x], { made: [made] }) {
    const shape = lastOf(made);
    if (over !== 'groups' || groups !== shape[3])
      throw new NotSupported('group norm is not written as TFLite');
    const point = [shape[0], 1, 1, shape[3]];
    const mean = (value) => {
      const result = file.tensor(point);
      file.operator('MEAN', [byte(1)], [value, file.constant(Int32Array.of(1, 2))], [result]);
      return result;
    };
    const centred = binary(file, 'SUB', [x, mean(x)], shape);
    const variance = mean(binary(file, 'MUL', [centred, centred], shape));
    const root = file.tensor(point);
    const sum = binary(file, 'ADD', [variance, file.constant(Float32Array.of(epsilon))], point);
    file.operator('RSQRT', [], [sum], [root]);
    const factor = scale === null ? root : binary(file, 'MUL', [root, file.constant(scale)], point);
    const normal = binary(file, 'MUL', [centred, factor], shape);
    return shift === null ? normal : binary(file, 'ADD', [normal, file.constant(shift)], shape);
  },

  unary(file, operation, [x], { made: [made] }) {
    const { function: name, a, b, channelA } = operation;
    const result = file.tensor(lastOf(made));
    if (name === 'leaky-relu' && channelA !== null) {
      file.operator('PRELU', [], [x, file.constant(channelA, [1, 1, channelA.length])], [result]);
    } else if (name === 'leaky-relu') {
      file.operator('LEAKY_RELU', [float(a)], [x], [result]);
    } else if (name === 'clamp') {
      const low = binary(file, 'MAXIMUM', [x, file.constant(Float32Array.of(a))], lastOf(made));
      return binary(file, 'MINIMUM', [low, file.constant(Float32Array.of(b))], lastOf(made));
    } else if (UNARY[name] !== undefined) {
      file.operator(UNARY[name], [], [x], [result]);
    } else {
      throw new NotSupported(`${name} is not written as TFLite`);
    }
    return result;
  },

  binary(file, { function: name }, inputs, { made: [made] }) {
    if (BINARY[name] === undefined) throw new NotSupported(`${name} is not written as TFLite`);
    return binary(file, BINARY[name], inputs, lastOf(made));
  },

  concat(file, { axis }, inputs, { made: [made] }) {
    const result = file.tensor(lastOf(made));
    const place = made.length === 4 ? [0, 3, 1, 2][axis] : [0, 3, 2][axis];
    file.operator('CONCATENATION', [int(place)], inputs, [result]);
    return result;
  },

  pad(file, { pads, mode }, [x], { made: [made] }) {
    if (made.length !== 4 || (mode !== 'reflect' && mode !== 'constant'))
      throw new NotSupported(`pad ${mode}`);
    return padded(file, x, pads.slice(2), lastOf(made), mode === 'reflect' ? 'MIRROR_PAD' : 'PAD');
  },

  resize(file, { interpolation, coordinates, rounding }, [x], { made: [made] }) {
    const result = file.tensor(lastOf(made));
    const size = file.constant(Int32Array.from(lastOf(made).slice(1, 3)));
    const known = coordinates === 'asymmetric' || coordinates === 'half-pixel';
    if (!known || interpolation === 'cubic') throw new NotSupported(`resize ${coordinates} ${interpolation}`);
    const halves = byte(coordinates === 'half-pixel' ? 1 : 0);
    if (interpolation === 'linear') {
      file.operator('RESIZE_BILINEAR', [undefined, undefined, byte(0), halves], [x, size], [result]);
    } else if (rounding === 'floor' && coordinates === 'asymmetric') {
      file.operator('RESIZE_NEAREST_NEIGHBOR', [byte(0), byte(0)], [x, size], [result]);
    } else {
      throw new NotSupported(`resize ${coordinates} ${rounding}`);
    }
    return result;
  },

  /** PyTorch's order of channels is TFLite's in another order of the convolution's outputs in front. */
  'depth-to-space'(file, { block, order }, [x], { shapes: [shape], made: [made] }) {
    let value = x;
    if (order === 'column-row-depth') {
      const channels = made[1];
      const places = Int32Array.from(
        { length: shape[1] },
        (_, index) => (index % channels) * block ** 2 + Math.floor(index / channels),
      );
      value = file.tensor(lastOf(shape));
      file.operator('GATHER', [int(3)], [x, file.constant(places)], [value]);
    }
    const result = file.tensor(lastOf(made));
    file.operator('DEPTH_TO_SPACE', [int(block)], [value], [result]);
    return result;
  },
};

function binary(file, name, inputs, shape) {
  const result = file.tensor(shape);
  file.operator(name, [], inputs, [result]);
  return result;
}

function padded(file, x, pads, shape, name) {
  const result = file.tensor(shape);
  const list = file.constant(Int32Array.from([0, 0, ...pads.flat(), 0, 0]), [4, 2]);
  file.operator(name, name === 'PAD' ? [] : [byte(0)], [x, list], [result]);
  return result;
}

/** Pads that SAME gives: the odd one at the end. */
function samePads(extent, reach, stride) {
  const total = Math.max((Math.ceil(extent / stride) - 1) * stride + reach - extent, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

const alike = (pads, others) =>
  pads.every((ends, axis) => ends.every((pad, end) => pad === others[axis][end]));

function gathered(file, { weight, bias, groups }, x, { kernel, stride, dilation, pads, from, to }) {
  const reach = kernel.map((taps, axis) => dilation[axis] * (taps - 1) + 1);
  const same = alike(
    pads,
    kernel.map((_, axis) => samePads(from[axis + 1], reach[axis], stride[axis])),
  );
  const none = pads.flat().every((pad) => pad === 0);
  const value =
    same || none
      ? x
      : padded(
          file,
          x,
          pads,
          from.map((extent, axis) => extent + (pads[axis - 1]?.[0] ?? 0) + (pads[axis - 1]?.[1] ?? 0)),
          'PAD',
        );
  const [out, perGroup] = weight.shape;
  const shape = [out, perGroup, ...kernel];
  const depthwise = groups > 1;
  if (depthwise && perGroup !== 1) throw new NotSupported('groups of several channels');
  const order = depthwise ? [1, 2, 3, 0] : [0, 2, 3, 1];
  const filter = file.constant(
    transposed(weight.data, shape, order),
    order.map((axis) => shape[axis]),
  );
  const result = file.tensor(to);
  const [height, width] = stride;
  const steps = [byte(same ? SAME : VALID), int(width), int(height)];
  const spread = dilation.toReversed().map(int);
  file.operator(
    depthwise ? 'DEPTHWISE_CONV_2D' : 'CONV_2D',
    depthwise ? [...steps, int(out / groups), byte(0), ...spread] : [...steps, byte(0), ...spread],
    [value, filter, file.constant(bias?.data ?? new Float32Array(out))],
    [result],
  );
  return result;
}

function stamped(file, { weight, bias, groups }, x, { kernel, stride, dilation, pads, from, to }) {
  if (groups > 1 || dilation.some((spread) => spread > 1))
    throw new NotSupported('groups or dilation of TRANSPOSE_CONV');
  const [inputs, out] = weight.shape;
  const full = kernel.map((taps, axis) => (from[axis + 1] - 1) * stride[axis] + taps);
  const before = pads.map(([head]) => head);
  const fits = (crops, size) =>
    before.every((head, axis) => head === crops[axis][0] && size[axis] === to[axis + 1]);
  const doubled = from.slice(1, 3).map((extent, axis) => extent * stride[axis]);
  const same = fits(
    kernel.map((taps, axis) => samePads(doubled[axis], taps, stride[axis])),
    doubled,
  );
  const whole = same || fits([[0], [0]], full);
  const computed = same ? doubled : full;
  const shape = [inputs, out, ...kernel];
  const order = [1, 2, 3, 0];
  const filter = file.constant(
    transposed(weight.data, shape, order),
    order.map((axis) => shape[axis]),
  );
  const size = [to[0], ...computed, out];
  const result = file.tensor(size);
  const [height, width] = stride;
  file.operator(
    'TRANSPOSE_CONV',
    [byte(same ? SAME : VALID), int(width), int(height)],
    [file.constant(Int32Array.from(size)), filter, x, file.constant(bias?.data ?? new Float32Array(out))],
    [result],
  );
  if (whole) return result;
  const part = file.tensor(to);
  const [begin, extents] = [[0, ...before, 0], to].map((list) => file.constant(Int32Array.from(list)));
  file.operator('SLICE', [], [result, begin, extents], [part]);
  return part;
}
