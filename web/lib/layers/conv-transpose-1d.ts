import { ConvTranspose, type ConvTransposeOptions } from './conv-transpose.js';

/**
 * Transposed convolution over sequences: every input value stamps its kernel on the output, stamps lie
 * `stride` apart and add up. The weight is `[inChannels, outChannels/groups, kernelL]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * await init();
 * const up = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 3, stride: 2, bias: false });
 * up.setWeight([1, 2, 3]);
 * // 1 2 3, and 10 20 30 two positions later:
 * console.log(up.forward({ data: [1, 10], shape: [1, 1, 2] }).data.join(' ')); // 1 2 13 20 30
 */
export class ConvTranspose1d extends ConvTranspose<1> {
  constructor(options: ConvTransposeOptions<1>) {
    super('ConvTranspose1d', 1, options);
  }
}
