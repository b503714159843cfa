// Graphs of one operator or a few: every operator that networks run, in the versions and with the attributes that
// change what it means.

import { cases, type NetworkCase } from './case.js';
import './convolutions.js';
import './matrices.js';
import './norms.js';
import './elementwise.js';
import './combine.js';
import './shapes.js';
import './pools.js';
import './resize.js';
import './exporters.js';

export { bytesOf, type NetworkCase, valuesFor } from './case.js';

export const NETWORK_CASES: Readonly<Record<string, NetworkCase>> = cases;

/** What networks run, and what only stands in the arithmetic of shapes and in constants. */
export const ONNX_OPERATORS: ReadonlySet<string> = new Set(
  `Conv ConvTranspose Gemm MatMul BatchNormalization InstanceNormalization GroupNormalization LayerNormalization
  Relu LeakyRelu PRelu Clip HardSwish Elu Sigmoid Tanh Gelu Softplus HardSigmoid Softmax LogSoftmax Add Sub Mul Div Pow Mod
  Sqrt Exp Sin Cos Abs Neg Min Max Concat Split Slice Pad Resize Upsample DepthToSpace SpaceToDepth MaxPool
  AveragePool GlobalAveragePool ReduceMean Reshape Flatten Squeeze Unsqueeze Transpose Expand Tile Identity Dropout Cast
  Shape Gather Constant ConstantOfShape Range QuantizeLinear DequantizeLinear Sum Mean Log Reciprocal Floor Ceil Round
  Sign Erf Softsign Selu Celu Mish GlobalMaxPool ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2
  ReduceSumSquare`.split(/\s+/),
);
