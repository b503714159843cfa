import {
  checkAxes,
  checkChoice,
  checkGroups,
  checkInteger,
  fault,
  refuse,
  shapeText,
} from '../core/checks.js';
import { channelsOfWeight, type OperatorSpec, outputExtents, weightShape } from '../core/spec.js';
import {
  allocateTensor,
  checkParameter,
  checkTensor,
  elementCount,
  type Tensor,
  type TensorData,
  type TensorLike,
} from '../core/tensor.js';
import { type ExecutionOptions, readExecution } from '../runtime/execution.js';
import { FloatOperators } from '../runtime/float-operators.js';
import { locate } from '../runtime/heap-tensor.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import { Operation } from '../runtime/operation.js';
import type { Runtime } from '../runtime/runtime.js';

/** Options that conv and convTranspose share. */
export interface CallOptions extends ExecutionOptions {
  /** `[outChannels]`. Default: none. */
  readonly bias?: TensorLike | TensorData | null;
  /** Default 1. */
  readonly stride?: number | readonly number[];
  /** Distance between the taps of the kernel. Default 1. */
  readonly dilation?: number | readonly number[];
  /** Blocked connections from input to output channels. Default 1. */
  readonly groups?: number;
  /** Axes of input and output: N C … or N … C. Default `'channels-first'`. */
  readonly layout?: 'channels-first' | 'channels-last';
}

/** What a call's options say of the geometry once the kernel is known. */
export type ReadGeometry = (
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
) => {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly inputDilation: readonly number[];
};

/**
 * Checks the call, makes an operator of it, runs it and frees it. `where` names the public function in
 * errors; `weight` is canonical.
 */
export function computeOnce(
  where: string,
  transposed: boolean,
  x: unknown,
  weight: unknown,
  options: CallOptions,
  read: ReadGeometry,
): Tensor<ArrayBuffer> {
  const input = checkTensor(where, 'x', x);
  const kernel = checkTensor(where, 'weight', weight);
  const rank = kernel.shape.length - 2;
  if (rank < 1 || rank > 3 || kernel.shape.includes(0)) {
    refuse('BAD_SHAPE', where, 'weight with 2 axes of channels, 1 to 3 of taps, each of at least 1', [
      ...kernel.shape,
    ]);
  }
  const batched = input.shape.length === rank + 2;
  if (!batched && input.shape.length !== rank + 1) {
    refuse(
      'BAD_SHAPE',
      where,
      `x with ${rank + 2} axes, or ${rank + 1} without a batch, as weight ${shapeText(kernel.shape)} says`,
      [...input.shape],
      'Add or drop axes.',
    );
  }
  const layout = checkChoice(where, 'layout', options.layout ?? 'channels-first', [
    'channels-first',
    'channels-last',
  ]);
  const [batch, ...single] = (batched ? input.shape : [1, ...input.shape]) as [number, ...number[]];
  const channelsFirst = layout === 'channels-first';
  const channels = single.at(channelsFirst ? 0 : -1);
  const extents = channelsFirst ? single.slice(1) : single.slice(0, -1);
  const groups = checkInteger(where, 'groups', options.groups ?? 1, 1);
  checkGroups(where, 'weight.shape[0]', kernel.shape[0] as number, groups);
  const channelSpec = channelsOfWeight(kernel.shape, transposed, groups);
  const { inChannels, outChannels, kernel: taps } = channelSpec;
  if (channels !== inChannels) {
    throw fault(
      'BAD_SHAPE',
      where,
      `x with ${inChannels} channels, as weight ${shapeText(kernel.shape)} and groups ${groups} say`,
      shapeText(input.shape),
      'Reorder x or set layout.',
      { expected: inChannels, got: input.shape },
    );
  }
  if (extents.includes(0)) {
    refuse('BAD_SHAPE', where, 'at least 1 value along every spatial axis', [...input.shape]);
  }
  const stride = checkAxes(where, 'stride', options.stride ?? 1, rank, 1);
  const dilation = checkAxes(where, 'dilation', options.dilation ?? 1, rank, 1);
  const { before: padBefore, after: padAfter, inputDilation } = read(taps, stride, dilation);
  const spec: OperatorSpec = {
    ...channelSpec,
    stride,
    dilation,
    inputDilation,
    padBefore,
    padAfter,
    relu: false,
  };
  const execution = readExecution(where, options);
  const bias = options.bias == null ? null : checkParameter(where, 'bias', options.bias, [outChannels]);
  const outExtents = outputExtents(where, spec, extents);
  const result = channelsFirst ? [outChannels, ...outExtents] : [...outExtents, outChannels];
  elementCount(where, 'weight', weightShape(spec));
  const output = allocateTensor(where, batched ? [batch, ...result] : result);
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
  const operators = new FloatOperators();
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
