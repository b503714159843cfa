import type { TfliteOperators } from '../../convert/index.js';
import type { ModelDtype } from '../dtypes.js';
import type { FlatTable } from '../flat.js';

// The tables of TFLite's schema.fbs (version 3): places of their fields.
export const MODEL = {
  version: 0,
  codes: 1,
  subgraphs: 2,
  description: 3,
  buffers: 4,
  signatures: 7,
} as const;
export const SIGNATURE = { inputs: 0, outputs: 1, subgraph: 4 } as const;
/** Of a tensor, by a signature. */
export const NAMED = { name: 0, tensor: 1 } as const;
export const CODE = { oldBuiltin: 0, custom: 1, builtin: 3 } as const;
export const SUBGRAPH = { tensors: 0, inputs: 1, outputs: 2, operators: 3, name: 4 } as const;
export const TENSOR = {
  shape: 0,
  type: 1,
  buffer: 2,
  name: 3,
  quantization: 4,
  sparsity: 6,
  signature: 7,
} as const;
export const BUFFER = { data: 0, offset: 1, size: 2 } as const;
export const QUANTIZATION = { scale: 2, zeroPoint: 3, axis: 6 } as const;
export const OPERATOR = { code: 0, inputs: 1, outputs: 2, options: 4, customOptions: 5 } as const;

/** TensorType, by its numbers. */
export const DTYPES: Readonly<Record<number, ModelDtype>> = {
  0: 'float32',
  1: 'float16',
  2: 'int32',
  3: 'uint8',
  4: 'int64',
  6: 'bool',
  7: 'int16',
  9: 'int8',
  10: 'float64',
  12: 'uint64',
  15: 'uint32',
  16: 'uint16',
  17: 'int4',
  18: 'bfloat16',
};
const PADDING = ['SAME', 'VALID'] as const;
const ACTIVATIONS = ['NONE', 'RELU', 'RELU_N1_TO_1', 'RELU6', 'TANH', 'SIGN_BIT'] as const;

/** BuiltinOperator, as far as they are looked for one by one. */
export const BUILTIN = {
  depthToSpace: 5,
  dequantize: 6,
  reshape: 22,
  resizeBilinear: 23,
  custom: 32,
  pad: 34,
  transpose: 39,
  squeeze: 43,
  cast: 53,
  padV2: 60,
  expandDims: 70,
  resizeNearest: 97,
  mirrorPad: 100,
  quantize: 114,
  densify: 124,
  stablehloConvolution: 178,
} as const;

/** Those that make a number of every number: casts, quantization, activations. */
export const ELEMENTWISE: ReadonlySet<number> = new Set([
  6, 14, 19, 20, 21, 28, 47, 53, 59, 98, 101, 111, 114, 117, 150,
]);

export interface OperatorFormat {
  readonly name: string;
  /** The operator of TFLite's own that it computes. */
  readonly base: keyof TfliteOperators;
  /** Places of x, weight and bias among the inputs. */
  readonly inputs: readonly [x: number, weight: number, bias: number];
  /** Place of each option, those of a byte first. */
  readonly bytes: Readonly<Record<string, number>>;
  readonly integers: Readonly<Record<string, number>>;
}

const CONV_3D_OPTIONS = {
  bytes: { padding: 0, fused_activation_function: 4 },
  integers: {
    stride_d: 1,
    stride_w: 2,
    stride_h: 3,
    dilation_d_factor: 5,
    dilation_w_factor: 6,
    dilation_h_factor: 7,
  },
} as const;

/** By BuiltinOperator. */
export const OPERATORS: Readonly<Record<number, OperatorFormat>> = {
  3: {
    name: 'CONV_2D',
    base: 'CONV_2D',
    inputs: [0, 1, 2],
    bytes: { padding: 0, fused_activation_function: 3 },
    integers: { stride_w: 1, stride_h: 2, dilation_w_factor: 4, dilation_h_factor: 5 },
  },
  4: {
    name: 'DEPTHWISE_CONV_2D',
    base: 'DEPTHWISE_CONV_2D',
    inputs: [0, 1, 2],
    bytes: { padding: 0, fused_activation_function: 4 },
    integers: { stride_w: 1, stride_h: 2, depth_multiplier: 3, dilation_w_factor: 5, dilation_h_factor: 6 },
  },
  67: {
    name: 'TRANSPOSE_CONV',
    base: 'TRANSPOSE_CONV',
    inputs: [2, 1, 3],
    bytes: { padding: 0, fused_activation_function: 3 },
    integers: { stride_w: 1, stride_h: 2 },
  },
  132: { name: 'CONV_3D', base: 'CONV_3D', inputs: [0, 1, 2], ...CONV_3D_OPTIONS },
  141: { name: 'CONV_3D_TRANSPOSE', base: 'CONV_3D_TRANSPOSE', inputs: [2, 1, 3], ...CONV_3D_OPTIONS },
};

/**
 * MediaPipe's transposed convolution with a bias, which its own reader of models brings along. Its options are
 * TfLiteTransposeConvParams: three int32, the padding (1 is SAME, 2 VALID), the strides over width and height.
 */
export const TRANSPOSE_WITH_BIAS: OperatorFormat = {
  name: 'Convolution2DTransposeBias',
  base: 'TRANSPOSE_CONV',
  inputs: [0, 1, 2],
  bytes: {},
  integers: {},
};

/** TFLite's defaults: 0 for every stride, which no file leaves; 1 for dilations. */
export function readOptions(
  table: FlatTable | null,
  format: OperatorFormat,
): { readonly attributes: Record<string, unknown>; readonly problem: string | null } {
  const attributes: Record<string, unknown> = {};
  for (const [word, place] of Object.entries(format.integers)) {
    attributes[word] = table?.integer(place, word.startsWith('stride') ? 0 : 1) ?? 0;
  }
  const { padding = 0, fused_activation_function: activation = 0 } = format.bytes;
  attributes.padding = PADDING[table?.byte(padding, 0) ?? -1];
  const code = table?.byte(activation, 0) ?? 0;
  attributes.fused_activation_function = ACTIVATIONS[code] ?? `activation ${code}`;
  const problem = table === null || attributes.padding === undefined ? 'it has no readable options' : null;
  return { attributes, problem };
}

/** The same of the custom operator, from its bytes. */
export function readCustomOptions(values: readonly number[] | null): ReturnType<typeof readOptions> {
  const [padding = 0, strideW = 0, strideH = 0] = values ?? [];
  const known = values?.length === 3 && PADDING[padding - 1] !== undefined && strideW > 0 && strideH > 0;
  return {
    attributes: {
      stride_w: strideW,
      stride_h: strideH,
      padding: PADDING[padding - 1],
      fused_activation_function: 'NONE',
    },
    problem: known ? null : 'it has no readable options',
  };
}
