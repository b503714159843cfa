import { checkBoolean, checkOptions, fault, refuse } from '../core/checks.js';
import { checkParameter, type Tensor } from '../core/tensor.js';

/** What has parameters: every layer of this package, or an object of your own. */
export interface Trainable {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  setWeight(weight: Float32Array): unknown;
  setBias(bias: Float32Array): unknown;
}

/** What an optimizer takes; it passes over a normalization without parameters, whose weight is null. */
export interface Optimizable extends Omit<Trainable, 'weight'> {
  readonly weight: Tensor | null;
}

/** The part of a layer's gradients that an optimizer reads. */
export interface ParameterGradients {
  /** Null where the layer has no weight. */
  readonly weight: Tensor | null;
  /** Null where the layer has no bias. */
  readonly bias: Tensor | null;
}

/**
 * Changes the layers' parameters by one step. `gradients` has one entry per layer, in the layers' order.
 *
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_OPTION`, `BAD_TYPE`, `BAD_BUFFER`, `DISPOSED`; then nothing
 * has changed
 */
export type OptimizerStep = (gradients: readonly ParameterGradients[]) => void;

export interface SgdOptions {
  /** Default 0.001. */
  readonly learningRate?: number;
  /** Share of the last step's velocity that the next one keeps. Default 0. */
  readonly momentum?: number;
  /** Looks one step ahead along the velocity; needs a momentum. Default false. */
  readonly nesterov?: boolean;
  /** Factor of the L2 penalty that is added to the gradient. Default 0. */
  readonly weightDecay?: number;
}

