// Activations with a parameter to learn for each channel.

import { checkInteger, refuse } from '../core/checks.js';
import { product, settle } from '../core/lists.js';
import { guardReceivers } from '../core/receivers.js';
import { allocateTensor, sameList, type Tensor, type TensorData, type TensorLike } from '../core/tensor.js';
import { checkPlacement, PLACEMENT_OPTION_NAMES, type PlacementOptions } from '../core/torch-words.js';
import type { LayerGradients } from '../layers/layer.js';
import { Parameters } from '../layers/parameters.js';
import type {
  LoadedState,
  LoadStateOptions,
  NestedState,
  StateDict,
  Stateful,
} from '../layers/state-dict.js';
import { EPILOGUE } from '../layers/step.js';
import type { Epilogue, Layout } from '../runtime/operation.js';
import { stageParameters } from '../runtime/staging.js';
import { Activation, type Elements, FUNCTION, readNumber, readOptions } from './activation.js';
import {
  type GradientPlaces,
  type ModuleOptions,
  type Pass,
  readLayout,
  type ShapePlan,
} from './heap-module.js';

interface ChannelOptions extends ModuleOptions, PlacementOptions {
  /** Axes of input and output: N C … or N … C. Default `'channels-first'`. */
  readonly layout?: Layout;
}

const CHANNEL_OPTION_NAMES = [
  'layout',
  ...PLACEMENT_OPTION_NAMES,
] as const satisfies readonly (keyof ChannelOptions)[];

/** What the two have in common; an optimizer takes them as layers without a bias. */
abstract class ChannelActivation extends Activation implements Stateful {
  readonly layout: Layout;
  readonly #name: string;
  readonly #parameters: Parameters;
  readonly #shape: readonly [number];
  /** As the core takes them, at one version of the parameters. */
  #values: Float32Array = new Float32Array(0);
  #valuesVersion = -1;

  static {
    guardReceivers(ChannelActivation.prototype, 'Module', (value) => #parameters in value);
  }

  /** @internal `stateName` is the parameter's in a state by names. */
  protected constructor(
    name: string,
    options: ChannelOptions,
    op: number,
    channels: number,
    initial: number,
    stateName: string,
  ) {
    checkPlacement(name, options);
    super(name, options, op);
    this.layout = readLayout(name, options.layout);
    this.#name = name;
    this.#shape = [channels];
    this.#parameters = new Parameters({
      weightLayout: {
        shape: this.#shape,
        toCanonical: (values) => values,
        fromCanonical: (values) => values,
      },
      biasShape: [],
      stateNames: { weight: stateName, bias: 'bias' },
      weight: allocateTensor(name, this.#shape).data.fill(initial),
      bias: null,
    });
    settle(this);
  }

  /** A copy of the parameters, one for each channel; change them through `setWeight`. */
  get weight(): Tensor<ArrayBuffer> {
    return this.#parameters.weight;
  }

  /** There is none. */
  get bias(): null {
    return null;
  }

  /**
   * Replaces the parameters by a copy.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`
   */
  setWeight(weight: TensorLike | TensorData): this {
    this.#parameters.setWeight(`${this.#name}.setWeight`, weight);
    return this;
  }

  /** @throws {DeconvError} `BAD_OPTION`: there is no bias */
  setBias(bias: TensorLike | TensorData): this {
    this.#parameters.setBias(`${this.#name}.setBias`, bias);
    return this;
  }

  /** @internal */
  override [EPILOGUE](channels: number, layout: Layout): Epilogue | undefined {
    const own = this.#parameters.canonical(false).weight;
    const behind = super[EPILOGUE](channels, layout) as Epilogue;
    // One for all channels stands for any number of them.
    if (own.length === 1) return { ...behind, a: own[0] as number };
    return own.length === channels && this.layout === layout ? { ...behind, channels: own } : undefined;
  }

  /** A copy of the parameters by PyTorch's name. */
  stateDict(): StateDict {
    return this.#parameters.state();
  }

  /** @throws {DeconvError} as a layer's loadStateDict */
  loadStateDict(state: StateDict | NestedState, options?: LoadStateOptions): LoadedState {
    return this.#parameters.loadState(`${this.#name}.loadStateDict`, state, options);
  }

