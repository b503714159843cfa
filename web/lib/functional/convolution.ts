import {
  checkAxes,
  checkChoice,
  checkInteger,
  checkOptions,
  MAX_INTEGER,
  refuse,
  shapeText,
} from '../core/checks.js';
import { DeconvError } from '../core/errors.js';
import { type OperatorSpec, outputExtents, weightShape } from '../core/spec.js';
import { allocateTensor, checkParameter, checkTensor, elementCount, type Tensor } from '../core/tensor.js';
import { EXECUTION_OPTION_NAMES, type ExecutionOptions, readExecution } from '../runtime/execution.js';
import { locate } from '../runtime/heap-tensor.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import { NativeOperators } from '../runtime/native-operators.js';
import { Operation } from '../runtime/operation.js';
import type { Runtime } from '../runtime/runtime.js';

/** Geometry of one call; a list has one entry per spatial axis. */
export interface ConvCallOptions extends ExecutionOptions {
  /** `[outChannels]`. Default: none. */
  readonly bias?: Tensor | Float32Array | null;
  readonly stride?: number | readonly number[];
  readonly dilation?: number | readonly number[];
  readonly groups?: number;
  /** Zeros added to the head of the input's axis; negative crops it. Default 0. */
  readonly padBefore?: number | readonly number[];
  /** The same at the tail. */
  readonly padAfter?: number | readonly number[];
  /** 1 + zeros inserted between input values. Default 1. */
  readonly inputDilation?: number | readonly number[];
  /** Axes of input and output: N C … or N … C. Default `'channels-first'`. */
  readonly layout?: 'channels-first' | 'channels-last';
}

export interface ConvTransposeCallOptions
  extends Omit<ConvCallOptions, 'padBefore' | 'padAfter' | 'inputDilation'> {
  /** Rows cut off the head of the output's axis; negative adds rows that hold the bias. Default 0. */
  readonly padBefore?: number | readonly number[];
  /** The same at the tail. */
  readonly padAfter?: number | readonly number[];
  /** Rows added at the tail: makes padAfter smaller. Default 0. */
  readonly outputPadding?: number | readonly number[];
}

/**
 * Convolution without a layer, on the canonical operator: the parameters are packed for this one
 * call, so a layer is faster when they stay the same.
 *
 * @param x `[N, in, ...]` or `[N, ..., in]`, one to three spatial axes
 * @param weight `[out, in/groups, ...kernel]`
 * @throws {DeconvError} as a layer's forward
 *
 * @example
 * const y = conv(x, w, { stride: 2, padBefore: [0, 1], padAfter: [1, 1] });
 */
export function conv(x: Tensor, weight: Tensor, options: ConvCallOptions = {}): Tensor {
  const checked = checkOptions<ConvCallOptions>('conv', options, [...SHARED_OPTIONS, 'inputDilation']);
  return computeOnce('conv', false, x, weight, checked, { inputDilation: checked.inputDilation });
}

/**
 * Transposed convolution without a layer, on the canonical operators.
 *
 * @param x `[N, in, ...]` or `[N, ..., in]`, one to three spatial axes
 * @param weight `[in, out/groups, ...kernel]`, not flipped
 * @throws {DeconvError} as a layer's forward
 *
 * @example
 * const y = convTranspose(x, w, { stride: 2, padBefore: 1, padAfter: 1 });
 */
export function convTranspose(x: Tensor, weight: Tensor, options: ConvTransposeCallOptions = {}): Tensor {
  const checked = checkOptions<ConvTransposeCallOptions>('convTranspose', options, [
    ...SHARED_OPTIONS,
    'outputPadding',
  ]);
  return computeOnce('convTranspose', true, x, weight, checked, { outputPadding: checked.outputPadding });
}

const SHARED_OPTIONS = [
  'bias',
  'stride',
  'dilation',
  'groups',
  'padBefore',
  'padAfter',
  'layout',
  ...EXECUTION_OPTION_NAMES,
] as const;

/**
 * @internal Checks the call, makes an operator of it, runs it and frees it. `where` names the public
 * function in errors.
 */
