/** What the model of one layer is made of, as scripts/bench/geometry.mjs spells a layer out. */
export interface Geometry {
  readonly name: string;
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly dilation: readonly number[];
}

const FLOAT = 1;
const [INT, INTS] = [2, 7];

/** A node of an ONNX graph; an attribute of one number is an integer, of a list integers. */
export interface OnnxNode {
  readonly type: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes: readonly OnnxNode[];
  readonly weights: readonly (OnnxValue & { readonly data: Float32Array })[];
}

/** An ONNX model of one ConvTranspose from `x` to `y`, channels first. */
export function onnxModel(geometry: Geometry, weight: Float32Array): Uint8Array<ArrayBuffer> {
  const { batch, inChannels, outChannels, groups, input, output, kernel, padding } = geometry;
  return onnxFile({
    name: geometry.name,
    inputs: [{ name: 'x', shape: [batch, inChannels, ...input] }],
    outputs: [{ name: 'y', shape: [batch, outChannels, ...output] }],
    nodes: [
      {
        type: 'ConvTranspose',
        name: 'up',
        inputs: ['x', 'w'],
        output: 'y',
        attributes: {
          kernel_shape: kernel,
          strides: geometry.stride,
          // First all beginnings, then all ends.
          pads: [...padding, ...padding],
          output_padding: geometry.outputPadding,
          dilations: geometry.dilation,
          group: groups,
        },
      },
    ],
    weights: [{ name: 'w', shape: [inChannels, outChannels / groups, ...kernel], data: weight }],
  });
}

/**
 * A graph as an ONNX file, with the field numbers of onnx/onnx.proto (IR version 8). Written by hand:
 * protobuf libraries that make their code while they run are against the page's policy.
 */
export function onnxFile({ name, inputs, outputs, nodes, weights }: OnnxGraph): Uint8Array<ArrayBuffer> {
  return joined([
    integer(1, 8),
    text(2, 'deconv-wasm page'),
    message(
      7,
      ...nodes.map(nodeMessage),
      text(2, name),
      ...weights.map(({ name: own, shape, data }) =>
        message(
          5,
          ...shape.map((extent) => integer(1, extent)),
          integer(2, FLOAT),
          text(8, own),
          bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
        ),
      ),
      ...inputs.map((value) => valueMessage(11, value)),
      ...outputs.map((value) => valueMessage(12, value)),
    ),
    message(8, text(1, ''), integer(2, 11)),
  ]);
}

function nodeMessage({ type, name, inputs, output, attributes = {} }: OnnxNode): Uint8Array {
  return message(
    1,
    ...inputs.map((input) => text(1, input)),
    text(2, output),
    text(3, name),
    text(4, type),
    ...Object.entries(attributes).map(([word, value]) =>
      typeof value === 'number'
        ? message(5, text(1, word), integer(3, value), integer(20, INT))
        : message(5, text(1, word), ...value.map((one) => integer(8, one)), integer(20, INTS)),
    ),
  );
}

function valueMessage(field: number, { name, shape }: OnnxValue): Uint8Array {
  const axes = message(2, ...shape.map((extent) => message(1, integer(1, extent))));
  return message(field, text(1, name), message(2, message(1, integer(1, FLOAT), axes)));
}

const VARINT = 0;
const DELIMITED = 2;

function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field * 8 + VARINT), ...varint(value)]);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

function message(field: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return bytes(field, joined(parts));
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return joined([Uint8Array.from([...varint(field * 8 + DELIMITED), ...varint(value.length)]), value]);
}

function varint(value: number): number[] {
  const digits = [];
  let rest = value;
  while (rest >= 128) {
    digits.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...digits, rest];
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
