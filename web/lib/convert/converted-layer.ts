import { weightLayout } from '../core/axis-order.js';
import { checkOptions, refuse } from '../core/checks.js';
import { settle } from '../core/lists.js';
import { guardReceivers } from '../core/receivers.js';
import { kernelReach, type OperatorSpec } from '../core/spec.js';
import { checkParameter, isHalf } from '../core/tensor.js';
import type { InputShape } from '../layers/input-shape.js';
import { OperatorLayer } from '../layers/operator-layer.js';
import { EXECUTION_OPTION_NAMES, type ExecutionOptions, readExecution } from '../runtime/execution.js';
import type { Layout } from '../runtime/operation.js';
import type { Call } from './call.js';
import type { Kernel, KernelFormat } from './kernel.js';
import type { PadRule } from './pads.js';

/**
 * What belongs to this package and not to the system that the layer comes from.
 *
 * @example
 * await init();
 * const weight = { data: [1, 2, 3], shape: [1, 1, 3] };
 * const up = fromTorch('ConvTranspose1d', { stride: 2 }, { weight }, { route: 'scalar' });
 * console.log(up.forward({ data: [1, 10], shape: [1, 1, 2] }).data.join(' ')); // 1 2 13 20 30
 * console.log(up.plan.route); // scalar
 */
export type ConversionOptions = ExecutionOptions;

/** What attributes and a weight's shape mean: all of a layer but its values. */
export interface Geometry {
  readonly layout: Layout;
  readonly format: KernelFormat;
  readonly kernel: Kernel;
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly inputDilation?: readonly number[];
  readonly pads: PadRule;
  /** The only batch size that the layer takes, where the attributes fix one. */
  readonly batch?: number | null;
  readonly relu?: boolean;
  /** The system's own names for the parameters; `weight` and `bias` where it has none. */
  readonly stateNames?: { readonly weight: string; readonly bias: string };
}

/** A call, checked and translated. */
export interface Translation extends Geometry {
  readonly call: Call<object>;
  readonly options: ConversionOptions;
}

/**
 * A layer from another system's attributes and weights: it takes and gives tensors in that system's
 * layout, and keeps `weight` in that system's order. Made by the `from…` functions.
 *
 * @example
 * await init();
 * const weight = { data: [1, 2, 3], shape: [1, 1, 3] };
 * const layer = fromOnnx('ConvTranspose', { strides: [2] }, { weight });
 * console.log(layer.forward({ data: [1, 10], shape: [1, 1, 2] }).data.join(' ')); // 1 2 13 20 30
 */
export class ConvertedLayer extends OperatorLayer {
  readonly inChannels: number;
  readonly kernelSize: readonly number[];
  readonly #pads: PadRule;
  readonly #batch: number | null;
  readonly #shown: string;

  static {
    guardReceivers(ConvertedLayer.prototype, 'Layer', (value) => #shown in value);
  }

  private constructor(translation: Translation) {
    const { call, options, kernel, format } = translation;
    const { name, where, weight } = call;
    const { bias = null, weight: given } = call.parameters;
    const zeros = kernel.kernel.map(() => 0);
    const spec: OperatorSpec = {
      transposed: call.transposed,
      ...kernel,
      stride: translation.stride,
      dilation: translation.dilation,
      inputDilation: translation.inputDilation ?? zeros.map(() => 1),
      // Every input has its own; see specFor.
      padBefore: zeros,
      padAfter: zeros,
      relu: false,
    };
    const checked = checkOptions<ConversionOptions>(where, options, EXECUTION_OPTION_NAMES);
    super({
      name,
      spec,
      layout: translation.layout,
      weightLayout: weightLayout(spec, format.order, format.flip),
      biasShape: [spec.outChannels],
      stateNames: translation.stateNames,
      // What the call widened belongs to nobody else.
      weight:
        weight.data === given.data
          ? new Float32Array(weight.data)
          : (weight.data as Float32Array<ArrayBuffer>),
      bias: bias === null ? null : new Float32Array(checkParameter(where, 'bias', bias, [spec.outChannels])),
      relu: translation.relu ?? false,
      execution: readExecution(where, checked),
    });
    if (isHalf(given)) this.setWeight(given);
    this.inChannels = kernel.inChannels;
    this.kernelSize = kernel.kernel;
    this.#pads = translation.pads;
    this.#batch = translation.batch ?? null;
    this.#shown = Object.entries(call.given)
      .filter(([, value]) => value !== undefined)
      .map(([attribute, value]) => `, ${attribute}=${JSON.stringify(value)}`)
      .join('');
    settle(this);
  }

  /** @internal */
  static of(translation: Translation): ConvertedLayer {
    return new ConvertedLayer(translation);
  }

  /**
   * Shape of the output for an input shape, in the system's layout and by its own rules.
   * Pure arithmetic: works before `init` and after `dispose`.
   *
   * @throws {DeconvError} `BAD_SHAPE`, `TOO_LARGE`, `BAD_TYPE`
   */
  outputShape(inputShape: readonly number[]): number[] {
    const shape = this.readInputShape('outputShape', inputShape);
    return this.outputShapeUnder(this.specFor(shape), shape);
  }

  /** @internal */
  protected repr(): string {
    return `${this.inChannels}, ${this.outChannels}, kernel=${JSON.stringify(this.kernelSize)}${this.#shown}`;
  }

  /** @internal */
  protected override get fixedPads(): boolean {
    return false;
  }

  /** @internal */
  protected override specFor({ where, batch, extents }: InputShape): OperatorSpec {
    if (this.#batch !== null && batch !== undefined && batch !== this.#batch) {
      refuse('BAD_SHAPE', where, `a batch of ${this.#batch}, as output_shape says`, batch);
    }
    const { spec } = this;
    const pads = extents.map((input, index) =>
      this.#pads({
        where,
        index,
        input,
        reach: kernelReach(spec, index),
        stride: spec.stride[index] as number,
      }),
    );
    return { ...spec, padBefore: pads.map(([before]) => before), padAfter: pads.map(([, after]) => after) };
  }
}
