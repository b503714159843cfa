/** A file of numpy's: 32-bit floats of a shape. */
export function npy(shape: readonly number[], values: readonly number[]): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.map((extent) => `${extent},`).join(' ')}), }\n`;
  const head = Buffer.from(`\x93NUMPY\x01\x00${String.fromCharCode(header.length)}\x00${header}`, 'latin1');
  return Buffer.concat([head, Buffer.from(Float32Array.from(values).buffer)]);
}
