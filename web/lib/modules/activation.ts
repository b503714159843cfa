import { checkOptions, refuse } from '../core/checks.js';
import { product } from '../core/lists.js';
import { EPILOGUE } from '../layers/step.js';
import type { Epilogue, Layout } from '../runtime/operation.js';
import {
  type GradientPlaces,
  HeapModule,
  type ModuleOptions,
  type Pass,
  type ShapePlan,
} from './heap-module.js';

/** The core's functions by their numbers. */
export const FUNCTION = {
  relu: 0,
  leakyRelu: 1,
  elu: 2,
  silu: 3,
  gelu: 4,
  geluTanh: 5,
  hardswish: 6,
  hardsigmoid: 7,
  clamp: 8,
  softplus: 9,
  sigmoid: 10,
  tanh: 11,
  snake: 12,
} as const;

/** A tensor as the core's elementwise functions see it: `[outer, channels, inner]`. */
export interface Elements {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

/** A function applied to every value of a tensor of any shape; `out` may be the input itself. */
export abstract class Activation extends HeapModule<Elements> {
  readonly #op: number;
  readonly #a: number;
  readonly #b: number;

  /** @internal `a` and `b` are the core's parameters of the function. */
  protected constructor(name: string, options: ModuleOptions, op: number, a = 0, b = 0) {
    super(name, options);
    this.#op = op;
    this.#a = a;
    this.#b = b;
  }

  /** @internal */
  [EPILOGUE](_channels: number, _layout: Layout): Epilogue | undefined {
    return { op: this.#op, a: this.#a, b: this.#b, channels: null };
  }

  /** @internal */
  protected override get inPlace(): boolean {
    return true;
  }

  /** @internal */
  protected override planShape(_where: string, shape: readonly number[]): ShapePlan<Elements> {
    return { outputShape: shape, geometry: { outer: 1, channels: 1, inner: product(shape) } };
  }

  /** @internal */
  protected override compute(pass: Pass<Elements>, source: number, target: number): void {
    this.apply(pass, 0, source, 0, target);
  }

  /** @internal */
  protected override computeGradients(
    pass: Pass<Elements>,
    { source, gradient, target }: GradientPlaces,
  ): Float32Array<ArrayBuffer> | null {
    this.apply(pass, 0, source, gradient, target);
    return null;
  }

  /** @internal The function, or with a gradient (not 0) that of the input; `parameters` of channels where not 0. */
  protected apply(
    { where, runtime, geometry: { outer, channels, inner } }: Pass<Elements>,
    parameters: number,
    source: number,
    gradient: number,
    target: number,
  ): void {
    const { module } = runtime;
    runtime.check(
      where,
      module.elementwise(
        this.#op,
        outer,
        channels,
        inner,
        this.#a,
        this.#b,
        parameters,
        source,
        gradient,
        target,
      ),
    );
  }

  /** @internal The gradients of the parameters of channels. */
  protected applyForParameters(
    { where, runtime, geometry: { outer, channels, inner } }: Pass<Elements>,
    parameters: number,
    source: number,
    gradient: number,
    target: number,
  ): void {
    const { module } = runtime;
    runtime.check(
      where,
      module.elementwiseParameterGradient(
        this.#op,
        outer,
        channels,
        inner,
        parameters,
        source,
        gradient,
        target,
      ),
    );
  }
}

const MODULE_OPTION_NAMES = ['runtime'] as const satisfies readonly (keyof ModuleOptions)[];

/** Options among `names` and those of every module; none is `{}`. */
export function readOptions<Options extends ModuleOptions>(
  where: string,
  options: Options | undefined,
  names: readonly (keyof Options & string)[] = [],
): Options {
  return checkOptions<Options>(where, options ?? {}, [...names, ...MODULE_OPTION_NAMES]);
}

/** A number that is finite, or any but NaN where `infinite` ones make sense. */
export function readNumber(
  where: string,
  name: string,
  value: unknown,
  byDefault: number,
  infinite = false,
): number {
  const number = value === undefined ? byDefault : value;
  if (typeof number !== 'number') refuse('BAD_TYPE', where, `${name} to be a number`, number);
  if (!(infinite ? !Number.isNaN(number) : Number.isFinite(number))) {
    refuse('BAD_OPTION', where, infinite ? `${name} to be a number` : `a finite ${name}`, number);
  }
  return number;
}
