import type { ModelFile } from './source.js';

/** Bytes of a safetensors header; null where the file cannot be safetensors. */
export async function headerLength(file: ModelFile): Promise<number | null> {
  if (file.size < 10) return null;
  const head = await file.read('the header', 0, 9);
  const length = Number(new DataView(head.slice().buffer).getBigUint64(0, true));
  return length >= 2 && length <= file.size - 8 && head[8] === 0x7b ? length : null;
}
