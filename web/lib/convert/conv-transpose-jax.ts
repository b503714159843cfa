import { weightLayout } from '../core/axis-order.js';
import {
  checkAxes,
  checkBoolean,
  checkChoice,
  checkOptions,
  fault,
  refuse,
  shapeText,
} from '../core/checks.js';
import { type JaxPadding, jaxCrops } from '../core/jax-padding.js';
import type { OperatorSpec } from '../core/spec.js';
import { checkTensor, type Tensor, type TensorData, type TensorLike } from '../core/tensor.js';
import { computeOnce } from '../functional/compute-once.js';
import { EXECUTION_OPTION_NAMES, type ExecutionOptions } from '../runtime/execution.js';

/** Arguments of `jax.lax.conv_transpose`; a list has one entry per spatial axis. */
export interface ConvTransposeJaxOptions extends ExecutionOptions {
  /** Default 1. */
  readonly strides?: number | readonly number[];
  /**
   * `'SAME'` gives `n * stride` outputs, `'VALID'` all that the kernel reaches. Pairs pad the dilated
   * **input**: a larger pair gives a larger output, the opposite of PyTorch's padding. Default `'SAME'`.
   */
  readonly padding?: JaxPadding;
  /** Distance between the taps of the kernel. Default 1. */
  readonly rhsDilation?: number | readonly number[];
  /**
   * True: the kernel is the forward convolution's, `[...kernel, out, in]`, and the result that
   * convolution's gradient, as in TensorFlow and PyTorch. Default false: `[...kernel, in, out]`, and
   * the kernel lies **flipped** against that.
   */
  readonly transposeKernel?: boolean;
  /** True: pairs are the forward convolution's padding, as in PyTorch. Default false. */
  readonly useConsistentPadding?: boolean;
  /** Axes of x and of the result: N … C or N C …; the kernel's stay. Default `'channels-last'`. */
  readonly layout?: 'channels-first' | 'channels-last';
  /** `[out]`, which flax's ConvTranspose adds and lax knows nothing of. Default: none. */
  readonly bias?: TensorLike | TensorData | null;
}

const OPTION_NAMES: readonly (keyof ConvTransposeJaxOptions)[] = [
  'strides',
  'padding',
  'rhsDilation',
  'transposeKernel',
  'useConsistentPadding',
  'layout',
  'bias',
  ...EXECUTION_OPTION_NAMES,
];

/**
 * Transposed convolution in the meaning of `jax.lax.conv_transpose` and of `flax.linen.ConvTranspose`,
 * whose default lays the kernel down flipped. `fromJax` makes a layer of such weights.
 *
 * @param x `[N, ..., in]`, one to three spatial axes
 * @param kernel `[...kernel, in, out]`, or `[...kernel, out, in]` with `transposeKernel`
 * @throws {DeconvError} as a layer's forward
 *
 * @example
 * await init();
 * const [x, kernel] = [{ data: [1, 10], shape: [1, 2, 1] }, { data: [1, 2, 3], shape: [3, 1, 1] }];
 * console.log(convTransposeJax(x, kernel, { strides: 2, padding: 'VALID' }).data.join(' ')); // 3 2 31 20 10
 */
export function convTransposeJax(
  x: TensorLike,
  kernel: TensorLike,
  options: ConvTransposeJaxOptions = {},
): Tensor<ArrayBuffer> {
  const where = 'convTransposeJax';
  const checked = checkOptions<ConvTransposeJaxOptions>(where, options, OPTION_NAMES);
  const input = checkTensor(where, 'x', x);
  const weight = checkTensor(where, 'kernel', kernel);
  const rank = input.shape.length - 2;
  if (rank < 1 || rank > 3) {
    refuse('BAD_SHAPE', where, 'x with 3, 4 or 5 axes', [...input.shape], 'Add a batch axis of 1.');
  }
  if (weight.shape.length !== rank + 2 || weight.shape.includes(0)) {
    refuse('BAD_SHAPE', where, `kernel with ${rank + 2} axes of at least 1`, [...weight.shape]);
  }
  const transposeKernel = checkBoolean(where, 'transposeKernel', checked.transposeKernel ?? false);
  const layout = checkChoice(where, 'layout', checked.layout ?? 'channels-last', [
    'channels-first',
    'channels-last',
  ]);
  const taps = weight.shape.slice(0, rank);
  const [first, second] = weight.shape.slice(rank) as [number, number];
  const [inChannels, outChannels] = transposeKernel ? [second, first] : [first, second];
  const channelAxis = layout === 'channels-last' ? rank + 1 : 1;
  if (input.shape[channelAxis] !== inChannels) {
    throw fault(
      'BAD_SHAPE',
      where,
      `x with ${inChannels} channels, as kernel ${shapeText(weight.shape)} says`,
      `${shapeText(input.shape)} (channel axis ${channelAxis})`,
      'Reorder x, or set transposeKernel or layout.',
      { expected: inChannels, got: input.shape },
    );
  }
  const stride = checkAxes(where, 'strides', checked.strides ?? 1, rank, 1);
  const dilation = checkAxes(where, 'rhsDilation', checked.rhsDilation ?? 1, rank, 1);
  const crops = jaxCrops(where, checked.padding ?? 'SAME', {
    kernel: taps,
    stride,
    dilation,
    useConsistentPadding: checked.useConsistentPadding ?? false,
  });
  const spec: OperatorSpec = {
    transposed: true,
    groups: 1,
    inChannels,
    outChannels,
    kernel: taps,
    stride,
    dilation,
    inputDilation: new Array<number>(rank).fill(1),
    ...crops,
    relu: false,
  };
  const order = transposeKernel
    ? weightLayout(spec, ['taps', 'out', 'in'])
    : weightLayout(spec, ['taps', 'in', 'out'], true);
  const canonical = {
    data: order.toCanonical(weight.data),
    shape: [inChannels, outChannels, ...taps],
  };
  const call = { ...checked, stride, dilation, layout, bias: checked.bias ?? null };
  return computeOnce(where, true, input, canonical, call, () => ({
    before: crops.padBefore,
    after: crops.padAfter,
    inputDilation: spec.inputDilation,
  }));
}
