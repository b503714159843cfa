// int8 layers in integer arithmetic, written from the definition: equality, not tolerance.

import type { Tensor } from 'deconv-wasm';
import type { QuantizedLayer, TensorQuantization } from 'deconv-wasm/quantize';
import { type Geometry, reference } from './reference.js';
import { sizeOf } from './tensors.js';

const { fround } = Math;

/** To nearest, ties to even. */
export function round(value: number): number {
  const [below, above] = [Math.floor(value), Math.ceil(value)];
  if (value - below !== above - value) return Math.round(value);
  return below % 2 === 0 ? below : above;
}

function clamp(value: number, least: number, greatest: number): number {
  return Math.min(greatest, Math.max(least, value));
}

export function steps(value: number, { scale, zeroPoint }: TensorQuantization): number {
  return clamp(round(fround(value * fround(1 / scale))) + zeroPoint, -128, 127);
}

function measured(values: Float32Array): TensorQuantization {
  const least = Math.min(0, ...values);
  const greatest = Math.max(0, ...values);
  const scale = least === greatest ? 1 : fround((greatest - least) / 255);
  return { scale, zeroPoint: clamp(round(-128 - least / scale), -128, 127) };
}

/** x channels first, one quantization for each image; exact sums of (step - zero point) * weight. */
function sums(
  geometry: Geometry,
  x: Tensor,
  layer: QuantizedLayer,
  quantizations: readonly TensorQuantization[],
  weights: Float32Array = Float32Array.from(layer.weight.data),
): { readonly shape: readonly number[]; readonly data: Float64Array } {
  const image = sizeOf(x.shape.slice(1));
  const values = x.data.map((value, index) => {
    const quantization = quantizations[Math.floor(index / image)] as TensorQuantization;
    return steps(value, quantization) - quantization.zeroPoint;
  });
  const weight = { data: weights, shape: layer.weight.shape };
  return reference(geometry, { data: values, shape: x.shape }, weight, null);
}

/** Scales and weights as they are computed with: a bias of more than 2^30 steps makes those of its channel coarser. */
function besideBias(
  { transposed, groups }: Geometry,
  { weight, weightScale, bias }: QuantizedLayer,
  inputScale: number,
): { readonly scales: Float32Array; readonly weights: Float32Array } {
  const scales = Float32Array.from(weightScale, (scale, channel) => {
    const most = Math.abs(bias?.data[channel] ?? 0) / 2 ** 30 / inputScale;
    return most > scale ? most : scale;
  });
  const [first = 1, second = 1] = weight.shape;
  const channelOf = (kernel: number) =>
    transposed
      ? Math.floor(Math.floor(kernel / second) / (first / groups)) * second + (kernel % second)
      : Math.floor(kernel / second);
  const elements = sizeOf(weight.shape.slice(2));
  const weights = Float32Array.from(weight.data, (value, index) => {
    const channel = channelOf(Math.floor(index / elements));
    return round(((weightScale[channel] as number) / (scales[channel] as number)) * value);
  });
  return { scales, weights };
}

export function dynamicReference(geometry: Geometry, x: Tensor, layer: QuantizedLayer): Float32Array {
  const image = sizeOf(x.shape.slice(1));
  const quantizations = Array.from({ length: x.shape[0] as number }, (_, index) =>
    measured(x.data.subarray(index * image, (index + 1) * image)),
  );
  const { shape, data } = sums(geometry, x, layer, quantizations);
  const [, channels = 1, ...extents] = shape;
  const points = sizeOf(extents);
  const { weightScale, bias } = layer;
  return Float32Array.from(data, (sum, index) => {
    const channel = Math.floor(index / points) % channels;
    const { scale } = quantizations[Math.floor(index / points / channels)] as TensorQuantization;
    const product = fround(fround(fround(sum) * scale) * (weightScale[channel] as number));
    return fround(product + (bias?.data[channel] ?? 0));
  });
}

export function staticReference(geometry: Geometry, x: Tensor, layer: QuantizedLayer): Int8Array {
  const input = layer.input as TensorQuantization;
  const output = layer.output as TensorQuantization;
  const { scales, weights } = besideBias(geometry, layer, input.scale);
  const inputs = Array.from({ length: x.shape[0] as number }, () => input);
  const { shape, data } = sums(geometry, x, layer, inputs, weights);
  const [, channels = 1, ...extents] = shape;
  const points = sizeOf(extents);
  const { bias } = layer;
  return Int8Array.from(data, (sum, index) => {
    const channel = Math.floor(index / points) % channels;
    const scale = scales[channel] as number;
    const offset = round((bias?.data[channel] ?? 0) / (input.scale * scale));
    const factor = fround(fround(input.scale * scale) / output.scale);
    return clamp(round(fround(fround(sum + offset) * factor)) + output.zeroPoint, -128, 127);
  });
}
