import { checkOptions, describe, fault, refuse } from '../core/checks.js';
import { isDeconvError } from '../core/errors.js';
import { nodeModule } from '../core/node.js';
import { checkNumber } from '../core/numbers.js';
import { isError } from '../core/realms.js';
import { type Answer, greeting, greetingOf, type Members, type Progress, type Question } from './messages.js';
import { post } from './transfer.js';

/** What loads in a worker says to the page. */
export interface Loading {
  /** Tells `onProgress` of whoever connects. */
  readonly progress: (progress: Progress) => void;
  /** As the platform's: progress is told by itself while the response is read. */
  readonly fetch: typeof fetch;
}

/**
 * In a worker: makes an object, a module or one of your own with methods, and lets the page that calls `connect` use it.
 * Calls are answered in their order, one after the other, whatever they wait for. What a method returns is handed
 * over, not copied, where it is an array with a buffer of its own: return a copy of what the worker keeps.
 *
 * @throws {DeconvError} `UNSUPPORTED` elsewhere than in a worker, `BAD_OPTION` for a second call there, `BAD_TYPE`. What
 * `make` throws is what `connect` rejects with
 *
 * @example
 * // served-decoder.js
 * serve(async ({ progress }) => {
 *   await init();
 *   const decoder = new ConvTranspose2d({ inChannels: 8, outChannels: 3, kernelSize: 4, stride: 2, padding: 1 });
 *   progress({ loaded: 1, total: 1, name: 'decoder' });
 *   return decoder;
 * });
 *
 * @example
 * // In the page: one forward of what that file serves.
 * const worker = new Worker(new URL('./served-decoder.js', import.meta.url), { type: 'module' });
 * const decoder = await connect(worker);
 * const { shape } = await decoder.forward({ data: new Float32Array(8 * 4), shape: [1, 8, 2, 2] });
 * console.log(shape.join('x')); // 1x3x4x4
 * decoder.dispose();
 */
export function serve<Served extends object>(make: (loading: Loading) => Served | Promise<Served>): void {
  const where = 'serve';
  if (typeof make !== 'function') refuse('BAD_TYPE', where, 'a function that makes what is served', make);
  const scope = workerScope(where);
  if (serving) {
    throw fault(
      'BAD_OPTION',
      where,
      'one call in a worker',
      'a second',
      'Serve one object with all methods.',
    );
  }
  serving = true;
  const ports: MessagePort[] = [];
  let told: Progress | undefined;
  const progress = (now: Progress): void => {
    told = checkTold(now);
    for (const port of ports) send(port, { kind: 'progress', progress: told });
  };
  const served = Promise.resolve({ progress, fetch: countingFetch(progress) }).then(async (loading) => {
    const object = await make(loading);
    if (typeof object !== 'object' || object === null)
      refuse('BAD_TYPE', where, 'an object to serve', object);
    return { object, calls: new Calls(object) };
  });
  // Told to whoever connects, and to nobody else.
  served.catch(() => {});

  const attend = async (port: MessagePort): Promise<void> => {
    ports.push(port);
    if (told !== undefined) send(port, { kind: 'progress', progress: told });
    try {
      const { object, calls } = await served;
      port.onmessage = ({ data }: MessageEvent<Question>) => {
        if (data.kind === 'call') calls.add({ ...data, port });
        else calls.drop(port, data.id);
      };
      const text = 'toString' in object ? String(object) : 'an object';
      send(port, { kind: 'ready', members: membersOf(object), text });
    } catch (error) {
      sendError(port, { kind: 'failed' }, error);
    }
  };
  scope.addEventListener('message', ({ data }) => {
    const content = greetingOf(data);
    if (content === 'who serves?') scope.postMessage(greeting('I serve'));
    else if (typeof content === 'object') void attend(content);
  });
  scope.postMessage(greeting('I serve'));
}

/** Each call would answer every message of the page. */
let serving = false;

/** A copy of what crosses: it is sent once more to whoever connects later. */
function checkTold(now: unknown): Progress {
  const where = 'progress';
  const { loaded, total, name } = checkOptions<Progress>(where, now, ['loaded', 'total', 'name']);
  checkNumber(where, 'loaded', loaded);
  if (total !== undefined) checkNumber(where, 'total', total);
  if (name !== undefined && typeof name !== 'string') {
    refuse('BAD_TYPE', where, 'name to be a string', name);
  }
  return { loaded, total, name };
}

type Scope = Pick<MessagePort, 'postMessage'> & {
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
};

