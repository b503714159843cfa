// A layer as a TFLite model, written with the field numbers of tensorflow/lite/schema/schema.fbs.

import { Builder } from 'flatbuffers';
import { product } from '../geometry.mjs';
import { transposed } from '../layouts.mjs';

const SCHEMA_VERSION = 3;
const FLOAT32 = 0;
const INT32 = 2;
const PADDING = { SAME: 0, VALID: 1 };
// BuiltinOperator, and the place of its options in the union BuiltinOptions.
const OPERATORS = {
  ADD: { code: 0, options: 11 },
  CONCATENATION: { code: 2, options: 10 },
  CONV_2D: { code: 3, options: 1 },
  DEPTHWISE_CONV_2D: { code: 4, options: 2 },
  DEPTH_TO_SPACE: { code: 5, options: 94 },
  LOGISTIC: { code: 14, options: 0 },
  MUL: { code: 18, options: 21 },
  RELU: { code: 19, options: 0 },
  RESIZE_BILINEAR: { code: 23, options: 15 },
  TANH: { code: 28, options: 0 },
  PAD: { code: 34, options: 22 },
  GATHER: { code: 36, options: 23 },
  MEAN: { code: 40, options: 27 },
  SUB: { code: 41, options: 28 },
  DIV: { code: 42, options: 29 },
  SPLIT: { code: 49, options: 35 },
  PRELU: { code: 54, options: 0 },
  MAXIMUM: { code: 55, options: 39 },
  MINIMUM: { code: 57, options: 39 },
  SLICE: { code: 65, options: 48 },
  TRANSPOSE_CONV: { code: 67, options: 49 },
  RSQRT: { code: 76, options: 0 },
  RESIZE_NEAREST_NEIGHBOR: { code: 97, options: 74 },
  LEAKY_RELU: { code: 98, options: 75 },
  MIRROR_PAD: { code: 100, options: 77 },
  ELU: { code: 111, options: 0 },
  HARD_SWISH: { code: 117, options: 91 },
  CONV_3D_TRANSPOSE: { code: 141, options: 106 },
};
// Operators numbered beyond a byte are marked so in the byte that older readers look at.
const PLACEHOLDER_CODE = 127;

/**
 * Bytes of a model from `[N, ...spatial, C]` to the same. `layer` is what tfliteLayer gives, `weight` is in
 * PyTorch's order, already mirrored if the layer is. Groups become SPLIT, one convolution each, and
 * CONCATENATION.
 */
export function tfliteModel({ geometry, padding, cropped }, weight) {
  const { batch, inChannels, outChannels, groups, input, output, kernel } = geometry;
  const graph = new Graph();
  const full = input.map((extent, axis) => (extent - 1) * geometry.stride[axis] + kernel[axis]);
  const computed = cropped ? full : output;
  const [inGroup, outGroup] = [inChannels / groups, outChannels / groups];

  const x = graph.tensor([batch, ...input, inChannels]);
  const parts = groups === 1 ? [x] : split(graph, x, [batch, ...input, inGroup], groups);
  const outputShape = graph.constant(Int32Array.of(batch, ...computed, outGroup));
  const results = parts.map((part, group) => {
    const size = weight.length / groups;
    const own = weight.subarray(group * size, (group + 1) * size);
    const result = graph.tensor([batch, ...computed, outGroup]);
    graph.operator(
      ...convolution(geometry, padding),
      [outputShape, graph.constant(...filter(geometry, own, inGroup, outGroup)), part],
      [result],
    );
    return result;
  });
  let y = groups === 1 ? results[0] : concatenation(graph, results, [batch, ...computed, outChannels]);
  if (cropped) {
    const begin = graph.constant(Int32Array.of(0, ...geometry.padding, 0));
    const size = graph.constant(Int32Array.of(batch, ...output, outChannels));
    const whole = y;
    y = graph.tensor([batch, ...output, outChannels]);
    graph.operator('SLICE', [], [whole, begin, size], [y]);
  }
  return graph.finish([x], [y]);
}

function convolution(geometry, padding) {
  const [height, width] = geometry.stride.slice(-2);
  return geometry.rank === 3
    ? ['CONV_3D_TRANSPOSE', [byte(PADDING[padding]), int(geometry.stride[0]), int(width), int(height)]]
    : ['TRANSPOSE_CONV', [byte(PADDING[padding]), int(width), int(height)]];
}

