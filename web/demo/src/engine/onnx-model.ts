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

/**
 * An ONNX model of one ConvTranspose from `x` to `y`, channels first, with the field numbers of
 * onnx/onnx.proto (IR version 8). Written by hand: protobuf libraries that make their code while they run
 * are against the page's policy.
 */
export function onnxModel(geometry: Geometry, weight: Float32Array): Uint8Array<ArrayBuffer> {
  const { batch, inChannels, outChannels, groups, input, output, kernel, padding } = geometry;
  const ints = (name: string, values: readonly number[]) =>
    message(5, text(1, name), ...values.map((value) => integer(8, value)), integer(20, INTS));
  const node = message(
    1,
    text(1, 'x'),
    text(1, 'w'),
    text(2, 'y'),
    text(4, 'ConvTranspose'),
    ints('kernel_shape', kernel),
    ints('strides', geometry.stride),
    // First all beginnings, then all ends.
    ints('pads', [...padding, ...padding]),
    ints('output_padding', geometry.outputPadding),
    ints('dilations', geometry.dilation),
    message(5, text(1, 'group'), integer(3, groups), integer(20, INT)),
  );
  const initializer = message(
    5,
    ...[inChannels, outChannels / groups, ...kernel].map((extent) => integer(1, extent)),
    integer(2, FLOAT),
    text(8, 'w'),
    bytes(9, new Uint8Array(weight.buffer, weight.byteOffset, weight.byteLength)),
  );
  const value = (field: number, name: string, shape: readonly number[]) => {
    const axes = message(2, ...shape.map((extent) => message(1, integer(1, extent))));
    return message(field, text(1, name), message(2, message(1, integer(1, FLOAT), axes)));
  };
  return joined([
    integer(1, 8),
    text(2, 'deconv-wasm page'),
    message(
      7,
      node,
      text(2, geometry.name),
      initializer,
      value(11, 'x', [batch, inChannels, ...input]),
      value(12, 'y', [batch, outChannels, ...output]),
    ),
    message(8, text(1, ''), integer(2, 11)),
  ]);
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
