// Model files that lie, nest, go in circles or unpack without end: an error, soon and in little memory.

import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { DeconvErrorCode } from 'deconv-wasm';
import { type ModelLayer, readModel, writeModel } from 'deconv-wasm/models';
import { deflateSync, Inflate, zipSync } from 'fflate';
import { Builder } from 'flatbuffers';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { fuzzModels, useFile } from '../../scripts/fuzz-models.mjs';
import { temporaryFolder } from '../package/support.js';
import { expectError, rejection } from '../support/errors.js';

const FIXTURES = path.join(import.meta.dirname, '..', 'fixtures', 'models');
const { folder, remove } = temporaryFolder();
afterAll(remove);

const fixture = (name: string) => new Uint8Array(readFileSync(path.join(FIXTURES, name)));

type Write = (writer: BinaryWriter) => void;

function message(field: number, write: Write): Write {
  return (writer) => {
    const inner = new BinaryWriter();
    write(inner);
    writer.tag(field, 2).bytes(inner.finish());
  };
}

const text =
  (field: number, value: string): Write =>
  (writer) =>
    writer.tag(field, 2).string(value);
const integer =
  (field: number, value: number): Write =>
  (writer) =>
    writer.tag(field, 0).int64(value);
const all =
  (...writes: readonly Write[]): Write =>
  (writer) => {
    for (const write of writes) write(writer);
  };

function onnx(...graph: readonly Write[]): Uint8Array {
  const writer = new BinaryWriter();
  integer(1, 8)(writer);
  message(7, all(...graph))(writer);
  return writer.finish();
}

function node(type: string, inputs: readonly string[], output: string, ...more: readonly Write[]): Write {
  return message(1, all(...inputs.map((name) => text(1, name)), text(2, output), text(4, type), ...more));
}

function tensor(name: string, dims: readonly number[], bytes: number, ...more: readonly Write[]): Write {
  const raw: Write = (writer) => writer.tag(9, 2).bytes(new Uint8Array(bytes));
  return message(5, all(...dims.map((dim) => integer(1, dim)), integer(2, 1), text(8, name), raw, ...more));
}

/** The bytes one field deeper. */
function wrapped(inner: Uint8Array, field: number): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(field, 2).bytes(inner);
  return writer.finish();
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Weights of the first layer of a file, which is closed again. */
async function weightsAt(file: string): Promise<Float32Array> {
  const model = await readModel(file);
  const { data } = await (model.layers[0] as ModelLayer).weight();
  await model.close();
  return data;
}

/** Refused with the code, and before much work. */
async function expectRefused(bytes: Uint8Array, code: DeconvErrorCode): Promise<void> {
  const started = worked();
  expectError(await rejection(() => readModel(bytes)), code, 'readModel');
  expectBoundedWork(started);
}

