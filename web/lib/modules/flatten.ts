// Modules that change nothing but the shape.

import { checkAxes, checkInteger, refuse } from '../core/checks.js';
import { product, settle } from '../core/lists.js';
import { isList } from '../core/realms.js';
import { tuple } from '../layers/repr.js';
import { readOptions } from './activation.js';
import {
  type GradientPlaces,
  HeapModule,
  type ModuleOptions,
  type Pass,
  type ShapePlan,
} from './heap-module.js';

/** The values as they lie. */
abstract class Reshape extends HeapModule<number> {
  /** @internal */
  protected override get inPlace(): boolean {
    return true;
  }

  /** @internal */
  protected override planShape(where: string, shape: readonly number[]): ShapePlan<number> {
    return { outputShape: this.reshaped(where, shape), geometry: product(shape) };
  }

  /** @internal */
  protected abstract reshaped(where: string, shape: readonly number[]): number[];

  /** @internal */
  protected override compute(
    { runtime, geometry: count }: Pass<number>,
    source: number,
    target: number,
  ): void {
    if (source !== target) runtime.heap.copyWithin(target / 4, source / 4, source / 4 + count);
  }

  /** @internal */
  protected override computeGradients(pass: Pass<number>, { gradient, target }: GradientPlaces): null {
    this.compute(pass, gradient, target);
    return null;
  }
}

/** The place of an axis, which may be counted from the end. */
function axisOf(where: string, name: string, axis: number, shape: readonly number[]): number {
  const at = axis < 0 ? axis + shape.length : axis;
  if (at < 0 || at >= shape.length) {
    refuse('BAD_SHAPE', where, `input with an axis ${axis} (${name})`, [...shape], 'Add axes.');
  }
  return at;
}

/**
 * PyTorch's arguments of Flatten.
 *
 * @example
 * await init();
 * const x = { data: new Float32Array(48), shape: [2, 3, 4, 2] };
 * console.log(new Flatten({ startDim: 2 }).forward(x).shape.join()); // 2,3,8
 * console.log(new Flatten({ endDim: 2 }).forward(x).shape.join()); // 2,12,2
 */
export interface FlattenOptions extends ModuleOptions {
  /** The first axis that is joined; below 0 from the end. Default 1. */
  readonly startDim?: number;
  /** The last. Default -1. */
  readonly endDim?: number;
}

/**
 * Makes one axis of those from `startDim` to `endDim`, as `torch.nn.Flatten`: `[N, C, H, W]` to `[N, C * H * W]`. Values
 * stay where they are, so with channels last the order of the features is another one than in PyTorch.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const y = new Flatten().forward({ data: new Float32Array(24), shape: [2, 3, 4] });
 * console.log(y.shape.join('x')); // 2x12
 */
export class Flatten extends Reshape {
  readonly startDim: number;
  readonly endDim: number;

  constructor(options?: FlattenOptions) {
    const checked = readOptions('Flatten', options, ['startDim', 'endDim']);
    super('Flatten', checked);
    this.startDim = checkInteger('Flatten', 'startDim', checked.startDim ?? 1, -(2 ** 31));
    this.endDim = checkInteger('Flatten', 'endDim', checked.endDim ?? -1, -(2 ** 31));
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`;
  }

  /** @internal */
  protected override reshaped(where: string, given: readonly number[]): number[] {
    // A number is a list of one.
    const shape = given.length === 0 ? [1] : given;
    const first = axisOf(where, 'startDim', this.startDim, shape);
    const last = axisOf(where, 'endDim', this.endDim, shape);
    if (first > last) {
      refuse('BAD_SHAPE', where, 'input whose axis startDim does not stand behind endDim', [...given]);
    }
    return [...shape.slice(0, first), product(shape.slice(first, last + 1)), ...shape.slice(last + 1)];
  }
}

/** PyTorch's arguments of Unflatten. */
export interface UnflattenOptions extends ModuleOptions {
  /** The axis that is split; below 0 from the end. */
  readonly dim: number;
  /** What it is split into; one of them may be -1, for what is left. */
  readonly unflattenedSize: readonly number[];
}

/**
 * Splits one axis into several, as `torch.nn.Unflatten`: the inverse of `Flatten`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const unflatten = new Unflatten({ dim: 1, unflattenedSize: [3, 2, 2] });
 * const y = unflatten.forward({ data: new Float32Array(24), shape: [2, 12] });
 * console.log(y.shape.join('x')); // 2x3x2x2
 */
export class Unflatten extends Reshape {
  readonly dim: number;
  readonly unflattenedSize: readonly number[];

  constructor(options: UnflattenOptions) {
    const name = 'Unflatten';
    const checked = readOptions(name, options, ['dim', 'unflattenedSize']);
    super(name, checked);
    this.dim = checkInteger(name, 'dim', checked.dim, -(2 ** 31));
    const { unflattenedSize: sizes } = checked;
    if (!isList(sizes)) refuse('BAD_TYPE', name, 'unflattenedSize to be a list of integers', sizes);
    if (sizes.length === 0) refuse('BAD_OPTION', name, 'unflattenedSize of at least one axis', sizes);
    this.unflattenedSize = checkAxes(name, 'unflattenedSize', sizes, sizes.length, -1);
    if (this.unflattenedSize.filter((size) => size === -1).length > 1) {
      refuse('BAD_OPTION', name, 'unflattenedSize with one -1 at most', sizes);
    }
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `dim=${this.dim}, unflattened_size=${tuple(this.unflattenedSize)}`;
  }

  /** @internal */
  protected override reshaped(where: string, shape: readonly number[]): number[] {
    const axis = axisOf(where, 'dim', this.dim, shape);
    const extent = shape[axis] as number;
    const known = product(this.unflattenedSize.filter((size) => size !== -1));
    const sizes = this.unflattenedSize.map((size) => (size === -1 && known > 0 ? extent / known : size));
    if (product(sizes) !== extent || !sizes.every((size) => Number.isInteger(size) && size >= 0)) {
      const expected = `input whose axis ${axis} is the product of (${this.unflattenedSize.join(', ')})`;
      refuse('BAD_SHAPE', where, expected, [...shape], 'Mend unflattenedSize.');
    }
    return [...shape.slice(0, axis), ...sizes, ...shape.slice(axis + 1)];
  }
}
