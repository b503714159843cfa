// The two canonical operators straight from their definition: scatter for the transposed one,
// gather for the other, in float64. Shares no code with the product, and is meant to be read.

import type { Tensor } from 'deconv-wasm';

export interface Geometry {
  readonly transposed: boolean;
  readonly groups: number;
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padBefore: readonly number[];
  readonly padAfter: readonly number[];
  /** Transposed only. */
  readonly outputPadding: readonly number[];
  /** Convolution only. */
  readonly inputDilation: readonly number[];
}

export interface Reference {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  /** Sum of the absolute values of every term of each output, and how many terms there are. */
  readonly magnitude: Float64Array;
  readonly terms: Float64Array;
}

/** One output axis as semantics.md has it; may be below 1. */
export function referenceExtent(geometry: Geometry, axis: number, n: number, k: number): number {
  const of = (values: readonly number[]): number => values[axis] as number;
  const pads = of(geometry.padBefore) + of(geometry.padAfter);
  const ke = of(geometry.dilation) * (k - 1) + 1;
  if (geometry.transposed) return (n - 1) * of(geometry.stride) + ke + of(geometry.outputPadding) - pads;
  const padded = (n - 1) * of(geometry.inputDilation) + 1 + pads;
  return padded < ke ? 0 : Math.floor((padded - ke) / of(geometry.stride)) + 1;
}

/** `x` is [N, I, ...], channels first; the weight is canonical. */
export function reference(
  geometry: Geometry,
  x: Tensor,
  weight: Tensor,
  bias: Float32Array | null,
): Reference {
  const [batch = 0, inChannels = 0, ...extents] = x.shape;
  const [rows = 0, columns = 0, ...kernel] = weight.shape;
  const { groups } = geometry;
  const outChannels = geometry.transposed ? columns * groups : rows;
  const groupIn = inChannels / groups;
  const groupOut = outChannels / groups;
  const outExtents = extents.map((n, axis) => referenceExtent(geometry, axis, n, kernel[axis] as number));
  const shape = [batch, outChannels, ...outExtents];
  const count = shape.reduce((product, extent) => product * extent, 1);
  const data = new Float64Array(count);
  const magnitude = new Float64Array(count);
  const terms = new Float64Array(count);

  const add = (index: number, term: number): void => {
    data[index] = (data[index] as number) + term;
    magnitude[index] = (magnitude[index] as number) + Math.abs(term);
    terms[index] = (terms[index] as number) + 1;
  };

  const points = outExtents.reduce((product, extent) => product * extent, 1);
  if (bias !== null) {
    for (let index = 0; index < count; index += 1) {
      add(index, bias[Math.floor(index / points) % outChannels] as number);
    }
  }

  const inputPositions = positions(extents);
  const taps = positions(kernel);
  const outputPositions = positions(outExtents);
  for (let n = 0; n < batch; n += 1) {
    for (let group = 0; group < groups; group += 1) {
      for (let il = 0; il < groupIn; il += 1) {
        for (let ol = 0; ol < groupOut; ol += 1) {
          const i = group * groupIn + il;
          const o = group * groupOut + ol;
          const input = (n * inChannels + i) * inputPositions.length;
          const output = (n * outChannels + o) * points;
          const matrix = geometry.transposed ? i * groupOut + ol : o * groupIn + il;
          for (const [tapIndex, tap] of taps.entries()) {
            const w = weight.data[matrix * taps.length + tapIndex] as number;
            if (geometry.transposed) {
              // y[p] += x[i] * w[t] with p = i * s + t * d - pb
              for (const [inputIndex, position] of inputPositions.entries()) {
                const p = position.map(
                  (at, axis) =>
                    at * (geometry.stride[axis] as number) +
                    (tap[axis] as number) * (geometry.dilation[axis] as number) -
                    (geometry.padBefore[axis] as number),
                );
                const target = offset(p, outExtents);
                if (target >= 0) add(output + target, (x.data[input + inputIndex] as number) * w);
              }
            } else {
              // y[p] += xd[p * s + t * d - pb] * w[t], where xd is x with zeros inserted
              for (const [outputIndex, position] of outputPositions.entries()) {
                const q = position.map(
                  (at, axis) =>
                    (at * (geometry.stride[axis] as number) +
                      (tap[axis] as number) * (geometry.dilation[axis] as number) -
                      (geometry.padBefore[axis] as number)) /
                    (geometry.inputDilation[axis] as number),
                );
                const source = q.every(Number.isInteger) ? offset(q, extents) : -1;
                if (source >= 0) add(output + outputIndex, (x.data[input + source] as number) * w);
              }
            }
          }
        }
      }
    }
  }
  return { shape, data, magnitude, terms };
}

/** All positions of a grid in row-major order. */
function positions(extents: readonly number[]): number[][] {
  let list: number[][] = [[]];
  for (const extent of extents) {
    list = list.flatMap((head) => Array.from({ length: extent }, (_, at) => [...head, at]));
  }
  return list;
}

/** Row-major index of a position, -1 outside of the grid. */
function offset(position: readonly number[], extents: readonly number[]): number {
  let index = 0;
  for (const [axis, extent] of extents.entries()) {
    const at = position[axis] as number;
    if (at < 0 || at >= extent) return -1;
    index = index * extent + at;
  }
  return index;
}
