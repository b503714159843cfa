import { DECONV_ERROR, hasBrand } from './brands.js';
import { isError, isList, isRecord, messageOf, tagOf } from './realms.js';

const CODES = [
  'BAD_TYPE',
  'BAD_OPTION',
  'BAD_SHAPE',
  'BAD_BUFFER',
  'BAD_MODEL',
  'TOO_LARGE',
  'UNSUPPORTED',
  'NOT_INITIALIZED',
  'ALREADY_INITIALIZED',
  'RUNTIME_FAILED',
  'LOAD_FAILED',
  'DISPOSED',
  'OUT_OF_MEMORY',
  'INTERNAL',
] as const;

/** Stable codes: programs may switch on them. docs and README list what each one means. */
export type DeconvErrorCode = (typeof CODES)[number];

/** A DeconvError as plain data, which any channel carries whole: `postMessage`, JSON, a log. */
export interface DeconvErrorRecord {
  readonly name: 'DeconvError';
  readonly code: DeconvErrorCode;
  readonly message: string;
  /** What has no plain form is described. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** What the cause said. */
  readonly cause?: string;
}

/**
 * The one error class of the package.
 *
 * `message` reads `where: what was expected, what came, what to do`; `code` is stable;
 * `detail` holds the same facts as values, which consoles do not print: they may be whole tensors.
 *
 * @example
 * let thrown;
 * try {
 *   new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 0 });
 * } catch (error) {
 *   thrown = error;
 * }
 * console.log(thrown instanceof DeconvError, thrown.code); // true BAD_OPTION
 * console.log(thrown.message); // ConvTranspose2d: expected kernelSize to be an integer from 1 to 2147483647, got 0.
 */
export class DeconvError extends Error {
  override readonly name = 'DeconvError';
  readonly code: DeconvErrorCode;
  declare readonly detail: Readonly<Record<string, unknown>>;

  constructor(
    code: DeconvErrorCode,
    message: string,
    detail: Readonly<Record<string, unknown>> = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    const facts = Object.fromEntries(Object.entries(detail).map(([name, fact]) => [name, copied(fact)]));
    Object.defineProperty(this, 'detail', { value: facts });
    // Structured clones keep message and stack and no property of ours: V8's stack has room for the code.
    const named = this.stack?.replace(/^(Deconv)?Error(?=:)/, `DeconvError [${code}]`);
    if (named !== this.stack) Reflect.set(this, 'stack', named);
  }

  /**
   * The error that was sent: from what `toJSON` gave, parsed or cloned; from an error that Node's worker
   * threads passed on; from a structured clone (`postMessage(error)`) where it keeps the stack's first line, as
   * V8's does. A DeconvError is returned as it is. Anything else becomes the `cause` of an `INTERNAL` one.
   *
   * @example
   * // In the worker, what goes through postMessage:
   * let sent;
   * try {
   *   new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 0 });
   * } catch (error) {
   *   sent = structuredClone(DeconvError.from(error).toJSON());
   * }
   * // In the page:
   * console.log(DeconvError.from(sent).code); // BAD_OPTION
   */
  static from(value: unknown): DeconvError {
    if (isDeconvError(value)) return value;
    const { name, code, message, detail, cause, stack } = (isRecord(value) ? value : {}) as Record<
      string,
      unknown
    >;
    const kept = name === 'DeconvError' ? code : /^DeconvError \[(\w+)\]:/.exec(String(stack))?.[1];
    if (!isCode(kept) || typeof message !== 'string') {
      return new DeconvError('INTERNAL', messageOf(value), {}, value);
    }
    const known = isRecord(detail) ? (detail as Record<string, unknown>) : {};
    const error = new DeconvError(kept, message, known, cause);
    // It tells where the error was made.
    if (isError(value)) Reflect.set(error, 'stack', stack);
    return error;
  }

  /** The error as plain data, which `DeconvError.from` makes an error again; `JSON.stringify` calls it. */
  toJSON(): DeconvErrorRecord {
    const { name, code, message, detail, cause } = DeconvError.from(this);
    const told = cause === undefined ? {} : { cause: messageOf(cause) };
    return { name, code, message, detail: plain(detail, 0) as Record<string, unknown>, ...told };
  }

  /** @internal */
  get [DECONV_ERROR](): true {
    return true;
  }
}

/**
 * Whether something that was thrown is a DeconvError, of this copy of the package or of another one.
 *
 * @example
 * const codeOf = (call) => {
 *   try {
 *     call();
 *   } catch (error) {
 *     return isDeconvError(error) ? error.code : 'not ours';
 *   }
 * };
 * console.log(codeOf(() => new ConvTranspose2d({ inChannels: '3', outChannels: 8, kernelSize: 2 }))); // BAD_TYPE
 * console.log(codeOf(() => JSON.parse('{'))); // not ours
 */
export function isDeconvError(value: unknown): value is DeconvError {
  return hasBrand(value, DECONV_ERROR);
}

/** Lists of ours stay ours: they are short, and of lists at most. A longer or deeper one is the caller's. */
function copied(fact: unknown, depth = 0): unknown {
  return isList(fact) && fact.length <= 64 && depth < 4
    ? fact.map((entry) => copied(entry, depth + 1))
    : fact;
}

function isCode(value: unknown): value is DeconvErrorCode {
  return (CODES as readonly unknown[]).includes(value);
}

/** What JSON and structured clones keep alike. */
function plain(value: unknown, depth: number): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value !== 'object') return typeof value === 'function' ? 'a function' : String(value);
  if (depth < 4 && isList(value)) return value.map((entry) => plain(entry, depth + 1));
  const tag = tagOf(value);
  if (depth < 4 && tag === 'Object') {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry, depth + 1)]));
  }
  return `a value of type ${tag}`;
}