/** Milliseconds that this process has worked. */
function worked(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds: a guard against work without end. Some of these files take a busy machine more than a second. */
const BOUNDED = 10_000;

function expectBoundedWork(started: number): void {
  expect(worked() - started).toBeLessThan(BOUNDED);
}

const up = (...more: readonly Write[]) => node('ConvTranspose', ['x', 'w'], 'y', ...more);

describe('ONNX', () => {
  it.each([
    ['dims that overflow', [2 ** 31, 2 ** 31, 4, 4]],
    ['a product beyond any file', [2 ** 20, 2 ** 20, 3, 3]],
    ['dims below zero', [-3, -2, 4, 4]],
    ['dims that the data do not fill', [3, 2, 5, 5]],
  ])('%s', async (_, dims) => {
    await expectRefused(onnx(up(), tensor('w', dims, 384)), 'BAD_MODEL');
  });

  it('empty axes and ranks that no kernel has are a layer with a problem', async () => {
    for (const dims of [[0, 2, 4, 4], [4], [1, 1, 1, 1, 1, 1]]) {
      const count = dims.reduce((product, dim) => product * dim, 1);
      const { layers } = await readModel(onnx(up(), tensor('w', dims, 4 * count)));
      expect(layers[0]?.problem).toMatch(/expected weight with/);
    }
  });

  it('names in circles', async () => {
    const circle = [node('Identity', ['b'], 'w'), node('Identity', ['w'], 'b')];
    const { layers } = await readModel(onnx(up(), ...circle));
    expect(layers[0]?.problem).toMatch(/circle/);
    const scale = [node('DequantizeLinear', ['w', 'w'], 'w')];
    expect((await readModel(onnx(up(), ...scale))).layers[0]?.problem).toMatch(/circle/);
  });

  it('constants that are computed in very many steps, of very many parts, to very large ones', async () => {
    const weight = tensor('v', [1, 1, 2, 2], 16);
    const list = (count: number, write: (index: number) => Write) =>
      all(...Array.from({ length: count }, (_, index) => write(index)));
    const files = [
      onnx(
        up(),
        weight,
        list(50_000, (index) =>
          node('Neg', [index === 0 ? 'v' : `n${index}`], index === 49_999 ? 'w' : `n${index + 1}`),
        ),
      ),
      onnx(up(), weight, node('Sum', Array<string>(100_000).fill('v'), 'w')),
      onnx(
        weight,
        list(9000, (index) =>
          node('Add', index === 0 ? ['v', 'v'] : [`q${index}`, `q${index}`], `q${index + 1}`),
        ),
        list(9000, (index) => node('ConvTranspose', ['x', `q${index + 1}`], `y${index}`)),
      ),
      onnx(
        weight,
        tensor('s', [4096], 16_384),
        list(3000, (index) => node('Reshape', ['v', 's'], `w${index}`)),
        list(3000, (index) => node('ConvTranspose', ['x', `w${index}`], `y${index}`)),
      ),
    ];
    for (const file of files) {
      const started = worked();
      const { layers } = await readModel(file);
      expect(layers.length).toBeGreaterThan(0);
      for (const layer of layers.slice(0, 3)) if (layer.problem === null) await layer.weight();
      expectBoundedWork(started);
    }
  });

  it('subgraphs nested without end', async () => {
    let graph: Uint8Array = onnx(up()).slice(4);
    for (let depth = 0; depth < 5000; depth += 1) graph = wrapped(wrapped(wrapped(graph, 6), 5), 1);
    await expectRefused(wrapped(graph, 7), 'BAD_MODEL');
    // Beyond what is read in one piece, too.
    await expectRefused(concat(wrapped(graph, 7), onnx(tensor('w', [50_000], 200_000))), 'BAD_MODEL');
  });

  it('functions that call themselves, and functions that call two each', async () => {
    const call = (name: string) => message(7, all(text(2, 'y'), text(4, name), text(7, 'own')));
    const define = (name: string, ...calls: readonly Write[]): Uint8Array => {
      const writer = new BinaryWriter();
      message(25, all(text(1, name), text(10, 'own'), ...calls))(writer);
      return writer.finish();
    };
    const main = (name: string) => onnx(node(name, ['x'], 'y', text(7, 'own')));
    await expectRefused(concat(main('A'), define('A', call('B')), define('B', call('A'))), 'BAD_MODEL');
    const doubling = Array.from({ length: 60 }, (_, index) =>
      define(`F${index}`, call(`F${index + 1}`), call(`F${index + 1}`)),
    );
    await expectRefused(concat(main('F0'), ...doubling), 'BAD_MODEL');
  });

  it('a function of very many names, called very often', async () => {
    const names = Array.from({ length: 50_000 }, (_, index) => text(2, `o${index}`));
    const wide = new BinaryWriter();
    message(25, all(text(1, 'A'), text(10, 'own'), message(7, all(...names, text(4, 'Relu')))))(wide);
    const calls = Array.from({ length: 50_000 }, () => node('A', [], 'y', text(7, 'own')));
    await expectRefused(concat(onnx(...calls), wide.finish()), 'BAD_MODEL');
  });

  it('millions of nodes, of fields without meaning, and of layers', async () => {
    const many = (part: Uint8Array, count: number) => {
      const result = new Uint8Array(part.length * count);
      for (let index = 0; index < count; index += 1) result.set(part, index * part.length);
      return result;
    };
    await expectRefused(wrapped(many(Uint8Array.of(0x0a, 0), 3_000_000), 7), 'BAD_MODEL');
    await expectRefused(wrapped(many(Uint8Array.of(0x18, 0), 9_000_000), 7), 'BAD_MODEL');
    await expectRefused(many(Uint8Array.of(0x0a, 0), 9_000_000), 'BAD_MODEL');
    const layer = onnx(up()).slice(4);
    await expectRefused(
      concat(wrapped(many(layer, 20_000), 7), onnx(tensor('w', [3, 2, 4, 4], 384))),
      'BAD_MODEL',
    );
  });

  it('lengths beyond the file', async () => {
    const bytes = fixture('raw.onnx');
    for (const cut of [1, 10, 100, 300, 590]) {
      const error = await rejection(() => readModel(bytes.slice(0, bytes.length - cut)));
      expectError(error, 'BAD_MODEL', 'readModel');
    }
    await expectRefused(new Uint8Array(0), 'BAD_MODEL');
    await expectRefused(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f), 'BAD_MODEL');
  });
});