export interface AdamOptions {
  /** Default 0.001. */
  readonly learningRate?: number;
  /** Decay of the mean of the gradients, below 1. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of their squares, below 1. Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Factor of the L2 penalty that is added to the gradient (not AdamW's decay). Default 0. */
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
 * const step = sgd([layer], { learningRate: 0.1, momentum: 0.9 });
 * step([layer.backward(x, gradient)]);
 */
export function sgd(layers: readonly Optimizable[], options: SgdOptions = {}): OptimizerStep {
  const where = 'sgd';
  const checked = checkOptions<SgdOptions>(where, options, [
    'learningRate',
    'momentum',
    'nesterov',
    'weightDecay',
  ]);
  const learningRate = checkNumber(where, 'learningRate', checked.learningRate ?? 1e-3);
  const momentum = checkNumber(where, 'momentum', checked.momentum ?? 0);
  const nesterov = checkBoolean(where, 'nesterov', checked.nesterov ?? false);
  const weightDecay = checkNumber(where, 'weightDecay', checked.weightDecay ?? 0);
  if (nesterov && momentum === 0) {
    refuse('BAD_OPTION', where, 'a momentum above 0 with nesterov', momentum);
  }
  return optimizer(where, layers, (count) => {
    const velocities = new Float32Array(momentum === 0 ? 0 : count);
    return (values, gradient) => {
      for (let index = 0; index < count; index += 1) {
        const value = values[index] as number;
        const slope = (gradient[index] as number) + weightDecay * value;
        let move = slope;
        if (momentum !== 0) {
          // Starting from 0 this is PyTorch's first velocity too: the gradient itself.
          const velocity = momentum * (velocities[index] as number) + slope;
          velocities[index] = velocity;
          move = nesterov ? slope + momentum * velocity : velocity;
        }
        values[index] = value - learningRate * move;
      }
    };
  });
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
export function adam(layers: readonly Optimizable[], options: AdamOptions = {}): OptimizerStep {
  const where = 'adam';
  const checked = checkOptions<AdamOptions>(where, options, [
    'learningRate',
    'beta1',
    'beta2',
    'epsilon',
    'weightDecay',
  ]);
  const learningRate = checkNumber(where, 'learningRate', checked.learningRate ?? 1e-3);
  const beta1 = checkNumber(where, 'beta1', checked.beta1 ?? 0.9, 1);
  const beta2 = checkNumber(where, 'beta2', checked.beta2 ?? 0.999, 1);
  const epsilon = checkNumber(where, 'epsilon', checked.epsilon ?? 1e-8);
  const weightDecay = checkNumber(where, 'weightDecay', checked.weightDecay ?? 0);
  return optimizer(where, layers, (count) => {
    const means = new Float32Array(count);
    const squares = new Float32Array(count);
    let steps = 0;
    return (values, gradient) => {
      steps += 1;
      const meanScale = 1 / (1 - beta1 ** steps);
      const squareScale = 1 / (1 - beta2 ** steps);
      for (let index = 0; index < count; index += 1) {
        const value = values[index] as number;
        const slope = (gradient[index] as number) + weightDecay * value;
        const mean = beta1 * (means[index] as number) + (1 - beta1) * slope;
        const square = beta2 * (squares[index] as number) + (1 - beta2) * slope * slope;
        means[index] = mean;
        squares[index] = square;
        values[index] =
          value - (learningRate * mean * meanScale) / (Math.sqrt(square * squareScale) + epsilon);
      }
    };
  });
}

/** Changes `values` in place; made once for every parameter tensor, whose history it keeps. */
type Update = (values: Float32Array, gradient: Float32Array) => void;

function optimizer(
  where: string,
  layers: readonly Optimizable[],
  makeUpdate: (count: number) => Update,
): OptimizerStep {
  if (!Array.isArray(layers)) refuse('BAD_TYPE', where, 'a list of layers', layers);
  if (layers.length === 0) refuse('BAD_OPTION', where, 'at least one layer', layers);
  const updates = Array.from(layers as readonly Optimizable[], (layer, index) => {
    if (typeof layer?.setWeight !== 'function' || typeof layer.setBias !== 'function') {
      refuse('BAD_TYPE', where, `layers[${index}] with weight, bias, setWeight and setBias`, layer);
    }
    if (layers.indexOf(layer) !== index) {
      const first = `layers[${layers.indexOf(layer)}]`;
      throw fault('BAD_OPTION', where, 'every layer once', `layers[${index}], which is ${first} again`);
    }
    return {
      layer,
      weight: makeUpdate(layer.weight?.data.length ?? 0),
      bias: makeUpdate(layer.bias?.data.length ?? 0),
    };
  });

  return (gradients) => {
    const method = `${where} step`;
    if (!Array.isArray(gradients)) refuse('BAD_TYPE', method, 'a list of gradients', gradients);
    if (gradients.length !== updates.length) {
      refuse('BAD_OPTION', method, `gradients of ${updates.length} layers`, gradients.length);
    }
    // All is read and checked before any layer or history changes.
    const changes = updates.map((update, index) => {
      const { weight, bias } = update.layer;
      const given = gradients[index] as Partial<ParameterGradients> | null | undefined;
      const name = `gradients[${index}]`;
      return {
        ...update,
        weights: weight?.data ?? null,
        biases: bias?.data ?? null,
        weightGradient: checkGradient(method, `${name}.weight`, given?.weight, weight),
        biasGradient: checkGradient(method, `${name}.bias`, given?.bias, bias),
      };
    });
    for (const { layer, weight, bias, weights, biases, weightGradient, biasGradient } of changes) {
      if (weights !== null && weightGradient !== null) {
        weight(weights, weightGradient);
        layer.setWeight(weights);
      }
      if (biases !== null && biasGradient !== null) {
        bias(biases, biasGradient);
        layer.setBias(biases);
      }
    }
  };
}

/** The values of a parameter's gradient; null for a parameter that there is not. */
function checkGradient(
  where: string,
  name: string,
  gradient: unknown,
  parameter: Tensor | null,
): Float32Array | null {
  if (parameter !== null) return checkParameter(where, name, gradient, parameter.shape);
  if (gradient === null || gradient === undefined) return null;
  return refuse('BAD_OPTION', where, `${name} null, as the layer has none`, gradient);
}

function checkNumber(where: string, name: string, value: unknown, below = Number.POSITIVE_INFINITY): number {
  if (typeof value !== 'number') refuse('BAD_TYPE', where, `${name} to be a number`, value);
  if (!(value >= 0 && value < below)) {
    const limit = below === Number.POSITIVE_INFINITY ? 'finite' : `below ${below}`;
    refuse('BAD_OPTION', where, `${name} at least 0 and ${limit}`, value);
  }
  return value;
}
