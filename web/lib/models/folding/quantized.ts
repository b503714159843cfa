import { stridesOf } from '../../core/broadcasting.js';
import { bitsOf, isFloat, type ModelDtype, type Values } from '../dtypes.js';
import type { ModelTensor } from '../tensor.js';
import { combine, roundHalfEven } from './arithmetic.js';
import { type PickedAxis, pick, product } from './arrays.js';
import { type Fold, notFoldable } from './folded.js';

/** How scales lie over a tensor: one for all, one for each index of an axis, or one for each block along it. */
export interface ScaleLayout {
  readonly axis: number;
  readonly blockSize: number;
}

/** Where the scale of each value is. */
function scaleAxes(
  shape: readonly number[],
  scale: ModelTensor,
  { axis, blockSize }: ScaleLayout,
): PickedAxis[] {
  const count = product(scale.shape);
  const fits = (extents: readonly number[]) =>
    scale.shape.length === extents.length && scale.shape.every((extent, at) => extent === extents[at]);
  if (blockSize > 0) {
    const blocks = shape.map((extent, at) => (at === axis ? Math.ceil(extent / blockSize) : extent));
    if (!fits(blocks)) notFoldable('its scales do not fit its blocks');
    const strides = stridesOf(blocks);
    return shape.map((extent, at) => {
      const [stride, size] = [strides[at] as number, at === axis ? blockSize : 1];
      return { extent, offset: (index) => stride * Math.floor(index / size) };
    });
  }
  if (count !== 1 && count !== shape[axis]) {
    notFoldable(`its ${count} scales do not fit its shape [${shape.slice(0, 8).join(', ')}]`);
  }
  const step = count === 1 ? 0 : 1;
  return shape.map((extent, at) => ({ extent, offset: (index) => (at === axis ? step * index : 0) }));
}

function spread(tensors: readonly ModelTensor[], shape: readonly number[], layout: ScaleLayout) {
  const [scale, zero] = tensors as [ModelTensor, ModelTensor | undefined];
  if (zero !== undefined && product(zero.shape) !== product(scale.shape)) {
    notFoldable('it has other zero points than scales');
  }
  const axes = scaleAxes(shape, scale, layout);
  return (values: Values | undefined): Values =>
    values === undefined ? new Float32Array(1) : pick(values, axes, 'float64');
}

/** `(x - zeroPoint) * scale`, in the scale's type unless another is given. */
export function dequantized(
  x: ModelTensor,
  scale: ModelTensor,
  zero: ModelTensor | null,
  layout: ScaleLayout,
  dtype: ModelDtype = scale.numeric,
): Fold {
  const { shape } = x;
  const parts = zero === null ? [scale] : [scale, zero];
  const spreadOut = spread(parts, shape, layout);
  return {
    shape,
    dtype,
    inputs: [x, ...parts],
    quantizes: true,
    work: 4 * product(shape),
    compute: ([values, scales, zeros]) => {
      const zeroPoints = zeros === undefined ? Float32Array.of(0) : spreadOut(zeros);
      const zeroShape = zeros === undefined ? [] : shape;
      const centred = combine(
        [values as Values, zeroPoints],
        [shape, zeroShape],
        shape,
        ['float64', 'float64'],
        (v, z) => v - z,
      );
      return combine(
        [centred, spreadOut(scales)],
        [shape, shape],
        shape,
        ['float64', dtype],
        (v, s) => v * s,
      );
    },
  };
}

/** `round(x / scale) + zeroPoint`, halves to even, clamped to what the integers hold. */
export function quantized(
  x: ModelTensor,
  scale: ModelTensor,
  zero: ModelTensor | null,
  layout: ScaleLayout,
  dtype: ModelDtype,
): Fold {
  if (isFloat(dtype)) notFoldable(`it rounds to ${dtype}`);
  const { shape } = x;
  const bits = bitsOf(dtype);
  const [low, high] = dtype.startsWith('int')
    ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
    : [0, 2 ** bits - 1];
  const parts = zero === null ? [scale] : [scale, zero];
  const spreadOut = spread(parts, shape, layout);
  return {
    shape,
    dtype,
    inputs: [x, ...parts],
    quantizes: true,
    work: 4 * product(shape),
    compute: ([values, scales, zeros]) => {
      const steps = combine(
        [values as Values, spreadOut(scales)],
        [shape, shape],
        shape,
        ['float64', 'float64'],
        (v, s) => roundHalfEven(Math.fround(v / s)),
      );
      const zeroPoints = zeros === undefined ? Float32Array.of(0) : spreadOut(zeros);
      const zeroShape = zeros === undefined ? [] : shape;
      return combine([steps, zeroPoints], [shape, zeroShape], shape, ['float64', dtype], (v, z) =>
        Math.min(Math.max(v + z, low), high),
      );
    },
  };
}
