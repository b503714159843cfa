// PyTorch's activations without parameters to learn.

import { RELU } from '../core/brands.js';
import { checkChoice, refuse } from '../core/checks.js';
import { settle } from '../core/lists.js';
import { python } from '../layers/repr.js';
import { Activation, FUNCTION, readNumber, readOptions } from './activation.js';
import type { ModuleOptions } from './heap-module.js';

/**
 * `max(x, 0)`; its derivative at 0 is taken as 0, as in PyTorch. `Sequential` fuses it into the layer before it.
 *
 * @example
 * await init();
 * const y = new ReLU().forward({ data: [-2, 0, 3], shape: [3] });
 * console.log(y.data.join(' ')); // 0 0 3
 */
export class ReLU extends Activation {
  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: ModuleOptions) {
    super('ReLU', readOptions('ReLU', options), FUNCTION.relu);
  }

  /** @internal */
  get [RELU](): true {
    return true;
  }
}

/** Options of {@link LeakyReLU}. */
export interface LeakyReLUOptions extends ModuleOptions {
  /** Factor of negative values. Default 0.01. */
  readonly negativeSlope?: number;
}

/**
 * `x` above 0 and `negativeSlope * x` below; its derivative at 0 is the slope, as in PyTorch.
 *
 * @example
 * await init();
 * const y = new LeakyReLU({ negativeSlope: 0.25 }).forward({ data: [-2, 0, 3], shape: [3] });
 * console.log(y.data.join(' ')); // -0.5 0 3
 */
export class LeakyReLU extends Activation {
  readonly negativeSlope: number;

  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: LeakyReLUOptions) {
    const name = 'LeakyReLU';
    const checked = readOptions(name, options, ['negativeSlope']);
    const slope = readNumber(name, 'negativeSlope', checked.negativeSlope, 0.01);
    super(name, checked, FUNCTION.leakyRelu, slope);
    this.negativeSlope = slope;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `negative_slope=${python(this.negativeSlope)}`;
  }
}

/** Options of {@link ELU}. */
export interface ELUOptions extends ModuleOptions {
  /** What negative values approach, negated. Default 1. */
  readonly alpha?: number;
}

/**
 * `x` above 0 and `alpha * (exp(x) - 1)` below (Clevert et al., 2015).
 *
 * @example
 * await init();
 * const y = new ELU({ alpha: 2 }).forward({ data: [-Math.LN2, 0, 3], shape: [3] });
 * console.log(Array.from(y.data, (value) => value.toFixed(4)).join(' ')); // -1.0000 0.0000 3.0000
 */
export class ELU extends Activation {
  readonly alpha: number;

  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: ELUOptions) {
    const checked = readOptions('ELU', options, ['alpha']);
    const alpha = readNumber('ELU', 'alpha', checked.alpha, 1);
    super('ELU', checked, FUNCTION.elu, alpha);
    this.alpha = alpha;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `alpha=${python(this.alpha)}`;
  }
}

/**
 * `x * sigmoid(x)`, also called swish.
 *
 * @example
 * await init();
 * const y = new SiLU().forward({ data: [-1, 0, 1], shape: [3] });
 * console.log(Array.from(y.data, (value) => value.toFixed(4)).join(' ')); // -0.2689 0.0000 0.7311
 */
export class SiLU extends Activation {
  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: ModuleOptions) {
    super('SiLU', readOptions('SiLU', options), FUNCTION.silu);
  }
}

/**
 * Options of {@link GELU}.
 *
 * @example
 * console.log(String(new GELU({ approximate: 'tanh' }))); // GELU(approximate='tanh')
 */
export interface GELUOptions extends ModuleOptions {
  /** `'tanh'` for the approximation by tanh. Default `'none'`. */
  readonly approximate?: 'none' | 'tanh';
}

/**
 * `x` times the share of a normal distribution below `x` (Hendrycks and Gimpel, 2016).
 *
 * @example
 * await init();
 * const y = new GELU().forward({ data: [-1, 0, 1], shape: [3] });
 * console.log(Array.from(y.data, (value) => value.toFixed(4)).join(' ')); // -0.1587 0.0000 0.8413
 */
export class GELU extends Activation {
  readonly approximate: 'none' | 'tanh';

  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: GELUOptions) {
    const checked = readOptions('GELU', options, ['approximate']);
    const approximate = checkChoice('GELU', 'approximate', checked.approximate ?? 'none', ['none', 'tanh']);
    super('GELU', checked, approximate === 'tanh' ? FUNCTION.geluTanh : FUNCTION.gelu);
    this.approximate = approximate;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `approximate='${this.approximate}'`;
  }
}

/**
 * `x * ReLU6(x + 3) / 6` (Howard et al., 2019).
 *
 * @example
 * await init();
 * const y = new Hardswish().forward({ data: [-4, 1.5, 4], shape: [3] });
 * console.log(y.data.join(' ')); // 0 1.125 4
 */
