import { Conv, type ConvOptions } from './conv.js';

/**
 * Convolution (cross-correlation) over images. The weight is
 * `[outChannels, inChannels/groups, kernelH, kernelW]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const blur = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: 'same', bias: false });
 * blur.setWeight([1, 2, 1, 2, 4, 2, 1, 2, 1]);
 * console.log(blur.forward({ data: [0, 0, 0, 0, 1, 0, 0, 0, 0], shape: [1, 1, 3, 3] }).data.join(' ')); // 1 2 1 2 4 2 1 2 1
 */
export class Conv2d extends Conv<2> {
  constructor(options: ConvOptions<2>) {
    super('Conv2d', 2, options);
  }
}
