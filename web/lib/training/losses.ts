import { checkChoice, checkInteger, checkOptions, fault, refuse, shapeText } from '../core/checks.js';
import { product } from '../core/lists.js';
import { allocateTensor, checkTensor, sameList, type Tensor, type TensorLike } from '../core/tensor.js';

/** What every loss gives. */
export interface Loss {
  readonly loss: number;
  /** Derivative of the loss with respect to each value of the prediction. */
  readonly gradient: Tensor<ArrayBuffer>;
}

/**
 * Options of every loss.
 *
 * @example
 * const [prediction, target] = [[1, 2], [0, 0]].map((data) => ({ data, shape: [2] }));
 * console.log(meanSquaredError(prediction, target).loss, meanSquaredError(prediction, target, { reduction: 'sum' }).loss); // 2.5 5
 */
export interface LossOptions {
  /** Whether the loss is the mean over all values, or their sum. Default `'mean'`. */
  readonly reduction?: 'mean' | 'sum';
}

/**
 * Mean of `(prediction - target)²` and its gradient `2 (prediction - target) / count`, as PyTorch's `mse_loss`.
 *
 * @param target of the prediction's shape
 * @throws {DeconvError} `BAD_SHAPE` (unequal or empty), `BAD_TYPE`, `BAD_BUFFER`, `BAD_OPTION`
 *
 * @example
 * const { loss, gradient } = meanSquaredError({ data: [1, 5], shape: [2] }, { data: [1, 3], shape: [2] });
 * console.log(loss, gradient.data.join(' ')); // 2 0 2
 */
export function meanSquaredError(
  prediction: TensorLike,
  target: TensorLike,
  options: LossOptions = {},
): Loss {
  return valueByValue('meanSquaredError', prediction, target, options, {
    loss: (value, wanted) => (value - wanted) ** 2,
    slope: (value, wanted) => 2 * (value - wanted),
  });
}

/**
 * Mean of `|prediction - target|`, as PyTorch's `l1_loss`; its derivative at 0 is taken as 0.
 *
 * @param target of the prediction's shape
 * @throws {DeconvError} as `meanSquaredError`
 *
 * @example
 * const { loss, gradient } = meanAbsoluteError({ data: [1, 5], shape: [2] }, { data: [1, 3], shape: [2] });
 * console.log(loss, gradient.data.join(' ')); // 1 0 0.5
 */
export function meanAbsoluteError(
  prediction: TensorLike,
  target: TensorLike,
  options: LossOptions = {},
): Loss {
  return valueByValue('meanAbsoluteError', prediction, target, options, {
    loss: (value, wanted) => Math.abs(value - wanted),
    slope: (value, wanted) => Math.sign(value - wanted),
  });
}

/**
 * Mean of `-(t log p + (1 - t) log(1 - p))` of probabilities `p`, as PyTorch's `binary_cross_entropy`: logarithms
 * are -100 at least. Behind a network that ends without a Sigmoid use `binaryCrossEntropyWithLogits`, which is exact
 * where `p` rounds to 0 or 1.
 *
 * @param prediction probabilities: from 0 to 1
 * @param target from 0 to 1, of the prediction's shape
 * @throws {DeconvError} as `meanSquaredError`; `BAD_OPTION` for values outside
 *
 * @example
 * const { loss, gradient } = binaryCrossEntropy({ data: [0.5, 0.5], shape: [2] }, { data: [0, 1], shape: [2] });
 * console.log(loss.toFixed(4), gradient.data.join(' ')); // 0.6931 1 -1
 */
export function binaryCrossEntropy(
  prediction: TensorLike,
  target: TensorLike,
  options: LossOptions = {},
): Loss {
  const where = 'binaryCrossEntropy';
  return valueByValue(where, prediction, target, options, {
    loss: (value, wanted) => {
      if (value < 0 || value > 1) refuse('BAD_OPTION', where, 'a prediction from 0 to 1', value);
      checkShare(where, wanted);
      return -wanted * Math.max(-100, Math.log(value)) - (1 - wanted) * Math.max(-100, Math.log1p(-value));
    },
    slope: (value, wanted) => (value - wanted) / Math.max(value * (1 - value), 1e-12),
  });
}

