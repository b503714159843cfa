import type { WeightAxis } from '../core/axis-order.js';
import { checkOptions, refuse } from '../core/checks.js';
import { checkTensor, type Tensor, type TensorData, type TensorLike } from '../core/tensor.js';

/** What a layer learns, in the order of the system it comes from or goes to. */
export interface ConvertedParameters {
  /** A weight of 16 bits stays so; see `setWeight`. */
  readonly weight: TensorLike;
  /** One value for each output channel. */
  readonly bias?: TensorLike | TensorData | null;
}

/** A weight's order; see `weightLayout`. */
export interface KernelFormat {
  readonly order: readonly WeightAxis[];
  readonly flip?: boolean;
}

/** PyTorch's, lucid's and ONNX's. */
export function canonicalFormat(transposed: boolean): KernelFormat {
  return { order: transposed ? ['group', 'in', 'out', 'taps'] : ['group', 'out', 'in', 'taps'] };
}

/** Channels last, as Keras, TensorFlow and flax have it; transposed layers know no groups there. */
export function channelsLastFormat(transposed: boolean): KernelFormat {
  return { order: transposed ? ['taps', 'out', 'in'] : ['taps', 'in', 'group', 'out'] };
}

/** The order that letters such as `hwio` name; `grouped` is the axis that counts all groups' channels. */
export function formatOfLetters(letters: string, grouped: 'in' | 'out' | undefined): KernelFormat {
  const order: WeightAxis[] = [];
  for (const letter of letters.toLowerCase()) {
    const axis = letter === 'i' ? 'in' : letter === 'o' ? 'out' : 'taps';
    if (axis === 'taps' && order.at(-1) === 'taps') continue;
    if (axis === grouped) order.push('group');
    order.push(axis);
  }
  return { order };
}

/** What a weight's shape and its groups say of the operator. */
export interface Kernel {
  readonly groups: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly number[];
}

/** Checks the parameters' names and the weight itself; `rank` 0 takes any of 1 to 3. */
export function readWeight(where: string, parameters: unknown, rank: number): Tensor {
  const { weight } = checkOptions<ConvertedParameters>(where, parameters, ['weight', 'bias']);
  const checked = checkTensor(where, 'weight', weight);
  checkWeightShape(where, checked.shape, rank);
  return checked;
}

/** A kernel has 1 to 3 spatial axes (`rank`, unless that is 0), none of them empty. */
export function checkWeightShape(where: string, shape: readonly number[], rank: number): void {
  const found = shape.length - 2;
  if (rank === 0 ? found < 1 || found > 3 : found !== rank) {
    const expected = rank === 0 ? '3, 4 or 5' : String(rank + 2);
    refuse('BAD_SHAPE', where, `weight with ${expected} axes`, [...shape], 'Reshape it.');
  }
  if (shape.includes(0)) {
    refuse('BAD_SHAPE', where, 'weight with at least 1 along every axis', [...shape]);
  }
}

/** Channels and taps from a weight's shape. */
export function readKernel(
  where: string,
  { shape }: { readonly shape: readonly number[] },
  { order }: KernelFormat,
  groups: number,
  groupsName = 'groups',
): Kernel {
  const rank = shape.length - 2;
  let [axis, inChannels, outChannels] = [0, 0, 0];
  let kernel: readonly number[] = [];
  for (const [index, name] of order.entries()) {
    if (name === 'group') continue;
    if (name === 'taps') {
      kernel = shape.slice(axis, axis + rank);
      axis += rank;
      continue;
    }
    const extent = shape[axis] as number;
    const whole = order[index - 1] === 'group';
    if (whole && extent % groups !== 0) {
      refuse(
        'BAD_OPTION',
        where,
        `weight.shape[${axis}] to be a multiple of ${groupsName} (${groups})`,
        extent,
        'Choose groups that divide both channel counts.',
      );
    }
    const channels = whole ? extent : extent * groups;
    if (name === 'in') inChannels = channels;
    else outChannels = channels;
    axis += 1;
  }
  return { groups, inChannels, outChannels, kernel };
}
