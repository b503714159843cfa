import { hasBrand, QUANTIZED_LAYER } from '../core/brands.js';
import { fault, refuse, shapeText } from '../core/checks.js';
import type { DeconvError } from '../core/errors.js';
import { product } from '../core/lists.js';
import { isArrayBuffer, isList } from '../core/realms.js';
import { type OperatorSpec, weightShape } from '../core/spec.js';
import { checkArray, checkAttached } from '../core/tensor.js';
import { internalsOf } from '../layers/internals.js';
import type { Layer } from '../layers/layer.js';
import { checkLayer, checkRequantization, type QuantizeOptions, readFixed } from './quantize.js';
import { QuantizedLayer } from './quantized-layer.js';

/** `DWQ` and the format's number. */
const MAGIC = [0x44, 0x57, 0x51, 1];
const HEAD = 8;

interface Header {
  readonly transposed: boolean;
  readonly groups: number;
  /** In PyTorch's order. */
  readonly weightShape: readonly number[];
  readonly bias: boolean;
  readonly activations: QuantizeOptions;
}

/**
 * A quantized layer as bytes, about a quarter of the float32 weight: int8 weight, scales, bias and
 * quantization, but not the geometry, which the code has anyway.
 *
 * Format: `DWQ\x01`, the header's length as uint32, the header as JSON padded with spaces to 4 bytes,
 * scales and bias as float32, the weight as int8 in PyTorch's order; all little-endian.
 *
 * @throws {DeconvError} `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const layer = new ConvTranspose2d({ inChannels: 64, outChannels: 32, kernelSize: 4, stride: 2, seed: 1 });
 * const bytes = saveQuantized(quantize(layer));
 * console.log(layer.weight.data.byteLength, bytes.length < 34_000); // 131072 true
 */
export function saveQuantized(layer: QuantizedLayer): Uint8Array<ArrayBuffer> {
  if (!hasBrand(layer, QUANTIZED_LAYER)) refuse('BAD_TYPE', 'saveQuantized', 'a quantized layer', layer);
  const { geometry, weight, scale, bias, fixed } = layer.definition('saveQuantized');
  const header: Header = {
    transposed: geometry.spec.transposed,
    groups: geometry.spec.groups,
    weightShape: weightShape(geometry.spec),
    bias: bias !== null,
    activations: fixed ?? {},
  };
  // All of it is ASCII, and an AudioWorklet has neither TextEncoder nor TextDecoder.
  const text = Uint8Array.from(JSON.stringify(header), (character) => character.charCodeAt(0));
  const floats = bias === null ? [scale] : [scale, bias];
  const headerLength = Math.ceil(text.length / 4) * 4;
  const floatBytes = floats.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const bytes = new Uint8Array(HEAD + headerLength + floatBytes + weight.length).fill(
    0x20,
    HEAD,
    HEAD + headerLength,
  );
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(4, headerLength, true);
  bytes.set(text, HEAD);
  let offset = HEAD + headerLength;
  for (const list of floats) {
    for (const value of list) {
      view.setFloat32(offset, value, true);
      offset += 4;
    }
  }
  bytes.set(new Uint8Array(weight.buffer, weight.byteOffset, weight.length), offset);
  return bytes;
}

/**
 * The quantized layer of `saveQuantized`, with the geometry of a float32 layer made with the same
 * arguments, whose own weight does not matter and which may be disposed afterwards. The layer may be of
 * another convention if it computes the same operator.
 *
 * @param saved the bytes, such as `await response.arrayBuffer()` of a download
 * @throws {DeconvError} `BAD_BUFFER` for bytes of something else or cut short, `BAD_SHAPE` if the layer
 * has another weight or no bias where one was saved (or the other way round), `BAD_OPTION`, `UNSUPPORTED`,
 * `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * await init();
 * const options = { inChannels: 64, outChannels: 32, kernelSize: 4, stride: 2 };
 * const bytes = saveQuantized(quantize(new ConvTranspose2d({ ...options, seed: 1 })));
 * // Elsewhere: a layer of the same arguments, whatever its weights.
 * const layer = loadQuantized(new ConvTranspose2d(options), bytes);
 * console.log(layer.forward({ data: new Float32Array(64 * 16), shape: [1, 64, 4, 4] }).shape.join('x')); // 1x32x10x10
 */
