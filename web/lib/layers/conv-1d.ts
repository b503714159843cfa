import { Conv, type ConvOptions } from './conv.js';

/**
 * Convolution (cross-correlation) over sequences. The weight is
 * `[outChannels, inChannels/groups, kernelL]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const blur = new Conv1d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: 'same', bias: false });
 * blur.setWeight(new Float32Array(3).fill(1 / 3));
 */
export class Conv1d extends Conv<1> {
  constructor(options: ConvOptions<1>) {
    super('Conv1d', 1, options);
  }
}
