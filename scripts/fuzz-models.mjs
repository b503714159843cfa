// Feeds damaged and hostile files to readModel and says what became of them: every file must be read or
// refused with a DeconvError, within a second and in bounded memory.
//
//   node scripts/fuzz-models.mjs [--count 100000] [--seed 1] [--seconds 3600] [--keep FOLDER]
//
// Needs dist/ (scripts/build.mjs). A run is determined by its seed: file number n is always the same, and
// --only n runs that one alone. Files that fail are written to FOLDER.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { DeconvError } from 'deconv-wasm';
import { patchModel, readModel } from 'deconv-wasm/models';
import { zipSync } from 'fflate';
import { workWatched } from './fuzz-watch.mjs';

const FIXTURES = path.join(path.dirname(import.meta.dirname), 'tests', 'fixtures', 'models');
const KINDS = /\.(onnx|tflite|safetensors|npy|npz)$/;
const LIMIT_MS = 1000;

/** Numbers that a stream of seeds gives: Mulberry32. */
class Random {
  #state;
  constructor(seed) {
    this.#state = seed >>> 0;
  }
  below(count) {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let value = this.#state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 2 ** 32) * count);
  }
  pick(list) {
    return list[this.below(list.length)];
  }
}

/** The files of the fixtures, and larger ones that are read piece by piece. */
export function loadSeeds() {
  const seeds = readdirSync(FIXTURES)
    .filter((name) => KINDS.test(name))
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(path.join(FIXTURES, name))) }));
  const raw = seeds.find(({ name }) => name === 'raw.onnx').bytes;
  const padding = new BinaryWriter();
  // A further initializer, which merges with the graph: behind it the graph is too large for one piece.
  message(padding, 7, (graph) =>
    message(graph, 5, (tensor) => {
      integer(tensor, 1, 25_000);
      integer(tensor, 2, 1);
      text(tensor, 8, 'padding');
      tensor.tag(9, 2).bytes(new Uint8Array(100_000));
    }),
  );
  seeds.push({ name: 'large.onnx', bytes: concat([raw, padding.finish()]) });
  return seeds;
}

/** File number `index` of a run: what it was made from, and its bytes. */
export function makeFile(seeds, seed, index) {
  const random = new Random(seed * 1_000_003 + index);
  const from = random.pick(seeds);
  const kind = random.below(20);
  if (kind === 0 || kind === 2 || kind === 3) return { name: 'made.onnx', bytes: madeOnnx(random) };
  if (kind === 1 && seeds.some(({ name }) => name.endsWith('.npy')))
    return { name: 'made.npz', bytes: madeNpz(random, seeds) };
  let { bytes } = from;
  bytes = bytes.slice();
  const rounds = random.below(2) === 0 ? 1 : 1 + random.below(4);
  for (let round = 0; round < rounds && bytes.length > 0; round += 1) {
    bytes = random.pick(MUTATIONS)(bytes, random, seeds);
  }
  return { name: from.name, bytes };
}

