import { fault, refuse, shapeText } from '../core/checks.js';
import { allocateTensor, checkTensor, type Tensor } from '../core/tensor.js';

export interface Loss {
  readonly loss: number;
  /** Derivative of the loss with respect to each value of the prediction. */
  readonly gradient: Tensor<ArrayBuffer>;
}

/**
 * Mean of `(prediction - target)²` over all values and its gradient `2 (prediction - target) / count`,
 * as PyTorch's `mse_loss` with reduction 'mean'.
 *
 * @param target of the prediction's shape
 * @throws {DeconvError} `BAD_SHAPE` (unequal or empty), `BAD_TYPE`, `BAD_BUFFER`
 */
export function meanSquaredError(prediction: Tensor, target: Tensor): Loss {
  const where = 'meanSquaredError';
  const got = checkTensor(where, 'prediction', prediction);
  const wanted = checkTensor(where, 'target', target);
  const count = got.data.length;
  if (count === 0) refuse('BAD_SHAPE', where, 'a prediction with at least one value', [...got.shape]);
  if (got.shape.join() !== wanted.shape.join()) {
    throw fault(
      'BAD_SHAPE',
      where,
      `target of the prediction's shape ${shapeText(got.shape)}`,
      shapeText(wanted.shape),
      'Reshape one of them.',
      { expected: got.shape, got: wanted.shape },
    );
  }
  const gradient = allocateTensor(where, got.shape);
  let sum = 0;
  for (let index = 0; index < count; index += 1) {
    const difference = (got.data[index] as number) - (wanted.data[index] as number);
    sum += difference * difference;
    gradient.data[index] = (2 * difference) / count;
  }
  return { loss: sum / count, gradient };
}
