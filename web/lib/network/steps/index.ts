import { product } from '../../core/lists.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Operation } from '../operations.js';
import { outputShapesOf, type Shape } from '../shapes.js';
import { binaryStep, unaryStep } from './elementwise.js';
import { matrixStep } from './matrix.js';
import { blockStep, copyStep, expandStep, joinStep, sliceStep, transposeStep } from './moves.js';
import { affineStep, normalizationStep, softmaxStep } from './normalize.js';
import { reduceStep } from './reduce.js';
import { padStep, poolStep, resizeStep } from './spatial.js';
import type { Compute, Of, StepCall } from './step.js';

/** What computes an operation for given shapes, from addresses to addresses. It holds nothing on the heap. */
export interface NetworkStep {
  readonly outputShapes: readonly Shape[];
  /** Whether the output may be written over an input of as many values. */
  readonly inPlace: boolean;
  run(inputs: readonly number[], outputs: readonly number[]): void;
}

/** All that is no convolution, which is a layer's. */
export type StepOperation = Exclude<Operation, { readonly kind: 'convolution' }>;

/** What a step computes of the operations behind its own. */
export interface Behind {
  /** Of a resize: what is laid around it. */
  readonly pad?: Of<'pad'> | undefined;
  /** Of a product: whether its last input is added to it. */
  readonly adds?: boolean;
}

const IN_PLACE: readonly StepOperation['kind'][] = [
  'affine',
  'normalization',
  'unary',
  'binary',
  'softmax',
  'reshape',
];

/**
 * @param where names its node in errors
 * @param behind what it computes of those behind it
 * @throws {DeconvError} `BAD_SHAPE`, `TOO_LARGE`, `UNSUPPORTED`
 */
export function stepOf(
  runtime: Runtime,
  where: string,
  operation: StepOperation,
  inputShapes: readonly Shape[],
  behind: Behind = {},
): NetworkStep {
  const { pad } = behind;
  const own = outputShapesOf(where, operation, inputShapes);
  const outputShapes = pad === undefined ? own : outputShapesOf(where, pad, own);
  const call = { runtime, where, inputShapes, outputShapes };
  // Loops count on at least one value.
  const compute = outputShapes.every((shape) => product(shape) === 0)
    ? () => {}
    : computeOf(call, operation, behind);
  return {
    outputShapes,
    inPlace: IN_PLACE.includes(operation.kind),
    run: (inputs, outputs) => {
      try {
        compute(inputs, outputs);
      } catch (error) {
        throw runtime.asError(where, error);
      }
    },
  };
}

function computeOf(call: StepCall, operation: StepOperation, { pad, adds }: Behind): Compute {
  switch (operation.kind) {
    case 'affine':
      return affineStep(call, operation);
    case 'normalization':
      return normalizationStep(call, operation);
    case 'unary':
      return unaryStep(call, operation);
    case 'binary':
      return binaryStep(call, operation, adds);
    case 'softmax':
      return softmaxStep(call, operation);
    case 'concat':
    case 'split':
      return joinStep(call, operation);
    case 'slice':
      return sliceStep(call, operation);
    case 'pad':
      return padStep(call, operation);
    case 'resize':
      return resizeStep(call, operation, pad);
    case 'depth-to-space':
    case 'space-to-depth':
      return blockStep(call, operation);
    case 'pool':
      return poolStep(call, operation);
    case 'reduce':
      return reduceStep(call, operation);
    case 'matmul':
      return matrixStep(call, operation);
    case 'transpose':
      return transposeStep(call, operation);
    case 'reshape':
      return copyStep(call);
    case 'expand':
      return expandStep(call);
  }
}
