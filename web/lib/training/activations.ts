import { hasBrand, RELU } from '../core/brands.js';
import { checkOptions, fault, refuse, shapeText } from '../core/checks.js';
import { allocateTensor, checkTensor, type Tensor } from '../core/tensor.js';

/** Gradient of `sum(forward(x) * gradOutput)`. */
export interface ActivationGradients {
  readonly input: Tensor<ArrayBuffer>;
}

/**
 * A function applied to every value. Nothing is remembered between calls, nothing lies on the
 * WebAssembly heap, and any shape will do.
 */
abstract class Activation {
  /** @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER` */
  forward(x: Tensor): Tensor<ArrayBuffer> {
    const where = `${this.name}.forward`;
    const input = checkTensor(where, 'the input', x);
    const result = allocateTensor(where, input.shape);
    for (let index = 0; index < input.data.length; index += 1) {
      result.data[index] = this.valueAt(input.data[index] as number);
    }
    return result;
  }

  /**
   * @param gradOutput of the shape of `x`
   * @throws {DeconvError} as `forward`
   */
  backward(x: Tensor, gradOutput: Tensor): ActivationGradients {
    const where = `${this.name}.backward`;
    const input = checkTensor(where, 'the input', x);
    const grad = checkTensor(where, 'gradOutput', gradOutput);
    if (grad.shape.join() !== input.shape.join()) {
      throw fault(
        'BAD_SHAPE',
        where,
        `gradOutput of shape ${shapeText(input.shape)}, as the input has`,
        shapeText(grad.shape),
        'Reshape it.',
        { expected: input.shape, got: grad.shape },
      );
    }
    const result = allocateTensor(where, input.shape);
    for (let index = 0; index < input.data.length; index += 1) {
      result.data[index] = this.gradientAt(input.data[index] as number, grad.data[index] as number);
    }
    return { input: result };
  }

  toString(): string {
    return `${this.name}()`;
  }

  /** @internal */
  protected abstract get name(): string;
  /** @internal */
  protected abstract valueAt(x: number): number;
  /** @internal The derivative at x times `gradient`. */
  protected abstract gradientAt(x: number, gradient: number): number;
}

/** `max(x, 0)`; its derivative at 0 is taken as 0, as in PyTorch. `Sequential` fuses it into the layer before it. */
export class ReLU extends Activation {
  /** @internal */
  get [RELU](): true {
    return true;
  }

  /** @internal */
  protected get name(): string {
    return 'ReLU';
  }

  /** @internal */
  protected valueAt(x: number): number {
    return Math.max(x, 0);
  }

  /** @internal */
  protected gradientAt(x: number, gradient: number): number {
    return x <= 0 ? 0 : gradient;
  }
}

export function isReLU(value: unknown): value is ReLU {
  return hasBrand(value, RELU);
}

export interface LeakyReLUOptions {
  /** Factor of negative values. Default 0.01. */
  readonly negativeSlope?: number;
}

/** `x` above 0 and `negativeSlope * x` below; its derivative at 0 is the slope, as in PyTorch. */
export class LeakyReLU extends Activation {
  readonly negativeSlope: number;

  /** @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE` */
  constructor(options: LeakyReLUOptions = {}) {
    super();
    const { negativeSlope = 0.01 } = checkOptions<LeakyReLUOptions>('LeakyReLU', options, ['negativeSlope']);
    if (typeof negativeSlope !== 'number') {
      refuse('BAD_TYPE', 'LeakyReLU', 'negativeSlope to be a number', negativeSlope);
    }
    if (!Number.isFinite(negativeSlope)) {
      refuse('BAD_OPTION', 'LeakyReLU', 'a finite negativeSlope', negativeSlope);
    }
    this.negativeSlope = negativeSlope;
  }

  override toString(): string {
    return `LeakyReLU(negative_slope=${this.negativeSlope})`;
  }

  /** @internal */
  protected get name(): string {
    return 'LeakyReLU';
  }

  /** @internal */
  protected valueAt(x: number): number {
    return x > 0 ? x : x * this.negativeSlope;
  }

  /** @internal */
  protected gradientAt(x: number, gradient: number): number {
    return x > 0 ? gradient : gradient * this.negativeSlope;
  }
}

/** Hyperbolic tangent, for images with values from -1 to 1. */
export class Tanh extends Activation {
  /** @internal */
  protected get name(): string {
    return 'Tanh';
  }

  /** @internal */
  protected valueAt(x: number): number {
    return Math.tanh(x);
  }

  /** @internal */
  protected gradientAt(x: number, gradient: number): number {
    // 1 - tanh(x)² would cancel to 0 where tanh rounds to 1.
    return gradient / Math.cosh(x) ** 2;
  }
}

/** `1 / (1 + exp(-x))`, for images with values from 0 to 1. */
export class Sigmoid extends Activation {
  /** @internal */
  protected get name(): string {
    return 'Sigmoid';
  }

  /** @internal */
  protected valueAt(x: number): number {
    return 1 / (1 + Math.exp(-x));
  }

  /** @internal */
  protected gradientAt(x: number, gradient: number): number {
    // s (1 - s), in the form that neither cancels nor overflows for large |x|.
    const decay = Math.exp(-Math.abs(x));
    return (gradient * decay) / (1 + decay) ** 2;
  }
}
