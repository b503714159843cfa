import { ConvTranspose, type ConvTransposeOptions } from './conv-transpose.js';

/**
 * Transposed convolution over volumes: every input voxel stamps its kernel on the output, stamps lie
 * `stride` apart and add up. The weight is `[inChannels, outChannels/groups, kernelD, kernelH, kernelW]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const up = new ConvTranspose3d({ inChannels: 8, outChannels: 4, kernelSize: 4, stride: 2, padding: 1 });
 * const y = up.forward({ data: new Float32Array(8 * 4 * 8 * 8), shape: [1, 8, 4, 8, 8] });
 * console.log(y.shape.join('x')); // 1x4x8x16x16
 */
export class ConvTranspose3d extends ConvTranspose<3> {
  constructor(options: ConvTransposeOptions<3>) {
    super('ConvTranspose3d', 3, options);
  }
}