describe('external data', () => {
  const external = (location: string, ...entries: readonly (readonly [string, string])[]) =>
    onnx(
      up(),
      message(
        5,
        all(
          ...[3, 2, 4, 4].map((dim) => integer(1, dim)),
          integer(2, 1),
          text(8, 'w'),
          integer(14, 1),
          ...[['location', location] as const, ...entries].map(([key, value]) =>
            message(13, all(text(1, key), text(2, value))),
          ),
        ),
      ),
    );
  const home = path.join(folder, 'home');
  mkdirSync(path.join(home, 'sub'), { recursive: true });
  writeFileSync(path.join(folder, 'secret.bin'), new Uint8Array(384));
  writeFileSync(path.join(home, 'sub', 'w.bin'), new Uint8Array(384).fill(1));
  symlinkSync(path.join(folder, 'secret.bin'), path.join(home, 'link.bin'));
  symlinkSync(folder, path.join(home, 'out'));
  symlinkSync(path.join(home, 'sub', 'w.bin'), path.join(home, 'inside.bin'));

  async function readBeside(location: string, ...entries: readonly (readonly [string, string])[]) {
    const file = path.join(home, 'model.onnx');
    writeFileSync(file, external(location, ...entries));
    return readModel(file);
  }

  it.each([
    '../secret.bin',
    'sub/../../secret.bin',
    path.join(folder, 'secret.bin'),
    'link.bin',
    'out/secret.bin',
    '..\\secret.bin',
    'C:secret.bin',
    'sub//w.bin',
    '',
    '.',
    'w.bin\u0000',
  ])('%j is never opened', async (location) => {
    expectError(await rejection(() => readBeside(location)), 'BAD_MODEL', 'readModel');
  });

  it.each(['sub/w.bin', './sub/w.bin', 'inside.bin'])('%j is', async (location) => {
    const model = await readBeside(location);
    expect((await model.layers[0]?.weight())?.data).toHaveLength(96);
    await model.close();
  });

  it('says what is missing, no file, or too short', async () => {
    expectError(await rejection(() => readBeside('missing.bin')), 'LOAD_FAILED', 'readModel');
    expectError(await rejection(() => readBeside('sub')), 'LOAD_FAILED', 'readModel');
    for (const entry of [
      ['offset', '1'],
      ['offset', '-1'],
      ['offset', '1e2'],
      ['length', '400'],
      ['offset', '9'.repeat(30)],
    ] as const) {
      expectError(await rejection(() => readBeside('sub/w.bin', entry)), 'BAD_MODEL', 'readModel');
    }
    expectError(await rejection(() => readModel(home)), 'LOAD_FAILED', 'readModel');
    expectError(await rejection(() => readModel('/dev/zero')), 'LOAD_FAILED', 'readModel');
    expectError(await rejection(() => readModel(path.join(home, 'none.onnx'))), 'LOAD_FAILED', 'readModel');
  });
});

