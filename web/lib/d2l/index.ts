/** deconv-wasm/d2l: the operators of Dive into Deep Learning written out, to be read and taught with. */
export type { Tensor } from '../core/tensor.js';
export { type KernelMatrix, type KernelMatrixOptions, kernelMatrix } from './kernel-matrix.js';
export { transConv } from './trans-conv.js';