/**
 * Mean of `max(x, 0) - x t + log(1 + exp(-|x|))`: the binary cross-entropy of `sigmoid(x)`, without its rounding, as
 * PyTorch's `binary_cross_entropy_with_logits`.
 *
 * @param prediction any numbers: what a Sigmoid would take
 * @param target from 0 to 1, of the prediction's shape
 * @throws {DeconvError} as `binaryCrossEntropy`
 *
 * @example
 * const { loss, gradient } = binaryCrossEntropyWithLogits({ data: [0, 0], shape: [2] }, { data: [0, 1], shape: [2] });
 * console.log(loss.toFixed(4), gradient.data.join(' ')); // 0.6931 0.25 -0.25
 */
export function binaryCrossEntropyWithLogits(
  prediction: TensorLike,
  target: TensorLike,
  options: LossOptions = {},
): Loss {
  const where = 'binaryCrossEntropyWithLogits';
  return valueByValue(where, prediction, target, options, {
    loss: (value, wanted) => {
      checkShare(where, wanted);
      // Of infinite numbers the wrong one costs infinitely much, and the right one nothing.
      const cost = (share: number, amount: number): number => (share === 0 ? 0 : share * Math.max(amount, 0));
      return cost(wanted, -value) + cost(1 - wanted, value) + Math.log1p(Math.exp(-Math.abs(value)));
    },
    slope: (value, wanted) => {
      const decay = Math.exp(-Math.abs(value));
      return (value >= 0 ? 1 : decay) / (1 + decay) - wanted;
    },
  });
}

function checkShare(where: string, target: number): void {
  if (target < 0 || target > 1) refuse('BAD_OPTION', where, 'a target from 0 to 1', target);
}

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions extends LossOptions {
  /** Share of every target that is spread over all classes, from 0 to 1. Default 0. */
  readonly labelSmoothing?: number;
  /** The class number of positions that do not count. Default -100. */
  readonly ignoreIndex?: number;
}

/**
 * Mean over all positions of `-sum over classes of t log softmax(x)`, as PyTorch's `cross_entropy`.
 *
 * @param prediction `[N, C, ...]`, any numbers: what a Softmax over the channels would take
 * @param target the number of a class for every position, `[N, ...]`, or probabilities `[N, C, ...]`
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_BUFFER`, `BAD_OPTION` (a number that is no class)
 *
 * @example
 * // Two classes at two positions, of which the second does not count.
 * const prediction = { data: [0, 7, Math.log(3), 7], shape: [1, 2, 2] };
 * const { loss, gradient } = crossEntropy(prediction, { data: [1, 255], shape: [1, 2] }, { ignoreIndex: 255 });
 * console.log(loss.toFixed(4), Array.from(gradient.data, (value) => value.toFixed(2)).join(' ')); // 0.2877 0.25 0.00 -0.25 0.00
 */
