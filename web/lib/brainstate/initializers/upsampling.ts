import { checkAxes, checkChoice, refuse } from '../../core/checks.js';
import { isList } from '../../core/realms.js';
import {
  bilinearShare,
  checkBilinear,
  checkIcnr,
  linearKernel,
  repeatTaps,
} from '../../core/upsampling-kernels.js';
import { readParameter } from '../parameters.js';
import {
  initializer,
  readOptions,
  SEED_OPTION_NAMES,
  type SeededInitializer,
  type SeedOptions,
} from './seeded.js';
import { XavierNormal } from './variance-scaling.js';

/** Options of {@link Icnr}. */
export interface IcnrOptions extends SeedOptions {
  /** The layer's, one number for all axes or one per axis. Needed: an initializer sees the shape only. */
  readonly stride: number | readonly number[];
  /** Makes the small kernel. Default `XavierNormal()`. */
  readonly init?: SeededInitializer;
}

/** Options of {@link Bilinear}. */
export interface BilinearOptions {
  /** The layer's, one number for all axes or one per axis. */
  readonly stride: number | readonly number[];
  /**
   * `'identity'`, the default: output channel o is input channel `o mod (in/groups)` of its group,
   * interpolated. `'mean'`: every output channel is the interpolated mean of its group's input channels.
   */
  readonly channels?: 'identity' | 'mean';
}

/**
 * ICNR for transposed layers without dilation: a small kernel with every tap repeated `stride` times along
 * each axis, so that training starts without a checkerboard pattern. Aitken et al., arXiv 1707.02937.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`; the initializer: `UNSUPPORTED` if the stride does not
 * divide the kernel, `BAD_SHAPE`
 *
 * @example
 * await init();
 * const options = { inSize: [4, 1], outChannels: 1, kernelSize: 2, stride: 2 };
 * const up = new ConvTranspose1d({ ...options, wInit: Icnr({ stride: 2 }) });
 * const { data } = up.forward({ data: [1, 1, 1, 1], shape: [4, 1] });
 * console.log(data.every((value) => value === data[0])); // true
 */
export function Icnr(options: IcnrOptions): SeededInitializer {
  const where = 'Icnr';
  const checked = readOptions<IcnrOptions>(where, options, ['stride', 'init', ...SEED_OPTION_NAMES]);
  const { stride, init = XavierNormal() } = checked;
  if (typeof init !== 'function') refuse('BAD_TYPE', where, 'init to be an initializer', init);
  checkStride(where, stride);
  return initializer(where, checked, (values, shape, random) => {
    const { kernel, channels } = splitKernel(where, shape);
    const factors = checkAxes(where, 'stride', stride, kernel.length, 1);
    checkIcnr(
      where,
      kernel,
      factors,
      kernel.map(() => 1),
    );
    const small = kernel.map((taps, axis) => taps / (factors[axis] as number));
    const made = readParameter(where, 'init', init, [...small, ...channels], random);
    values.set(repeatTaps(made, small, factors, channels[0] * channels[1]));
  });
}

/**
 * Linear interpolation along each axis of a transposed layer without dilation, with `kernelSize` `2 * stride`
 * or `2 * stride - 1`: free of patterns on flats and ramps.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`; the initializer: `UNSUPPORTED` for other kernel sizes,
 * `BAD_SHAPE`
 *
 * @example
 * await init();
 * const options = { inSize: [3, 1], outChannels: 1, kernelSize: 4, stride: 2 };
 * const up = new ConvTranspose1d({ ...options, wInit: Bilinear({ stride: 2 }) });
 * console.log(up.forward({ data: [4, 8, 12], shape: [3, 1] }).data.join(' ')); // 3 5 7 9 11 9
 */
export function Bilinear(options: BilinearOptions): SeededInitializer {
  const where = 'Bilinear';
  const { stride, channels: given } = readOptions<BilinearOptions>(where, options, ['stride', 'channels']);
  const choice = checkChoice(where, 'channels', given ?? 'identity', ['identity', 'mean']);
  checkStride(where, stride);
  return initializer(where, {}, (values, shape) => {
    const { kernel, channels } = splitKernel(where, shape);
    checkBilinear(
      where,
      kernel,
      checkAxes(where, 'stride', stride, kernel.length, 1),
      kernel.map(() => 1),
    );
    const [, groupIn] = channels;
    const pairs = channels[0] * groupIn;
    values.set(
      linearKernel(kernel, 1, pairs, (_, pair) =>
        bilinearShare(choice, pair % groupIn, Math.floor(pair / groupIn), groupIn),
      ),
    );
  });
}

/** One or more positive integers; how many axes there are, the shape tells. */
function checkStride(where: string, stride: unknown): void {
  checkAxes(where, 'stride', stride, isList(stride) ? stride.length : 1, 1);
}

/** brainstate's kernels are `[...kernel, out, in/groups]`. */
function splitKernel(
  where: string,
  shape: readonly number[],
): { readonly kernel: readonly number[]; readonly channels: readonly [number, number] } {
  const [out, groupIn] = shape.slice(-2);
  if (shape.length < 3 || out === undefined || groupIn === undefined) {
    refuse('BAD_SHAPE', where, 'the shape of a kernel, [...kernel, out, in/groups]', [...shape]);
  }
  return { kernel: shape.slice(0, -2), channels: [out, groupIn] };
}
