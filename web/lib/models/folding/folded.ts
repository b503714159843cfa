import { shapeText } from '../../core/checks.js';
import { MAX_ELEMENTS } from '../../core/tensor.js';
import type { ModelDtype, Values } from '../dtypes.js';
import { LIMITS } from '../limits.js';
import { ModelTensor } from '../tensor.js';
import type { ByteRange, Evaluation, FileEdit, TensorContent } from '../tensor-content.js';
import { product } from './arrays.js';

/** What a node makes of constants, known before any of their values is read. */
export interface Fold {
  readonly shape: readonly number[];
  readonly dtype: ModelDtype;
  readonly inputs: readonly ModelTensor[];
  /** Steps that it takes, where they are more than values come out. */
  readonly work?: number;
  compute(inputs: readonly Values[]): Values;
  /** The way back, where new values can be had by new inputs: those, one for each. */
  readonly invert?: (values: Float32Array) => readonly Float32Array[];
  /** Why there is none. */
  readonly obstacle?: string;
  /** It only makes another type of floats, of which no weight loses anything: the input says as much. */
  readonly widens?: boolean;
  /** It rounds to a grid of quantized values; so does what is made of it. */
  readonly quantizes?: boolean;
}

const notFolded = new WeakSet<object>();

/** Says why a constant cannot be computed; caught where it was to be. */
export function notFoldable(reason: string): never {
  const error = new Error(reason);
  notFolded.add(error);
  throw error;
}

/** What `notFoldable` said; anything else goes on. */
export function reasonOf(error: unknown): string {
  if (notFolded.has(error as object)) return (error as Error).message;
  throw error;
}

const folds = new WeakMap<ModelTensor, Fold>();

/** Values that are computed from those of other tensors when they are asked for. */
class FoldedContent implements TensorContent {
  readonly place = null;
  readonly quantization = null;
  readonly #fold: Fold;

  constructor(fold: Fold) {
    this.#fold = fold;
  }

  get quantizes(): boolean {
    return this.#fold.quantizes === true;
  }

  get location(): string | null {
    return this.#viewed?.file ?? null;
  }

  get ranges(): readonly ByteRange[] {
    return this.#viewed?.ranges ?? [];
  }

  get patchObstacle(): string | null {
    const { invert, inputs, quantizes, obstacle } = this.#fold;
    if (invert !== undefined) {
      return inputs.map((input) => input.patchObstacle).find((found) => found !== null) ?? null;
    }
    if (obstacle !== undefined) return obstacle;
    return quantizes === true
      ? 'its values pass a quantization, which would round new ones'
      : 'its values are computed from others';
  }

  async values(evaluation: Evaluation): Promise<Values> {
    const values: Values[] = [];
    for (const input of this.#fold.inputs) values.push(await evaluation.valuesOf(input.content));
    evaluation.spend(workOf(this.#fold));
    return this.#fold.compute(values);
  }

  async halves(): Promise<null> {
    return null;
  }

  async edits(values: Float32Array): Promise<{ edits: FileEdit[]; stored: Float32Array }> {
    const { invert, inputs, compute } = this.#fold;
    const parts = (invert as NonNullable<typeof invert>)(values);
    const changes = await Promise.all(
      inputs.map((input, place) => input.content.edits(parts[place] as Float32Array)),
    );
    const stored = compute(changes.map((change) => Float32Array.from(change.stored)));
    return { edits: changes.flatMap(({ edits }) => edits), stored: Float32Array.from(stored) };
  }

  /** The tensor that this one only orders or shapes otherwise. */
  get #viewed(): ModelTensor | undefined {
    const { invert, inputs } = this.#fold;
    return invert === undefined || inputs.length > 1 ? undefined : inputs[0];
  }
}

/** Values that need no reading any more. */
const atHand = new WeakMap<ModelTensor, Values>();

/** Lets rules take the values without waiting for them. */
export function keepAtHand(tensor: ModelTensor, values: Values): void {
  atHand.set(tensor, values);
}

/** The values of a tensor that is at hand or made of such; null for others. `spend` hears of each step's work. */
export function valuesAtHand(tensor: ModelTensor, spend: (work: number) => void = () => {}): Values | null {
  const fold = folds.get(tensor);
  const known = atHand.get(tensor);
  if (known !== undefined || fold === undefined) return known ?? null;
  const inputs: Values[] = [];
  for (const input of fold.inputs) {
    const values = valuesAtHand(input, spend);
    if (values === null) return null;
    inputs.push(values);
  }
  spend(workOf(fold));
  return fold.compute(inputs);
}

function workOf({ shape, work = 0 }: Fold): number {
  return Math.max(product(shape), work);
}

/** The tensor of fewer bits that this one is a wider form of, or itself. */
export function narrowest(tensor: ModelTensor): ModelTensor {
  let at = tensor;
  for (let fold = folds.get(at); fold?.widens === true; fold = folds.get(at)) {
    at = fold.inputs[0] as ModelTensor;
  }
  return at;
}

function isQuantized({ content }: ModelTensor): boolean {
  return content.quantizes;
}

/** Throws `NotFoldable` for a result that nobody could hold. */
export function foldedTensor(name: string, fold: Fold): ModelTensor {
  const { shape, dtype } = fold;
  if (shape.length > LIMITS.rank) notFoldable(`it has ${shape.length} axes`);
  if (product(shape) > MAX_ELEMENTS) notFoldable(`it has the shape ${shapeText(shape)}, which is too large`);
  const quantizes = fold.quantizes === true || fold.inputs.some(isQuantized);
  const known = { ...fold, quantizes };
  const tensor = new ModelTensor(name, shape, dtype, new FoldedContent(known));
  folds.set(tensor, known);
  return tensor;
}

/** Values that are known with the structure of the file. */
export function literalTensor(
  name: string,
  shape: readonly number[],
  dtype: ModelDtype,
  values: readonly number[],
): ModelTensor {
  return foldedTensor(name, {
    shape,
    dtype,
    inputs: [],
    compute: () => (dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values)),
  });
}
