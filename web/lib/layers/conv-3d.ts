import { Conv, type ConvOptions } from './conv.js';

/**
 * Convolution (cross-correlation) over volumes. The weight is
 * `[outChannels, inChannels/groups, kernelD, kernelH, kernelW]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const blur = new Conv3d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: 'same', bias: false });
 * blur.setWeight(new Float32Array(27).fill(1 / 27));
 */
export class Conv3d extends Conv<3> {
  constructor(options: ConvOptions<3>) {
    super('Conv3d', 3, options);
  }
}
