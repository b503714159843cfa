import { checkOptions } from '../core/checks.js';
import { checkNumber } from './numbers.js';
import {
  type Memory,
  type Optimizable,
  type Optimizer,
  type OptimizerOptions,
  optimizer,
} from './optimizer.js';

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the mean of the gradients, below 1. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of their squares, below 1. Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** `adam`: factor of the L2 penalty that is added to the gradient, default 0. `adamW`: see there, default 0.01. */
  readonly weightDecay?: number;
}

/**
 * Adam (Kingma and Ba, 2014, algorithm 1) with `torch.optim.Adam`'s formulas: with `g` the gradient plus
 * `weightDecay * p`, the means `m` of `g` and `v` of `g²` are divided by `1 - beta^t` for their start
 * from 0, and `p` loses `learningRate * m / (sqrt(v) + epsilon)`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * const step = adam(decoder.layers, { learningRate: 0.01 });
 * step(pass.backward(gradient).layers);
 */
export function adam(layers: readonly Optimizable[], options: AdamOptions = {}): Optimizer {
  return adamOf('adam', layers, options, false);
}

/**
 * Adam whose decay is none of the gradient (Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2017), as
 * `torch.optim.AdamW`: before Adam's step `p` loses `learningRate * weightDecay * p`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * const step = adamW(decoder.layers, { learningRate: 0.001, weightDecay: 0.05 });
 * step(pass.backward(gradient).layers);
 */
export function adamW(layers: readonly Optimizable[], options: AdamOptions = {}): Optimizer {
  return adamOf('adamW', layers, options, true);
}

function adamOf(
  where: string,
  layers: readonly Optimizable[],
  options: AdamOptions,
  decoupled: boolean,
): Optimizer {
  const checked = checkOptions<AdamOptions>(where, options, [
    'learningRate',
    'schedule',
    'beta1',
    'beta2',
    'epsilon',
    'weightDecay',
  ]);
  const beta1 = checkNumber(where, 'beta1', checked.beta1 ?? 0.9, 1);
  const beta2 = checkNumber(where, 'beta2', checked.beta2 ?? 0.999, 1);
  const epsilon = checkNumber(where, 'epsilon', checked.epsilon ?? 1e-8);
  const weightDecay = checkNumber(where, 'weightDecay', checked.weightDecay ?? (decoupled ? 0.01 : 0));
  const penalty = decoupled ? 0 : weightDecay;
  return optimizer(layers, {
    ...checked,
    where,
    memory: ['exp_avg', 'exp_avg_sq'],
    update: (values, gradient, memory, learningRate, steps) => {
      const { exp_avg: means, exp_avg_sq: squares } = memory as Memory &
        Record<'exp_avg' | 'exp_avg_sq', Float32Array>;
      const kept = decoupled ? 1 - learningRate * weightDecay : 1;
      const meanScale = 1 / (1 - beta1 ** steps);
      const squareScale = 1 / (1 - beta2 ** steps);
      for (let index = 0; index < values.length; index += 1) {
        const value = kept * (values[index] as number);
        const slope = (gradient[index] as number) + penalty * value;
        const mean = beta1 * (means[index] as number) + (1 - beta1) * slope;
        const square = beta2 * (squares[index] as number) + (1 - beta2) * slope * slope;
        means[index] = mean;
        squares[index] = square;
        values[index] =
          value - (learningRate * mean * meanScale) / (Math.sqrt(square * squareScale) + epsilon);
      }
    },
  });
}
