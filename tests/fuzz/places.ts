// Where the values of a call lie.

import { HeapTensor, type Tensor } from 'deconv-wasm';
import { mulberry32 } from '../support/random.js';
import { sizeOf } from '../support/tensors.js';
import type { PlaceKind, ValueKind } from './actions.js';
import type { World } from './world.js';

/** Values of a kind, the same for the same seed. */
export function valuesOf(kind: ValueKind, shape: readonly number[], seed: number): Tensor {
  const random = mulberry32(seed);
  const data = Float32Array.from({ length: sizeOf(shape) }, () => {
    if (kind === 'zeros') return random() < 0.5 ? 0 : -0;
    if (kind === 'quarters') return Math.round(random() * 16 - 8) / 4;
    const value = 2 * random() - 1;
    if (kind === 'denormal') return value * 2 ** -(120 + Math.floor(random() * 28));
    return kind === 'large' ? value * 2 ** 60 : value;
  });
  if (data.length === 0 || (kind !== 'nan' && kind !== 'infinity')) return { data, shape };
  for (let count = 1 + Math.floor(random() * 3); count > 0; count -= 1) {
    const sign = random() < 0.5 ? 1 : -1;
    data[Math.floor(random() * data.length)] = kind === 'nan' ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  }
  return { data, shape };
}

/** A tensor somewhere, and the blocks that it lies on. */
export class Placed {
  readonly blocks: { readonly tensor: HeapTensor; readonly seat: number }[] = [];
  readonly #world: World;
  readonly #make: () => Tensor;

  private constructor(world: World, make: () => Tensor) {
    this.#world = world;
    this.#make = make;
  }

  /** Room for `shape` on the heap of `seat` if that runs, or in an array. */
  static of(world: World, kind: PlaceKind, shape: readonly number[], seat: number, shift: number): Placed {
    const elsewhere =
      kind === 'elsewhere' ? world.seats.findIndex(({ running }, index) => running && index !== seat) : seat;
    const on = elsewhere < 0 ? seat : elsewhere;
    const count = sizeOf(shape);
    if (kind === 'array' || !world.seat(on).running) {
      const data = new Float32Array(count + shift).subarray(shift);
      return new Placed(world, () => ({ data, shape }));
    }
    const { runtime } = world.seat(on);
    if (kind === 'part') {
      const tensor = new HeapTensor([count + shift + 3], { runtime });
      const placed = new Placed(world, () => ({ data: tensor.data.subarray(shift, shift + count), shape }));
      placed.blocks.push({ tensor, seat: on });
      return placed;
    }
    const tensor = new HeapTensor(shape, { runtime });
    const placed = new Placed(world, () => tensor);
    placed.blocks.push({ tensor, seat: on });
    return placed;
  }

  /** A tensor on the same memory that begins `shift` values after this one's. */
  static beside(
    world: World,
    shapes: readonly [readonly number[], readonly number[]],
    onHeap: boolean,
    seat: number,
    shift: number,
  ): readonly [Placed, Placed] {
    const [one, other] = shapes;
    const length = Math.max(sizeOf(one), shift + sizeOf(other));
    const part = (from: () => Float32Array, at: number, shape: readonly number[]): Placed =>
      new Placed(world, () => ({ data: from().subarray(at, at + sizeOf(shape)), shape }));
    if (!onHeap || !world.seat(seat).running) {
      const data = new Float32Array(length);
      return [part(() => data, 0, one), part(() => data, shift, other)];
    }
    const tensor = new HeapTensor([length], { runtime: world.seat(seat).runtime });
    const first = part(() => tensor.data, 0, one);
    first.blocks.push({ tensor, seat });
    return [first, part(() => tensor.data, shift, other)];
  }

  /** The tensor as it lies there now: a heap that grew detached what was taken before. */
  get tensor(): Tensor {
    return this.#make();
  }

  fill({ data }: Tensor): this {
    this.tensor.data.set(data);
    return this;
  }

  /** Ends its use: its blocks stay for later steps, or go. */
  release(keep: boolean): void {
    for (const { tensor, seat } of this.blocks) {
      if (keep) this.#world.keep(tensor, seat);
      else tensor.dispose();
    }
  }
}
