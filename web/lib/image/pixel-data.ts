import { checkInteger, fault, refuse } from '../core/checks.js';
import { bytesOf, typedArrayKind } from '../core/realms.js';
import { checkArray } from '../core/tensor.js';

/**
 * Pixels as an ImageData has them: rows from the top, in each pixel red, green, blue and alpha, colours not
 * multiplied by alpha. Where there is no ImageData (Node), a plain object serves.
 */
export interface PixelData {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Pixels whose bytes match their size and can be read (or written) now. */
export interface CheckedPixels {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

export function checkPixels(where: string, name: string, value: unknown): CheckedPixels {
  const { data, width, height } = (value ?? {}) as Partial<PixelData>;
  const kind = typedArrayKind(data);
  if (kind !== 'Uint8ClampedArray' && kind !== 'Uint8Array') {
    refuse('BAD_TYPE', where, `${name}.data to be a Uint8ClampedArray or a Uint8Array`, data);
  }
  const [columns, rows] = [sideOf(where, `${name}.width`, width), sideOf(where, `${name}.height`, height)];
  const { length } = checkArray(where, `${name}.data`, data, kind);
  if (length !== 4 * columns * rows) {
    throw fault(
      'BAD_SHAPE',
      where,
      `${name}.data with ${4 * columns * rows} bytes for ${columns} x ${rows} pixels`,
      `${length}`,
      'Pixels are red, green, blue and alpha.',
      { width: columns, height: rows, length },
    );
  }
  return { bytes: bytesOf(data) as Uint8Array<ArrayBuffer>, width: columns, height: rows };
}

function sideOf(where: string, name: string, side: unknown): number {
  if (side === 0) refuse('BAD_SHAPE', where, `${name} of at least 1`, side);
  return checkInteger(where, name, side, 1);
}
