import { checkInteger, refuse } from '../core/checks.js';
import { product, settle } from '../core/lists.js';
import { python } from '../layers/repr.js';
import { readOptions } from './activation.js';
import {
  type GradientPlaces,
  HeapModule,
  type ModuleOptions,
  type Pass,
  type ShapePlan,
} from './heap-module.js';

/** PyTorch's arguments of Softmax. */
export interface SoftmaxOptions extends ModuleOptions {
  /**
   * The axis along which results sum to 1; below 0 from the end: 1 for channels, -1 for channels that are last. Null,
   * the default, is PyTorch's choice of old: 0 for 0, 1 or 3 axes, else 1.
   */
  readonly dim?: number | null;
}

interface Axes {
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
}

/**
 * `exp(x)` over its sum along one axis, as `torch.nn.Softmax`, of a tensor of any shape; `out` may be the input. It is
 * computed less the largest value, so that nothing overflows.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const softmax = new Softmax({ dim: 1 });
 * const y = softmax.forward({ data: [0, Math.log(3)], shape: [1, 2] });
 * console.log(Array.from(y.data, (value) => value.toFixed(3)).join(' ')); // 0.250 0.750
 */
export class Softmax extends HeapModule<Axes> {
  readonly dim: number | null;

  constructor(options?: SoftmaxOptions) {
    const checked = readOptions('Softmax', options, ['dim']);
    super('Softmax', checked);
    const { dim = null } = checked;
    this.dim = dim === null ? null : checkInteger('Softmax', 'dim', dim, -(2 ** 31));
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `dim=${this.dim ?? python(null)}`;
  }

  /** @internal */
  protected override get inPlace(): boolean {
    return true;
  }

  /** @internal */
  protected override planShape(where: string, shape: readonly number[]): ShapePlan<Axes> {
    const rank = shape.length;
    const dim = this.dim ?? (rank < 2 || rank === 3 ? 0 : 1);
    // A number is a list of one.
    const axis = dim < 0 ? dim + Math.max(rank, 1) : dim;
    if (axis < 0 || axis >= Math.max(rank, 1)) {
      refuse('BAD_SHAPE', where, `input with an axis ${dim}`, [...shape], 'Add axes or set dim.');
    }
    return {
      outputShape: shape,
      geometry: {
        outer: product(shape.slice(0, axis)),
        count: shape[axis] ?? 1,
        inner: product(shape.slice(axis + 1)),
      },
    };
  }

  /** @internal */
  protected override compute(
    { runtime, geometry: { outer, count, inner } }: Pass<Axes>,
    source: number,
    target: number,
  ): void {
    runtime.module.softmax(outer, count, inner, source, 0, target);
  }

  /** @internal */
  protected override computeGradients(
    { runtime, geometry: { outer, count, inner } }: Pass<Axes>,
    { source, gradient, target }: GradientPlaces,
  ): null {
    runtime.module.softmax(outer, count, inner, source, gradient, target);
    return null;
  }
}