export class Hardswish extends Activation {
  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: ModuleOptions) {
    super('Hardswish', readOptions('Hardswish', options), FUNCTION.hardswish);
  }
}

/**
 * `ReLU6(x + 3) / 6`: PyTorch's, not ONNX's `max(0, min(1, 0.2 x + 0.5))`.
 *
 * @example
 * await init();
 * const y = new Hardsigmoid().forward({ data: [-4, 1.5, 4], shape: [3] });
 * console.log(y.data.join(' ')); // 0 0.75 1
 */
export class Hardsigmoid extends Activation {
  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: ModuleOptions) {
    super('Hardsigmoid', readOptions('Hardsigmoid', options), FUNCTION.hardsigmoid, 6, 3);
  }
}

/** Options of {@link Hardtanh}. */
export interface HardtanhOptions extends ModuleOptions {
  /** Default -1. */
  readonly minVal?: number;
  /** Above `minVal`. Default 1. */
  readonly maxVal?: number;
}

/**
 * `x` clamped to `minVal` to `maxVal`; the derivative at either is 0.
 *
 * @example
 * await init();
 * const y = new Hardtanh({ minVal: -1, maxVal: 2 }).forward({ data: [-4, 0.5, 4], shape: [3] });
 * console.log(y.data.join(' ')); // -1 0.5 2
 */
export class Hardtanh extends Activation {
  readonly minVal: number;
  readonly maxVal: number;

  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: HardtanhOptions) {
    const name = 'Hardtanh';
    const checked = readOptions(name, options, ['minVal', 'maxVal']);
    const least = readNumber(name, 'minVal', checked.minVal, -1, true);
    const most = readNumber(name, 'maxVal', checked.maxVal, 1, true);
    if (least >= most) refuse('BAD_OPTION', name, `maxVal above minVal (${least})`, most);
    super(name, checked, FUNCTION.clamp, least, most);
    this.minVal = least;
    this.maxVal = most;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `min_val=${python(this.minVal)}, max_val=${python(this.maxVal)}`;
  }
}

/**
 * `x` clamped to 0 to 6.
 *
 * @example
 * await init();
 * const y = new ReLU6().forward({ data: [-1, 3, 9], shape: [3] });
 * console.log(y.data.join(' ')); // 0 3 6
 */
export class ReLU6 extends Activation {
  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: ModuleOptions) {
    super('ReLU6', readOptions('ReLU6', options), FUNCTION.clamp, 0, 6);
  }
}

/**
 * Options of {@link Softplus}.
 *
 * @example
 * console.log(String(new Softplus({ beta: 2, threshold: 10 }))); // Softplus(beta=2.0, threshold=10.0)
 */
export interface SoftplusOptions extends ModuleOptions {
  /** Default 1. */
  readonly beta?: number;
  /** Where `beta * x` is above it the result is `x` itself. Default 20. */
  readonly threshold?: number;
}

/**
 * `log(1 + exp(beta * x)) / beta`.
 *
 * @example
 * await init();
 * const y = new Softplus().forward({ data: [-1, 0, 1], shape: [3] });
 * console.log(Array.from(y.data, (value) => value.toFixed(4)).join(' ')); // 0.3133 0.6931 1.3133
 */
export class Softplus extends Activation {
  readonly beta: number;
  readonly threshold: number;

  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: SoftplusOptions) {
    const name = 'Softplus';
    const checked = readOptions(name, options, ['beta', 'threshold']);
    const beta = readNumber(name, 'beta', checked.beta, 1);
    const threshold = readNumber(name, 'threshold', checked.threshold, 20);
    super(name, checked, FUNCTION.softplus, beta, threshold);
    this.beta = beta;
    this.threshold = threshold;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `beta=${python(this.beta)}, threshold=${python(this.threshold)}`;
  }
}

/**
 * `1 / (1 + exp(-x))`, for images with values from 0 to 1.
 *
 * @example
 * await init();
 * const y = new Sigmoid().forward({ data: [-Math.log(3), 0, Math.log(3)], shape: [3] });
 * console.log(Array.from(y.data, (value) => value.toFixed(4)).join(' ')); // 0.2500 0.5000 0.7500
 */
export class Sigmoid extends Activation {
  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: ModuleOptions) {
    super('Sigmoid', readOptions('Sigmoid', options), FUNCTION.sigmoid);
  }
}

/**
 * Hyperbolic tangent, for images with values from -1 to 1.
 *
 * @example
 * await init();
 * const y = new Tanh().forward({ data: [-1, 0, 1], shape: [3] });
 * console.log(Array.from(y.data, (value) => value.toFixed(4)).join(' ')); // -0.7616 0.0000 0.7616
 */
export class Tanh extends Activation {
  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options?: ModuleOptions) {
    super('Tanh', readOptions('Tanh', options), FUNCTION.tanh);
  }
}
