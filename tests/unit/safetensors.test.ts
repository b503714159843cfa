// Files written: byte for byte what the library writes (its own tests' vectors), and what readModel gives back.

import { ConvTranspose2d, DeconvError, ReLU, Sequential, type StateDict } from 'deconv-wasm';
import { readModel, type SafetensorsValue, writeSafetensors } from 'deconv-wasm/models';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsOf } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';

function refusal(act: () => unknown): { code: string; message: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof DeconvError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('expected a DeconvError, got no error');
}

/** A file as text, its tensors' bytes as characters. */
const text = (file: Uint8Array): string => Buffer.from(file).toString('latin1');

describe('byte for byte what the library writes', () => {
  const data = Float32Array.of(0, 1, 2, 3, 4, 5);
  const bytes = text(new Uint8Array(data.buffer));

  it('of a header of whole words', () => {
    expect(text(writeSafetensors({ 'attn.0': { data, shape: [1, 2, 3] } }))).toBe(
      `@\0\0\0\0\0\0\0{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}${bytes}`,
    );
  });

  it('of a header that spaces fill up', () => {
    expect(text(writeSafetensors({ attn0: { data, shape: [1, 1, 2, 3] } }))).toBe(
      `H\0\0\0\0\0\0\0{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}       ${bytes}`,
    );
  });

  it('without tensors, with metadata and without', () => {
    expect(text(writeSafetensors({}))).toBe('\b\0\0\0\0\0\0\0{}      ');
    expect(writeSafetensors({}, { metadata: null })).toEqual(writeSafetensors({}));
    expect(text(writeSafetensors({}, { metadata: { framework: 'pt' } }))).toBe(
      '(\0\0\0\0\0\0\0{"__metadata__":{"framework":"pt"}}     ',
    );
  });

  it('in its order: by falling alignment of the dtype, then by the bytes of the name', () => {
    const one = { data: Float32Array.of(1), shape: [1] };
    const bits = { data: new Uint16Array(1), shape: [1] };
    const file = writeSafetensors({
      bool: { data: new Uint8Array(1), shape: [1], dtype: 'bool' },
      u8: { data: new Uint8Array(1), shape: [1] },
      i8: { data: new Int8Array(1), shape: [1] },
      i16: { data: new Int16Array(1), shape: [1] },
      u16: bits,
      f16: { ...bits, dtype: 'float16' },
      bf16: { ...bits, dtype: 'bfloat16' },
      i32: { data: new Int32Array(1), shape: [1] },
      u32: { data: new Uint32Array(1), shape: [1] },
      // In UTF-16 the second would come first.
      '\u{1f600}': one,
      '\uff5e': one,
      'a"\\\n\u0001\u007f': one,
      '2.weight': one,
      '10.weight': one,
      f64: { data: new Float64Array(1), shape: [1] },
      i64: { data: new BigInt64Array(1), shape: [] },
      u64: { data: new BigUint64Array(1), shape: [1] },
    });
    const length = Number(new DataView(file.buffer).getBigUint64(0, true));
    const header = Buffer.from(file.subarray(8, 8 + length)).toString();
    expect(
      [...header.matchAll(/"([^{}[\]]*)":\{"dtype":"(\w+)"/g)].map(([, name, dtype]) => `${dtype} ${name}`),
    ).toEqual([
      'U64 u64',
      'I64 i64',
      'F64 f64',
      'F32 10.weight',
      'F32 2.weight',
      'F32 a\\"\\\\\\n\\u0001\u007f',
      'F32 \uff5e',
      'F32 \u{1f600}',
      'U32 u32',
      'I32 i32',
      'BF16 bf16',
      'F16 f16',
      'U16 u16',
      'I16 i16',
      'I8 i8',
      'U8 u8',
      'BOOL bool',
    ]);
  });
});

it('comes back as it was, whatever the names, shapes and values', async () => {
  const shape = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 });
  const tensor = shape.chain((extents) => {
    const count = extents.reduce((product, extent) => product * extent, 1);
    return fc.oneof(
      fc
        .float32Array({ minLength: count, maxLength: count })
        .map((data): SafetensorsValue => ({ data, shape: extents })),
      fc
        .tuple(fc.uint16Array({ minLength: count, maxLength: count }), fc.constantFrom('float16', 'bfloat16'))
        .map(([data, dtype]) => ({ data, shape: extents, dtype }) as SafetensorsValue),
    );
  });
  const name = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => text !== '__metadata__');
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, tensor, { maxKeys: 5, noNullPrototype: true }), async (tensors) => {
      const file = writeSafetensors(tensors);
      const model = await readModel(file, { format: 'safetensors' });
      const state = await model.stateDict();
      expect(new Map(Object.entries(state))).toEqual(new Map(Object.entries(tensors)));
      expect(writeSafetensors(state)).toEqual(file);
      const start = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
      expect(start % 8).toBe(0);
      for (const { ranges } of model.tensors) expect((ranges[0]?.offset ?? 0) % 2).toBe(0);
    }),
    runsOf(100),
  );
});

