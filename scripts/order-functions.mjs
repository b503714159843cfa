// Puts the functions of a WebAssembly binary into an order in which a compressor finds what they have in common.
//
//   node scripts/order-functions.mjs EMSCRIPTEN_ROOT FILE.wasm        CMake does, after each link of a release
//
// gzip looks 32 KB back, and the link sorts functions by how often they are called, so that two kernels of one
// template may stand 200 KB apart. Nothing is compiled anew: the same functions, 3 % less to download.

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Bytes that count as something in common: about an instruction and a half with their operands. */
const LENGTH = 6;
/** Less than gzip's window: what it repeats is found nearer as well. */
const WINDOW = 30_000;
/** A function of few bytes that are all known is no reason to leave large relatives. */
const SMALL = 400;
const CODE_SECTION = 10;

/**
 * The indices of `bodies` in their new order: begins with the largest, then always the one of which the largest
 * share stands in the last {@link WINDOW} bytes.
 */
export function orderOf(bodies) {
  const numbers = new Map();
  const pieces = bodies.map((body) => piecesOf(body, numbers));
  const holders = Array.from(numbers, () => []);
  pieces.forEach((list, index) => {
    for (const piece of list) holders[piece].push(index);
  });
  const inWindow = new Int32Array(numbers.size);
  const common = new Int32Array(bodies.length);
  const enter = (index) => {
    for (const piece of pieces[index]) {
      if (inWindow[piece]++ === 0) for (const holder of holders[piece]) common[holder] += 1;
    }
  };
  const leave = (index) => {
    for (const piece of pieces[index]) {
      if (--inWindow[piece] === 0) for (const holder of holders[piece]) common[holder] -= 1;
    }
  };
  const left = new Set(bodies.keys());
  const order = [];
  let oldest = 0;
  let bytes = 0;
  while (left.size > 0) {
    const share = (index) => common[index] / (pieces[index].length + SMALL);
    const first = order.length === 0;
    const next = best(left, first ? (index) => bodies[index].length : share);
    left.delete(next);
    order.push(next);
    enter(next);
    bytes += bodies[next].length;
    while (bytes > WINDOW && oldest < order.length - 1) {
      bytes -= bodies[order[oldest]].length;
      leave(order[oldest]);
      oldest += 1;
    }
  }
  return order;
}

/** The numbers of all different runs of {@link LENGTH} bytes. */
function piecesOf(body, numbers) {
  const found = new Set();
  for (let at = 0; at + LENGTH <= body.length; at += 1) {
    const key = body.readUIntBE(at, LENGTH);
    if (!numbers.has(key)) numbers.set(key, numbers.size);
    found.add(numbers.get(key));
  }
  return [...found];
}

function best(indices, score) {
  let found;
  let most = -1;
  for (const index of indices) {
    const value = score(index);
    if (value > most) [found, most] = [index, value];
  }
  return found;
}

/** The bodies of a binary's functions, in the order of their indices. */
function bodiesOf(binary) {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = binary[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < binary.length) {
    const section = binary[at++];
    const end = number() + at;
    if (section === CODE_SECTION) {
      return Array.from({ length: number() }, () => {
        const size = number();
        at += size;
        return binary.subarray(at - size, at);
      });
    }
    at = end;
  }
  throw new Error('order-functions: no code in this binary');
}

/** A section that gives each function its place for a name, which is what wasm-opt can sort by. */
function namesFor(order, imported) {
  const places = new Map(order.map((index, place) => [index, String(place).padStart(6, '0')]));
  const names = order.map((_, index) =>
    Buffer.concat([encoded(imported + index), withLength(Buffer.from(places.get(index)))]),
  );
  const list = Buffer.concat([encoded(names.length), ...names]);
  const content = Buffer.concat([withLength(Buffer.from('name')), Buffer.from([1]), withLength(list)]);
  return Buffer.concat([Buffer.from([0]), withLength(content)]);
}

const withLength = (bytes) => Buffer.concat([encoded(bytes.length), bytes]);

function encoded(number) {
  const bytes = [];
  for (let rest = number; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

function orderFunctions(emscripten, file) {
  const root = execFileSync(path.join(emscripten, 'em-config'), ['BINARYEN_ROOT'], { encoding: 'utf8' });
  const wasmOpt = (...options) =>
    execFileSync(path.join(root.trim(), 'bin', 'wasm-opt'), ['--all-features', ...options], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  const binary = readFileSync(file);
  const bodies = bodiesOf(binary);
  const functions = wasmOpt('--print-function-map', file).trim().split('\n').length;
  const named = `${file}.named`;
  writeFileSync(named, Buffer.concat([binary, namesFor(orderOf(bodies), functions - bodies.length)]));
  // At this level a file is written as the link has written it; no pass but the order runs.
  wasmOpt('--optimize-level=3', '--reorder-functions-by-name', named, '-o', file);
  rmSync(named);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) orderFunctions(...process.argv.slice(2));
