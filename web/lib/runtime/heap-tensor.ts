import { checkOptions, fault } from '../core/checks.js';
import { DisposableObject } from '../core/disposable.js';
import { settle } from '../core/lists.js';
import { guardReceivers } from '../core/receivers.js';
import { checkOut, checkShape, elementCount, heaps, type Tensor } from '../core/tensor.js';
import { checkRuntime } from './execution.js';
import { requireRuntime } from './lifecycle.js';
import { outOfMemory, type Runtime } from './runtime.js';

/** Options of {@link HeapTensor}. */
export interface HeapTensorOptions {
  /** On whose heap it lies: a runtime of `createRuntime`. Default: the default one. */
  readonly runtime?: Runtime | undefined;
}

/**
 * A tensor whose values lie on the WebAssembly heap, zeros at first: a layer reads its input from there
 * and writes its output to there without copying them. It works wherever a `Tensor` does.
 *
 * Ask for `data` anew after every call into the package: a call may grow the heap, which detaches the
 * views that were taken before. Keep the tensor while you use its data. Memory is freed by `dispose`,
 * by `shutdown` and, late, by the garbage collector. A call on another runtime copies its values.
 *
 * @throws {DeconvError} `NOT_INITIALIZED`, `RUNTIME_FAILED`, `BAD_SHAPE`, `BAD_TYPE`, `TOO_LARGE`, `OUT_OF_MEMORY`
 *
 * @example
 * await init();
 * const up = new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 4, stride: 2, padding: 1 });
 * const x = new HeapTensor([1, 8, 16, 16]);
 * const y = new HeapTensor(up.outputShape(x.shape));
 * x.data.fill(1);
 * up.forward(x, { out: y }); // copies nothing
 * console.log(y.shape.join('x'), memoryUsage().liveTensors); // 1x4x32x32 2
 * for (const owner of [up, x, y]) owner.dispose();
 */
export class HeapTensor extends DisposableObject implements Tensor {
  readonly shape: readonly number[];
  readonly #count: number;
  readonly #block: Block;
  // Weak, so that a tensor that lives on does not keep the heap of a module that was shut down.
  #view: WeakRef<Float32Array> | undefined;
  #disposed = false;

  static {
    guardReceivers(HeapTensor.prototype, 'HeapTensor', (value) => #block in value);
  }

  constructor(shape: readonly number[], options: HeapTensorOptions = {}) {
    super();
    const where = 'HeapTensor';
    this.shape = checkShape(where, 'the shape', shape);
    const count = elementCount(where, 'a tensor', this.shape);
    const checked = checkOptions<HeapTensorOptions>(where, options, ['runtime']);
    const runtime = requireRuntime(where, checkRuntime(where, checked.runtime));
    const address = runtime.guard(where, (module) => module.allocateFloats(count));
    if (address === 0) throw outOfMemory(where, 'a tensor', count);
    runtime.floats(address, count).fill(0);
    this.#count = count;
    this.#block = { runtime, address };
    runtime.blocks.add(address);
    registry.register(this, this.#block, this);
    settle(this);
  }

  /**
   * The values, in place: read and write them freely between calls.
   *
   * @throws {DeconvError} `DISPOSED`; `NOT_INITIALIZED` after a `shutdown`, which frees all tensors
   */
  get data(): Float32Array {
    const { runtime, address } = this.#block;
    if (this.#disposed) {
      const where = 'HeapTensor.data';
      throw fault('DISPOSED', where, 'a live tensor', 'one after dispose()', 'Make a new one.');
    }
    if (runtime.ended) runtime.requireRunning('HeapTensor.data');
    const { buffer } = runtime.heap;
    let view = this.#view?.deref();
    if (view === undefined || view.buffer !== buffer) {
      view = new HeapView(buffer as ArrayBuffer, address, this.#count);
      this.#view = new WeakRef(view);
      runtime.views.set(view, this);
    }
    return view;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Frees the memory at once. May be called again; every use after it throws `DISPOSED`. */
  override dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    registry.unregister(this);
    free(this.#block);
  }
}

/**
 * The data of a HeapTensor, or a part: a Float32Array in every respect, but that its parts are known too.
 * An address alone does not tell a view of freed memory from one of the tensor that lies there now.
 */
class HeapView extends Float32Array<ArrayBuffer> {
  override subarray(begin?: number, end?: number): Float32Array<ArrayBuffer> {
    const { buffer, byteOffset, length } = super.subarray(begin, end);
    const part = new HeapView(buffer, byteOffset, length);
    const views = heaps.get(buffer) as Runtime['views'];
    views.set(part, views.get(this) as HeapTensor);
    return part;
  }
}

// What slice, map and the like make are copies: plain arrays.
Object.defineProperty(HeapView.prototype, 'constructor', { value: Float32Array });

interface Block {
  readonly runtime: Runtime;
  readonly address: number;
}

// Holds the block alone: a reference to the tensor would keep it alive for ever.
const registry = new FinalizationRegistry<Block>(free);

function free({ runtime, address }: Block): void {
  runtime.release((module) => {
    runtime.blocks.delete(address);
    module.freeFloats(address);
  });
}

/** Values of a call: an array of JavaScript's, or an address on the heap, which growth does not move. */
export type Place = Float32Array | Int8Array | number;

/** Where values go: an address, or whatever takes them from the heap; `ask` throws where it no longer can. */
export type Sink = { set(values: Float32Array | Int8Array): void; ask?(): unknown } | number;

/** Where checked values lie for a call on `runtime`; those on another runtime's heap are copied. */
export function locate(values: Float32Array, runtime: Runtime): Place {
  return heaps.get(values.buffer) === runtime.views ? values.byteOffset : values;
}

/**
 * Where a call on `runtime` writes the `count` results that `out` is to have; refuses an `out` that cannot have them.
 * `foreign` code that is part of the call may dispose of a tensor or transfer an array.
 */
export function sinkOf(
  where: string,
  out: unknown,
  shape: readonly number[],
  count: number,
  runtime: Runtime,
  foreign?: boolean,
): Sink {
  const values = checkOut(where, out, shape, count);
  const place = locate(values, runtime);
  const lasts = foreign !== true && (place === values || runtime.views.get(values) === out);
  return lasts ? place : askedAgain(where, out, shape, count);
}

/**
 * A part of a HeapTensor does not survive that the heap grows during the call, and without it the results are out of
 * reach: they are computed beside it, and `out` is looked at once more before anything is written.
 */
function askedAgain(where: string, out: unknown, shape: readonly number[], count: number): Sink {
  const ask = (): Float32Array => checkOut(where, out, shape, count);
  return {
    ask,
    set: (results) => ask().set(results),
  };
}
