import { describe, fault, refuse } from '../core/checks.js';
import { readForeign } from '../core/foreign.js';
import {
  bytesOf,
  isArrayBuffer,
  isList,
  memberOf,
  messageOf,
  tagOf,
  typedArrayKind,
} from '../core/realms.js';
import { checkAttached, heaps } from '../core/tensor.js';

const marked = new WeakSet<object>();

/**
 * Marks a value of a call to be handed over instead of copied: the memory of all arrays in it goes to the worker, and
 * is gone here (their length is 0 then). An array must have its buffer to itself. Also what can only be handed over, as
 * an OffscreenCanvas, and what is better handed over, as an ImageBitmap or a VideoFrame.
 *
 * @returns the value
 * @throws {DeconvError} `BAD_TYPE` for what is no object
 *
 * @example
 * const worker = new Worker(new URL('./served-decoder.js', import.meta.url), { type: 'module' });
 * const decoder = await connect(worker);
 * const x = { data: new Float32Array(8 * 256), shape: [1, 8, 16, 16] };
 * let y = { data: new Float32Array(3 * 1024), shape: [1, 3, 32, 32] };
 * // The same memory goes there and comes back.
 * y = await decoder.forward(transfer(x), { out: transfer(y) });
 * console.log(x.data.length, y.data.length); // 0 3072
 * decoder.dispose();
 */
export function transfer<Value extends object>(value: Value): Value {
  if (typeof value !== 'object' || value === null) refuse('BAD_TYPE', 'transfer', 'an object', value);
  marked.add(value);
  return value;
}

/** The copy, to be handed over if the value is. */
export function markedAs<Copy extends object>(value: object, copy: Copy): Copy {
  if (marked.has(value)) marked.add(copy);
  return copy;
}

/** What is posted, and the memory that is handed over with it. */
export interface Parcel {
  readonly message: unknown;
  readonly transfer: Transferable[];
}

/**
 * What happens to what nobody marked: it is copied; handed over, arrays where they have their buffer to themselves; or
 * kept, which copies the arrays and hands over what has no copy.
 */
export type Unmarked = 'copy' | 'give' | 'keep';

/**
 * A value as it can be posted. Of arrays only what they show crosses, not all of the memory around them; what has its
 * values on a heap, or a tensor of any class, becomes a plain one.
 */
export function parcelOf(where: string, value: unknown, unmarked: Unmarked): Parcel {
  const given = new Set<Transferable>();
  const packed = new Map<object, { readonly copy: unknown; readonly own: Unmarked | 'must' }>();

  function pack(item: unknown, way: Unmarked | 'must'): unknown {
    if (typeof item !== 'object' || item === null) return item;
    const own = marked.has(item) ? 'must' : way;
    const before = packed.get(item);
    // What came unmarked may come again in what is handed over.
    if (before !== undefined && (before.own === own || before.own === 'must')) return before.copy;
    const keep = <Copy>(copy: Copy): Copy => {
      packed.set(item, { copy, own });
      return copy;
    };
    if (ArrayBuffer.isView(item)) return keep(packView(item, own));
    if (isList(item)) {
      const list = keep((before?.copy ?? []) as unknown[]);
      for (const [index, entry] of item.entries()) list[index] = pack(entry, own);
      return list;
    }
    const record = recordOf(item);
    if (record !== undefined) {
      const copy = keep((before?.copy ?? {}) as Record<string, unknown>);
      for (const [name, entry] of Object.entries(record)) {
        // Assigned, an entry `__proto__` would be the copy's prototype.
        const value = pack(entry, own);
        Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true });
      }
      return copy;
    }
    if (livesHere(item)) {
      throw fault('BAD_TYPE', where, 'values that can be posted', describe(item), STAYS);
    }
    const known = (isArrayBuffer(item) && own !== 'keep') || HANDED_OVER.has(tagOf(item) as string);
    if (marked.has(item) || (known && own !== 'copy')) given.add(item as Transferable);
    return item;
  }

  function packView(view: ArrayBufferView, way: Unmarked | 'must'): ArrayBufferView {
    checkAttached(where, 'an array', view);
    const { buffer, byteLength } = view;
    if (isArrayBuffer(buffer) && !heaps.has(buffer) && byteLength === buffer.byteLength) {
      if (way !== 'copy' && way !== 'keep') given.add(buffer);
      return view;
    }
    if (way === 'must') {
      throw fault(
        'BAD_BUFFER',
        where,
        'an array with a buffer of its own to hand over',
        'a part of a larger one, or one on a WebAssembly heap or in shared memory',
        'Pass it without transfer: it is copied.',
      );
    }
    const { buffer: copy } = new Uint8Array(bytesOf(view) as Uint8Array);
    given.add(copy);
    const Kind = (globalThis as unknown as Readonly<Record<string, DataViewConstructor>>)[
      typedArrayKind(view) ?? 'DataView'
    ];
    return new (Kind as DataViewConstructor)(copy);
  }

  const message = readForeign(where, 'values', () => pack(value, unmarked));
  return { message, transfer: [...given] };
}

/** An `out` of this thread cannot be filled by another one, and a copy that is filled would go unseen. */
export function checkOut(where: string, args: readonly unknown[]): void {
  const options = args.length > 1 ? args.at(-1) : undefined;
  const out = memberOf(options, 'out');
  if (typeof out !== 'object' || out === null || marked.has(out) || marked.has(options as object)) return;
  throw fault(
    'BAD_BUFFER',
    where,
    'an out that is handed over',
    'one that stays here',
    'Write out: transfer(y): the call resolves to it, in the same memory.',
  );
}

/** Posts it; what has no copy is told as such. */
export function post(
  port: MessagePort,
  where: string,
  message: (content: unknown) => unknown,
  value: unknown,
  unmarked: Unmarked,
): void {
  const parcel = parcelOf(where, value, unmarked);
  try {
    port.postMessage(message(parcel.message), parcel.transfer);
  } catch (cause) {
    throw fault('BAD_TYPE', where, 'values that can be posted', messageOf(cause), STAYS, {}, cause);
  }
}

const STAYS =
  'Functions, layers and what holds them stay in their thread; what can only be handed over takes transfer(…).';

/** Layers, modules, networks and their like: a copy would have their fields and none of their methods. */
function livesHere(value: object): boolean {
  const { forward, dispose } = value as Readonly<Record<string, unknown>>;
  return typeof forward === 'function' || typeof dispose === 'function';
}

/** Platform objects whose copy is missing, slow, or one more thing to close. */
const HANDED_OVER = new Set([
  'AudioData',
  'ImageBitmap',
  'MessagePort',
  'OffscreenCanvas',
  'ReadableStream',
  'TransformStream',
  'VideoFrame',
  'WritableStream',
]);

/** The entries of a plain object, or of a tensor of any class, whose values may come from accessors. */
function recordOf(value: object): object | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return value;
  if (!('data' in value && ('shape' in value || 'dims' in value))) return undefined;
  const names = ['data', 'shape', 'dims', 'dtype', 'type'].filter((name) => name in value);
  return Object.fromEntries(names.map((name) => [name, (value as Record<string, unknown>)[name]]));
}
