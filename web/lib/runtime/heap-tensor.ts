import { DisposableObject } from '../core/disposable.js';
import { DeconvError } from '../core/errors.js';
import { checkShape, elementCount, heapOwners, type Tensor } from '../core/tensor.js';
import { requireRuntime } from './lifecycle.js';
import { type HeapBlock, outOfMemory } from './runtime.js';

/**
 * A tensor whose values lie on the WebAssembly heap, zeros at first: a layer reads its input from there
 * and writes its output to there without copying them. It works wherever a `Tensor` does.
 *
 * Ask for `data` anew after every call into the package: a call may grow the heap, which detaches the
 * views that were taken before. Keep the tensor while you use its data. Memory is freed by `dispose`,
 * by `shutdown` and, late, by the garbage collector.
 *
 * @throws {DeconvError} `NOT_INITIALIZED`, `BAD_SHAPE`, `BAD_TYPE`, `TOO_LARGE`, `OUT_OF_MEMORY`
 *
 * @example
 * await init();
 * const x = new HeapTensor([1, 128, 8, 8]);
 * const y = new HeapTensor(up.outputShape(x.shape));
 * x.data.set(values);
 * up.forward(x, { out: y }); // copies nothing
 */
export class HeapTensor extends DisposableObject implements Tensor {
  readonly shape: readonly number[];
  readonly #block: HeapBlock;
  // Weak, so that a tensor that lives on does not keep the heap of a module that was shut down.
  #view: WeakRef<Float32Array> | undefined;
  #disposed = false;

  constructor(shape: readonly number[]) {
    super();
    const where = 'HeapTensor';
    this.shape = checkShape(where, 'the shape', shape);
    const count = elementCount(where, 'a tensor', this.shape);
    const runtime = requireRuntime(where);
    const address = runtime.module.allocateFloats(count);
    if (address === 0) throw outOfMemory(where, 'a tensor', count);
    runtime.floats(address, count).fill(0);
    this.#block = { runtime, address, count };
    runtime.blocks.set(address, this.#block);
    registry.register(this, this.#block, this);
  }

  /**
   * The values, in place: read and write them freely between calls.
   *
   * @throws {DeconvError} `DISPOSED`; `NOT_INITIALIZED` after a `shutdown`, which frees all tensors
   */
  get data(): Float32Array {
    const { runtime, address, count } = this.#block;
    if (runtime === undefined) throw this.#ended();
    const { buffer } = runtime.heap;
    let view = this.#view?.deref();
    if (view === undefined || view.buffer !== buffer) {
      view = new Float32Array(buffer, address, count);
      this.#view = new WeakRef(view);
      // Whoever took the data and dropped the tensor still needs the memory.
      tensors.set(view, this);
    }
    return view;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Frees the memory at once. May be called again; every use after it throws `DISPOSED`. */
  override dispose(): void {
    this.#disposed = true;
    registry.unregister(this);
    free(this.#block);
  }

  #ended(): DeconvError {
    const where = 'HeapTensor.data';
    return this.#disposed
      ? new DeconvError(
          'DISPOSED',
          `${where}: expected a live tensor, got one after dispose(). Make a new one.`,
          { where },
        )
      : new DeconvError(
          'NOT_INITIALIZED',
          `${where}: expected the module that the tensor was made on, got shutdown() meanwhile, which frees all tensors. Make a new one after init().`,
          { where },
        );
  }
}

const tensors = new WeakMap<Float32Array, HeapTensor>();

// Holds the block alone: a reference to the tensor would keep it alive for ever.
const registry = new FinalizationRegistry<HeapBlock>(free);

function free(block: HeapBlock): void {
  const { runtime, address } = block;
  if (runtime === undefined) return;
  runtime.module.freeFloats(address);
  runtime.blocks.delete(address);
  block.runtime = undefined;
}

/** Values of a call: an array of JavaScript's, or an address on the heap, which growth does not move. */
export type Place = Float32Array | number;

/** Where values go: an address, or whatever takes them from the heap. */
export type Sink = Pick<Float32Array, 'set'> | number;

/**
 * Where checked values lie. Views of the heap must lie in a live HeapTensor: there is room behind its
 * end, and nothing else is overwritten.
 */
export function locate(where: string, name: string, values: Float32Array): Place {
  const owner = heapOwners.get(values.buffer);
  if (owner === undefined) return values;
  const runtime = requireRuntime(where);
  const { byteOffset, length } = values;
  if (runtime === owner) {
    const block = runtime.blocks.get(byteOffset);
    if (block !== undefined && length <= block.count) return byteOffset;
    for (const { address, count } of runtime.blocks.values()) {
      if (address <= byteOffset && byteOffset + 4 * length <= address + 4 * count) return byteOffset;
    }
  }
  throw new DeconvError(
    'BAD_BUFFER',
    `${where}: expected ${name} in the memory of a live HeapTensor, got a view of the WebAssembly heap that belongs to none (its tensor was disposed, or the module shut down). Take HeapTensor.data anew.`,
    { where, name },
  );
}
