/** A buffer that can shrink: TypeScript knows of it from ES2024 on only. */
export interface Resizable extends ArrayBuffer {
  resize(bytes: number): void;
}

export function resizable(bytes: number): Resizable {
  const Buffer = ArrayBuffer as unknown as new (
    bytes: number,
    options: { readonly maxByteLength: number },
  ) => Resizable;
  return new Buffer(bytes, { maxByteLength: bytes });
}