export function loadQuantized(layer: Layer, saved: Uint8Array | ArrayBuffer): QuantizedLayer {
  const where = 'loadQuantized';
  checkLayer(where, layer);
  checkAttached(where, 'bytes', saved);
  const bytes = isArrayBuffer(saved) ? new Uint8Array(saved) : saved;
  checkArray(where, 'bytes', bytes, 'Uint8Array');
  const geometry = internalsOf(layer).arithmetic;
  const { spec } = geometry;
  // Whether the layer lives, and what it has.
  const hasBias = layer.bias !== null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { header, begin } = readHeader(where, bytes, view);
  const fixed = readFixed(where, header.activations);
  checkSame(where, spec, hasBias, header);
  const channels = spec.outChannels;
  const count = product(header.weightShape);
  const expected = begin + 4 * channels * (header.bias ? 2 : 1) + count;
  if (bytes.length !== expected) {
    throw broken(
      where,
      `${expected} bytes for a weight of shape ${shapeText(header.weightShape)}`,
      bytes.length,
    );
  }
  const floats = (offset: number): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length: channels }, (_, index) => view.getFloat32(offset + 4 * index, true));
  const scale = floats(begin);
  if (!scale.every((value) => value >= 2 ** -126 && value < Number.POSITIVE_INFINITY)) {
    throw broken(where, 'scales that are positive normal numbers', 'others');
  }
  const bias = header.bias ? floats(begin + 4 * channels) : null;
  if (bias?.every(Number.isFinite) === false) throw broken(where, 'a finite bias', 'another');
  // Not by `slice`: that of Node's Buffer does not copy.
  const weight = new Int8Array(bytes.subarray(bytes.length - count));
  checkRequantization(where, fixed, scale, bias);
  return QuantizedLayer.of({ geometry, weight, scale, bias, fixed });
}

function readHeader(
  where: string,
  bytes: Uint8Array,
  view: DataView,
): { readonly header: Header; readonly begin: number } {
  if (bytes.length < HEAD || MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw broken(where, 'bytes of saveQuantized', `${bytes.length} others`);
  }
  const begin = HEAD + view.getUint32(4, true);
  if (begin > bytes.length) throw broken(where, `a header up to byte ${begin}`, `${bytes.length} bytes`);
  let header: unknown;
  try {
    header = JSON.parse(String.fromCharCode(...bytes.subarray(HEAD, begin)));
  } catch {
    throw broken(where, 'a header in JSON', 'something else');
  }
  const { transposed, groups, bias, activations, weightShape: shape } = (header ?? {}) as Partial<Header>;
  const complete =
    typeof transposed === 'boolean' &&
    typeof groups === 'number' &&
    typeof bias === 'boolean' &&
    typeof activations === 'object' &&
    isList(shape) &&
    shape.every((extent) => Number.isInteger(extent) && extent > 0);
  if (!complete) throw broken(where, 'a complete header', 'one that lacks fields');
  return { header: header as Header, begin };
}

function checkSame(where: string, spec: OperatorSpec, hasBias: boolean, header: Header): void {
  const texts = (transposed: boolean, groups: number, shape: readonly number[], bias: boolean): string =>
    `a ${transposed ? 'transposed' : 'plain'} weight ${shapeText(shape)} with groups ${groups} and ${bias ? 'a' : 'no'} bias`;
  const expected = texts(spec.transposed, spec.groups, weightShape(spec), hasBias);
  const got = texts(header.transposed, header.groups, header.weightShape, header.bias);
  if (expected === got) return;
  throw fault(
    'BAD_SHAPE',
    where,
    `bytes of ${expected}`,
    `those of ${got}`,
    'Make the layer with the arguments of the saved one.',
    { expected, got },
  );
}

function broken(where: string, expected: string, got: unknown): DeconvError {
  return fault('BAD_BUFFER', where, `${expected}`, `${String(got)}`, 'Pass what saveQuantized gave, whole.', {
    expected,
    got,
  });
}