const AWKWARD = [0, 1, 2, 127, 128, 255, 256, 65535, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const VARINTS = [
  [0], [1], [0x7f], [0x80, 0x01], [0xff, 0xff, 0xff, 0xff, 0x07], [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
]; // biome-ignore format: one line for each width
const WORDS = [
  '-1',
  '0',
  '1e9',
  '99999999999999999999',
  '2147483648',
  '[',
  '{',
  '"',
  ',',
  '../',
  '/etc/passwd',
  'None',
  '\\u0000',
];

const MUTATIONS = [
  function flipBits(bytes, random) {
    for (let count = 1 + random.below(8); count > 0; count -= 1) {
      bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    }
    return bytes;
  },
  function setBytes(bytes, random) {
    for (let count = 1 + random.below(4); count > 0; count -= 1) {
      bytes[random.below(bytes.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
    }
    return bytes;
  },
  function truncate(bytes, random) {
    return bytes.slice(0, random.below(bytes.length));
  },
  function extend(bytes, random) {
    return concat([bytes, Uint8Array.from({ length: 1 + random.below(64) }, () => random.below(256))]);
  },
  function editLength(bytes, random) {
    const at = random.below(bytes.length);
    const wide = random.below(2) === 1;
    if (at + 8 > bytes.length) return bytes;
    const view = new DataView(bytes.buffer);
    const value = random.pick([...AWKWARD, bytes.length, bytes.length + 1]);
    if (wide) view.setBigUint64(at, BigInt(value) << BigInt(random.pick([0, 0, 20, 31])), true);
    else view.setUint32(at, value, true);
    return bytes;
  },
  function editVarint(bytes, random) {
    const at = random.below(bytes.length);
    return concat([bytes.subarray(0, at), Uint8Array.from(random.pick(VARINTS)), bytes.subarray(at + 1)]);
  },
  function splice(bytes, random, seeds) {
    const other = random.pick(seeds).bytes;
    const from = random.below(other.length);
    const part = other.subarray(from, from + random.below(400));
    const at = random.below(bytes.length);
    return concat([bytes.subarray(0, at), part, bytes.subarray(at + random.below(part.length + 1))]);
  },
  function repeat(bytes, random) {
    const from = random.below(bytes.length);
    const part = bytes.subarray(from, from + 1 + random.below(300));
    const times = 1 + random.below(20);
    return concat([bytes.subarray(0, from), ...Array(times).fill(part), bytes.subarray(from)]);
  },
  function remove(bytes, random) {
    const from = random.below(bytes.length);
    return concat([bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(100))]);
  },
  function append(bytes, random, seeds) {
    return concat([bytes, random.pick(seeds).bytes]);
  },
  function editText(bytes, random) {
    const digits = [];
    for (let at = 0; at < bytes.length; at += 1) if (bytes[at] >= 48 && bytes[at] <= 57) digits.push(at);
    if (digits.length === 0) return bytes;
    const at = random.pick(digits);
    const word = new TextEncoder().encode(random.pick(WORDS));
    return concat([bytes.subarray(0, at), word, bytes.subarray(at + random.below(word.length + 2))]);
  },
  function nest(bytes, random) {
    // The whole file as a field of itself, some times over.
    let inner = bytes;
    for (let depth = random.below(40); depth > 0; depth -= 1) {
      const writer = new BinaryWriter();
      writer.tag(random.pick([1, 5, 6, 7, 11, 25]), 2).bytes(inner);
      inner = writer.finish();
    }
    return inner;
  },
];

function concat(parts) {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function message(writer, field, write) {
  const inner = new BinaryWriter();
  write(inner);
  writer.tag(field, 2).bytes(inner.finish());
}
const text = (writer, field, value) => writer.tag(field, 2).string(value);
const integer = (writer, field, value) => writer.tag(field, 0).int64(value);

/** Operators that constants are computed through. */
const FOLDED = [
  'Transpose', 'Reshape', 'Flatten', 'Unsqueeze', 'Squeeze', 'Slice', 'Split', 'Concat', 'Gather', 'Expand', 'Tile', 'Pad',
  'Shape', 'Size', 'ConstantOfShape', 'Range', 'CastLike', 'QuantizeLinear', 'Add', 'Mul', 'Div', 'Pow', 'Where', 'Equal',
  'Clip', 'Max', 'Mean', 'ReduceSum', 'ReduceL2', 'ReduceMax', 'LpNormalization', 'MatMul', 'Sqrt', 'Exp', 'Neg',
]; // biome-ignore format: a list

/** Valid protobuf without sense: names that lead in circles, functions that call each other, wrong extents. */
function madeOnnx(random) {
  const names = ['a', 'b', 'c', 'w', 'x', ''];
  const types = [
    'Conv', 'ConvTranspose', 'ConvTranspose', 'Identity', 'Constant', 'Cast', 'DequantizeLinear', 'If', 'F', 'G',
    ...(random.below(2) === 0 ? FOLDED : []),
  ]; // biome-ignore format: a list
  const extents = [0, 1, 1, 2, 3, 3, 4, -1, 2 ** 31, Number.MAX_SAFE_INTEGER];
  const tensor = (writer) => {
    for (let rank = random.below(6); rank > 0; rank -= 1) integer(writer, 1, random.pick(extents));
    integer(writer, 2, random.pick([1, 1, 1, 3, 7, 7, 10, 11, 16, 22, 17, 23, 99]));
    text(writer, 8, random.pick(names));
    const data = new Uint8Array(random.pick([0, 4, 8, 16, 32, 36, 64, 144]));
    // Small numbers here and there: extents, axes and indices of some sense.
    if (random.below(2) === 0) for (let at = 0; at < data.length; at += 8) data[at] = random.below(5);
    if (random.below(8) === 0) data.fill(random.pick([0x7f, 0x80, 0xff]));
    writer.tag(random.pick([9, 9, 4, 5, 7]), 2).bytes(data);
    if (random.below(6) === 0) {
      integer(writer, 14, 1);
      for (const [key, value] of [
        ['location', random.pick(['w.bin', '../w.bin', '/w.bin', '', 'a//b'])],
        ['offset', random.pick(['0', '-1', '4', '1e3', '99999999999999999999'])],
        ['length', random.pick(['0', '36', '64', '1000'])],
      ]) {
        message(writer, 13, (entry) => {
          text(entry, 1, key);
          text(entry, 2, value);
        });
      }
    }
  };
  const attribute = (writer, depth) => {
    const word = random.pick([
      'strides',
      'pads',
      'dilations',
      'group',
      'auto_pad',
      'output_shape',
      'value',
      'axis',
      'then',
      'to',
      'perm',
      'axes',
      'keepdims',
      'block_size',
      'starts',
      'ends',
      'value_ints',
      'value_float',
    ]);
    text(writer, 1, word);
    if (random.below(8) === 0) text(writer, 21, random.pick(['strides', 'self', word]));
    integer(writer, 3, random.pick([0, 1, 2, 10, -1, 2 ** 40]));
    if (word === 'auto_pad')
      text(writer, 4, random.pick(['VALID', 'SAME_UPPER', 'SAME_LOWER', 'NOTSET', 'X']));
    for (let count = random.below(7); count > 0; count -= 1)
      integer(writer, 8, random.pick([0, 1, 2, 3, -1, 2 ** 31]));
    if (word === 'value') message(writer, 5, tensor);
    if (word === 'then' && depth < 30)
      message(writer, 6, (inner) => graph(inner, depth + 1 + random.below(12)));
  };
  const node = (writer, depth) => {
    for (let count = random.below(4); count > 0; count -= 1) text(writer, 1, random.pick(names));
    text(writer, 2, random.pick(names));
    const type = random.pick(types);
    text(writer, 4, type);
    if (type.endsWith('tizeLinear') && random.below(4) === 0) text(writer, 7, 'com.microsoft');
    if (type === 'F' || type === 'G') text(writer, 7, 'own');
    for (let count = random.below(4); count > 0; count -= 1)
      message(writer, 5, (inner) => attribute(inner, depth));
  };
  const graph = (writer, depth) => {
    for (let count = random.below(6); count > 0; count -= 1)
      message(writer, 1, (inner) => node(inner, depth));
    for (let count = random.below(3); count > 0; count -= 1) message(writer, 5, tensor);
  };
  const model = new BinaryWriter();
  integer(model, 1, 8);
  message(model, 7, (writer) => graph(writer, 0));
  for (const name of ['F', 'G']) {
    message(model, 25, (writer) => {
      text(writer, 1, name);
      text(writer, 10, 'own');
      text(writer, 4, random.pick(names));
      for (let count = random.below(4); count > 0; count -= 1) message(writer, 7, (inner) => node(inner, 20));
    });
  }
  return model.finish();
}

/** An archive around arrays that may be damaged, and around zeros that pack a thousandfold. */
function madeNpz(random, seeds) {
  const arrays = seeds.filter(({ name }) => name.endsWith('.npy'));
  const entries = {};
  for (let count = 1 + random.below(4); count > 0; count -= 1) {
    const bytes =
      random.below(4) === 0 ? new Uint8Array(random.pick([10, 1e5, 3e6])) : random.pick(arrays).bytes.slice();
    if (bytes.length < 1e5 && random.below(2) === 0)
      bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    entries[`${random.pick(['a', 'b', '../c', 'up.weight', ''])}.npy`] = [
      bytes,
      { level: random.pick([0, 1, 9]) },
    ];
  }
  const bytes = zipSync(entries);
  return random.below(2) === 0 ? random.pick(MUTATIONS)(bytes, random, seeds) : bytes;
}

/** Reads a file as its users do; gives the code of the DeconvError it was refused with, or `read`. */
export async function useFile(bytes) {
  let model;
  try {
    const external = { 'w.bin': new Uint8Array(64), 'external.bin': new Uint8Array(392) };
    model = await readModel(bytes, { layers: 'all', external });
    if (model.candidates.length > 0) {
      const geometry = Object.fromEntries(model.candidates.map(({ name }) => [name, { stride: 2 }]));
      model = await readModel(bytes, { geometry });
    }
    for (const layer of model.layers.slice(0, 8)) await useLayer(model, layer);
    for (const tensor of model.tensors.slice(0, 8)) await tensor.read();
    return model.layers.length > 0 ? 'read, with layers' : 'read';
  } catch (error) {
    if (!(error instanceof DeconvError) || error.code === 'INTERNAL') throw error;
    return error.code;
  }
}

async function useLayer(model, layer) {
  if (layer.problem !== null) return;
  const weight = await layer.weight();
  (await layer.toLayer()).dispose();
  if (layer.patchObstacle !== null) return;
  const { files } = await patchModel(model, [{ layer, weight: weight.data.slice() }]);
  let length = 0;
  for await (const chunk of files[0].stream()) length += chunk.length;
  if (length !== files[0].size) throw new Error(`patched file of ${length} bytes, not ${files[0].size}`);
}

/** Milliseconds that the process has worked: on a busy machine the clock says more. */
function worked() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Runs `count` files, or as many as `seconds` allow; of other `seeds` and by another `use` where they are given. `failures` has those that crashed or took too long;
 * `memory` is the growth of the process beyond what it had after the first hundred files.
 */
export async function fuzzModels({
  count,
  seed,
  seconds = Number.POSITIVE_INFINITY,
  first = 0,
  onFile = () => {},
  seeds = loadSeeds(),
  make = makeFile,
  use = /** @type {(bytes: Uint8Array) => Promise<string>} */ (useFile),
}) {
  /** @type {Record<string, number>} */
  const outcomes = {};
  const failures = [];
  let slowest = { ms: 0, index: -1, name: '' };
  let peak = 0;
  let base = 0;
  const started = performance.now();
  let done = 0;
  for (let index = first; index < first + count; index += 1) {
    if (performance.now() - started > seconds * 1000) break;
    const { name, bytes } = make(seeds, seed, index);
    onFile(index);
    const from = worked();
    let outcome;
    try {
      outcome = await use(bytes);
    } catch (error) {
      outcome = 'CRASH';
      failures.push({ index, name, bytes, error: error.stack });
    }
    const ms = worked() - from;
    if (ms > slowest.ms) slowest = { ms, index, name, size: bytes.length };
    if (ms > LIMIT_MS) failures.push({ index, name, bytes, error: `took ${ms.toFixed(0)} ms` });
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    done += 1;
    if (done % 100 === 0) {
      const { rss } = process.memoryUsage();
      if (done === 100) base = rss;
      peak = Math.max(peak, rss);
    }
  }
  return {
    done,
    outcomes,
    failures,
    slowest,
    memory: peak - base,
    peak,
    seconds: (performance.now() - started) / 1000,
  };
}

// As a program: the work is done in a thread, so that this one can tell a hang.
if (isMainThread && process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '3600' },
      only: { type: 'string' },
      keep: { type: 'string' },
    },
  });
  const [seed, seconds] = [Number(values.seed), Number(values.seconds)];
  const only = values.only === undefined ? null : Number(values.only);
  const work = { seed, seconds, count: only === null ? Number(values.count) : 1, first: only ?? 0 };
  report(await workWatched('fuzz-models', new URL(import.meta.url), work), seed, values.keep);
} else if (!isMainThread && workerData !== null && 'seed' in workerData) {
  let last = 0;
  const onFile = (index) => {
    if (Date.now() - last < 200) return;
    last = Date.now();
    parentPort.postMessage({ current: `file ${index} of seed ${workerData.seed}` });
  };
  parentPort.postMessage({ done: await fuzzModels({ ...workerData, onFile }) });
}

function report({ done, outcomes, failures, slowest, memory, peak, seconds }, seed, keep) {
  const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
  console.log(`${done} files of seed ${seed} in ${seconds.toFixed(0)} s`);
  for (const [outcome, count] of Object.entries(outcomes).sort(([, a], [, b]) => b - a)) {
    console.log(`  ${outcome.padEnd(20)}${String(count).padStart(8)}`);
  }
  console.log(
    `slowest: ${slowest.ms.toFixed(1)} ms (file ${slowest.index}, from ${slowest.name}, ${slowest.size} bytes)`,
  );
  console.log(`memory: at most ${megabytes(peak)}, ${megabytes(memory)} over the start`);
  console.log(`failures: ${failures.length}`);
  for (const { index, name, bytes, error } of failures.slice(0, 20)) {
    console.log(`  file ${index} from ${name}: ${error}`);
    if (keep === undefined) continue;
    mkdirSync(keep, { recursive: true });
    writeFileSync(path.join(keep, `${seed}-${index}-${name}`), bytes);
  }
  process.exitCode = failures.length > 0 ? 1 : 0;
}
