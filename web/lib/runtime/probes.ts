// Each probe is the smallest module whose one function uses the feature: an engine without it
// calls the bytes invalid. Written by hand from the binary format.

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
// Type section: one type, () -> v128. Function section: one function of it.
const RETURNS_V128 = [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, 0x03, 0x02, 0x01, 0x00];
// i32.const 0, i32x4.splat
const ZEROS = [0x41, 0x00, 0xfd, 0x11];

function validates(...bytes: number[]): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(new Uint8Array(bytes));
}

/** Code section with one function without locals. */
function code(...body: number[]): number[] {
  // Size of the body: the count of locals, the instructions, end.
  const size = body.length + 2;
  return [0x0a, size + 2, 0x01, size, 0x00, ...body, 0x0b];
}

export function supportsSimd(): boolean {
  return validates(...HEADER, ...RETURNS_V128, ...code(...ZEROS));
}

export function supportsRelaxedSimd(): boolean {
  // f32x4.relaxed_madd is 0xfd 0x105.
  const relaxedMadd = [0xfd, 0x85, 0x02];
  return validates(...HEADER, ...RETURNS_V128, ...code(...ZEROS, ...ZEROS, ...ZEROS, ...relaxedMadd));
}

export function supportsThreads(): boolean {
  // Memory section: one shared memory of 1 page, at most 1.
  return typeof SharedArrayBuffer === 'function' && validates(...HEADER, 0x05, 0x04, 0x01, 0x03, 0x01, 0x01);
}
