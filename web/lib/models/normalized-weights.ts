import type { Values } from './dtypes.js';
import { multiplyMatrices, reduce } from './folding/arithmetic.js';
import { broadcast, product, transpose } from './folding/arrays.js';
import { type Fold, foldedTensor } from './folding/folded.js';
import type { ModelTensor } from './tensor.js';

/** A weight that a checkpoint keeps as the parts that a normalisation makes it of. */
export interface NormalizedWeight {
  readonly weight: ModelTensor;
  /** Those that are no weights of their own, and the one that looks most like it. */
  readonly parts: readonly ModelTensor[];
  readonly direction: ModelTensor;
}

/** How PyTorch names the parts: by hooks (until 2.0), and as parametrizations. */
const WEIGHT_NORM = [
  { direction: /^(.*?)weight_v$/, names: ['weight_g'] },
  { direction: /^(.*?)parametrizations\.weight\.original1$/, names: ['parametrizations.weight.original0'] },
] as const;
const SPECTRAL_NORM = [
  { direction: /^(.*?)weight_orig$/, names: ['weight_u', 'weight_v'] },
  {
    direction: /^(.*?)parametrizations\.weight\.original$/,
    names: ['parametrizations.weight.0._u', 'parametrizations.weight.0._v'],
  },
] as const;

/** The weights of a checkpoint that are kept in parts, by PyTorch's names of these. */
export function normalizedWeights(tensors: readonly ModelTensor[]): NormalizedWeight[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const found: NormalizedWeight[] = [];
  for (const direction of tensors) {
    const rank = direction.shape.length;
    if (rank < 1 || rank > 8) continue;
    for (const [patterns, make] of [
      [WEIGHT_NORM, weightNorm],
      [SPECTRAL_NORM, spectralNorm],
    ] as const) {
      for (const { direction: pattern, names } of patterns) {
        const prefix = pattern.exec(direction.name)?.[1];
        if (prefix === undefined || byName.has(`${prefix}weight`)) continue;
        const others = names.map((name) => byName.get(prefix + name));
        if (!others.every((part) => part !== undefined)) continue;
        const fold = make(direction, others as ModelTensor[]);
        if (fold === null) continue;
        const weight = foldedTensor(`${prefix}weight`, fold);
        found.push({ weight, direction, parts: [direction, ...(others as ModelTensor[])] });
      }
    }
  }
  return found;
}

/** `g v / |v|`: the norm is over the axes along which `g` has one value (Salimans and Kingma, 2016). */
function weightNorm(v: ModelTensor, [g]: readonly ModelTensor[]): Fold | null {
  if (g === undefined) return null;
  const { shape } = v;
  const fits =
    g.shape.length === 0 ||
    (g.shape.length === shape.length &&
      g.shape.every((extent, axis) => extent === 1 || extent === shape[axis]));
  if (!fits) return null;
  const axes = shape.flatMap((_, axis) => ((g.shape[axis] ?? 1) === 1 ? [axis] : []));
  const kept = shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const normOf = (values: Values) =>
    reduce(values, shape, axes, 'float64', {
      start: 0,
      add: (total, value) => total + value * value,
      finish: Math.sqrt,
    });
  return {
    shape,
    dtype: 'float32',
    inputs: [v, g],
    work: 4 * product(shape),
    compute: ([direction, length]) => {
      const norm = broadcast(normOf(direction as Values), kept, shape, 'float64');
      const gain = broadcast(length as Values, g.shape, shape, 'float64');
      return Float32Array.from(
        direction as Values,
        (value, index) => (value * (gain[index] as number)) / (norm[index] as number),
      );
    },
    // The direction is the weight itself, and the gain its length; nothing has a direction, too.
    invert: (values) => {
      const norm = normOf(values as Values);
      const spread = broadcast(norm, kept, shape, 'float64');
      return [values.map((value, index) => (spread[index] === 0 ? 1 : value)), Float32Array.from(norm)];
    },
  };
}

/**
 * `w / (u W v)`, where the rows of the matrix W are the axis that `u` is as long as: 0, or 1 for transposed
 * convolutions. Where both are as long, it is the one with the larger product, which u and v were fitted to
 * (Miyato et al., 2018).
 */
function spectralNorm(w: ModelTensor, [u, v]: readonly ModelTensor[]): Fold | null {
  if (u === undefined || v === undefined) return null;
  const { shape } = w;
  const [rows, columns] = [product(u.shape), product(v.shape)];
  const axes = shape.flatMap((extent, axis) => (axis < 2 && extent === rows ? [axis] : []));
  if (axes.length === 0 || rows * columns !== product(shape)) return null;
  return {
    shape,
    dtype: 'float32',
    inputs: [w, u, v],
    work: 6 * product(shape),
    obstacle: 'a spectral norm divides it by its size, so that not every weight can be stored',
    compute: ([values, left, right]) => {
      const products = axes.map((axis) => {
        const order = [axis, ...shape.flatMap((_, other) => (other === axis ? [] : [other]))];
        const matrix = transpose(values as Values, shape, order, 'float64');
        const image = multiplyMatrices(
          [matrix, right as Values],
          [
            [rows, columns],
            [columns, 1],
          ],
          [],
          'float64',
        );
        return Array.from(image).reduce((sum, value, index) => sum + value * (left?.[index] as number), 0);
      });
      const scale = products.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
      return Float32Array.from(values as Values, (value) => value / scale);
    },
  };
}
