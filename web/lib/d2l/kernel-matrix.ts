import { checkAxes, checkOptions, refuse } from '../core/checks.js';
import { product, settle } from '../core/lists.js';
import { guardReceivers } from '../core/receivers.js';
import { type OperatorSpec, outputExtents } from '../core/spec.js';
import {
  allocateTensor,
  checkParameter,
  checkShape,
  checkTensor,
  elementCount,
  type Tensor,
  type TensorData,
  type TensorLike,
} from '../core/tensor.js';
import { readPads, readTorchPadding } from '../core/torch-words.js';

/**
 * Geometry of the convolution; a list has one entry per spatial axis.
 *
 * @example
 * const kernel = { data: [1, 2], shape: [2] };
 * const matrix = kernelMatrix(kernel, [4], { stride: 2, padding: 1 });
 * console.log(matrix.rows, matrix.columns, matrix.toDense().data.join(' ')); // 3 4 2 0 0 0 0 1 2 0 0 0 0 1
 */
export interface KernelMatrixOptions {
  /** Default 1. */
  readonly stride?: number | readonly number[];
  /** Default 1. */
  readonly dilation?: number | readonly number[];
  /** Zeros added to **both** ends of the input's axis, or a word, as of a Conv2d. Default 0. */
  readonly padding?: number | readonly number[] | 'same' | 'valid';
  /** In place of `padding`: zeros added to the head of the input's axis; negative crops it. Default 0. */
  readonly padBefore?: number | readonly number[];
  /** The same at the tail. */
  readonly padAfter?: number | readonly number[];
}

/**
 * A convolution of one channel written as a sparse matrix K: the convolution of `x` is `K x`, and the
 * transposed convolution of `y` with the same kernel is `Kᵀ y`, both with the values in row-major order.
 *
 * Compressed sparse rows: the entries of row `r` are those from `rowPointers[r]` up to
 * `rowPointers[r + 1]`, in ascending columns. A kernel value of 0 is an entry like any other.
 */
export interface KernelMatrix {
  /** Values of the convolution's output. */
  readonly rows: number;
  /** Values of its input. */
  readonly columns: number;
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly rowPointers: Uint32Array;
  readonly columnIndices: Uint32Array;
  readonly values: Float32Array;
  /** Which value of the kernel, in row-major order, each entry is. */
  readonly tapIndices: Uint32Array;
  /** `K x`, shaped as the convolution's output; takes a tensor of `inputShape` or its bare values. */
  multiply(x: TensorLike | TensorData): Tensor<ArrayBuffer>;
  /** `Kᵀ y`, shaped as the convolution's input; takes a tensor of `outputShape` or its bare values. */
  multiplyTransposed(y: TensorLike | TensorData): Tensor<ArrayBuffer>;
  /** `[rows, columns]` with its zeros. */
  toDense(): Tensor<ArrayBuffer>;
}

/**
 * The matrix of a convolution over one channel: `kernel2matrix` of Dive into Deep Learning, for any
 * number of axes, stride, padding and dilation. Plain loops, so it needs no `init`.
 *
 * @param kernel spatial axes only
 * @param inputShape of the convolution's input, spatial axes only
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_OPTION`, `BAD_TYPE`, `BAD_BUFFER`, `TOO_LARGE`
 *
 * @example
 * const matrix = kernelMatrix({ data: [1, 2, 3, 4], shape: [2, 2] }, [3, 3]);
 * const { data, shape } = matrix.toDense();
 * console.log(shape.join('x'), data.slice(0, 9).join(' ')); // 4x9 1 2 0 3 4 0 0 0 0
 * // The transposed matrix is the transposed convolution:
 * console.log(matrix.multiplyTransposed({ data: [1, 0, 0, 1], shape: [2, 2] }).data.join(' ')); // 1 2 0 3 5 2 0 3 4
 */
export function kernelMatrix(
  kernel: TensorLike,
  inputShape: readonly number[],
  options: KernelMatrixOptions = {},
): KernelMatrix {
  const where = 'kernelMatrix';
  const checked = checkOptions<KernelMatrixOptions>(where, options, [
    'stride',
    'dilation',
    'padding',
    'padBefore',
    'padAfter',
  ]);
  const taps = checkTensor(where, 'kernel', kernel);
  const rank = taps.shape.length;
  if (rank === 0 || taps.shape.includes(0)) {
    refuse('BAD_SHAPE', where, 'kernel with at least one axis and one value', [...taps.shape]);
  }
  const extents = checkShape(where, 'inputShape', inputShape);
  if (extents.length !== rank || extents.includes(0)) {
    refuse('BAD_SHAPE', where, `inputShape with ${rank} axes of at least 1, as kernel has`, [...extents]);
  }
  const stride = checkAxes(where, 'stride', checked.stride ?? 1, rank, 1);
  const dilation = checkAxes(where, 'dilation', checked.dilation ?? 1, rank, 1);
  const { before, after } = readPads(where, checked, rank, (padding) =>
    readTorchPadding(where, padding, { kernel: taps.shape, stride, dilation }),
  );
  const spec: OperatorSpec = {
    transposed: false,
    groups: 1,
    inChannels: 1,
    outChannels: 1,
    kernel: taps.shape,
    stride,
    dilation,
    inputDilation: new Array<number>(rank).fill(1),
    padBefore: before,
    padAfter: after,
    relu: false,
  };
  const output = outputExtents(where, spec, extents);
  const rows = elementCount(where, 'an output', output);
  const columns = elementCount(where, 'an input', extents);
  elementCount(where, 'the entries of a matrix', [rows, ...taps.shape]);
  return new SparseMatrix(extents, output, rows, columns, taps.data, entriesOf(spec, extents, output));
}

