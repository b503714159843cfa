import { checkOptions, fault, refuse } from '../core/checks.js';
import { DeconvError } from '../core/errors.js';
import { checkProgress, stopIfAborted } from '../core/progress.js';
import { isAbortSignal, isError, memberOf, messageOf } from '../core/realms.js';
import { type Answer, greeting, greetingOf, type Progress } from './messages.js';
import { onAbort } from './on-abort.js';
import { type Caller, type CallOptions, type Remote, RemoteObject } from './remote.js';
import { checkOut, markedAs, post } from './transfer.js';

/**
 * A worker of the page, or of `node:worker_threads`.
 *
 * @example
 * const worker = new Worker(new URL('./served-decoder.js', import.meta.url), { type: 'module' });
 * const decoder = await connect(worker);
 * console.log(String(decoder)); // ConvTranspose2d(8, 3, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1))
 * // What `decoder.dispose()` does, too: calls under way end with an error.
 * await worker.terminate();
 */
export interface WorkerLike {
  postMessage(message: unknown, transfer: never): void;
  terminate(): unknown;
}

/** Options of {@link connect}. */
export interface ConnectOptions {
  /** Hears what the worker tells while it loads. What it throws ends the connection, and is what `connect` rejects with. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Gives the loading up, and ends the worker: `AbortSignal.timeout(30_000)` for one that never serves. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits until a worker serves, and gives what it serves: the same methods, asynchronous. Several calls may be under way;
 * they are answered in order. The worker belongs to the connection from now on: `dispose()` ends it, and so does a
 * failure to load. What then is under way rejects, and what comes later.
 *
 * Arguments are copied (of an array what it shows, from a heap too), or handed over with `transfer`. Results are handed over.
 *
 * @throws {DeconvError} what the worker threw while it loaded; `LOAD_FAILED` if it does not start or ends; the signal's reason;
 * `BAD_TYPE`, `BAD_OPTION`. Calls reject with what they throw in the worker, with its code; `BAD_TYPE` for what cannot be
 * posted, `BAD_BUFFER` for what cannot be handed over, `DISPOSED`, `RUNTIME_FAILED` once a worker of Node has ended: of a page's
 * worker that somebody else terminates nobody hears
 *
 * @example
 * const worker = new Worker(new URL('./served-decoder.js', import.meta.url), { type: 'module' });
 * const told = [];
 * const decoder = await connect(worker, { onProgress: ({ loaded, total }) => told.push(loaded / total) });
 * const y = await decoder.forward({ data: new Float32Array(8 * 256), shape: [1, 8, 16, 16] });
 * console.log(y.shape.join('x'), told.join(' ')); // 1x3x32x32 1
 * decoder.dispose();
 */
export async function connect<Served extends object>(
  worker: WorkerLike,
  options: ConnectOptions = {},
): Promise<Remote<Served>> {
  const where = 'connect';
  if (!['postMessage', 'terminate'].every((name) => typeof memberOf(worker, name) === 'function')) {
    refuse('BAD_TYPE', where, 'a Worker', worker);
  }
  const { onProgress, signal } = checkOptions<ConnectOptions>(where, options, ['onProgress', 'signal']);
  checkProgress(where, { signal, onProgress });
  const connection = new Connection(worker, onProgress);
  const stop = (): void => connection.end(signal?.reason);
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop);
  try {
    return (await connection.remote) as Remote<Served>;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

class Connection implements Caller {
  /** The served object, or why there is none. */
  readonly remote: Promise<RemoteObject>;
  readonly #worker: WorkerLike;
  readonly #onProgress: ((progress: Progress) => void) | undefined;
  readonly #calls = new Map<number, Waiting>();
  #opening: Waiting | undefined;
  #object: RemoteObject | undefined;
  #port: MessagePort | undefined;
  #last = 0;
  #ended: { readonly reason: unknown } | undefined;

  constructor(worker: WorkerLike, onProgress: ((progress: Progress) => void) | undefined) {
    this.#worker = worker;
    this.#onProgress = onProgress;
    this.remote = new Promise((resolve, reject) => {
      this.#opening = { resolve: resolve as Waiting['resolve'], reject };
    });
    listen(worker, 'message', (message) => {
      if (greetingOf(message) === 'I serve' && this.#port === undefined) this.#open();
    });
    listen(worker, 'error', (error) => this.#broke(error));
    listen(worker, 'exit', () => this.#gone());
    // Node's worker that has ended tells it nobody once more.
    if ((worker as { readonly threadId?: number }).threadId === -1) this.#gone();
    else worker.postMessage(greeting('who serves?'), [] as never);
  }

  ask(name: string, given: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw this.#ended.reason;
      const { args, signal } = withoutSignal(given);
      stopIfAborted(signal);
      checkOut(name, args);
      const id = this.#last + 1;
      const port = this.#port as MessagePort;
      post(port, name, (content) => ({ kind: 'call', id, name, args: content }), args, 'copy');
      this.#last = id;
      const stop = (): void => {
        this.#calls.delete(id);
        port.postMessage({ kind: 'drop', id });
        reject(signal?.reason);
      };
      const deaf = signal && onAbort(signal, stop);
      const settle =
        (how: (value: unknown) => void) =>
        (value: unknown): void => {
          deaf?.();
          how(value);
        };
      this.#calls.set(id, { resolve: settle(resolve), reject: settle(reject) });
    });
  }

  /** Ends the worker: whatever is under way rejects, and whatever comes. Does nothing the second time. */
  end(reason: unknown = disposed()): void {
    if (this.#ended !== undefined) return;
    this.#ended = { reason };
    this.#opening?.reject(reason);
    for (const { reject } of this.#calls.values()) reject(reason);
    this.#calls.clear();
    this.#port?.close();
    this.#worker.terminate();
  }

  #open(): void {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }: MessageEvent<Answer>) => this.#hear(data);
    // Whether Node waits for the worker is the worker's affair.
    (port1 as { unref?: () => void }).unref?.();
    this.#worker.postMessage(greeting(port2), [port2] as never);
  }

  #hear(answer: Answer): void {
    if (this.#ended !== undefined) return;
    if (answer.kind === 'progress') {
      try {
        this.#onProgress?.(answer.progress);
      } catch (error) {
        this.end(error);
      }
    } else if (answer.kind === 'failed') {
      this.end(received(answer.error));
    } else if (answer.kind === 'ready') {
      this.#object = new RemoteObject(this, answer.members, answer.text);
      this.#opening?.resolve(this.#object);
      this.#opening = undefined;
    } else {
      const call = this.#calls.get(answer.id);
      this.#calls.delete(answer.id);
      if (answer.kind === 'error') call?.reject(received(answer.error));
      else call?.resolve(answer.kind === 'itself' ? this.#object : answer.value);
    }
  }

  /** An error that nobody caught there: a page's worker goes on after it once it serves, Node's does not. */
  #broke(error: unknown): void {
    const got = String(messageOf(error)).slice(0, 200);
    if (this.#opening !== undefined) this.end(notStarted(got || 'a script that does not load', error));
    else if (isError(error)) this.end(lost(got || 'an error that says nothing', error));
  }

  #gone(): void {
    this.end(this.#opening === undefined ? lost('its end') : notStarted('its end'));
  }
}

/** The last argument has the signal: it stays here, and the rest of it goes, handed over if the whole was to be. */
function withoutSignal(given: readonly unknown[]): CallOptions & { readonly args: readonly unknown[] } {
  const last = given.at(-1);
  if (typeof last !== 'object' || last === null || !('signal' in last)) return { args: given };
  const { signal, ...rest } = last;
  if (signal !== undefined && !isAbortSignal(signal)) return { args: given };
  const kept = Object.keys(rest).length > 0 ? [markedAs(last, rest)] : [];
  return { args: [...given.slice(0, -1), ...kept], signal };
}

function received(error: unknown): unknown {
  return isError(error) ? error : DeconvError.from(error);
}

function disposed(): DeconvError {
  return fault('DISPOSED', 'connect', 'a live worker', 'a call around dispose()', 'Connect to a new one.');
}

function lost(got: string, cause?: unknown): DeconvError {
  return fault('RUNTIME_FAILED', 'connect', 'the worker to live', got, 'Connect to a new one.', {}, cause);
}

function notStarted(got: string, cause: unknown = undefined): DeconvError {
  return fault(
    'LOAD_FAILED',
    'connect',
    'the worker to serve',
    got,
    "Check its address, that it is made with { type: 'module' }, and that its script calls serve.",
    {},
    cause,
  );
}

/** Node's workers emit values; a page's dispatch events. */
function listen(
  worker: WorkerLike,
  type: 'message' | 'error' | 'exit',
  handle: (value: unknown) => void,
): void {
  if ('on' in worker) {
    (worker as WorkerLike & { on(type: string, listener: (value: unknown) => void): void }).on(type, handle);
  } else {
    (worker as WorkerLike & EventTarget).addEventListener(type, (event) =>
      handle(type === 'error' ? ((event as ErrorEvent).message ?? '') : (event as MessageEvent).data),
    );
  }
}
