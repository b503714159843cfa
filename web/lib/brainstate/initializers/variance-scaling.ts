import { checkChoice, checkInteger, refuse } from '../../core/checks.js';
import { product } from '../../core/lists.js';
import { fillWithVariance } from '../../core/normal-initializers.js';
import {
  initializer,
  positive,
  readOptions,
  SEED_OPTION_NAMES,
  type SeededInitializer,
  type SeedOptions,
} from './seeded.js';

/**
 * Which fan {@link VarianceScaling} divides by.
 *
 * @example
 * const spread = (mode) => Math.max(...VarianceScaling({ mode, distribution: 'uniform', seed: 1 })([3, 3, 4, 64]));
 * console.log(spread('fan_in') > spread('fan_avg'), spread('fan_avg') > spread('fan_out')); // true true
 */
export type FanMode = 'fan_in' | 'fan_out' | 'fan_avg';
/** What {@link VarianceScaling} draws from. */
export type Distribution = 'truncated_normal' | 'normal' | 'uniform';

/** Options of {@link VarianceScaling}, and of the initializers that are it with other defaults, as {@link XavierNormal}. */
export interface VarianceScalingOptions extends SeedOptions {
  /** Numerator of the variance. */
  readonly scale?: number;
  /** What it is divided by. */
  readonly mode?: FanMode;
  /** `'truncated_normal'` is cut off at two deviations and widened so that the variance holds. */
  readonly distribution?: Distribution;
  /** Axis that counts the inputs; negative ones count from the end. Default -2. */
  readonly inAxis?: number;
  /** Axis that counts the outputs. Default -1. All axes but these two are taps. */
  readonly outAxis?: number;
}

/**
 * Zero mean and variance `scale / fan`. The fans are those of brainstate: the last axis but one of the
 * kernel times its taps (`fan_in`), the last axis times its taps (`fan_out`), their mean (`fan_avg`).
 * A transposed layer's kernel ends in `out, in/groups`, so its `fan_in` counts output channels.
 *
 * Defaults: scale 1, `'fan_in'`, `'truncated_normal'`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`; the initializer: `BAD_SHAPE` for fewer than two axes
 *
 * @example
 * const values = VarianceScaling({ scale: 2, distribution: 'uniform', seed: 1 })([3, 3, 32, 64]);
 * const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
 * console.log((variance * 3 * 3 * 32).toFixed(1)); // 2.0
 */
export function VarianceScaling(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('VarianceScaling', options, 1, 'fan_in', 'truncated_normal');
}

/**
 * Glorot and Bengio (2010): variance `2 / (fan_in + fan_out)`, truncated normal. brainstate's default.
 *
 * @example
 * const values = XavierNormal({ seed: 1 })([3, 3, 8, 16]);
 * const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
 * console.log((variance * 3 * 3 * (8 + 16)).toFixed(1)); // 2.0
 */
export function XavierNormal(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('XavierNormal', options, 1, 'fan_avg', 'truncated_normal');
}

/**
 * Glorot and Bengio (2010): variance `2 / (fan_in + fan_out)`, uniform.
 *
 * @example
 * const values = XavierUniform({ seed: 1 })([3, 3, 8, 16]);
 * const bound = Math.sqrt(6 / (3 * 3 * (8 + 16)));
 * console.log(values.every((value) => Math.abs(value) <= bound)); // true
 */
export function XavierUniform(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('XavierUniform', options, 1, 'fan_avg', 'uniform');
}

/**
 * He et al. (2015): variance `2 / fan_in`, truncated normal.
 *
 * @example
 * const values = KaimingNormal({ seed: 1 })([3, 3, 8, 16]);
 * const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
 * console.log((variance * 3 * 3 * 8).toFixed(1)); // 2.0
 */
export function KaimingNormal(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('KaimingNormal', options, 2, 'fan_in', 'truncated_normal');
}

/**
 * He et al. (2015): variance `2 / fan_in`, uniform.
 *
 * @example
 * const values = KaimingUniform({ seed: 1 })([3, 3, 8, 16]);
 * const bound = Math.sqrt(6 / (3 * 3 * 8));
 * console.log(values.every((value) => Math.abs(value) <= bound)); // true
 */
export function KaimingUniform(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('KaimingUniform', options, 2, 'fan_in', 'uniform');
}

/**
 * LeCun et al. (1998): variance `1 / fan_in`, truncated normal.
 *
 * @example
 * const values = LecunNormal({ seed: 1 })([3, 3, 8, 16]);
 * const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
 * console.log((variance * 3 * 3 * 8).toFixed(1)); // 1.0
 */
export function LecunNormal(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('LecunNormal', options, 1, 'fan_in', 'truncated_normal');
}

/**
 * LeCun et al. (1998): variance `1 / fan_in`, uniform.
 *
 * @example
 * const values = LecunUniform({ seed: 1 })([3, 3, 8, 16]);
 * const bound = Math.sqrt(3 / (3 * 3 * 8));
 * console.log(values.every((value) => Math.abs(value) <= bound)); // true
 */
export function LecunUniform(options: VarianceScalingOptions = {}): SeededInitializer {
  return scaling('LecunUniform', options, 1, 'fan_in', 'uniform');
}

function scaling(
  where: string,
  options: VarianceScalingOptions,
  defaultScale: number,
  defaultMode: FanMode,
  defaultDistribution: Distribution,
): SeededInitializer {
  const checked = readOptions<VarianceScalingOptions>(where, options, [
    'scale',
    'mode',
    'distribution',
    'inAxis',
    'outAxis',
    ...SEED_OPTION_NAMES,
  ]);
  const scale = positive(where, 'scale', checked.scale ?? defaultScale);
  const mode = checkChoice(where, 'mode', checked.mode ?? defaultMode, ['fan_in', 'fan_out', 'fan_avg']);
  const distribution = checkChoice(where, 'distribution', checked.distribution ?? defaultDistribution, [
    'truncated_normal',
    'normal',
    'uniform',
  ]);
  const inAxis = checkInteger(where, 'inAxis', checked.inAxis ?? -2, -MAX_AXES, MAX_AXES - 1);
  const outAxis = checkInteger(where, 'outAxis', checked.outAxis ?? -1, -MAX_AXES, MAX_AXES - 1);
  return initializer(where, checked, (values, shape, random) => {
    const [inputs, outputs] = [shape.at(inAxis), shape.at(outAxis)];
    const same = (inAxis - outAxis) % shape.length === 0;
    if (inputs === undefined || outputs === undefined || same) {
      const axes = `with the axes ${inAxis} and ${outAxis}, two different ones`;
      refuse('BAD_SHAPE', where, `a shape ${axes}, to count its fans`, [...shape]);
    }
    const taps = product(shape) / (inputs * outputs);
    const fans = { fan_in: inputs, fan_out: outputs, fan_avg: (inputs + outputs) / 2 };
    fillWithVariance(where, values, scale / (fans[mode] * taps), distribution, random);
  });
}

/** More than any shape here has. */
const MAX_AXES = 16;