it('carries a state from one layer to another', async () => {
  const options = { inChannels: 2, outChannels: 4, kernelSize: 3 };
  const up = new ConvTranspose2d({ ...options, seed: 1 });
  up.setWeight({ data: new Uint16Array(72).fill(0x3c01), shape: [2, 4, 3, 3], dtype: 'float16' });
  const model = await readModel(writeSafetensors(up.stateDict()));
  const other = new ConvTranspose2d({ ...options, seed: 2 });
  other.loadStateDict(await model.stateDict());
  expect(other.stateDict()).toEqual(up.stateDict());
  expect(other.weightType).toBe('float16');
});

it('is read from a source that gives parts of Node’s Buffers', async () => {
  const tensor = randomTensor([1, 2, 3], 1);
  const bytes = Buffer.concat([Buffer.of(1, 2, 3), writeSafetensors({ up: tensor })]).subarray(3);
  const model = await readModel({
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  });
  expect(await model.stateDict()).toEqual({ up: tensor });
});

it('what a layer says of itself is nobody’s to change', async () => {
  const file = writeSafetensors({ up: randomTensor([1, 2, 4], 1) });
  const { layers } = await readModel(file, { geometry: { up: { stride: 2 } } });
  const stride = layers[0]?.geometry?.stride as number[];
  expect(() => stride.reverse().push(5)).toThrow(TypeError);
  expect(stride).toEqual([2]);
});

describe('refused', () => {
  const good = randomTensor([2], 1);
  it.each<[string, unknown, unknown, string, RegExp]>([
    ['no tensors', null, {}, 'BAD_TYPE', /tensors by name, got null/],
    ['a Map', new Map([['a', good]]), {}, 'BAD_TYPE', /by name.*Object\.fromEntries/],
    ['no tensor', { a: 3 }, {}, 'BAD_TYPE', /"a" to be a tensor/],
    // Neither has fields, and a file without tensors would look well.
    ['a chain', new Sequential(new ReLU()), {}, 'BAD_TYPE', /by name.*Pass its stateDict\(\)/],
    [
      'a state that was not awaited',
      Promise.resolve({ a: good }),
      {},
      'BAD_TYPE',
      /Promise.*awaited where it is of a file/,
    ],
    [
      'a tensor that was not awaited',
      { a: Promise.resolve(good) },
      {},
      'BAD_TYPE',
      /"a" to be a tensor.*Promise/,
    ],
    ['a list for data', { a: { data: [1], shape: [1] } }, {}, 'BAD_TYPE', /"a"\.data to be a typed array/],
    ['clamped bytes', { a: { data: new Uint8ClampedArray(1), shape: [1] } }, {}, 'BAD_TYPE', /"a"\.data/],
    [
      'a wrong count',
      { a: { data: new Float32Array(3), shape: [2] } },
      {},
      'BAD_SHAPE',
      /"a" with 2 values .* got 3/,
    ],
    ['a dtype of another array', { a: { ...good, dtype: 'float16' } }, {}, 'BAD_OPTION', /"a"\.dtype/],
    ['a reserved name', { __metadata__: good }, {}, 'BAD_OPTION', /Pass it as metadata/],
    ['half a character', { '\ud83d': good }, {}, 'BAD_OPTION', /well-formed/],
    [
      'metadata of numbers',
      { a: good },
      { metadata: { epoch: 3 } },
      'BAD_TYPE',
      /metadata\["epoch"\] to be a string/,
    ],
    ['metadata as text', { a: good }, { metadata: 'pt' }, 'BAD_TYPE', /metadata/],
    ['another option', { a: good }, { meta: {} }, 'BAD_OPTION', /options among metadata/],
  ])('%s', (_name, tensors, options, code, message) => {
    expect(refusal(() => writeSafetensors(tensors as StateDict, options as object))).toEqual({
      code,
      message: expect.stringMatching(new RegExp(`^writeSafetensors: expected .*${message.source}`, 's')),
    });
  });
});
