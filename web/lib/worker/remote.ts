import { DisposableObject } from '../core/disposable.js';
import type { Tensor } from '../core/tensor.js';
import type { Members } from './messages.js';

/**
 * What any call into a worker takes, in its last argument or behind it.
 *
 * @example
 * const worker = new Worker(new URL('./served-decoder.js', import.meta.url), { type: 'module' });
 * const decoder = await connect(worker);
 * const x = { data: new Float32Array(8 * 256), shape: [1, 8, 16, 16] };
 * const given = decoder.forward(x, { signal: AbortSignal.abort() });
 * console.log(await given.catch(({ name }) => name)); // AbortError
 * decoder.dispose();
 */
export interface CallOptions {
  /** Gives the call up: it rejects with the signal's reason at once, and is not begun if it has not been yet. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * An object that lives in a worker. Methods take what they take there and resolve to what they give there; properties
 * are promises of their values. `dispose` ends the worker.
 *
 * @example
 * const worker = new Worker(new URL('./served-decoder.js', import.meta.url), { type: 'module' });
 * const decoder = await connect(worker);
 * // Methods and properties of what is served, each as a promise.
 * const y = await decoder.forward({ data: new Float32Array(8 * 256), shape: [1, 8, 16, 16] });
 * console.log(y.shape.join('x'), await decoder.kernelSize); // 1x3x32x32 [ 4, 4 ]
 * decoder.dispose();
 */
export type Remote<Served extends object> = DisposableObject & {
  readonly [Name in Exclude<
    keyof Served,
    symbol | keyof DisposableObject | 'toString'
  >]: Served[Name] extends Overloaded<infer One, infer Result, infer Other, infer OtherResult>
    ? Called<One, Result, Served> & Called<Other, OtherResult, Served>
    : Promise<Received<Served[Name], Served>>;
};

/** Chains take a tensor, or tensors by name; what takes one kind alone is twice the same. */
interface Overloaded<One extends readonly unknown[], Result, Other extends readonly unknown[], OtherResult> {
  (...args: One): Result;
  (...args: Other): OtherResult;
}

type Called<Args extends readonly unknown[], Result, Served extends object> = (
  ...args: [...Taken<Args>, options?: CallOptions]
) => Promise<Received<Awaited<Result>, Served>>;

type Taken<Args extends readonly unknown[]> = {
  [Index in keyof Args]: Args[Index] extends infer Arg
    ? Arg extends object
      ? Arg & CallOptions
      : Arg
    : never;
};

type Received<Result, Served extends object> = Result extends Tensor
  ? Tensor<ArrayBuffer>
  : Result extends Served
    ? Remote<Served>
    : Result;

export interface Caller {
  ask(name: string, args: readonly unknown[]): Promise<unknown>;
  end(): void;
}

/**
 * The object with a member for each name that is served: a wrong name is none, rather than a call that fails. None of them
 * looks at `this`: the reactive state of frameworks is made of proxies.
 */
export class RemoteObject extends DisposableObject {
  override readonly dispose: () => void;
  override readonly toString: () => string;

  constructor(caller: Caller, members: Members, text: string) {
    super();
    this.dispose = () => caller.end();
    this.toString = () => text;
    for (const [name, kind] of members) {
      Object.defineProperty(
        this,
        name,
        kind === 'method'
          ? { value: (...args: unknown[]) => caller.ask(name, args), enumerable: true }
          : { get: () => caller.ask(name, []) },
      );
    }
  }
}
