import { checkOptions } from '../core/checks.js';
import { checkNumber } from '../core/numbers.js';
import {
  type Memory,
  type Optimizable,
  type Optimizer,
  type OptimizerOptions,
  optimizer,
} from './optimizer.js';

/** Options of {@link adam} and {@link adamW}. */
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
 * await init();
 * const layer = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2, seed: 1 });
 * const [x, target] = [{ data: [1, 2], shape: [1, 1, 2] }, { data: [1, 3, 2, 6], shape: [1, 1, 4] }];
 * const step = adam([layer], { learningRate: 0.05 });
 * for (let count = 0; count < 1000; count += 1) {
 *   step([layer.backward(x, meanSquaredError(layer.forward(x), target).gradient)]);
 * }
 * console.log(Array.from(layer.weight.data, (value) => value.toFixed(1)).join(' ')); // 1.0 3.0
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
 * await init();
 * const layer = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2, bias: false });
 * layer.setWeight([1, 2]);
 * const step = adamW([layer], { learningRate: 0.1, weightDecay: 0.5 });
 * // Without a gradient only the decay is left: 0.1 * 0.5 of each weight.
 * step([layer.backward({ data: [1], shape: [1, 1, 1] }, { data: [0, 0], shape: [1, 1, 2] })]);
 * console.log(Array.from(layer.weight.data, (value) => value.toFixed(2)).join(' ')); // 0.95 1.90
 */
export function adamW(layers: readonly Optimizable[], options: AdamOptions = {}): Optimizer {
  return adamOf('adamW', layers, options, true);
}

type Moments = Memory & Record<'exp_avg' | 'exp_avg_sq', Float32Array>;

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
    update: (values, gradient, memory, next, learningRate, steps) => {
      const { exp_avg: means, exp_avg_sq: squares } = memory as Moments;
      const { exp_avg: nextMeans, exp_avg_sq: nextSquares } = next as Moments;
      const kept = decoupled ? 1 - learningRate * weightDecay : 1;
      const meanScale = 1 / (1 - beta1 ** steps);
      const squareScale = 1 / (1 - beta2 ** steps);
      for (let index = 0; index < values.length; index += 1) {
        const value = kept * (values[index] as number);
        const slope = (gradient[index] as number) + penalty * value;
        const mean = beta1 * (means[index] as number) + (1 - beta1) * slope;
        const square = beta2 * (squares[index] as number) + (1 - beta2) * slope * slope;
        nextMeans[index] = mean;
        nextSquares[index] = square;
        values[index] =
          value - (learningRate * mean * meanScale) / (Math.sqrt(square * squareScale) + epsilon);
      }
    },
  });
}
