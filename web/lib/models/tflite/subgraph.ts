import { describe } from '../../core/checks.js';
import type { FlatTable } from '../flat.js';
import { LIMITS } from '../limits.js';
import type { ModelFile } from '../source.js';
import { checkExtent } from '../stored.js';
import { type ModelTensor, storedTensor } from '../tensor.js';
import type { ByteRange, StoredQuantization } from '../tensor-content.js';
import { FOLDED, foldOperator } from './folding.js';
import {
  BUFFER,
  BUILTIN,
  DTYPES,
  OPERATOR,
  OPERATORS,
  type OperatorFormat,
  QUANTIZATION,
  SUBGRAPH,
  TENSOR,
  TRANSPOSE_WITH_BIAS,
} from './schema.js';

/** How a kind of operators is called: custom ones by a name. */
export interface OperatorCode {
  readonly builtin: number;
  readonly custom: string;
}

/** What a tensor is that has no values and that no operator makes. */
export const GIVEN = 'an input of the model';

/** The tensors of a subgraph, the constants among them, and who makes what. */
export class Subgraph {
  readonly title: string;
  readonly operators: readonly FlatTable[];
  /** Tensors that it takes and gives. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly #file: ModelFile;
  readonly #bytes: Uint8Array;
  readonly #tensors: readonly FlatTable[];
  readonly #buffers: readonly FlatTable[];
  readonly #codes: readonly OperatorCode[];
  readonly #makers = new Map<number, FlatTable>();
  readonly #constants = new Map<number, ModelTensor | string>();
  readonly #used = new Set<ModelTensor>();

  constructor(
    file: ModelFile,
    bytes: Uint8Array,
    table: FlatTable,
    buffers: readonly FlatTable[],
    codes: readonly OperatorCode[],
  ) {
    this.#file = file;
    this.#bytes = bytes;
    this.title = table.text(SUBGRAPH.name);
    this.inputs = table.integers(SUBGRAPH.inputs);
    this.outputs = table.integers(SUBGRAPH.outputs);
    this.#tensors = table.tables(SUBGRAPH.tensors);
    this.operators = table.tables(SUBGRAPH.operators);
    this.#buffers = buffers;
    this.#codes = codes;
    for (const operator of this.operators) {
      for (const output of operator.integers(OPERATOR.outputs)) this.#makers.set(output, operator);
    }
  }

  /** Constants that layers were found to use. */
  constants(): ModelTensor[] {
    return [...this.#used];
  }

  code(operator: FlatTable): number {
    return this.#codes[operator.integer(OPERATOR.code, 0)]?.builtin ?? -1;
  }

  /** The name of a custom operator; empty for the others. */
  custom(operator: FlatTable): string {
    const code = this.#codes[operator.integer(OPERATOR.code, 0)];
    return code?.builtin === BUILTIN.custom ? code.custom : '';
  }

  /** How an operator convolves; undefined for one that does not, or in a way that is not read. */
  format(operator: FlatTable): OperatorFormat | undefined {
    if (this.custom(operator) === TRANSPOSE_WITH_BIAS.name) return TRANSPOSE_WITH_BIAS;
    return OPERATORS[this.code(operator)];
  }

  /** The number of the buffer that a tensor names; 0 for one without values. */
  buffer(index: number): number {
    return this.#tensors[index]?.integer(TENSOR.buffer, 0) ?? 0;
  }

  /** The operator that makes a tensor. */
  maker(index: number): FlatTable | undefined {
    return this.#makers.get(index);
  }

  /** Bytes of a custom operator as int32; null where they are none. */
  customOptions(operator: FlatTable): readonly number[] | null {
    const range = operator.range(OPERATOR.customOptions);
    return range === null || range.length % 4 !== 0 || range.length > 64 ? null : this.#integers(range);
  }

  /** What the file says of a tensor, whatever its operators make of it; undefined for one that there is not. */
  declared(index: number) {
    const table = this.#tensors[index];
    if (table === undefined) return undefined;
    const [shape, signature] = [table.integers(TENSOR.shape), table.integers(TENSOR.signature)];
    const quantization = readQuantization(table.table(TENSOR.quantization), shape);
    return {
      name: this.name(index),
      /** Below 0 where calls choose. */
      shape: signature.length === shape.length ? signature : shape,
      dtype: DTYPES[table.byte(TENSOR.type, 0)],
      quantization: typeof quantization === 'object' ? quantization : null,
    };
  }

  name(index: number): string {
    return this.#tensors[index]?.text(TENSOR.name).slice(0, 1000) ?? '';
  }

  /** Null where a size is known only when the model runs. */
  shape(index: number): readonly number[] | null {
    const table = this.#tensors[index];
    if (table === undefined) return null;
    const [shape, signature] = [table.integers(TENSOR.shape), table.integers(TENSOR.signature)];
    const known = shape.length > 2 && shape.every((extent) => extent > 0);
    return known && signature.slice(1).every((extent) => extent >= 0) ? shape : null;
  }

  /** The batch is left open: that of the file is what its maker had at hand. */
  outputShape(input: number, output: number): (number | null)[] | null {
    const constant = this.#tensors[input];
    const range = constant === undefined ? null : this.#range(constant);
    const shape = this.shape(output);
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

  /** A weight, whose integers stand for other numbers. */
  constant(index: number): ModelTensor | string {
    const found = this.literal(index);
    if (typeof found === 'string') return found;
    const { dtype, quantization } = found;
    if (quantization === null && !dtype.includes('float')) return `of ${dtype} without a scale`;
    this.#used.add(found);
    return found;
  }

  /** Whatever constant it is: sizes and axes, too. */
  literal(index: number): ModelTensor | string {
    return this.#constant(index, 0);
  }

  #constant(index: number, steps: number): ModelTensor | string {
    if (steps > LIMITS.steps) return 'computed in too many steps, or in a circle';
    const known = this.#constants.get(index);
    if (known !== undefined) return known;
    const table = this.#tensors[index];
    const range = table === undefined ? null : this.#range(table);
    const found =
      table === undefined
        ? 'missing'
        : range !== null
          ? this.#stored(index, table, range)
          : this.#isEmpty(index, table)
            ? this.#stored(index, table, { offset: 0, length: 0 })
            : this.#computed(index, table, steps);
    this.#constants.set(index, found);
    return found;
  }

  /** A constant without values, such as the axes of no axis or the shape of a scalar, has no bytes to be known by. */
  #isEmpty(index: number, table: FlatTable): boolean {
    const given = this.#makers.has(index) || this.inputs.includes(index);
    return !given && table.integers(TENSOR.shape).includes(0);
  }

