import type { FlatTable } from '../../models/flat.js';
import type { MadeTensor } from '../../models/tflite/folding.js';
import { OPERATOR } from '../../models/tflite/schema.js';
import type { Subgraph } from '../../models/tflite/subgraph.js';

// BuiltinOperator of schema.fbs, by its numbers.
const NAMES =
  'ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN'.split(
    ' ',
  );

export type Tensor = NonNullable<ReturnType<Subgraph['declared']>>;

/** An operator's options: whatever of them a file leaves out is 0. */
export class Options {
  readonly #table: FlatTable | null;
  readonly #lists = new Map<number, readonly number[]>();

  constructor(table: FlatTable | null) {
    this.#table = table;
  }

  get table(): FlatTable | null {
    return this.#table;
  }

  integer(field: number): number {
    return this.#table?.integer(field, 0) ?? 0;
  }

  byte(field: number): number {
    return this.#table?.byte(field, 0) ?? 0;
  }

  float(field: number, otherwise = 0): number {
    return this.#table?.float(field, otherwise) ?? otherwise;
  }

  /** Read once: a file is only looked at so often. */
  list(field: number): readonly number[] {
    let list = this.#lists.get(field);
    if (list === undefined) {
      list = this.#table?.integers(field) ?? [];
      this.#lists.set(field, list);
    }
    return list;
  }
}

/** What a file says of an operator. */
export interface Operator {
  /** What the file calls its first output: operators have no names. */
  readonly name: string;
  readonly type: string;
  /** Tensors; -1 for one that is left out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** What the file says of them. */
  readonly taken: readonly (Tensor | undefined)[];
  readonly made: readonly (Tensor | undefined)[];
  readonly options: Options;
  /** A custom operator's own, as int32. */
  readonly custom: readonly number[] | null;
}

export function readOperator(subgraph: Subgraph, table: FlatTable): Operator {
  const outputs = table.integers(OPERATOR.outputs);
  const code = subgraph.code(table);
  const type = subgraph.custom(table) || (NAMES[code] ?? `the operator ${code}`);
  const inputs = table.integers(OPERATOR.inputs);
  return {
    name: subgraph.name(outputs[0] ?? -1) || type,
    type,
    inputs,
    outputs,
    taken: inputs.map((input) => subgraph.declared(input)),
    made: outputs.map((output) => subgraph.declared(output)),
    options: new Options(table.table(OPERATOR.options)),
    custom: subgraph.customOptions(table),
  };
}

/** Whether a tensor's integers are numbers by themselves, and no quantized ones. */
export function isWhole(tensor: Pick<MadeTensor, 'dtype' | 'quantization'>): boolean {
  return tensor.quantization === null && tensor.dtype?.includes('float') !== true;
}
