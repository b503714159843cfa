import { checkBoolean, checkOptions, refuse } from '../core/checks.js';
import { checkNumber } from '../core/numbers.js';
import { type Optimizable, type Optimizer, type OptimizerOptions, optimizer } from './optimizer.js';

/** Options of {@link sgd}. */
export interface SgdOptions extends OptimizerOptions {
  /** Share of the last step's velocity that the next one keeps. Default 0. */
  readonly momentum?: number;
  /** Looks one step ahead along the velocity; needs a momentum. Default false. */
  readonly nesterov?: boolean;
  /** Factor of the L2 penalty that is added to the gradient. Default 0. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent with `torch.optim.SGD`'s formulas (dampening 0): with `g` the gradient
 * plus `weightDecay * p`, the velocity `v` is `momentum * v + g`, and `p` loses `learningRate * v`, or
 * `learningRate * (g + momentum * v)` with Nesterov's momentum.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const layer = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2, bias: false });
 * layer.setWeight([1, 2]);
 * const step = sgd([layer], { learningRate: 0.5 });
 * step([layer.backward({ data: [1], shape: [1, 1, 1] }, { data: [1, -1], shape: [1, 1, 2] })]);
 * console.log(layer.weight.data.join(' ')); // 0.5 2.5
 */
export function sgd(layers: readonly Optimizable[], options: SgdOptions = {}): Optimizer {
  const where = 'sgd';
  const checked = checkOptions<SgdOptions>(where, options, [
    'learningRate',
    'schedule',
    'momentum',
    'nesterov',
    'weightDecay',
  ]);
  const momentum = checkNumber(where, 'momentum', checked.momentum ?? 0);
  const nesterov = checkBoolean(where, 'nesterov', checked.nesterov ?? false);
  const weightDecay = checkNumber(where, 'weightDecay', checked.weightDecay ?? 0);
  if (nesterov && momentum === 0) {
    refuse('BAD_OPTION', where, 'a momentum above 0 with nesterov', momentum);
  }
  return optimizer(layers, {
    ...checked,
    where,
    memory: momentum === 0 ? [] : ['momentum_buffer'],
    update: (values, gradient, { momentum_buffer: velocities }, next, learningRate) => {
      const { momentum_buffer: nextVelocities } = next;
      for (let index = 0; index < values.length; index += 1) {
        const value = values[index] as number;
        const slope = (gradient[index] as number) + weightDecay * value;
        let move = slope;
        if (velocities !== undefined && nextVelocities !== undefined) {
          // Starting from 0 this is PyTorch's first velocity too: the gradient itself.
          const velocity = momentum * (velocities[index] as number) + slope;
          nextVelocities[index] = velocity;
          move = nesterov ? slope + momentum * velocity : velocity;
        }
        values[index] = value - learningRate * move;
      }
    },
  });
}