/** `[in, out, taps]` to `[out, H, W, in]`, or in 3-D to `[D, H, W, out, in]`. */
function filter({ rank, kernel }, weight, inGroup, outGroup) {
  const shape = [inGroup, outGroup, product(kernel)];
  return rank === 3
    ? [transposed(weight, shape, [2, 1, 0]), [...kernel, outGroup, inGroup]]
    : [transposed(weight, shape, [1, 2, 0]), [outGroup, ...kernel, inGroup]];
}

function split(graph, x, shape, count) {
  const parts = Array.from({ length: count }, () => graph.tensor(shape));
  const axis = graph.constant(Int32Array.of(shape.length - 1), []);
  graph.operator('SPLIT', [int(count)], [axis, x], parts);
  return parts;
}

function concatenation(graph, parts, shape) {
  const whole = graph.tensor(shape);
  graph.operator('CONCATENATION', [int(shape.length - 1)], parts, [whole]);
  return whole;
}

export const float = (value) => (builder, slot) => builder.addFieldFloat32(slot, value, 0);
export const int = (value) => (builder, slot) => builder.addFieldInt32(slot, value, 0);
export const byte = (value) => (builder, slot) => builder.addFieldInt8(slot, value, 0);

/** Tensors and operators in the order in which they are added. */
export class Graph {
  #tensors = [];
  #operators = [];
  #buffers = [null];
  #codes = [];

  tensor(shape, type = FLOAT32, buffer = 0) {
    return this.#tensors.push({ shape, type, buffer }) - 1;
  }

  constant(values, shape = [values.length]) {
    const buffer =
      this.#buffers.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)) - 1;
    return this.tensor(shape, values instanceof Int32Array ? INT32 : FLOAT32, buffer);
  }

  /** `fields` are the operator's options in the order of their slots. */
  operator(name, fields, inputs, outputs) {
    if (!this.#codes.includes(name)) this.#codes.push(name);
    this.#operators.push({ name, fields, inputs, outputs });
  }

  finish(inputs, outputs) {
    const builder = new Builder(1024 + this.#buffers.reduce((sum, buffer) => sum + (buffer?.length ?? 0), 0));
    const table = (fields) => {
      builder.startObject(fields.length);
      for (const [slot, add] of fields.entries()) add?.(builder, slot);
      return builder.endObject();
    };
    const offset = (value) => (_, slot) => builder.addFieldOffset(slot, value, 0);
    const vector = (size, values, add) => {
      builder.startVector(size, values.length, size);
      for (const value of values.toReversed()) add(value);
      return builder.endVector();
    };
    const ints = (values) => vector(4, values, (value) => builder.addInt32(value));
    const offsets = (values) => vector(4, values, (value) => builder.addOffset(value));

    const buffers = this.#buffers.map((bytes) => {
      if (bytes === null) return table([]);
      // XNNPACK reads weights where they lie, so the schema wants them aligned.
      builder.prep(16, bytes.length);
      const data = builder.createByteVector(bytes);
      return table([offset(data)]);
    });
    const tensors = this.#tensors.map(({ shape, type, buffer }, index) => {
      const name = builder.createString(`t${index}`);
      const shapeVector = ints(shape);
      return table([
        offset(shapeVector),
        byte(type),
        (_, slot) => builder.addFieldInt32(slot, buffer, 0),
        offset(name),
      ]);
    });
    const operators = this.#operators.map(({ name, fields, inputs: from, outputs: to }) => {
      const [fromVector, toVector] = [ints(from), ints(to)];
      const options = table(fields);
      return table([
        int(this.#codes.indexOf(name)),
        offset(fromVector),
        offset(toVector),
        byte(OPERATORS[name].options),
        offset(options),
      ]);
    });
    const codes = this.#codes.map((name) => {
      const { code } = OPERATORS[name];
      return table([
        byte(Math.min(code, PLACEHOLDER_CODE)),
        undefined,
        (_, slot) => builder.addFieldInt32(slot, 1, 0),
        int(code),
      ]);
    });
    const [tensorVector, operatorVector] = [offsets(tensors), offsets(operators)];
    const [inputVector, outputVector] = [ints(inputs), ints(outputs)];
    const subgraph = table([tensorVector, inputVector, outputVector, operatorVector].map(offset));
    const [codeVector, subgraphVector, bufferVector] = [
      offsets(codes),
      offsets([subgraph]),
      offsets(buffers),
    ];
    const description = builder.createString('deconv-wasm bench');
    const model = table([
      int(SCHEMA_VERSION),
      ...[codeVector, subgraphVector, description, bufferVector].map(offset),
    ]);
    builder.finish(model, 'TFL3');
    return builder.asUint8Array();
  }
}