export function crossEntropy(
  prediction: TensorLike,
  target: TensorLike,
  options: CrossEntropyOptions = {},
): Loss {
  const where = 'crossEntropy';
  const checked = checkOptions<CrossEntropyOptions>(where, options, [
    'reduction',
    'labelSmoothing',
    'ignoreIndex',
  ]);
  const isMean = readReduction(where, checked) === 'mean';
  const { labelSmoothing: smoothing = 0, ignoreIndex = -100 } = checked;
  if (typeof smoothing !== 'number') refuse('BAD_TYPE', where, 'labelSmoothing to be a number', smoothing);
  if (!(smoothing >= 0 && smoothing <= 1))
    refuse('BAD_OPTION', where, 'labelSmoothing from 0 to 1', smoothing);
  checkInteger(where, 'ignoreIndex', ignoreIndex, -(2 ** 31));
  const { data, shape } = checkTensor(where, 'prediction', prediction);
  const { data: wanted, shape: wantedShape } = checkTensor(where, 'target', target);
  const [batch = 0, classes = 0, ...extents] = shape;
  const positions = product(extents);
  if (shape.length < 2 || data.length === 0) {
    refuse('BAD_SHAPE', where, 'a prediction of shape [N, C, ...] with at least one value', [...shape]);
  }
  const byClass = sameList(wantedShape, [batch, ...extents]);
  if (!byClass && !sameList(wantedShape, shape)) {
    throw fault(
      'BAD_SHAPE',
      where,
      `a target of shape ${shapeText([batch, ...extents])} (classes) or ${shapeText(shape)} (probabilities)`,
      shapeText(wantedShape),
      'Reshape it.',
      { got: wantedShape },
    );
  }
  const counted = byClass
    ? checkClasses(where, wanted, classes, ignoreIndex)
    : new Array<number>(batch * positions).fill(1);
  const weight = isMean ? 1 / counted.reduce((sum, one) => sum + one, 0) : 1;
  const gradient = allocateTensor(where, shape);
  let loss = 0;
  for (const [index, counts] of counted.entries()) {
    if (counts === 0) continue;
    const first = Math.floor(index / positions) * classes * positions + (index % positions);
    const at = (channel: number): number => first + channel * positions;
    let largest = Number.NEGATIVE_INFINITY;
    for (let channel = 0; channel < classes; channel += 1) {
      largest = Math.max(largest, data[at(channel)] as number);
    }
    let sum = 0;
    for (let channel = 0; channel < classes; channel += 1) {
      sum += Math.exp((data[at(channel)] as number) - largest);
    }
    // By the largest first: beside one of 1e16 the logarithm would be lost.
    const logarithm = Math.log(sum);
    const logarithmOf = (channel: number): number => (data[at(channel)] as number) - largest - logarithm;
    const share = (channel: number): number => {
      const own = byClass ? (wanted[index] === channel ? 1 : 0) : (wanted[at(channel)] as number);
      return (1 - smoothing) * own + smoothing / classes;
    };
    let shares = 0;
    for (let channel = 0; channel < classes; channel += 1) {
      if (share(channel) !== 0) loss -= share(channel) * logarithmOf(channel);
      shares += share(channel);
    }
    for (let channel = 0; channel < classes; channel += 1) {
      gradient.data[at(channel)] = weight * (shares * Math.exp(logarithmOf(channel)) - share(channel));
    }
  }
  return { loss: loss * weight, gradient };
}

/** 1 for every position that counts, else 0. */
function checkClasses(where: string, numbers: Float32Array, classes: number, ignored: number): number[] {
  return Array.from(numbers, (number) => {
    if (number === ignored) return 0;
    if (Number.isInteger(number) && number >= 0 && number < classes) return 1;
    return refuse(
      'BAD_OPTION',
      where,
      `classes from 0 to ${classes - 1} in the target, or ${ignored}`,
      number,
      'Set ignoreIndex to the number of positions that do not count.',
    );
  });
}

function readReduction(where: string, options: LossOptions): 'mean' | 'sum' {
  return checkChoice(where, 'reduction', options.reduction ?? 'mean', ['mean', 'sum']);
}

/** The loss of one value, and its derivative. */
interface ValueLoss {
  loss(value: number, wanted: number): number;
  slope(value: number, wanted: number): number;
}

function valueByValue(
  where: string,
  prediction: TensorLike,
  target: TensorLike,
  options: LossOptions,
  of: ValueLoss,
): Loss {
  const reduction = readReduction(where, checkOptions<LossOptions>(where, options, ['reduction']));
  const got = checkTensor(where, 'prediction', prediction);
  const wanted = checkTensor(where, 'target', target);
  const count = got.data.length;
  if (count === 0) refuse('BAD_SHAPE', where, 'a prediction with at least one value', [...got.shape]);
  if (!sameList(wanted.shape, got.shape)) {
    throw fault(
      'BAD_SHAPE',
      where,
      `target of the prediction's shape ${shapeText(got.shape)}`,
      shapeText(wanted.shape),
      'Reshape one of them.',
      { expected: got.shape, got: wanted.shape },
    );
  }
  const divisor = reduction === 'mean' ? count : 1;
  const gradient = allocateTensor(where, got.shape);
  let sum = 0;
  for (let index = 0; index < count; index += 1) {
    const value = got.data[index] as number;
    const goal = wanted.data[index] as number;
    sum += of.loss(value, goal);
    gradient.data[index] = of.slope(value, goal) / divisor;
  }
  return { loss: sum / divisor, gradient };
}
