// Matrices.

import { float, one, w } from './case.js';

one('Gemm', 'Gemm', [3, 5], {}, { w: w(5, 4), c: w(4) });
one(
  'Gemm, transposed, scaled',
  'Gemm',
  [5, 3],
  { transA: 1, transB: 1, alpha: float(0.5), beta: float(-2) },
  { w: w(4, 5), c: w(3, 1) },
);
one('Gemm without C', 'Gemm', [3, 5], {}, { w: w(5, 4) });
one('Gemm, opset 7', 'Gemm', [3, 5], { transB: 1 }, { w: w(4, 5), c: w(4) }, { opset: 7, version: 3 });
one('MatMul', 'MatMul', [2, 3, 5], {}, { w: w(5, 4) });
one('MatMul, constant in front', 'MatMul', [5, 4], {}, { w: w(3, 5) }, { order: ['w', 'x'] });
one('MatMul of a vector behind', 'MatMul', [2, 3, 5], {}, { w: w(5) });
one('MatMul of a vector in front', 'MatMul', [5], {}, { w: w(2, 5, 3) });
one('MatMul of two vectors', 'MatMul', [5], {}, { w: w(5) });
one('MatMul, batches that broadcast', 'MatMul', [2, 1, 3, 5], {}, { w: w(4, 5, 2) });
