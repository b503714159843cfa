import { fault, refuse, shapeText } from '../core/checks.js';
import { settle } from '../core/lists.js';
import { elementCount } from '../core/tensor.js';
import { arrange } from '../layers/input-shape.js';
import type { Layout } from '../runtime/operation.js';
import { stageParameters } from '../runtime/staging.js';
import {
  type GradientPlaces,
  HeapModule,
  type ModuleOptions,
  type Pass,
  readLayout,
  type ShapePlan,
} from './heap-module.js';

/**
 * What all modules over spatial axes take.
 *
 * @example
 * await init();
 * const pool = new MaxPool2d({ kernelSize: 2, layout: 'channels-last' });
 * console.log(pool.forward({ data: new Float32Array(48), shape: [1, 4, 4, 3] }).shape.join()); // 1,2,2,3
 */
export interface SpatialModuleOptions extends ModuleOptions {
  /** Axes of input and output: N C … or N … C. Default `'channels-first'`. */
  readonly layout?: Layout;
}

/** The core's functions that make other sizes of spatial axes; all take the same arguments. */
export type SpatialFunction = 'resize' | 'maxPool' | 'averagePool' | 'adaptiveAveragePool' | 'pad';

const AXIS_NAMES = ['D', 'H', 'W'];

/** What makes other sizes of the spatial axes, and sees of batch and channels only how many there are. */
export abstract class SpatialModule extends HeapModule<Float32Array> {
  readonly layout: Layout;
  readonly #function: SpatialFunction;
  readonly #ranks: readonly number[];
  readonly #batchOnly: boolean;

  /** @internal `ranks` are the numbers of spatial axes that it takes; `batchOnly` wants a batch axis, too. */
  protected constructor(
    name: string,
    options: SpatialModuleOptions,
    computedBy: SpatialFunction,
    ranks: readonly number[],
    batchOnly = false,
  ) {
    super(name, options);
    this.layout = readLayout(name, options.layout);
    this.#function = computedBy;
    this.#ranks = ranks;
    this.#batchOnly = batchOnly;
    settle(this);
  }

  /** @internal The sizes that it makes of `extents`; those below 1 are refused by the caller. */
  protected abstract outputExtents(where: string, extents: readonly number[]): number[];

  /** @internal The core's struct of a call: the volume, and what the kind adds to it. */
  protected abstract structFor(volume: readonly number[], rank: number): Float32Array;

  /** @internal */
  protected override planShape(where: string, shape: readonly number[]): ShapePlan<Float32Array> {
    const first = this.layout === 'channels-first';
    const batched = this.#batchOnly || !this.#ranks.includes(shape.length - 1);
    const rank = shape.length - (batched ? 2 : 1);
    const sizes = batched ? shape.slice(1) : shape;
    const [channels = 0, ...extents] = first ? sizes : [...sizes.slice(-1), ...sizes.slice(0, -1)];
    if (!this.#ranks.includes(rank)) this.#refuseShape(where, shape, 'Add or drop axes.');
    if (Math.min(channels, ...extents) < 1) this.#refuseShape(where, shape, 'Only the batch may be 0.');
    const output = this.outputExtents(where, extents);
    for (const [axis, extent] of output.entries()) {
      if (extent >= 1) continue;
      const got = `${extent} for spatial axis ${axis} of ${shapeText(shape)}`;
      throw fault('BAD_SHAPE', where, 'an output of at least 1 value an axis', got, 'Use a larger input.');
    }
    const batch = batched ? (shape[0] as number) : undefined;
    const outputShape = arrange(this.layout, batch, channels, output);
    elementCount(where, 'an output', outputShape);
    return {
      outputShape,
      geometry: this.structFor(
        [
          (batch ?? 1) * (first ? channels : 1),
          ...threeAxes(extents, 1),
          ...threeAxes(output, 1),
          first ? 1 : channels,
        ],
        rank,
      ),
    };
  }

  /** @internal */
  protected override compute(pass: Pass<Float32Array>, source: number, target: number): void {
    this.#call(pass, source, 0, target);
  }

  /** @internal */
  protected override computeGradients(
    pass: Pass<Float32Array>,
    { source, gradient, target }: GradientPlaces,
  ): null {
    this.#call(pass, source, gradient, target);
    return null;
  }

  #call(
    { where, runtime, geometry }: Pass<Float32Array>,
    source: number,
    gradient: number,
    target: number,
  ): void {
    const call = stageParameters(runtime, where, geometry);
    runtime.check(where, runtime.module[this.#function](call, source, gradient, target));
  }

  #refuseShape(where: string, shape: readonly number[], advice: string): never {
    const expected = this.#ranks.flatMap((rank) => {
      const spatial = AXIS_NAMES.slice(3 - rank);
      const axes = (this.layout === 'channels-first' ? ['C', ...spatial] : [...spatial, 'C']).join(', ');
      return this.#batchOnly ? [`[N, ${axes}]`] : [`[N, ${axes}]`, `[${axes}]`];
    });
    refuse('BAD_SHAPE', where, `input of shape ${expected.join(' or ')}`, [...shape], advice);
  }
}

/** The last of three axes. */
export function threeAxes(values: readonly number[], others: number): number[] {
  return [...new Array<number>(3 - values.length).fill(others), ...values];
}

/** The bits of a struct of the core's: integers, an even number of them, and behind them doubles. */
export function structOf(integers: readonly number[], doubles: readonly number[] = []): Float32Array {
  const buffer = new ArrayBuffer(4 * integers.length + 8 * doubles.length);
  new Int32Array(buffer).set(integers);
  new Float64Array(buffer, 4 * integers.length).set(doubles);
  return new Float32Array(buffer);
}
