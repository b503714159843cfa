/** Stable codes: programs may switch on them. docs and README list what each one means. */
export type DeconvErrorCode =
  | 'BAD_TYPE'
  | 'BAD_OPTION'
  | 'BAD_SHAPE'
  | 'BAD_BUFFER'
  | 'BAD_MODEL'
  | 'TOO_LARGE'
  | 'UNSUPPORTED'
  | 'NOT_INITIALIZED'
  | 'ALREADY_INITIALIZED'
  | 'LOAD_FAILED'
  | 'DISPOSED'
  | 'OUT_OF_MEMORY'
  | 'INTERNAL';

/**
 * The one error class of the package.
 *
 * `message` reads `where: what was expected, what came, what to do`; `code` is stable;
 * `detail` holds the same facts as values.
 *
 * @example
 * try {
 *   layer.forward(x);
 * } catch (error) {
 *   if (error instanceof DeconvError && error.code === 'BAD_SHAPE') console.warn(error.message);
 * }
 */
export class DeconvError extends Error {
  override readonly name = 'DeconvError';
  readonly code: DeconvErrorCode;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(
    code: DeconvErrorCode,
    message: string,
    detail: Readonly<Record<string, unknown>> = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.detail = detail;
  }
}