/** Where messages of the page come in. */
function workerScope(where: string): Scope {
  const isWorker = 'WorkerGlobalScope' in globalThis && 'postMessage' in globalThis;
  const scope = isWorker ? globalThis : nodeModule('node:worker_threads')?.parentPort;
  if (scope) return scope as unknown as Scope;
  throw fault(
    'UNSUPPORTED',
    where,
    'a worker',
    'another place',
    "Call it in the script of new Worker(…, { type: 'module' }), and connect in the page.",
  );
}

interface Call {
  readonly port: MessagePort;
  readonly id: number;
  readonly name: string;
  readonly args: unknown;
}

/** Calls that wait for their turn. */
class Calls {
  readonly #object: object;
  readonly #waiting: Call[] = [];
  #running = false;

  constructor(object: object) {
    this.#object = object;
  }

  add(call: Call): void {
    this.#waiting.push(call);
    if (!this.#running) void this.#run();
  }

  drop(port: MessagePort, id: number): void {
    const index = this.#waiting.findIndex((call) => call.port === port && call.id === id);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (;;) {
      // What was posted during the last call comes in first: a call that was given up is not begun.
      await turn();
      const call = this.#waiting.shift();
      if (call === undefined) break;
      await this.#answer(call);
    }
    this.#running = false;
  }

  async #answer({ port, id, name, args }: Call): Promise<void> {
    try {
      const member: unknown = Reflect.get(this.#object, name);
      const isMethod = typeof member === 'function';
      const value: unknown = await (isMethod
        ? Reflect.apply(member, this.#object, args as unknown[])
        : member);
      if (value === this.#object) send(port, { kind: 'itself', id });
      else
        post(
          port,
          `${name} in the worker`,
          (content) => ({ kind: 'result', id, value: content }),
          value,
          // The object goes on with what it has.
          isMethod ? 'give' : 'keep',
        );
    } catch (error) {
      sendError(port, { kind: 'error', id }, error);
    }
  }
}

/** Once the messages that are there have been delivered. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

function send(port: MessagePort, answer: Answer): void {
  port.postMessage(answer);
}

/** No error ends the worker: what has no clone crosses without what hangs on it. */
function sendError(
  port: MessagePort,
  answer: { readonly kind: 'failed' } | { readonly kind: 'error'; readonly id: number },
  error: unknown,
): void {
  try {
    send(port, { ...answer, error: sendable(error) });
  } catch {
    send(port, { ...answer, error: bare(error) });
  }
}

/** The words of what was thrown, which may come from accessors that throw. */
function bare(error: unknown): unknown {
  try {
    const { name, message, stack } = error as Error;
    if (isDeconvError(error)) return { name, code: error.code, message };
    return Object.assign(new Error(String(message)), { name: String(name), stack: String(stack) });
  } catch {
    return new Error('thrown: a value that cannot be read');
  }
}

/** Errors of others keep what clones keep. */
function sendable(error: unknown): unknown {
  if (isDeconvError(error)) return error.toJSON();
  return isError(error) ? error : new Error(`thrown: ${describe(error)}`);
}

/** What the page has of its own, and what a Promise would take for another one. */
const NOT_SERVED = new Set(['constructor', 'dispose', 'toString', 'then']);

function membersOf(object: object): Members {
  const members = new Map<string, 'method' | 'property'>();
  // All but what every object inherits.
  for (let owner: object | null = object; owner !== null && owner !== Object.prototype; ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (NOT_SERVED.has(name) || members.has(name)) continue;
      members.set(name, typeof value === 'function' ? 'method' : 'property');
    }
    owner = Object.getPrototypeOf(owner) as object | null;
  }
  return members;
}

/** The platform's `fetch`, with bytes counted as they come. */
function countingFetch(progress: (now: Progress) => void): typeof fetch {
  return async (...request) => {
    const response = await fetch(...request);
    const { body, headers, url: name } = response;
    if (body === null) return response;
    // Of a packed body the length is that of the packed bytes.
    const packed = (headers.get('content-encoding') ?? 'identity') !== 'identity';
    const length = packed ? Number.NaN : Number(headers.get('content-length'));
    const total = length > 0 && length < Number.POSITIVE_INFINITY ? length : undefined;
    let loaded = 0;
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        loaded += bytes.length;
        progress({ loaded, total, name });
        controller.enqueue(bytes);
      },
    });
    return new Response(body.pipeThrough(count), response);
  };
}
