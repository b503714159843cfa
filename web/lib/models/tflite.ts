import type { Geometry } from '../convert/converted-layer.js';
import { fromTflite, type TfliteOperators } from '../convert/index.js';
import { tfliteGeometry } from '../convert/tflite.js';
import { describe, refuse } from '../core/checks.js';
import type { ModelDtype } from './dtypes.js';
import type { FileContents } from './file-contents.js';
import { FlatTable } from './flat.js';
import { biasProblem, checkLayerCount, isResampling, ModelLayer, tryGeometry } from './layer.js';
import { LIMITS } from './limits.js';
import { bytesSource, ModelFile } from './source.js';
import { checkExtent } from './stored.js';
import { type ModelTensor, storedTensor } from './tensor.js';
import type { ByteRange, StoredQuantization } from './tensor-content.js';

// The tables of TFLite's schema.fbs (version 3): places of their fields.
const MODEL = { version: 0, codes: 1, subgraphs: 2, description: 3, buffers: 4 } as const;
const CODE = { oldBuiltin: 0, builtin: 3 } as const;
const SUBGRAPH = { tensors: 0, operators: 3, name: 4 } as const;
const TENSOR = { shape: 0, type: 1, buffer: 2, name: 3, quantization: 4, sparsity: 6, signature: 7 } as const;
const BUFFER = { data: 0, offset: 1, size: 2 } as const;
const QUANTIZATION = { scale: 2, zeroPoint: 3, axis: 6 } as const;
const OPERATOR = { code: 0, inputs: 1, outputs: 2, options: 4 } as const;

