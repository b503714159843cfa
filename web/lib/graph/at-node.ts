import { DeconvError, isDeconvError } from '../core/errors.js';

/** The same error with the node that it comes from; what is none of ours, or names one already, stays as it is. */
export function atNode(where: string, { name }: { readonly name: string }, error: unknown): unknown {
  if (!isDeconvError(error) || 'node' in error.detail) return error;
  const message = `${where}: at "${name}", ${error.message}`;
  return new DeconvError(error.code, message, { ...error.detail, where, node: name }, error);
}
