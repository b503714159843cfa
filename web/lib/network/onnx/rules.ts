// The operators of ONNX that networks run. What none of them names is refused when the file is loaded.

import type { OnnxNode } from '../../models/onnx/graph.js';
import { CONVOLUTIONS } from './convolutions.js';
import { ELEMENTWISE, OF_ANY_TYPE } from './elementwise.js';
import { MATRICES } from './matrices.js';
import type { NodeRule } from './node.js';
import { NORMS } from './norms.js';
import { POOLS } from './pools.js';
import { QUANTIZATION } from './quantization.js';
import { RESIZES } from './resize.js';
import { SHAPES } from './shapes.js';

/** They take values of any type; integers of the file are carried as floats. */
const MOVING: Readonly<Record<string, NodeRule>> = {
  ...SHAPES,
  ...OF_ANY_TYPE,
  ...QUANTIZATION,
  MaxPool: POOLS.MaxPool as NodeRule,
};

const RULES: Readonly<Record<string, NodeRule>> = {
  ...CONVOLUTIONS,
  ...ELEMENTWISE,
  ...MATRICES,
  ...NORMS,
  ...POOLS,
  ...RESIZES,
  ...MOVING,
};

/** ONNX Runtime's own names for what ONNX has too. */
const MICROSOFT: Readonly<Record<string, NodeRule>> = {
  ...QUANTIZATION,
  Gelu: ELEMENTWISE.Gelu as NodeRule,
};

export function nodeRuleOf({ domain, type }: OnnxNode): NodeRule | undefined {
  const rules = domain === '' ? RULES : domain === 'com.microsoft' ? MICROSOFT : {};
  return Object.hasOwn(rules, type) ? rules[type] : undefined;
}

/** Whether an operator takes values of any type. */
export function movesValues({ type }: OnnxNode): boolean {
  return Object.hasOwn(MOVING, type);
}

/** What has meant the same since the first opset, but for where it was computed. */
const OLD = new Set(
  `Abs AveragePool BatchNormalization Ceil Clip Concat Conv ConvTranspose DepthToSpace Elu Exp Flatten Floor Gather
  GlobalAveragePool GlobalMaxPool HardSigmoid Identity InstanceNormalization LeakyRelu Log LogSoftmax MatMul Max MaxPool
  Mean Min Neg Pad Reciprocal ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu
  Reshape Selu Sigmoid Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sum Tanh Transpose Unsqueeze`.split(
    /\s+/,
  ),
);

/** Whether an operator means in every opset what it means in the first that all are read of. */
export function isOld({ type }: OnnxNode): boolean {
  return OLD.has(type);
}