describe('safetensors', () => {
  const file = (header: string, data = 0) => {
    const bytes = new TextEncoder().encode(header);
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(bytes.length), true);
    return concat(length, bytes, new Uint8Array(data));
  };
  const entry = (begin: number, end: number, shape = [(end - begin) / 4]) =>
    JSON.stringify({ dtype: 'F32', shape, data_offsets: [begin, end] });

  it.each([
    ['overlapping tensors', file(`{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, 12)],
    ['a hole', file(`{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, 12)],
    ['bytes behind the last tensor', file(`{"a":${entry(0, 4)}}`, 12)],
    ['offsets beyond the file', file(`{"a":${entry(0, 400)}}`, 12)],
    ['offsets backwards', file(`{"a":${entry(8, 4)}}`, 12)],
    ['another size than the shape says', file(`{"a":${entry(0, 8, [3])}}`, 8)],
    ['shapes that overflow', file(`{"a":${entry(0, 8, [2 ** 52, 2 ** 52])}}`, 8)],
    ['a header of 20 MB', file(`{"a":${' '.repeat(20e6)}1}`)],
    ['a header of brackets', file(`{"a":${'['.repeat(16e6)}`)],
    ['a header that is no JSON', file('{"a":}')],
    ['entries that are none', file('{"a":1}')],
  ])('%s', async (_, bytes) => {
    await expectRefused(bytes, 'BAD_MODEL');
  });

  it('names of JavaScript are names', async () => {
    const { tensors } = await readModel(file(`{"__proto__":${entry(0, 4)},"constructor":${entry(4, 8)}}`, 8));
    expect(tensors.map(({ name }) => name)).toEqual(['__proto__', 'constructor']);
  });
});

