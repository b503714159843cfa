// The rate of independent f32x4 multiply-adds in registers: what no WebAssembly of one thread can
// exceed on this machine and engine. The module is encoded here, instruction by instruction,
// because a compiler is free to spoil the loop, and does.

// Twelve chains hide the latency of a multiply-add; with two constants they fit 16 registers.
const CHAINS = 12;
const ITERATIONS = 500_000;
const FLOP = ITERATIONS * CHAINS * 4 * 2;

const FACTOR = 1;
const TERM = 2;
const FIRST_CHAIN = 3;

const localGet = (index) => [0x20, index];
const localSet = (index) => [0x21, index];
const simd = (opcode) => [0xfd, ...leb(opcode)];

function leb(value) {
  return value < 128 ? [value] : [(value % 128) + 128, ...leb(Math.floor(value / 128))];
}

function sized(bytes) {
  return [...leb(bytes.length), ...bytes];
}

function float(value) {
  return [0x43, ...new Uint8Array(new Float32Array([value]).buffer)];
}

/** chain = chain * factor + term, fused or not. */
function step(chain, relaxed) {
  const operands = [...localGet(chain), ...localGet(FACTOR)];
  return relaxed
    ? [...operands, ...localGet(TERM), ...simd(0x105), ...localSet(chain)]
    : [...operands, ...simd(0xe6), ...localGet(TERM), ...simd(0xe4), ...localSet(chain)];
}

function encode(relaxed) {
  const chains = Array.from({ length: CHAINS }, (_, index) => FIRST_CHAIN + index);
  const body = [
    // One group of locals: FACTOR, TERM and the chains are v128.
    ...[0x01, CHAINS + 2, 0x7b],
    ...[...float(0.999999), ...simd(0x13), ...localSet(FACTOR)],
    ...[...float(1e-7), ...simd(0x13), ...localSet(TERM)],
    ...chains.flatMap((chain) => [...float(chain / 10), ...simd(0x13), ...localSet(chain)]),
    ...[0x03, 0x40],
    ...chains.flatMap((chain) => step(chain, relaxed)),
    // Count parameter 0 down and go on while it is not 0.
    ...[...localGet(0), 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00],
    0x0b,
    // The sum of all chains is the result, so that none of them is dead.
    ...chains.flatMap((chain, index) => [...localGet(chain), ...(index > 0 ? simd(0xe4) : [])]),
    ...[...simd(0x1f), 0x00],
    0x0b,
  ];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, ...sized([0x01, 0x60, 0x01, 0x7f, 0x01, 0x7d])],
    ...[0x03, ...sized([0x01, 0x00])],
    ...[0x07, ...sized([0x01, 0x01, 0x66, 0x00, 0x00])],
    ...[0x0a, ...sized([0x01, ...sized(body)])],
  ]);
}

/** `run` goes through the loop once, which is `flop` floating-point operations. */
export async function peakMeter({ relaxed }) {
  const { instance } = await WebAssembly.instantiate(encode(relaxed));
  return { flop: FLOP, run: () => instance.exports.f(ITERATIONS) };
}