/** TensorType, by its numbers. */
const DTYPES: Readonly<Record<number, ModelDtype>> = {
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
const DEQUANTIZE = 6;

interface OperatorFormat {
  readonly name: keyof TfliteOperators;
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
const OPERATORS: Readonly<Record<number, OperatorFormat>> = {
  3: {
    name: 'CONV_2D',
    inputs: [0, 1, 2],
    bytes: { padding: 0, fused_activation_function: 3 },
    integers: { stride_w: 1, stride_h: 2, dilation_w_factor: 4, dilation_h_factor: 5 },
  },
  4: {
    name: 'DEPTHWISE_CONV_2D',
    inputs: [0, 1, 2],
    bytes: { padding: 0, fused_activation_function: 4 },
    integers: { stride_w: 1, stride_h: 2, depth_multiplier: 3, dilation_w_factor: 5, dilation_h_factor: 6 },
  },
  67: {
    name: 'TRANSPOSE_CONV',
    inputs: [2, 1, 3],
    bytes: { padding: 0, fused_activation_function: 3 },
    integers: { stride_w: 1, stride_h: 2 },
  },
  132: { name: 'CONV_3D', inputs: [0, 1, 2], ...CONV_3D_OPTIONS },
  141: { name: 'CONV_3D_TRANSPOSE', inputs: [2, 1, 3], ...CONV_3D_OPTIONS },
};

/** The whole file is read: a flatbuffer's tables lie anywhere in it. Weights are views on it. */
export async function readTflite(file: ModelFile, all: boolean): Promise<FileContents> {
  if (file.size > LIMITS.flatbuffer) {
    refuse('TOO_LARGE', 'readModel', `a .tflite file of at most ${LIMITS.flatbuffer} bytes`, file.size);
  }
  const bytes = await file.read('readModel', 'the file', 0, file.size);
  // Weights come from here too, not from the file a second time.
  const held = new ModelFile(bytesSource(bytes), file.location);
  const model = FlatTable.root(bytes);
  const version = model.integer(MODEL.version, 0);
  if (version !== 3) refuse('BAD_MODEL', 'readModel', "version 3 of TFLite's schema", version);
  const codes = model.tables(MODEL.codes).map((code) =>
    // Numbers beyond a byte are in a field of their own.
    Math.max(code.byte(CODE.oldBuiltin, 0), code.integer(CODE.builtin, 0)),
  );
  const buffers = model.tables(MODEL.buffers);
  const layers: ModelLayer[] = [];
  const tensors: ModelTensor[] = [];
  for (const [index, table] of model.tables(MODEL.subgraphs).entries()) {
    const prefix = index === 0 ? '' : `${table.text(SUBGRAPH.name) || `subgraph ${index}`}/`;
    const subgraph = new Subgraph(held, bytes, table, buffers, codes);
    for (const operator of subgraph.operators) {
      const layer = subgraph.readLayer(operator, prefix, all);
      if (layer !== null) layers.push(layer);
      checkLayerCount(layers.length);
    }
    tensors.push(...subgraph.constants());
  }
  return { layers, tensors, producer: model.text(MODEL.description).slice(0, 1000) };
}

class Subgraph {
  readonly operators: readonly FlatTable[];
  readonly #file: ModelFile;
  readonly #bytes: Uint8Array;
  readonly #tensors: readonly FlatTable[];
  readonly #buffers: readonly FlatTable[];
  readonly #codes: readonly number[];
  readonly #makers = new Map<number, FlatTable>();
  readonly #constants = new Map<number, ModelTensor | string>();

  constructor(
    file: ModelFile,
    bytes: Uint8Array,
    table: FlatTable,
    buffers: readonly FlatTable[],
    codes: readonly number[],
  ) {
    this.#file = file;
    this.#bytes = bytes;
    this.#tensors = table.tables(SUBGRAPH.tensors);
    this.operators = table.tables(SUBGRAPH.operators);
    this.#buffers = buffers;
    this.#codes = codes;
    for (const operator of this.operators) {
      if (this.#code(operator) !== DEQUANTIZE) continue;
      for (const output of operator.integers(OPERATOR.outputs)) this.#makers.set(output, operator);
    }
  }

  /** Constants that layers were found to use. */
  constants(): ModelTensor[] {
    return [...this.#constants.values()].filter((found) => typeof found === 'object');
  }

  readLayer(operator: FlatTable, prefix: string, all: boolean): ModelLayer | null {
    const format = OPERATORS[this.#code(operator)];
    if (format === undefined) return null;
    const transposed = format.name.includes('TRANSPOSE');
    const inputs = operator.integers(OPERATOR.inputs);
    const [x, w, b] = format.inputs.map((place) => inputs[place] ?? -1) as [number, number, number];
    const [output = -1] = operator.integers(OPERATOR.outputs);
    const name = prefix + (this.#name(output) || format.name);
    const options = readOptions(operator.table(OPERATOR.options), format);
    const steps = Object.entries(options.attributes).filter(([word]) => word.startsWith('stride'));
    if (!all && !transposed && steps.every(([, step]) => step === 1)) return null;

    const weight = this.#constant(w);
    let problem: string | null = typeof weight === 'string' ? `its weight is ${weight}` : options.problem;
    let geometry: Geometry | null = null;
    let layerObstacle: string | null = null;
    const attributes = { ...options.attributes };
    const xShape = this.#shape(x);
    const groups =
      !transposed && xShape !== null && format.name !== 'DEPTHWISE_CONV_2D'
        ? { inChannels: xShape.at(-1) as number }
        : {};
    if (problem === null && typeof weight === 'object') {
      const { shape } = weight;
      const rank = shape.length - 2;
      if (transposed) {
        const wanted = this.#outputShape(inputs[0] ?? -1, output);
        // With SAME the crops are the same for every size that the stride divides.
        const whole = xShape
          ?.slice(1, -1)
          .map((extent, axis) => extent * (steps.at(axis - rank)?.[1] as number));
        if (wanted === null) layerObstacle = 'its output shape is computed while the model runs';
        attributes.output_shape = wanted ?? [
          null,
          ...(whole ?? []),
          shape[format.name === 'TRANSPOSE_CONV' ? 0 : 3],
        ];
      }
      const tried = tryGeometry(() =>
        tfliteGeometry(
          `readModel ${describe(name)}`,
          format.name,
          { ...attributes, fused_activation_function: 'NONE' },
          shape,
          groups,
        ),
      );
      ({ geometry, problem } = tried);
    }
    if (!all && !isResampling(geometry, transposed)) return null;
    const bias = b < 0 ? null : this.#constant(b);
    if (typeof bias === 'string') problem ??= `its bias is ${bias}`;
    const biasTensor = typeof bias === 'object' ? bias : null;
    problem ??= biasProblem(biasTensor, geometry);
    const activation = options.attributes.fused_activation_function as string;
    return new ModelLayer({
      name,
      operator: format.name,
      input: this.#name(x),
      output: this.#name(output),
      transposed,
      activation: activation === 'NONE' ? null : activation,
      weight: typeof weight === 'object' ? weight : null,
      bias: biasTensor,
      inputExtents:
        xShape !== null && xShape.length - 2 === geometry?.stride.length ? xShape.slice(1, -1) : null,
      problem,
      geometry,
      layerObstacle,
      build: (parameters, execution) =>
        fromTflite(format.name, attributes as never, parameters, { ...execution, ...groups }),
    });
  }

  #code(operator: FlatTable): number {
    return this.#codes[operator.integer(OPERATOR.code, 0)] ?? -1;
  }

  #name(index: number): string {
    return this.#tensors[index]?.text(TENSOR.name).slice(0, 1000) ?? '';
  }

  /** Null where a size is known only when the model runs. */
  #shape(index: number): readonly number[] | null {
    const table = this.#tensors[index];
    if (table === undefined) return null;
    const [shape, signature] = [table.integers(TENSOR.shape), table.integers(TENSOR.signature)];
    const known = shape.length > 2 && shape.every((extent) => extent > 0);
    return known && signature.slice(1).every((extent) => extent >= 0) ? shape : null;
  }

  /** The batch is left open: that of the file is what its maker had at hand. */
  #outputShape(input: number, output: number): (number | null)[] | null {
    const constant = this.#tensors[input];
    const range = constant === undefined ? null : this.#range(constant);
    const shape = this.#shape(output);
    const inside = range !== null && range.offset + range.length <= this.#bytes.length;
    if (!inside || range.length < 12 || range.length > 20 || range.length % 4 !== 0) {
      return shape === null ? null : [null, ...shape.slice(1)];
    }
    const values = this.#integers(range);
    return [null, ...values.slice(1)];
  }

  #integers({ offset, length }: ByteRange): number[] {
    const view = new DataView(this.#bytes.slice(offset, offset + length).buffer);
    return Array.from({ length: length / 4 }, (_, index) => view.getInt32(4 * index, true));
  }

  /** Where a tensor's constant values are; null if it has none. */
  #range(table: FlatTable): ByteRange | null {
    const index = table.integer(TENSOR.buffer, 0);
    const buffer = this.#buffers[index];
    // The first buffer is empty: tensors without values have it.
    if (index === 0 || buffer === undefined) return null;
    const outside = { offset: buffer.unsigned64(BUFFER.offset), length: buffer.unsigned64(BUFFER.size) };
    const range = outside.offset > 1 ? outside : buffer.range(BUFFER.data);
    return range === null || range.length === 0 ? null : range;
  }

  #constant(index: number): ModelTensor | string {
    const known = this.#constants.get(index);
    if (known !== undefined) return known;
    const found = this.#readConstant(index);
    this.#constants.set(index, found);
    return found;
  }

  #readConstant(index: number): ModelTensor | string {
    const table = this.#tensors[index];
    if (table === undefined) return 'missing';
    const range = this.#range(table);
    if (range === null) {
      // Weights of 16 bits pass an operator that widens them.
      const [source = -1] = this.#makers.get(index)?.integers(OPERATOR.inputs) ?? [];
      const widened = this.#tensors[source];
      if (widened === undefined || this.#range(widened) === null) return 'computed and no constant';
      return this.#readConstant(source);
    }
    if (table.table(TENSOR.sparsity) !== null) return 'a sparse tensor';
    const dtype = DTYPES[table.byte(TENSOR.type, 0)];
    if (dtype === undefined) return `of TFLite's type ${table.byte(TENSOR.type, 0)}, which is not read`;
    const shape = table.integers(TENSOR.shape);
    const place = { file: this.#file, ranges: [range], encoding: 'raw' } as const;
    const name = this.#name(index);
    checkExtent(name, shape, dtype, place);
    const quantization = readQuantization(table.table(TENSOR.quantization), shape);
    if (typeof quantization === 'string') return quantization;
    if (quantization === null && !dtype.includes('float')) return `of ${dtype} without a scale`;
    return storedTensor(name, shape, dtype, place, dtype.includes('float') ? null : quantization);
  }
}

function readQuantization(
  table: FlatTable | null,
  shape: readonly number[],
): StoredQuantization | string | null {
  const scale = table?.floats(QUANTIZATION.scale);
  if (table === null || scale === undefined || scale.length === 0) return null;
  const given = table.integers64(QUANTIZATION.zeroPoint);
  const zeroPoint = given.length === 0 ? Float32Array.of(0) : given;
  const axis = scale.length === 1 ? 0 : table.integer(QUANTIZATION.axis, 0);
  const fits =
    (scale.length === 1 || shape[axis] === scale.length) &&
    (zeroPoint.length === 1 || zeroPoint.length === scale.length);
  return fits
    ? { axis, scale, zeroPoint }
    : `quantized with ${scale.length} scales, which do not fit its shape`;
}

/** TFLite's defaults: 0 for every stride, which no file leaves; 1 for dilations. */
function readOptions(
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