describe('npz', () => {
  const header = (shape: string) => {
    const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }\n`;
    return concat(
      Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, dictionary.length, 0),
      new TextEncoder().encode(dictionary),
    );
  };
  /** Sizes in the directory (at 20 packed, at 24 unpacked) are what a reader goes by. */
  function withSize(bytes: Uint8Array, size: number): Uint8Array {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let at = 0; at + 4 <= bytes.length; at += 1) {
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, size, true);
    }
    return bytes;
  }

  it('an entry that unpacks to more than it says stops there', async () => {
    const array = concat(header('4,'), new Uint8Array(50_000_000));
    const bomb = withSize(zipSync({ 'a.npy': array }, { level: 9 }), header('4,').length + 16);
    const before = process.memoryUsage().arrayBuffers;
    const { tensors } = await readModel(bomb);
    const started = worked();
    const push = vi.spyOn(Inflate.prototype, 'push');
    onTestFinished(() => push.mockRestore());
    expectError(await rejection(async () => tensors[0]?.read()), 'BAD_MODEL', 'readModel');
    expectBoundedWork(started);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100e6);
    const handedOver = push.mock.calls.map(([bytes]) => bytes.length);
    expect(handedOver.length).toBeGreaterThan(0);
    expect(handedOver.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(bomb.length / 100);
  });

  it('sizes that deflate cannot reach, and sizes without end', async () => {
    const bytes = () => zipSync({ 'a.npy': concat(header('4,'), new Uint8Array(16)) });
    await expectRefused(withSize(bytes(), 1e9), 'BAD_MODEL');
    await expectRefused(withSize(bytes(), 0xfffffffe), 'TOO_LARGE');
  });

  it('many entries of zeros that hide their header', async () => {
    const zeros = new Uint8Array(1e6);
    const names = Array.from({ length: 3000 }, (_, index) => [`${index}.npy`, zeros] as const);
    await expectRefused(zipSync(Object.fromEntries(names.slice(0, 200)), { level: 9 }), 'BAD_MODEL');
  });

  it('entries that share their bytes', async () => {
    const bytes = zipSync({ 'a.npy': fixture('array.npy'), 'b.npy': fixture('array.npy') });
    const view = new DataView(bytes.buffer);
    const places: number[] = [];
    for (let at = 0; at + 4 <= bytes.length; at += 1) {
      if (view.getUint32(at, true) === 0x02014b50) places.push(at);
    }
    view.setUint32((places[1] as number) + 42, view.getUint32((places[0] as number) + 42, true), true);
    await expectRefused(bytes, 'BAD_MODEL');
  });

  it('a checksum follows the data that it is of', async () => {
    // Python's own reader would refuse a wrong one; here fflate packs the same array again.
    const model = await readModel(fixture('stored.npz'), { geometry: { 'up.weight': {} } });
    const [layer] = model.layers as [ModelLayer];
    const old = await layer.weight();
    const target = path.join(folder, 'patched.npz');
    await writeModel(model, [{ layer, weight: old.data.map((value) => value + 1) }], target);
    const patched = readFileSync(target);
    const array = concat(
      fixture('array.npy').slice(0, 128),
      new Uint8Array(old.data.map((value) => value + 1).buffer),
    );
    const wanted = Buffer.from(zipSync({ 'a.npy': array }, { level: 0 }));
    const crc = wanted.subarray(14, 18);
    const at = patched.indexOf('up.weight.npy') - 30;
    expect(patched.subarray(at + 14, at + 18)).toEqual(crc);
    expect(patched.subarray(patched.lastIndexOf('up.weight.npy') - 30).subarray(0, 4)).toEqual(crc);
    expect(deflateSync(array).length).toBeGreaterThan(0);
  });
});

describe('TFLite', () => {
  it('vectors that are longer than the file, offsets out of it, tables that are all one', async () => {
    const bytes = fixture('layers.tflite');
    const view = new DataView(bytes.buffer);
    for (let at = 8; at + 4 <= bytes.length; at += 4) {
      const old = view.getUint32(at, true);
      for (const value of [0xffffffff, 0x7fffffff, 0x40000000, bytes.length]) {
        view.setUint32(at, value, true);
        const started = worked();
        expect(await useFile(bytes)).toMatch(/^(read|read, with layers|BAD_MODEL|UNSUPPORTED|TOO_LARGE)$/);
        expectBoundedWork(started);
      }
      view.setUint32(at, old, true);
    }
  });

  it('a million operators that are one table', async () => {
    const builder = new Builder(1 << 23);
    builder.startObject(5);
    const operator = builder.endObject();
    builder.startVector(4, 1_500_000, 4);
    for (let index = 0; index < 1_500_000; index += 1) builder.addOffset(operator);
    const operators = builder.endVector();
    builder.startObject(5);
    builder.addFieldOffset(3, operators, 0);
    const subgraph = builder.endObject();
    builder.startVector(4, 1, 4);
    builder.addOffset(subgraph);
    const subgraphs = builder.endVector();
    builder.startObject(5);
    builder.addFieldInt32(0, 3, 0);
    builder.addFieldOffset(2, subgraphs, 0);
    builder.finish(builder.endObject(), 'TFL3');
    await expectRefused(builder.asUint8Array(), 'BAD_MODEL');
  });
});

describe('files', () => {
  it('a model of 1.9 GB is read by path in little time and memory', async () => {
    const file = path.join(folder, 'large.onnx');
    const length = 1_900_000_000;
    const lead = new BinaryWriter();
    integer(1, length / 4)(lead);
    integer(2, 1)(lead);
    text(8, 'large')(lead);
    lead.tag(9, 2).uint32(length);
    const head = lead.finish();
    const tensorHead = new BinaryWriter()
      .tag(5, 2)
      .uint32(head.length + length)
      .finish();
    const model = fixture('raw.onnx');
    const graphHead = new BinaryWriter()
      .tag(7, 2)
      .uint32(tensorHead.length + head.length + length)
      .finish();
    const handle = openSync(file, 'w');
    const front = concat(graphHead, tensorHead, head);
    writeSync(handle, front);
    // Nothing is written in between: the file has a hole there.
    ftruncateSync(handle, front.length + length);
    writeSync(handle, model, 0, model.length, front.length + length);
    closeSync(handle);
    globalThis.gc?.();
    const before = process.memoryUsage();
    const started = worked();
    const read = await readModel(file);
    const values = await read.layers[0]?.weight();
    expectBoundedWork(started);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(10e6);
    expect(values?.data).toHaveLength(96);
    await read.close();
  });

  it('writeModel replaces the model, and no external data', async () => {
    const model = await readModel(pathToFileURL(path.join(FIXTURES, 'raw.onnx')));
    const [layer] = model.layers as [ModelLayer];
    const target = path.join(folder, 'patched.onnx');
    const { files } = await writeModel(model, [{ layer, weight: new Float32Array(96).fill(2) }], target);
    expect(files[0]?.changed).toEqual([{ offset: layer.weightTensor?.ranges[0]?.offset, length: 384 }]);
    const again = await readModel(target);
    await model.close();
    expect((await again.layers[0]?.weight())?.data).toEqual(new Float32Array(96).fill(2));
    // Onto itself, while it is open.
    const [own] = again.layers as [ModelLayer];
    await writeModel(again, [{ layer: own, weight: new Float32Array(96).fill(3) }], target);
    await again.close();
    expect(await weightsAt(target)).toEqual(new Float32Array(96).fill(3));

    const split = await readModel(path.join(FIXTURES, 'external.onnx'));
    const changes = [{ layer: split.layers[0] as ModelLayer, weight: new Float32Array(96) }];
    const beside = path.join(folder, 'external.onnx');
    await writeModel(split, changes, beside);
    expect(await weightsAt(beside)).toEqual(new Float32Array(96));
    const original = readFileSync(path.join(FIXTURES, 'external.bin'));
    const error = await rejection(() => writeModel(split, changes, path.join(FIXTURES, 'other.onnx')));
    expectError(error, 'BAD_OPTION', 'writeModel');
    await split.close();
    expect(readFileSync(path.join(FIXTURES, 'external.bin'))).toEqual(original);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('writeModel writes what links lead to; external data go beside it or nowhere', async () => {
    const links = path.join(folder, 'links');
    mkdirSync(path.join(links, 'far'), { recursive: true });
    const model = await readModel(path.join(FIXTURES, 'raw.onnx'));
    const changes = [{ layer: model.layers[0] as ModelLayer, weight: new Float32Array(96).fill(5) }];
    symlinkSync('far/there.onnx', path.join(links, 'link.onnx'));
    await writeModel(model, changes, path.join(links, 'link.onnx'));
    expect(readlinkSync(path.join(links, 'link.onnx'))).toBe('far/there.onnx');
    expect(await weightsAt(path.join(links, 'far', 'there.onnx'))).toEqual(new Float32Array(96).fill(5));
    // Neither a folder nor a device is replaced by a file.
    symlinkSync('far', path.join(links, 'folder.onnx'));
    const wrong = ['folder.onnx', ...(process.platform === 'win32' ? [] : ['null.onnx'])];
    if (process.platform !== 'win32') symlinkSync('/dev/null', path.join(links, 'null.onnx'));
    for (const name of wrong) {
      const error = await rejection(() => writeModel(model, changes, path.join(links, name)));
      expectError(error, 'BAD_OPTION', 'writeModel');
    }
    await model.close();

    const split = await readModel(path.join(FIXTURES, 'external.onnx'));
    const zeros = [{ layer: split.layers[0] as ModelLayer, weight: new Float32Array(96) }];
    symlinkSync('far/split.onnx', path.join(links, 'away.onnx'));
    const away = await rejection(() => writeModel(split, zeros, path.join(links, 'away.onnx')));
    expectError(away, 'BAD_OPTION', 'writeModel');
    expect(readdirSync(path.join(links, 'far'))).toEqual(['there.onnx']);
    symlinkSync('split.onnx', path.join(links, 'here.onnx'));
    // A link that leads to nothing is something in the way of the data, too.
    symlinkSync('nothing.bin', path.join(links, 'external.bin'));
    const taken = await rejection(() => writeModel(split, zeros, path.join(links, 'here.onnx')));
    expectError(taken, 'BAD_OPTION', 'writeModel');
    rmSync(path.join(links, 'external.bin'));
    await writeModel(split, zeros, path.join(links, 'here.onnx'));
    await split.close();
    for (const name of ['here.onnx', 'split.onnx'])
      expect(await weightsAt(path.join(links, name))).toEqual(new Float32Array(96));
  });

  it('writeModel goes from a link to the folder above what that leads to', async () => {
    const above = path.join(folder, 'above');
    mkdirSync(path.join(above, 'real', 'below'), { recursive: true });
    symlinkSync(path.join('real', 'below'), path.join(above, 'link'));
    const model = await readModel(path.join(FIXTURES, 'raw.onnx'));
    const changes = [{ layer: model.layers[0] as ModelLayer, weight: new Float32Array(96).fill(7) }];
    await writeModel(model, changes, `${above}/link/../it.onnx`);
    await writeModel(model, changes, `${above}/link/../made/it.onnx`);
    await model.close();
    expect(readdirSync(above)).toEqual(['link', 'real']);
    for (const name of ['it.onnx', 'made/it.onnx'])
      expect(await weightsAt(path.join(above, 'real', name))).toEqual(new Float32Array(96).fill(7));
  });

  it('writeModel takes nothing away that it has not made', async () => {
    const model = await readModel(path.join(FIXTURES, 'raw.onnx'));
    const changes = [{ layer: model.layers[0] as ModelLayer, weight: new Float32Array(96).fill(8) }];
    const target = path.join(folder, 'twice.onnx');
    // Of two at once one stays, and is whole.
    const both = [1, 2].map(() => writeModel(model, changes, target));
    const outcomes = await Promise.allSettled(both);
    expect(outcomes.map(({ status }) => status)).toContain('fulfilled');
    expect(await weightsAt(target)).toEqual(new Float32Array(96).fill(8));
    const other = `${target}.${process.pid}.part`;
    writeFileSync(other, 'other');
    expectError(await rejection(() => writeModel(model, changes, target)), 'LOAD_FAILED', 'writeModel');
    expect(readFileSync(other, 'utf8')).toBe('other');
    rmSync(other);
    await model.close();
  });

  it('writeModel stops at its signal, and leaves what was there', async () => {
    const model = await readModel(path.join(FIXTURES, 'raw.onnx'));
    const changes = [{ layer: model.layers[0] as ModelLayer, weight: new Float32Array(96) }];
    const target = path.join(folder, 'stopped.onnx');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(writeModel(model, changes, target, { signal })).rejects.toThrow('enough');
    expect(readdirSync(folder).filter((name) => name.startsWith('stopped'))).toEqual([]);
    await writeModel(model, changes, target, { signal: new AbortController().signal });
    expect(await weightsAt(target)).toEqual(new Float32Array(96));
    const wrong = { signal: true as unknown as AbortSignal };
    expectError(await rejection(() => writeModel(model, changes, target, wrong)), 'BAD_TYPE', 'writeModel');
    await model.close();
  });
});

describe('fuzzing', () => {
  it('5000 damaged files are read or refused', async () => {
    const { done, failures, outcomes, slowest } = await fuzzModels({ count: 5000, seed: 7 });
    console.log(`fuzzed ${done} files: ${JSON.stringify(outcomes)}, slowest ${slowest.ms.toFixed(0)} ms`);
    expect(failures.map(({ index, error }) => `${index}: ${error}`)).toEqual([]);
    expect(done).toBe(5000);
    // Damage must not be all there is: what survives it is read to the end.
    expect(outcomes['read, with layers']).toBeGreaterThan(300);
    expect(outcomes.BAD_MODEL).toBeGreaterThan(1000);
  });
});