interface Entries {
  readonly rowPointers: Uint32Array;
  readonly columnIndices: Uint32Array;
  readonly tapIndices: Uint32Array;
}

class SparseMatrix implements KernelMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly rowPointers: Uint32Array;
  readonly columnIndices: Uint32Array;
  readonly values: Float32Array;
  readonly tapIndices: Uint32Array;

  static {
    guardReceivers(SparseMatrix.prototype, 'KernelMatrix', (value) => #eachOfRow in value);
  }

  constructor(
    inputShape: readonly number[],
    outputShape: readonly number[],
    rows: number,
    columns: number,
    kernel: Float32Array,
    { rowPointers, columnIndices, tapIndices }: Entries,
  ) {
    this.rows = rows;
    this.columns = columns;
    this.inputShape = [...inputShape];
    this.outputShape = [...outputShape];
    this.rowPointers = rowPointers;
    this.columnIndices = columnIndices;
    this.tapIndices = tapIndices;
    this.values = Float32Array.from(tapIndices, (tap) => kernel[tap] as number);
    settle(this);
  }

  multiply(x: TensorLike | TensorData): Tensor<ArrayBuffer> {
    const where = 'KernelMatrix.multiply';
    const input = checkParameter(where, 'x', x, this.inputShape);
    const result = allocateTensor(where, this.outputShape);
    for (let row = 0; row < this.rows; row += 1) {
      let sum = 0;
      this.#eachOfRow(row, (column, value) => {
        sum += value * (input[column] as number);
      });
      result.data[row] = sum;
    }
    return result;
  }

  multiplyTransposed(y: TensorLike | TensorData): Tensor<ArrayBuffer> {
    const where = 'KernelMatrix.multiplyTransposed';
    const factors = checkParameter(where, 'y', y, this.outputShape);
    const result = allocateTensor(where, this.inputShape);
    const sums = new Float64Array(this.columns);
    for (let row = 0; row < this.rows; row += 1) {
      this.#eachOfRow(row, (column, value) => {
        sums[column] = (sums[column] as number) + value * (factors[row] as number);
      });
    }
    result.data.set(sums);
    return result;
  }

  toDense(): Tensor<ArrayBuffer> {
    const result = allocateTensor('KernelMatrix.toDense', [this.rows, this.columns]);
    for (let row = 0; row < this.rows; row += 1) {
      this.#eachOfRow(row, (column, value) => {
        result.data[row * this.columns + column] = value;
      });
    }
    return result;
  }

  #eachOfRow(row: number, visit: (column: number, value: number) => void): void {
    const end = this.rowPointers[row + 1] as number;
    for (let entry = this.rowPointers[row] as number; entry < end; entry += 1) {
      visit(this.columnIndices[entry] as number, this.values[entry] as number);
    }
  }
}

/** Per axis, output place o reads input place `o * stride + tap * dilation - padBefore`. */
function entriesOf(spec: OperatorSpec, input: readonly number[], output: readonly number[]): Entries {
  const rows = product(output);
  const taps = product(spec.kernel);
  const rowPointers = new Uint32Array(rows + 1);
  const columnIndices = new Uint32Array(rows * taps);
  const tapIndices = new Uint32Array(rows * taps);
  let count = 0;
  for (let row = 0; row < rows; row += 1) {
    for (let tap = 0; tap < taps; tap += 1) {
      const column = columnOf(spec, input, output, row, tap);
      if (column < 0) continue;
      columnIndices[count] = column;
      tapIndices[count] = tap;
      count += 1;
    }
    rowPointers[row + 1] = count;
  }
  return {
    rowPointers,
    columnIndices: columnIndices.slice(0, count),
    tapIndices: tapIndices.slice(0, count),
  };
}

/** -1 where the tap lies in the padding. */
function columnOf(
  { kernel, stride, dilation, padBefore }: OperatorSpec,
  input: readonly number[],
  output: readonly number[],
  row: number,
  tap: number,
): number {
  let column = 0;
  let size = 1;
  for (let axis = input.length - 1; axis >= 0; axis -= 1) {
    const [n, o, k] = [input[axis] as number, output[axis] as number, kernel[axis] as number];
    const place =
      (row % o) * (stride[axis] as number) +
      (tap % k) * (dilation[axis] as number) -
      (padBefore[axis] as number);
    if (place < 0 || place >= n) return -1;
    column += place * size;
    size *= n;
    row = Math.floor(row / o);
    tap = Math.floor(tap / k);
  }
  return column;
}
