// Values of the platform, recognised in whichever realm they were made: frames, vm contexts, jest and
// vitest with jsdom. `instanceof` knows its own realm only, so it stands nowhere else.
// What has an internal slot is asked for it, which cannot be imitated; the rest has a tag and its methods.

type Getter<Result> = (this: unknown) => Result;

function getterOf<Result>(prototype: object, name: PropertyKey): Getter<Result> | undefined {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as Getter<Result> | undefined;
}

const typedArrayName = getterOf<string | undefined>(
  Object.getPrototypeOf(Float32Array.prototype),
  Symbol.toStringTag,
) as Getter<string | undefined>;

/** `'Float32Array'`, `'Int8Array'` and so on; undefined for what is no typed array. */
export function typedArrayKind(value: unknown): string | undefined {
  return typedArrayName.call(value);
}

/** As `Array.isArray`, which throws for a Proxy that was revoked. */
export const isList = ((value: unknown): boolean => {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}) as typeof Array.isArray;

/** Whether `value` is an object with names: neither a list nor a Proxy that was revoked. */
export function isRecord(value: unknown): value is object {
  try {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** What `value` has by a name; undefined where it has nothing, or does not let itself be read. */
export function memberOf(value: unknown, name: PropertyKey): unknown {
  try {
    return (value as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[name];
  } catch {
    return undefined;
  }
}

const arrayBufferLength = getterOf<number>(ArrayBuffer.prototype, 'byteLength');

export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return hasSlot(value, arrayBufferLength);
}

export function isSharedArrayBuffer(value: unknown): value is ArrayBufferLike {
  // The name is missing where a page is not isolated; a shared memory of WebAssembly has the class.
  return !isArrayBuffer(value) && tagOf(value) === 'SharedArrayBuffer';
}

/**
 * Whether a buffer's memory was taken away: transferred, or the heap behind it grew. Node 20 and Safari 17.3 have no
 * `detached` yet; there no view can be made of such a buffer.
 */
export function isDetached(buffer: ArrayBufferLike): boolean {
  const { detached } = buffer as { detached?: boolean };
  if (detached !== undefined) return detached;
  try {
    return new Uint8Array(buffer).length !== 0;
  } catch {
    return true;
  }
}

function hasSlot(value: unknown, getter: Getter<unknown> | undefined): boolean {
  try {
    getter?.call(value);
    return getter !== undefined;
  } catch {
    return false;
  }
}

/** The bytes of a buffer or of any view of one, not copied, in an array of this realm; else undefined. */
export function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
  }
  return isArrayBuffer(value) ? new Uint8Array(value) : undefined;
}

export function isUrl(value: unknown): value is URL {
  return tagOf(value) === 'URL' && typeof (value as URL).href === 'string';
}

/** A Blob, so a File too. */
export function isBlob(value: unknown): value is Blob {
  const tag = tagOf(value);
  return (tag === 'Blob' || tag === 'File') && typeof (value as Blob).slice === 'function';
}

/** The bytes of a Blob; jsdom's has no `arrayBuffer` in older releases. */
export async function blobBytes(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof blob.arrayBuffer === 'function') return new Uint8Array(await blob.arrayBuffer());
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(new Uint8Array(reader.result as ArrayBuffer));
    reader.onerror = () => reject(reader.error);
    reader.readAsArrayBuffer(blob);
  });
}

export function isResponse(value: unknown): value is Response {
  return tagOf(value) === 'Response' && typeof (value as Response).arrayBuffer === 'function';
}

export function isAbortSignal(value: unknown): value is AbortSignal {
  return tagOf(value) === 'AbortSignal' && typeof (value as AbortSignal).aborted === 'boolean';
}

export function isWasmModule(value: unknown): value is WebAssembly.Module {
  if (tagOf(value) !== 'WebAssembly.Module') return false;
  try {
    WebAssembly.Module.customSections(value as WebAssembly.Module, ' ');
    return true;
  } catch {
    return false;
  }
}

export function isError(value: unknown): value is Error {
  // A DOMException is one, by another tag.
  return value instanceof Error || tagOf(value) === 'Error' || tagOf(value) === 'DOMException';
}

/** What to say of something that was thrown, which may be no text: an object without a prototype. */
export function messageOf(thrown: unknown): string {
  try {
    return String(isError(thrown) ? thrown.message : thrown);
  } catch {
    return typeof thrown;
  }
}

/** The kind of an object by its own word; undefined for none. */
export function tagOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    return Object.prototype.toString.call(value).slice(8, -1);
  } catch {
    return 'Object that throws';
  }
}