  /** What an operator makes of a constant. */
  #computed(index: number, table: FlatTable, steps: number): ModelTensor | string {
    const maker = this.#makers.get(index);
    if (maker === undefined) return GIVEN;
    const code = this.code(maker);
    if (code === BUILTIN.densify) return 'a sparse tensor, which is not read';
    if (!FOLDED.has(code)) return `computed by ${this.custom(maker) || `the operator ${code}`}`;
    const [source = -1, list = -1] = maker.integers(OPERATOR.inputs);
    const found = this.#constant(source, steps + 1);
    if (typeof found === 'string') {
      if (/^computed|sparse/.test(found)) return found;
      return `computed from ${describe(this.name(source))}, which is ${found}`;
    }
    const shape = table.integers(TENSOR.shape);
    const quantization = readQuantization(table.table(TENSOR.quantization), shape);
    if (typeof quantization === 'string') return quantization;
    const dtype = DTYPES[table.byte(TENSOR.type, 0)];
    const made = { name: this.name(index), shape, dtype, quantization };
    return foldOperator(code, found, made, code === BUILTIN.transpose ? this.#list(list) : null);
  }

  /** A short constant of int32; null for another. */
  #list(index: number): readonly number[] | null {
    const table = this.#tensors[index];
    const range = table === undefined ? null : this.#range(table);
    if (range === null || range.length % 4 !== 0 || range.length > 64) return null;
    return range.offset + range.length <= this.#bytes.length ? this.#integers(range) : null;
  }

  #stored(index: number, table: FlatTable, range: ByteRange): ModelTensor | string {
    if (table.table(TENSOR.sparsity) !== null) return 'a sparse tensor';
    const dtype = DTYPES[table.byte(TENSOR.type, 0)];
    if (dtype === undefined) return `of TFLite's type ${table.byte(TENSOR.type, 0)}, which is not read`;
    const shape = table.integers(TENSOR.shape);
    const place = { file: this.#file, ranges: [range], encoding: 'raw' } as const;
    const name = this.name(index);
    checkExtent(name, shape, dtype, place);
    const quantization = readQuantization(table.table(TENSOR.quantization), shape);
    if (typeof quantization === 'string') return quantization;
    return storedTensor(name, shape, dtype, place, dtype.includes('float') ? null : quantization);
  }
}

function readQuantization(
  table: FlatTable | null,
  shape: readonly number[],
): StoredQuantization | string | null {
  const scale = table?.floats(QUANTIZATION.scale);
  if (table === null || scale === undefined || scale.length === 0) return null;
  if (!scale.every((one) => one >= 0 && one < Infinity)) {
    return 'quantized with a scale that is negative or no number';
  }
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
