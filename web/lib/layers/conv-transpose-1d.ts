import { ConvTranspose, type ConvTransposeOptions } from './conv-transpose.js';

/**
 * Transposed convolution over sequences: every input value stamps its kernel on the output, stamps lie
 * `stride` apart and add up. The weight is `[inChannels, outChannels/groups, kernelL]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const up = new ConvTranspose1d({ inChannels: 128, outChannels: 64, kernelSize: 4, stride: 2, padding: 1 });
 * const y = up.forward({ data: new Float32Array(128 * 8), shape: [1, 128, 8] }); // [1, 64, 16]
 */
export class ConvTranspose1d extends ConvTranspose<1> {
  constructor(options: ConvTransposeOptions<1>) {
    super('ConvTranspose1d', 1, options);
  }
}
