// Networks on parts of their input, one after the other.

import { checkInteger } from '../core/checks.js';
import { at, product } from '../core/lists.js';
import { stopIfAborted } from '../core/progress.js';
import {
  allocateTensor,
  apart,
  checkOut,
  checkTensor,
  heaps,
  sharesMemory,
  type Tensor,
} from '../core/tensor.js';
import { nextTurn } from '../core/turn.js';
import type { Shape } from './shapes.js';
import { type LoweredNetwork, layOut, type Part, sameTracks } from './tile-parts.js';

/** How `tiled` of a network cuts its input, and what it tells meanwhile. */
export interface TileOptions<Out = Tensor> {
  /**
   * Values of the input along each tiled axis that a part makes of the output, or one number for all; 256 by default. Where
   * the file fixes a length, a part has that one: it is left out then, or the same.
   */
  readonly tile?: number | readonly number[];
  /**
   * Values of the input that a part sees beyond its own on every side. `'auto'` (default): as many as the output depends
   * on, so that the result is that of the whole, to rounding; a network that looks at the whole input is refused then. A
   * number takes what that gives, also where norms and softmax look at all places.
   */
  readonly overlap?: 'auto' | number;
  /** Receives the result instead of a new tensor: all at once, where it lies on a heap, over the input or on a resizable buffer. */
  readonly out?: Out;
  /** Hears of every part that is done, and of how many there are. */
  readonly onProgress?: ((progress: { readonly loaded: number; readonly total: number }) => void) | undefined;
  /** Stops between two parts: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface TiledNetwork extends LoweredNetwork {
  /** What errors call its input. */
  readonly label: string;
  forward(x: Tensor): Tensor;
}

export async function runTiled(
  where: string,
  net: TiledNetwork,
  given: unknown,
  options: TileOptions,
): Promise<Tensor> {
  const x = checkTensor(where, net.label, given);
  const { overlap = 'auto', out, signal, onProgress } = options;
  const margin = overlap === 'auto' ? null : checkInteger(where, "overlap, unless 'auto',", overlap, 0);
  const { outputShape, tracks, inputAxes, outputAxes, parts } = layOut(
    where,
    net,
    x.shape,
    options.tile,
    margin,
  );
  // Asked anew whenever it is written to: between two parts others dispose and transfer.
  const receiver = (): Float32Array => checkOut(where, out, outputShape, product(outputShape));
  // A heap that grows takes its views along, a buffer that shrinks and grows what was written, and parts that are done must
  // not change what others are computed from.
  const restless = ({ buffer }: Float32Array): boolean =>
    heaps.has(buffer) || (buffer as { readonly resizable?: boolean }).resizable === true;
  const beside =
    out === undefined || restless(receiver()) || sharesMemory(x.data, receiver())
      ? allocateTensor(where, outputShape)
      : undefined;
  const source = apart(x);
  const all = combinations(parts);
  const checked = new Set<string>();
  for (const [index, part] of all.entries()) {
    stopIfAborted(signal);
    const along = (whole: Shape, axes: readonly number[]): Part[] =>
      whole.map((end, axis) => {
        const all = { first: 0, end };
        return part[axes.indexOf(axis)] ?? { input: all, output: all, origin: 0 };
      });
    const reads = along(x.shape, inputAxes).map(({ input }) => input);
    const shape = reads.map(({ first, end }) => end - first);
    if (!checked.has(shape.join())) {
      const graph = net.lower(shape);
      for (const [place, track] of tracks.entries()) {
        sameTracks(where, graph, track, at(inputAxes, place), margin !== null);
      }
      checked.add(shape.join());
    }
    const piece = { data: new Float32Array(product(shape)), shape };
    copyBlock(
      checkTensor(where, net.label, source),
      reads.map(({ first }) => first),
      piece,
      shape.map(() => 0),
      shape,
    );
    const made = net.forward(piece);
    const writes = along(outputShape, outputAxes);
    copyBlock(
      made,
      writes.map(({ output, origin }) => output.first - origin),
      beside ?? { data: receiver(), shape: outputShape },
      writes.map(({ output }) => output.first),
      writes.map(({ output }) => output.end - output.first),
    );
    onProgress?.({ loaded: index + 1, total: all.length });
    if (index + 1 < all.length) await nextTurn();
  }
  if (out === undefined) return beside as Tensor;
  if (beside !== undefined) receiver().set(beside.data);
  return out;
}

function combinations(parts: readonly (readonly Part[])[]): (readonly Part[])[] {
  return parts.reduce<(readonly Part[])[]>(
    (all, own) => all.flatMap((before) => own.map((part) => [...before, part])),
    [[]],
  );
}

/** Copies a block of `size` from one tensor to another. */
function copyBlock(from: Tensor, first: Shape, to: Tensor, begins: Shape, size: Shape): void {
  const last = size.length - 1;
  const copy = (axis: number, source: number, target: number): void => {
    const [one, other] = [
      source * at(from.shape, axis) + at(first, axis),
      target * at(to.shape, axis) + at(begins, axis),
    ];
    if (axis === last) {
      to.data.set(from.data.subarray(one, one + at(size, axis)), other);
      return;
    }
    for (let index = 0; index < at(size, axis); index += 1) copy(axis + 1, one + index, other + index);
  };
  copy(0, 0, 0);
}
