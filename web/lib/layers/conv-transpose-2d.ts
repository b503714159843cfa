import { ConvTranspose, type ConvTransposeOptions } from './conv-transpose.js';

/**
 * Transposed convolution over images: every input pixel stamps its kernel on the output, stamps lie
 * `stride` apart and add up. The weight is `[inChannels, outChannels/groups, kernelH, kernelW]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const up = new ConvTranspose2d({ inChannels: 128, outChannels: 64, kernelSize: 4, stride: 2, padding: 1 });
 * const y = up.forward({ data: new Float32Array(128 * 8 * 8), shape: [1, 128, 8, 8] });
 * console.log(y.shape.join('x')); // 1x64x16x16
 */
export class ConvTranspose2d extends ConvTranspose<2> {
  constructor(options: ConvTransposeOptions<2>) {
    super('ConvTranspose2d', 2, options);
  }
}
