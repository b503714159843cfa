import { refuse } from '../core/checks.js';
import type { HalfTensor } from '../core/half-tensor.js';
import { allocateTensor, type Tensor } from '../core/tensor.js';
import type { ModelDtype } from './dtypes.js';
import { StoredContent } from './stored.js';
import {
  type ByteRange,
  Evaluation,
  type StoredQuantization,
  type TensorContent,
  type TensorPlace,
} from './tensor-content.js';

/**
 * Values that a file holds: their description now, the values when asked for.
 *
 * @example
 * const model = await readModel('generator.onnx');
 * const { dtype, quantization } = model.layers[1].weightTensor;
 * // The numbers of a float32 file are what they say; those of an integer one are read with its scale.
 * console.log(dtype, quantization?.scale[0] ?? 1); // float32 1
 * await model.close();
 */
export class ModelTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: ModelDtype;
  /** @internal */
  readonly content: TensorContent;

  /** @internal */
  constructor(name: string, shape: readonly number[], dtype: ModelDtype, content: TensorContent) {
    this.name = name;
    this.shape = shape;
    this.dtype = dtype;
    this.content = content;
  }

  get quantization(): StoredQuantization | null {
    return this.content.quantization;
  }

  /** @internal What the values are: those of quantized tensors come as float32. */
  get numeric(): ModelDtype {
    return this.quantization === null ? this.dtype : 'float32';
  }

  /** Path of the file that holds the bytes, relative to the model; null for the model itself. */
  get file(): string | null {
    return this.content.location;
  }

  /** Where in that file; none for values that are computed from others. */
  get ranges(): readonly ByteRange[] {
    return this.content.ranges;
  }

  /** Why `patchModel` cannot change the values; null if it can. */
  get patchObstacle(): string | null {
    return this.content.patchObstacle;
  }

  /**
   * The values as float32, in the tensor's shape. They may be a view on the bytes that the model was read
   * from: copy before writing to them.
   *
   * @throws {DeconvError} `TOO_LARGE`, `OUT_OF_MEMORY`, `BAD_MODEL`, `LOAD_FAILED`
   */
  async read(): Promise<Tensor<ArrayBuffer>> {
    const values = await new Evaluation().valuesOf(this.content);
    if (values.BYTES_PER_ELEMENT === 4)
      return { data: values as Float32Array<ArrayBuffer>, shape: this.shape };
    const tensor = allocateTensor('readModel', this.shape);
    tensor.data.set(values);
    return tensor;
  }

  /** The same, but values of 16 bits stay so. */
  async readNarrow(): Promise<Tensor | HalfTensor> {
    const { dtype, shape } = this;
    if (dtype !== 'float16' && dtype !== 'bfloat16') return this.read();
    const halves = await this.content.halves();
    return halves === null ? this.read() : { data: halves, shape, dtype };
  }

  /** @internal */
  async edits(where: string, values: Float32Array) {
    const obstacle = this.patchObstacle;
    if (obstacle !== null) {
      refuse(
        'UNSUPPORTED',
        where,
        `${JSON.stringify(this.name)} to be stored so that it can be changed`,
        obstacle,
        'Save the model with float32 weights and without compression first.',
      );
    }
    return this.content.edits(values);
  }
}

/** A tensor that is left out, because its values are no numbers that are read. */
export interface UnreadTensor {
  readonly name: string;
  /** In the file's own word. */
  readonly dtype: string;
}

/** What a file of tensors alone holds. */
export interface TensorFile {
  readonly tensors: readonly ModelTensor[];
  readonly unread: readonly UnreadTensor[];
}

/** A tensor that stands in a file as it is. */
export function storedTensor(
  name: string,
  shape: readonly number[],
  dtype: ModelDtype,
  place: TensorPlace,
  quantization: StoredQuantization | null = null,
): ModelTensor {
  return new ModelTensor(name, shape, dtype, new StoredContent(name, shape, dtype, place, quantization));
}