  /**
   * Gradients of `sum(forward(x) * gradOutput)`: pure, nothing is remembered from a forward.
   *
   * @param gradOutput of the output's shape
   * @throws {DeconvError} as `forward`
   */
  override backward(x: TensorLike, gradOutput: TensorLike): LayerGradients {
    const { input, parameters } = this.gradients(x, gradOutput);
    return {
      input,
      weight: { data: parameters as Float32Array<ArrayBuffer>, shape: [...this.#shape] },
      bias: null,
    };
  }

  /** @internal */
  override get version(): number {
    return this.#parameters.version;
  }

  /** @internal */
  protected override planShape(where: string, shape: readonly number[]): ShapePlan<Elements> {
    const [channels] = this.#shape;
    const first = this.layout === 'channels-first';
    if (shape.length < 2 || shape[first ? 1 : shape.length - 1] !== channels) {
      const expected = first ? `[N, ${channels}, ...]` : `[N, ..., ${channels}]`;
      refuse('BAD_SHAPE', where, `input of shape ${expected}`, [...shape], 'Reorder it or set layout.');
    }
    const outer = first ? (shape[0] as number) : product(shape.slice(0, -1));
    return {
      outputShape: shape,
      geometry: { outer, channels, inner: first ? product(shape.slice(2)) : 1 },
    };
  }

  /** @internal */
  protected override compute(pass: Pass<Elements>, source: number, target: number): void {
    this.apply(pass, this.#stage(pass, 0), source, 0, target);
  }

  /** @internal */
  protected override computeGradients(
    pass: Pass<Elements>,
    { source, gradient, target }: GradientPlaces,
  ): Float32Array<ArrayBuffer> {
    const [channels] = this.#shape;
    const parameters = this.#stage(pass, channels);
    this.apply(pass, parameters, source, gradient, target);
    const result = parameters + 4 * channels;
    this.applyForParameters(pass, parameters, source, gradient, result);
    return pass.runtime.floats(result, channels).slice() as Float32Array<ArrayBuffer>;
  }

  #stage({ runtime, where }: Pass<Elements>, more: number): number {
    if (this.#valuesVersion !== this.version) {
      this.#values = this.#parameters.canonical(false).weight;
      this.#valuesVersion = this.version;
    }
    return stageParameters(runtime, where, this.#values, more);
  }
}

/** PyTorch's arguments of PReLU. */
export interface PReLUOptions extends ChannelOptions {
  /** Channels of the input, or 1 for one slope for all. Default 1. */
  readonly numParameters?: number;
  /** Initial slope. Default 0.25. */
  readonly init?: number;
}

/**
 * `x` above 0 and `weight * x` below, with a weight for each channel of `[N, C, ...]` or one for all of a tensor of
 * any shape (He et al., 2015).
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const activation = new PReLU({ numParameters: 2 });
 * activation.loadStateDict({ weight: { data: [0.25, 0.5], shape: [2] } });
 * const y = activation.forward({ data: [-4, 4, -4, 4], shape: [1, 2, 2] });
 * console.log(y.data.join(' ')); // -1 4 -2 4
 */
export class PReLU extends ChannelActivation {
  readonly numParameters: number;

  constructor(options?: PReLUOptions) {
    const name = 'PReLU';
    const checked = readOptions(name, options, ['numParameters', 'init', ...CHANNEL_OPTION_NAMES]);
    const count = checkInteger(name, 'numParameters', checked.numParameters ?? 1, 1);
    const init = readNumber(name, 'init', checked.init, 0.25);
    super(name, checked, FUNCTION.leakyRelu, count, init, 'weight');
    this.numParameters = count;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `num_parameters=${this.numParameters}`;
  }

  /** @internal */
  protected override planShape(where: string, shape: readonly number[]): ShapePlan<Elements> {
    if (this.numParameters > 1) return super.planShape(where, shape);
    return { outputShape: shape, geometry: { outer: 1, channels: 1, inner: product(shape) } };
  }
}

/** Options of {@link Snake}. */
export interface SnakeOptions extends ChannelOptions {
  /** Channels of the input. */
  readonly channels: number;
  /** Initial value of every alpha. Default 1. */
  readonly alpha?: number;
}

/**
 * `x + sin(alpha * x)^2 / (alpha + 1e-9)` with an alpha for each channel of `[N, C, ...]` (Ziyin et al., 2020), as in
 * the vocoders BigVGAN and DAC; its state has the name `alpha`, of shape `[C]`, and is read from `[1, C, 1]` too.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const activation = new Snake({ channels: 1 });
 * const y = activation.forward({ data: [0, Math.PI / 2, Math.PI], shape: [1, 1, 3] });
 * console.log(Array.from(y.data, (value) => value.toFixed(4)).join(' ')); // 0.0000 2.5708 3.1416
 */
export class Snake extends ChannelActivation {
  readonly channels: number;

  constructor(options: SnakeOptions) {
    const name = 'Snake';
    const checked = readOptions(name, options, ['channels', 'alpha', ...CHANNEL_OPTION_NAMES]);
    const channels = checkInteger(name, 'channels', checked.channels, 1);
    super(name, checked, FUNCTION.snake, channels, readNumber(name, 'alpha', checked.alpha, 1), 'alpha');
    this.channels = channels;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return String(this.channels);
  }

  /** @throws {DeconvError} as a layer's loadStateDict */
  override loadStateDict(state: StateDict | NestedState, options?: LoadStateOptions): LoadedState {
    const { channels } = Object(this) as Snake;
    const alpha = Object(state).alpha as Partial<Tensor> | undefined;
    return super.loadStateDict(
      sameList(Object(alpha).shape, [1, channels, 1])
        ? ({ ...state, alpha: { ...alpha, shape: [channels] } } as StateDict)
        : state,
      options,
    );
  }
}
