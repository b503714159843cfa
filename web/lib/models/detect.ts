import { readers } from './readers.js';
import { headerLength } from './safetensors-header.js';
import type { ModelFile } from './source.js';

export const FORMATS = ['onnx', 'tflite', 'safetensors', 'npy', 'npz'] as const;

/** The formats that `readModel` reads. */
export type ModelFormat = (typeof FORMATS)[number];

/** The format that a file's first bytes say; refuses those of others by their names. */
export async function detect(file: ModelFile): Promise<ModelFormat> {
  const head = await file.read('the file', 0, Math.min(file.size, 16));
  const text = String.fromCharCode(...head);
  if (text.slice(4, 8) === 'TFL3') return 'tflite';
  if (text.startsWith('\x93NUMPY')) return 'npy';
  if (text.startsWith('PK\x03\x04') || text.startsWith('PK\x05\x06')) return 'npz';
  if ((await headerLength(file)) !== null) return 'safetensors';
  // The first field of an ONNX model is one of its few, and most begin with the version.
  const [tag = 0] = head;
  if (tag !== 0 && (tag & 7) <= 2 && tag >> 3 <= 25) return 'onnx';
  return (await readers.foreign()).refuseForeign(file);
}