export function computeOnce(
  where: string,
  transposed: boolean,
  x: unknown,
  weight: unknown,
  options: ConvTransposeCallOptions,
  extra: {
    readonly inputDilation?: number | readonly number[] | undefined;
    readonly outputPadding?: number | readonly number[] | undefined;
  } = {},
): Tensor {
  const input = checkTensor(where, 'x', x);
  const kernel = checkTensor(where, 'weight', weight);
  const rank = input.shape.length - 2;
  if (rank < 1 || rank > 3) {
    refuse('BAD_SHAPE', where, 'x with 3, 4 or 5 axes', [...input.shape], 'Add a batch axis of 1.');
  }
  if (kernel.shape.length !== rank + 2 || kernel.shape.includes(0)) {
    refuse('BAD_SHAPE', where, `weight with ${rank + 2} axes of at least 1`, [...kernel.shape]);
  }
  const layout = checkChoice(where, 'layout', options.layout ?? 'channels-first', [
    'channels-first',
    'channels-last',
  ]);
  const channelAxis = layout === 'channels-first' ? 1 : rank + 1;
  const extents = input.shape.filter((_, axis) => axis !== 0 && axis !== channelAxis);
  const batch = input.shape[0] as number;
  const [first = 1, second = 1, ...taps] = kernel.shape;
  const groups = checkInteger(where, 'groups', options.groups ?? 1, 1);
  const inChannels = transposed ? first : second * groups;
  const outChannels = transposed ? second * groups : first;
  if (first % groups !== 0) {
    refuse('BAD_OPTION', where, `weight.shape[0] to be a multiple of groups (${groups})`, first);
  }
  if (input.shape[channelAxis] !== inChannels) {
    throw new DeconvError(
      'BAD_SHAPE',
      `${where}: expected x with ${inChannels} channels, as weight ${shapeText(kernel.shape)} and groups ${groups} say, got ${shapeText(input.shape)} (channel axis ${channelAxis}). Reorder x or set layout.`,
      { where, expected: inChannels, got: input.shape },
    );
  }
  if (extents.includes(0)) {
    refuse('BAD_SHAPE', where, 'at least 1 value along every spatial axis', [...input.shape]);
  }
  const outputPadding = checkAxes(where, 'outputPadding', extra.outputPadding ?? 0, rank, 0);
  const spec: OperatorSpec = {
    transposed,
    groups,
    inChannels,
    outChannels,
    kernel: taps,
    stride: checkAxes(where, 'stride', options.stride ?? 1, rank, 1),
    dilation: checkAxes(where, 'dilation', options.dilation ?? 1, rank, 1),
    inputDilation: checkAxes(where, 'inputDilation', extra.inputDilation ?? 1, rank, 1),
    padBefore: checkAxes(where, 'padBefore', options.padBefore ?? 0, rank, -MAX_INTEGER),
    padAfter: checkAxes(where, 'padAfter', options.padAfter ?? 0, rank, -MAX_INTEGER).map(
      // Checked again with the output padding taken off: the core counts in 32 bits.
      (pad, axis) =>
        checkInteger(
          where,
          'padAfter less outputPadding',
          pad - (outputPadding[axis] as number),
          -MAX_INTEGER,
        ),
    ),
    relu: false,
  };
  const execution = readExecution(where, options);
  const bias = options.bias == null ? null : checkParameter(where, 'bias', options.bias, [outChannels]);
  const outExtents = outputExtents(where, spec, extents);
  const shape =
    layout === 'channels-first' ? [batch, outChannels, ...outExtents] : [batch, ...outExtents, outChannels];
  elementCount(where, 'weight', weightShape(spec));
  const output = allocateTensor(where, shape);
  const runtime = requireRuntime(where, execution.runtime);
  const parameters = {
    weight: besideHeap(kernel.data, runtime),
    bias: bias && besideHeap(bias, runtime),
  };

  const operation = new Operation({
    where,
    spec,
    batch,
    extents,
    layout,
    execution,
    inputCount: input.data.length,
    outputCount: output.data.length,
    parameters: () => parameters,
  });
  const operators = new NativeOperators();
  try {
    operators.run(operation, locate(input.data, runtime), output.data);
  } finally {
    operators.dispose();
  }
  return output;
}

/** The call may grow the heap before it reads its parameters. */
function besideHeap(values: Float32Array, runtime: Runtime): Float32Array {
  return locate(values, runtime) === values ? values : values.slice();
}
