import { checkAxes, checkInteger, checkOptions, MAX_INTEGER } from '../core/checks.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { checkOutputPadding, readPads, readTorchCrops, readTorchPadding } from '../core/torch-words.js';
import { EXECUTION_OPTION_NAMES } from '../runtime/execution.js';
import { type CallOptions, computeOnce } from './compute-once.js';

/** Geometry of one call in PyTorch's words; a list has one entry per spatial axis. */
export interface ConvCallOptions extends CallOptions {
  /**
   * Zeros added to **both** ends of the input's axis; `'valid'` for none, `'same'` for as many as keep the
   * size (stride 1 only; an odd total puts the larger half at the end). Default 0.
   */
  readonly padding?: number | readonly number[] | 'same' | 'valid';
  /** In place of `padding`: zeros added to the head of the input's axis; negative crops it. Default 0. */
  readonly padBefore?: number | readonly number[];
  /** The same at the tail. */
  readonly padAfter?: number | readonly number[];
  /** 1 + zeros inserted between input values. Default 1. */
  readonly inputDilation?: number | readonly number[];
}

/** Geometry of one call in PyTorch's words; a list has one entry per spatial axis. */
export interface ConvTransposeCallOptions extends CallOptions {
  /** Rows cut off **both** ends of the output's axis. Default 0. */
  readonly padding?: number | readonly number[];
  /**
   * In place of `padding`: rows cut off the head of the output's axis; negative adds rows that hold the
   * bias. Default 0.
   */
  readonly padBefore?: number | readonly number[];
  /** The same at the tail. */
  readonly padAfter?: number | readonly number[];
  /** Rows added at the **end** of the axis; must be below stride or dilation. Default 0. */
  readonly outputPadding?: number | readonly number[];
}

/**
 * Convolution without a layer. The parameters are packed for this one call, so a layer is faster when they
 * stay the same.
 *
 * @param x `[N, in, ...]`, with layout `'channels-last'` `[N, ..., in]`; without N for one image
 * @param weight `[out, in/groups, ...kernel]`, one to three spatial axes
 * @throws {DeconvError} as a layer's forward
 *
 * @example
 * await init();
 * const [x, w] = [{ data: [1, 2, 3], shape: [1, 1, 3] }, { data: [1, 10], shape: [1, 1, 2] }];
 * console.log(conv(x, w).data.join(' ')); // 21 32
 * console.log(conv(x, w, { stride: 2, padding: 1 }).data.join(' ')); // 10 32
 * console.log(conv(x, w, { padBefore: 0, padAfter: 1 }).data.join(' ')); // 21 32 3
 */
export function conv(x: TensorLike, weight: TensorLike, options: ConvCallOptions = {}): Tensor<ArrayBuffer> {
  const where = 'conv';
  const checked = checkOptions<ConvCallOptions>(where, options, [...SHARED_OPTIONS, 'inputDilation']);
  return computeOnce(where, false, x, weight, checked, (kernel, stride, dilation) => ({
    ...readPads(where, checked, kernel.length, (padding) =>
      readTorchPadding(where, padding, { kernel, stride, dilation }),
    ),
    inputDilation: checkAxes(where, 'inputDilation', checked.inputDilation ?? 1, kernel.length, 1),
  }));
}

/**
 * Transposed convolution without a layer, packed for this one call.
 *
 * @param x `[N, in, ...]`, with layout `'channels-last'` `[N, ..., in]`; without N for one image
 * @param weight `[in, out/groups, ...kernel]`, not flipped, one to three spatial axes
 * @throws {DeconvError} as a layer's forward
 *
 * @example
 * await init();
 * const [x, w] = [{ data: [1, 10], shape: [1, 1, 2] }, { data: [1, 2, 3], shape: [1, 1, 3] }];
 * console.log(convTranspose(x, w, { stride: 2 }).data.join(' ')); // 1 2 13 20 30
 * console.log(convTranspose(x, w, { stride: 2, padding: 1 }).data.join(' ')); // 2 13 20
 */
export function convTranspose(
  x: TensorLike,
  weight: TensorLike,
  options: ConvTransposeCallOptions = {},
): Tensor<ArrayBuffer> {
  const where = 'convTranspose';
  const checked = checkOptions<ConvTransposeCallOptions>(where, options, [
    ...SHARED_OPTIONS,
    'outputPadding',
  ]);
  return computeOnce(where, true, x, weight, checked, ({ length: rank }, stride, dilation) => {
    const { before, after } = readPads(where, checked, rank, (padding) => {
      const pads = readTorchCrops(where, padding, rank);
      return { before: pads, after: pads };
    });
    const extra = checkAxes(where, 'outputPadding', checked.outputPadding ?? 0, rank, 0);
    checkOutputPadding(where, 'outputPadding', extra, stride, dilation);
    return {
      before,
      // The core counts in 32 bits.
      after: after.map((pad, axis) =>
        checkInteger(where, 'padAfter less outputPadding', pad - (extra[axis] as number), -MAX_INTEGER),
      ),
      inputDilation: extra.map(() => 1),
    };
  });
}

const SHARED_OPTIONS = [
  'bias',
  'stride',
  'dilation',
  'groups',
  'padding',
  'padBefore',
  'padAfter',
  'layout',
  ...EXECUTION_OPTION_NAMES,
] as const;
