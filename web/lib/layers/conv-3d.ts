import { Conv, type ConvOptions } from './conv.js';

/**
 * Convolution (cross-correlation) over volumes. The weight is
 * `[outChannels, inChannels/groups, kernelD, kernelH, kernelW]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const mean = new Conv3d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2, bias: false });
 * mean.setWeight(new Float32Array(8).fill(1 / 8));
 * console.log(mean.forward({ data: [0, 1, 2, 3, 4, 5, 6, 7], shape: [1, 1, 2, 2, 2] }).data.join(' ')); // 3.5
 */
export class Conv3d extends Conv<3> {
  constructor(options: ConvOptions<3>) {
    super('Conv3d', 3, options);
  }
}
