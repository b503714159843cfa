import type { ModelDtype } from '../dtypes.js';
import type { Schema } from '../wire.js';

// The messages of onnx.proto (IR version 13) by field number, as far as they matter here.
export const MODEL = { version: 1, producer: 2, graph: 7, opset: 8, functions: 25 } as const;
export const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13, sparse: 15 } as const;
export const NODE = { input: 1, output: 2, name: 3, type: 4, attribute: 5, domain: 7, overload: 8 } as const;
export const ATTRIBUTE = {
  name: 1,
  float: 2,
  integer: 3,
  text: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  integers: 8,
  graphs: 11,
  type: 20,
  reference: 21,
} as const;
export const TENSOR = {
  dims: 1,
  type: 2,
  segment: 3,
  floats: 4,
  int32s: 5,
  int64s: 7,
  name: 8,
  raw: 9,
  doubles: 10,
  uint64s: 11,
  external: 13,
  location: 14,
} as const;
export const FUNCTION = {
  name: 1,
  input: 4,
  output: 5,
  node: 7,
  opset: 9,
  domain: 10,
  defaults: 11,
  overload: 13,
} as const;
export const ENTRY = { key: 1, value: 2 } as const;
export const VALUE = { name: 1, type: 2 } as const;
/** A version of a set of operators. */
export const OPSET = { domain: 1, version: 2 } as const;
/** Of a tensor's type. */
export const TENSOR_TYPE = { element: 1, shape: 2 } as const;
/** An axis has a length or a name. */
export const DIMENSION = { length: 1, name: 2 } as const;

const entrySchema: Schema = { [ENTRY.key]: 'text', [ENTRY.value]: 'text' };
const tensorSchema: Schema = {
  [TENSOR.dims]: 'integer',
  [TENSOR.type]: 'integer',
  [TENSOR.segment]: 'data',
  [TENSOR.floats]: 'data',
  [TENSOR.int32s]: 'data',
  [TENSOR.int64s]: 'data',
  [TENSOR.name]: 'text',
  [TENSOR.raw]: 'data',
  [TENSOR.doubles]: 'data',
  [TENSOR.uint64s]: 'data',
  [TENSOR.external]: () => entrySchema,
  [TENSOR.location]: 'integer',
};
const attributeSchema: Schema = {
  [ATTRIBUTE.name]: 'text',
  [ATTRIBUTE.float]: 'float',
  [ATTRIBUTE.integer]: 'integer',
  [ATTRIBUTE.text]: 'text',
  [ATTRIBUTE.tensor]: () => tensorSchema,
  [ATTRIBUTE.graph]: () => graphSchema,
  [ATTRIBUTE.floats]: 'data',
  [ATTRIBUTE.integers]: 'integer',
  [ATTRIBUTE.graphs]: () => graphSchema,
  [ATTRIBUTE.type]: 'integer',
  [ATTRIBUTE.reference]: 'text',
};
const nodeSchema: Schema = {
  [NODE.input]: 'text',
  [NODE.output]: 'text',
  [NODE.name]: 'text',
  [NODE.type]: 'text',
  [NODE.attribute]: () => attributeSchema,
  [NODE.domain]: 'text',
  [NODE.overload]: 'text',
};
// TypeProto > Tensor > TensorShapeProto > Dimension.
const dimensionSchema: Schema = { [DIMENSION.length]: 'integer', [DIMENSION.name]: 'text' };
const shapeSchema: Schema = { 1: () => dimensionSchema };
const tensorTypeSchema: Schema = { [TENSOR_TYPE.element]: 'integer', [TENSOR_TYPE.shape]: () => shapeSchema };
const opsetSchema: Schema = { [OPSET.domain]: 'text', [OPSET.version]: 'integer' };
const typeSchema: Schema = { 1: () => tensorTypeSchema };
const valueSchema: Schema = { [VALUE.name]: 'text', [VALUE.type]: () => typeSchema };
const sparseSchema: Schema = { 1: () => tensorSchema };
const graphSchema: Schema = {
  [GRAPH.node]: () => nodeSchema,
  [GRAPH.initializer]: () => tensorSchema,
  [GRAPH.input]: () => valueSchema,
  [GRAPH.output]: () => valueSchema,
  [GRAPH.valueInfo]: () => valueSchema,
  [GRAPH.sparse]: () => sparseSchema,
};
const functionSchema: Schema = {
  [FUNCTION.name]: 'text',
  [FUNCTION.input]: 'text',
  [FUNCTION.output]: 'text',
  [FUNCTION.node]: () => nodeSchema,
  [FUNCTION.opset]: () => opsetSchema,
  [FUNCTION.domain]: 'text',
  [FUNCTION.defaults]: () => attributeSchema,
  [FUNCTION.overload]: 'text',
};
export const modelSchema: Schema = {
  [MODEL.version]: 'integer',
  [MODEL.producer]: 'text',
  [MODEL.graph]: () => graphSchema,
  [MODEL.opset]: () => opsetSchema,
  [MODEL.functions]: () => functionSchema,
};

/** TensorProto.DataType, by its numbers; those missing hold no weights that we could read. */
export const DTYPES: Readonly<Record<number, ModelDtype>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  16: 'bfloat16',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4e2m1',
  24: 'float8e8m0',
  25: 'uint2',
  26: 'int2',
};
