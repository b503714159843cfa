import type { Tensor } from 'deconv-wasm';
import { type Excerpt, middle, type Planes, shrunk } from '../model/picture';

/** Where the places of a value lie, and its channels: what is no place is a channel. */
export interface ValueLayout {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Whether the channels of one place lie together, as TFLite has them. */
  readonly channelsLast: boolean;
}

/** Axes of the places, of a value that no layer says them of. */
export function spatialAxesOf(format: 'onnx' | 'tflite', rank: number): readonly number[] {
  const all = Array.from({ length: rank }, (_, axis) => axis);
  if (rank < 3) return all;
  return format === 'tflite' ? all.slice(1, -1) : all.slice(2);
}

export function layoutOf(shape: readonly number[], spatialAxes: readonly number[]): ValueLayout {
  const [width = 1, height = 1] = spatialAxes.map((axis) => shape[axis] ?? 1).reverse();
  const count = shape.reduce((product, extent) => product * extent, 1);
  const channelsLast = spatialAxes.length > 0 && spatialAxes.at(-1) === shape.length - 2;
  return { width, height, channels: count / (width * height), channelsLast };
}

/** All channels as planes. */
export function planesOf(data: Float32Array, layout: ValueLayout): Planes {
  const { width, height, channels } = layout;
  const planes = new Float32Array(data.length);
  for (let channel = 0; channel < channels; channel++) add(planes, channel, data, layout, channel, 1);
  return { channels, width, height, data: planes };
}

/** Planes in the layout of a value. */
export function laidOut({ data }: Planes, { width, height, channels, channelsLast }: ValueLayout) {
  if (!channelsLast) return data;
  return planesOf(data, { width: channels, height: 1, channels: width * height, channelsLast }).data;
}

/** One channel as a plane, or the mean of all; that is what is given of a channel that is not there. */
export function planeOf({ data }: Tensor, layout: ValueLayout, channel: number | null): Planes {
  const { width, height, channels } = layout;
  const plane = new Float32Array(width * height);
  if (channel !== null && channel < channels) add(plane, 0, data, layout, channel, 1);
  else for (let one = 0; one < channels; one++) add(plane, 0, data, layout, one, 1 / channels);
  return { channels: 1, width, height, data: plane };
}

/** Adds a channel of a value, times a number, to the plane at a place. */
function add(
  planes: Float32Array,
  plane: number,
  data: Float32Array,
  { width, height, channels, channelsLast }: ValueLayout,
  channel: number,
  scale: number,
): void {
  const area = width * height;
  const [first, step] = channelsLast ? [channel, channels] : [channel * area, 1];
  for (let place = 0; place < area; place++) {
    planes[plane * area + place] =
      (planes[plane * area + place] ?? 0) + scale * (data[first + step * place] ?? 0);
  }
}

/** At most so long: of a line its beginning, of a picture the whole, each pixel a mean. */
export function reduced(planes: Planes, side: number): Excerpt {
  if (planes.height > 1) return { ...shrunk({ ...planes, name: '' }, side), cutFrom: null };
  const width = Math.min(planes.width, side);
  const data = Float32Array.from({ length: planes.channels * width }, (_, index) => {
    const channel = Math.floor(index / width);
    return planes.data[channel * planes.width + (index % width)] ?? 0;
  });
  return excerpt({ channels: planes.channels, width, height: 1, data }, planes, 'beginning');
}

/** At most so long, and every pixel one of the value's own, so that a pattern stays what it is. */
export const cut = (planes: Planes, side: number): Excerpt =>
  planes.height > 1 ? excerpt(middle(planes, side, 1), planes, 'middle') : reduced(planes, side);

function excerpt(planes: Planes, { width, height }: Planes, part: 'middle' | 'beginning'): Excerpt {
  const isWhole = planes.width === width && planes.height === height;
  return { ...planes, cutFrom: isWhole ? null : { width, height, part } };
}
