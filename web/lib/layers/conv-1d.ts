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
 * blur.setWeight([0.25, 0.5, 0.25]);
 * console.log(blur.forward({ data: [0, 0, 4, 0, 0], shape: [1, 1, 5] }).data.join(' ')); // 0 1 2 1 0
 */
export class Conv1d extends Conv<1> {
  constructor(options: ConvOptions<1>) {
    super('Conv1d', 1, options);
  }
}
