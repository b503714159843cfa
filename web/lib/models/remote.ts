import { describe, fault, refuse } from '../core/checks.js';
import { stopIfAborted } from '../core/progress.js';
import { messageOf } from '../core/realms.js';
import { bytesSource, type ModelSource } from './source.js';

/** Bytes that the first request asks for: the structure of most files. */
const FIRST = 1 << 16;

/**
 * What stands at an address: piece by piece where the server gives ranges, otherwise whole. Files that the
 * model names are looked for beside it.
 */
export async function openAddress(address: string, signal: AbortSignal | undefined): Promise<ModelSource> {
  // Node 20's fetch gives a byte too few of a blob:, and what data: and blob: name is in memory.
  const ranged = /^https?:/i.test(address);
  const response = await request(address, ranged ? { range: `bytes=0-${FIRST - 1}` } : {}, signal);
  const whole = { ...(ranged && { beside: besideOf(response.url || address, signal) }) };
  const size = sizeOf(response);
  if (response.status === 206 && size !== null) {
    return { ...whole, ...(await rangedSource(response, address, size, signal)) };
  }
  // Ranges of packed bytes, or from an empty file.
  const again = response.status === 206 || response.status === 416;
  if (again) leave(response);
  const source = await responseSource(again ? await request(address, {}, signal) : response, signal);
  return { ...source, ...whole };
}

/** The whole body of a response that somebody else asked for. */
export async function responseSource(
  response: Response,
  signal: AbortSignal | undefined,
): Promise<ModelSource> {
  if (!response.ok) fail(response.url, `status ${response.status} of HTTP`);
  if (response.bodyUsed) fail(response.url, 'a response whose body was read before');
  try {
    const { body } = response;
    // Who asked for it need not have known the signal.
    const stopped = signal && body?.pipeThrough?.(new TransformStream(), { signal });
    return bytesSource(new Uint8Array(await (stopped ? new Response(stopped) : response).arrayBuffer()));
  } catch (cause) {
    stopIfAborted(signal);
    return fail(response.url, messageOf(cause), cause);
  }
}

/** What nobody reads is fetched no further. */
function leave({ body }: Response): void {
  body?.cancel().catch(() => {});
}

async function rangedSource(
  response: Response,
  address: string,
  size: number,
  signal: AbortSignal | undefined,
): Promise<ModelSource> {
  const head = new Uint8Array(await response.arrayBuffer());
  const version = versionOf(response);
  return {
    size,
    async read(offset, length) {
      if (offset + length <= head.length) return head.subarray(offset, offset + length);
      if (length === 0) return new Uint8Array(0);
      const range = `bytes=${offset}-${offset + length - 1}`;
      const part = await request(address, { range }, signal);
      if (part.status !== 206 || sizeOf(part) !== size || versionOf(part) !== version) {
        leave(part);
        fail(address, 'another file than before, or no range of it');
      }
      return new Uint8Array(await part.arrayBuffer());
    },
  };
}

function besideOf(address: string, signal: AbortSignal | undefined) {
  return (location: string) => {
    const path = location.split('/').map(encodeURIComponent).join('/');
    return openAddress(new URL(path, address).href, signal);
  };
}

async function request(
  address: string,
  headers: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, { headers, ...(signal && { signal }) });
  } catch (cause) {
    stopIfAborted(signal);
    // Node's says the reason one level deeper.
    const { code } = ((cause as Error).cause ?? {}) as { readonly code?: string };
    return fail(address, code === undefined ? messageOf(cause) : `${messageOf(cause)} (${code})`, cause);
  }
  // 416: there is nothing in the range, as the file is empty.
  if (!response.ok && response.status !== 416) {
    leave(response);
    fail(address, `status ${response.status} of HTTP`);
  }
  return response;
}

/** Bytes of the whole file; null where the response does not say, or counts bytes that are packed. */
function sizeOf({ headers }: Response): number | null {
  const size = /^bytes \d+-\d+\/(\d{1,15})$/.exec(headers.get('content-range') ?? '')?.[1];
  const packed = (headers.get('content-encoding') ?? 'identity') !== 'identity';
  return size === undefined || packed ? null : Number(size);
}

function versionOf({ headers }: Response): string | null {
  return headers.get('etag') ?? headers.get('last-modified');
}

function fail(address: string, got: string, cause?: unknown): never {
  const shown = address.length > 200 ? `${address.slice(0, 200)}…` : address;
  if (cause === undefined) {
    return refuse('LOAD_FAILED', 'readModel', `a file at ${describe(shown)}`, got, 'Check the address.');
  }
  throw fault(
    'LOAD_FAILED',
    'readModel',
    `a file at ${describe(shown)}`,
    `${got}`,
    "Check the address, the connection and the server's CORS rules.",
    { where: 'readModel', address },
    cause,
  );
}
