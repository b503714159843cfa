// What a file is, by its first bytes, and where it may come from.

import { host } from '@host';
import { DeconvError } from 'deconv-wasm';
import {
  type ModelInput,
  type ModelLayer,
  patchModel,
  readModel,
  writeSafetensors,
} from 'deconv-wasm/models';
import { type Zippable, zipSync } from 'fflate';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compareWith } from '../support/compare.js';
import { type Endless, endlessResponse } from '../support/endless.js';
import { expectError, rejection } from '../support/errors.js';
import { floats, initializer, input, listed, node, onnx, output } from '../support/onnx-writer.js';
import { seed } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

const encode = (text: string) => new TextEncoder().encode(text);
const latin = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const padded = (text: string, size = 200) => latin(text.padEnd(size, '\0'));
const zip = (...names: string[]) =>
  zipSync(Object.fromEntries(names.map((name) => [name, [encode('data'), { level: 0 }]])) as Zippable);

/** A protobuf message of fields with a number, a text or a message in them. */
function message(...fields: readonly (readonly [number, number | string | Uint8Array])[]): Uint8Array {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
  return Uint8Array.from(
    fields.flatMap(([field, value]) => {
      if (typeof value === 'number') return [...varint(8 * field), ...varint(value)];
      const bytes = typeof value === 'string' ? encode(value) : value;
      return [...varint(8 * field + 2), ...varint(bytes.length), ...bytes];
    }),
  );
}

describe('files of other formats are named, with what to do', () => {
  const nodeDef = message([1, 'x'], [2, 'Placeholder']);
  it.each<[RegExp, Uint8Array]>([
    [
      /PyTorch checkpoint".*Export it as ONNX .* or safetensors/,
      zip('model/data.pkl', 'model/data/0', 'model/version'),
    ],
    [/TorchScript/, zip('net/data.pkl', 'net/constants.pkl', 'net/code/__torch__.py')],
    [/Keras/, zip('metadata.json', 'config.json', 'model.weights.h5')],
    [/MediaPipe/, zip('pose_detector.tflite', 'pose_landmarks_detector.tflite')],
    [/Core ML/, zip('Manifest.json', 'Data/com.apple.CoreML/model.mlmodel')],
    [/Java or Android/, zip('META-INF/MANIFEST.MF', 'Main.class')],
    [/zip archive without arrays".*readme\.txt, photo\.jpg/, zip('readme.txt', 'photo.jpg')],
    [/PyTorch checkpoint/, padded('\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.')],
    [/Python pickle/, padded('\x80\x04\x95\x1a\0\0\0\0\0\0\0}\x94\x8c')],
    [/HDF5/, padded('\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0')],
    [/ONNX Runtime's own format/, padded('\x18\0\0\0ORTM\0\0\0\0')],
    [/GGUF/, padded('GGUF\x03\0\0\0')],
    [/TensorFlow SavedModel/, message([1, 1], [2, message([1, message([4, 'serve'])])])],
    [/TensorFlow graph/, message([1, nodeDef], [1, nodeDef], [4, message([1, 1287])])],
    [/Core ML/, message([1, 5], [2, message([1, 'image'])], [500, message([1, 'layer'])])],
    [/TensorFlow\.js/, encode('{"format": "graph-model", "modelTopology": {}, "weightsManifest": []}')],
    [/JSON/, encode('{ "class_name": "Sequential" }')],
    [/OpenVINO/, encode('<?xml version="1.0"?>\n<net name="net" version="11"><layers/></net>')],
    [/XML/, encode('<?xml version="1.0"?><svg/>')],
    [/web page/, encode('<!DOCTYPE html>\n<html><body>404</body></html>')],
    [/Git LFS/, encode('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n')],
    [/compressed file/, padded('\x1f\x8b\x08\0\0\0\0\0')],
    [/tar archive/, latin(`${'model/data.pkl'.padEnd(257, '\0')}ustar\x0000`.padEnd(512, '\0'))],
    [/picture/, padded('\x89PNG\r\n\x1a\n')],
    [/ncnn/, encode('7767517\n3 3\n')],
    [/an empty file/, new Uint8Array(0)],
    [/none of them/, encode('hello, world')],
    [/none of them/, Uint8Array.from({ length: 999 }, (_, index) => (7 * index * index) % 251)],
  ])('%s', async (pattern, bytes) => {
    const error = await rejection(() => readModel(bytes));
    expectError(error, 'BAD_MODEL', 'readModel');
    const said = (error as Error).message;
    expect(said).toMatch(pattern);
    expect(said).not.toMatch(/tag|wire|varint|protobuf/i);
  });

  it('a damaged ONNX file is damaged, and no internals are told', async () => {
    const bytes = await host.readFixture('models/raw.onnx');
    for (const damaged of [
      bytes.slice(0, 100),
      bytes.map((byte, index) => (index > 40 ? 255 - byte : byte)),
    ]) {
      const error = await rejection(() => readModel(damaged));
      expectError(error, 'BAD_MODEL', 'readModel');
      expect((error as Error).message).not.toMatch(/tag|wire|varint|protobuf/i);
    }
  });
});

describe('headers of numpy arrays', () => {
  function npy(header: string, data: ArrayBufferView, version = 1): Uint8Array {
    const text = version === 3 ? encode(`${header}\n`) : latin(`${header}\n`);
    const size =
      version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
    return Uint8Array.from([
      0x93,
      ...encode('NUMPY'),
      version,
      0,
      ...size,
      ...text,
      ...new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    ]);
  }
  const F4 = Float32Array.of(1, 2, 3);
  it.each<[string, ArrayBufferView, number?]>([
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 3), }", F4],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 1L, 3L), }", F4],
    ['{"descr": "<f4", "fortran_order": False, "shape": (1, 1, 3)}', F4],
    ["{'descr': 'f4', 'fortran_order': False, 'shape': (1, 1, 3)}", F4],
    ["{'descr': 'float32', 'fortran_order': False, 'shape': (1, 1, 3)}", F4],
    ["{'descr': '=f4', 'fortran_order': True, 'shape': ( 1 ,1,\n 3 , ) }", F4],
    ["{ 'shape':(1,1,3),'fortran_order':False,u'descr':u'f' }   ", F4],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 3), }", F4, 2],
    ["{'descr': ('<f4'), 'fortran_order': False, 'shape': (1, 1, 3), }", F4, 3],
    ["{'descr': '|i1', 'fortran_order': False, 'shape': (1, 1, 3), }", Int8Array.of(1, 2, 3)],
    ["{'descr': 'uint8', 'fortran_order': False, 'shape': (1, 1, 3), }", Uint8Array.of(1, 2, 3)],
    ["{'descr': '>i2', 'fortran_order': False, 'shape': (1, 1, 3), }", Uint8Array.of(0, 1, 0, 2, 0, 3)],
    ["{'descr': 'float64', 'fortran_order': False, 'shape': (1, 1, 3), }", Float64Array.of(1, 2, 3)],
    ["{'descr': 'int64', 'fortran_order': False, 'shape': (1, 1, 3), }", BigInt64Array.of(1n, 2n, 3n)],
  ])('%s', async (header, data, version) => {
    const model = await readModel(npy(header, data, version), { geometry: { array: { stride: 2 } } });
    expect([...((await model.layers[0]?.weight())?.data ?? [])]).toEqual([1, 2, 3]);
  });

  it.each<[string, string]>([
    ['BAD_MODEL', "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 3"],
    ['BAD_MODEL', "{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 1, 3)}"],
    ['BAD_MODEL', "{'descr': '<f4', 'fortran_order': False, 'shape': (1, -1, 3)}"],
    ['BAD_MODEL', "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 99999999999999999999)}"],
    ['BAD_MODEL', "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 3), 'more': 1}"],
    ['BAD_MODEL', "__import__('os')"],
    ['BAD_MODEL', '('.repeat(5000)],
    ['UNSUPPORTED', "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1, 1, 3)}"],
    ['UNSUPPORTED', "{'descr': '<c8', 'fortran_order': False, 'shape': (1, 1, 3)}"],
  ])('%s: %s', async (code, header) => {
    expectError(await rejection(() => readModel(npy(header, F4))), code as 'BAD_MODEL', 'readModel');
  });
});

describe('numbers in int32_data', () => {
  const up = node('ConvTranspose', ['x', 'w'], ['y']);
  it.each<[Parameters<typeof listed>[1], number[], number[]]>([
    ['int4', [0xe1, 0xc3, 0xa5, 0x87], [1, -2, 3, -4, 5, -6, 7, -8]],
    ['uint4', [0xe1, 0xc3, 0xa5, 0x87], [1, 14, 3, 12, 5, 10, 7, 8]],
    ['int8', [1, -2, 3, -4, 5, -6, 7, -128], [1, -2, 3, -4, 5, -6, 7, -128]],
    ['uint8', [1, 2, 3, 4, 5, 6, 7, 255], [1, 2, 3, 4, 5, 6, 7, 255]],
    [
      'float16',
      [0x3c00, 0xc000, 0x4200, 0xc400, 0, 0x8000, 1, 0x7bff],
      [1, -2, 3, -4, 0, -0, 2 ** -24, 65504],
    ],
    [
      'bfloat16',
      [0x3f80, 0xc000, 0x4040, 0xc080, 0, 0x8000, 1, 0x7f00],
      [1, -2, 3, -4, 0, -0, 2 ** -133, 2 ** 127],
    ],
  ])('%s', async (type, list, values) => {
    const float = type.includes('float');
    const bytes = onnx([
      listed(float ? 'w' : 'q', type, [2, 1, 2, 2], list),
      ...(float
        ? []
        : [
            initializer('s', 'float32', [], Float32Array.of(0.5)),
            node('DequantizeLinear', ['q', 's'], ['w']),
          ]),
      up,
      input('x', [1, 2, 3, 3]),
      output('y'),
    ]);
    const { layers } = await readModel(bytes);
    const read = await layers[0]?.weight();
    expect([...(read?.data ?? [])]).toEqual(values.map((value) => (float ? value : value / 2)));
  });
});

describe('weight normalisation in checkpoints', () => {
  const v = randomTensor([3, 2, 4], seed);
  const g = Float32Array.of(0.5, 2, 3);
  const norms = [0, 1, 2].map((row) => Math.hypot(...v.data.subarray(8 * row, 8 * row + 8)));
  const wanted = v.data.map(
    (value, index) =>
      ((g[Math.floor(index / 8)] as number) * value) / (norms[Math.floor(index / 8)] as number),
  );
  const bias = { data: Float32Array.of(1, 2), shape: [2] };
  const gain = { data: g, shape: [3, 1, 1] };
  it.each<[string, string]>([
    ['up.weight_v', 'up.weight_g'],
    ['up.parametrizations.weight.original1', 'up.parametrizations.weight.original0'],
  ])('%s', async (direction, length) => {
    const file = writeSafetensors({ 'up.bias': bias, [length]: gain, [direction]: v });
    expect((await readModel(file)).candidates.map(({ name }) => name)).toEqual(['up.weight']);
    for (const name of ['up.weight', direction]) {
      const model = await readModel(file, { geometry: { [name]: { stride: 2 } } });
      const [layer] = model.layers as [ModelLayer];
      const allowed = (index: number) => 1e-6 * Math.abs(wanted[index] as number);
      expect(compareWith(await layer.weight(), [3, 2, 4], wanted, allowed)).toBeUndefined();
      expect(layer.biasTensor?.name).toBe('up.bias');
      expect(model.candidates).toEqual([]);
      expect(Object.keys(await model.stateDict()).sort()).toEqual(['up.bias', 'up.weight']);

      const fresh = wanted.map((value, index) => (index < 8 ? 0 : value + 0.25));
      const { files, stored } = await patchModel(model, [{ layer, weight: fresh }]);
      const written: number[] = [];
      for await (const chunk of files[0]?.stream() ?? []) written.push(...chunk);
      const again = await readModel(Uint8Array.from(written), { geometry: { [name]: { stride: 2 } } });
      const read = await again.layers[0]?.weight();
      expect(read).toEqual(stored[0]);
      const close = (index: number) => 1e-6 * Math.abs(fresh[index] as number);
      expect(compareWith(read as NonNullable<typeof read>, [3, 2, 4], fresh, close)).toBeUndefined();
    }
  });

  it('one length for all, and spectral norms of both kinds of layers', async () => {
    const one = writeSafetensors({ weight_g: { data: Float32Array.of(2), shape: [] }, weight_v: v });
    const [layer] = (await readModel(one, { geometry: { weight: {} } })).layers as [ModelLayer];
    const all = Math.hypot(...v.data);
    expect((await layer.weight()).data[5]).toBeCloseTo((2 * (v.data[5] as number)) / all, 6);

    // Rows of the matrix are axis 0, or axis 1 for a transposed convolution.
    const square = randomTensor([3, 3, 2], seed);
    for (const axis of [0, 1]) {
      const at = (row: number, column: number) => {
        const [other, tap] = [Math.floor(column / 2), column % 2];
        return square.data[(axis === 0 ? 6 * row + 2 * other : 6 * other + 2 * row) + tap] as number;
      };
      let [left, right] = [[1, 1, 1], Array(6).fill(1)] as [number[], number[]];
      const unit = (list: number[]) => list.map((value) => value / Math.hypot(...list));
      for (let step = 0; step < 50; step += 1) {
        right = unit(
          right.map((_, column) => left.reduce((sum, value, row) => sum + value * at(row, column), 0)),
        );
        left = unit(
          left.map((_, row) => right.reduce((sum, value, column) => sum + value * at(row, column), 0)),
        );
      }
      const sigma = left.reduce(
        (sum, value, row) =>
          sum + value * right.reduce((dot, other, column) => dot + other * at(row, column), 0),
        0,
      );
      const file = writeSafetensors({
        weight_orig: square,
        weight_u: { data: Float32Array.from(left), shape: [3] },
        weight_v: { data: Float32Array.from(right), shape: [6] },
      });
      const model = await readModel(file, { geometry: { weight: {} } });
      const [normed] = model.layers as [ModelLayer];
      const { data } = await normed.weight();
      for (const [index, value] of data.entries()) {
        expect(value).toBeCloseTo((square.data[index] as number) / sigma, 5);
      }
      const change = { layer: normed, weight: data };
      expectError(await rejection(() => patchModel(model, [change])), 'UNSUPPORTED', 'patchModel');
    }
  });
});

describe('where a file comes from', () => {
  const file = onnx([
    floats('w', [1, 1, 2, 2], [1, 2, 3, 4]),
    node('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2] }),
    input('x', [1, 1, 3, 3]),
    output('y'),
  ]);
  async function expectRead(given: ModelInput): Promise<void> {
    const model = await readModel(given);
    expect((await model.layers[0]?.weight())?.data).toEqual(Float32Array.of(1, 2, 3, 4));
    await model.close();
  }

  it('a Response, a File, blob: and data: addresses', async () => {
    await expectRead(new Response(file));
    await expectRead(new File([file], 'model.onnx'));
    const address = URL.createObjectURL(new Blob([file]));
    await expectRead(address);
    await expectRead(new URL(address));
    URL.revokeObjectURL(address);
    await expectRead(`data:application/octet-stream;base64,${btoa(String.fromCharCode(...file))}`);
  });

  it('shared memory is copied', async () => {
    if (typeof SharedArrayBuffer === 'undefined') return;
    const shared = new SharedArrayBuffer(file.length + 4);
    const view = new Uint8Array(shared, 4);
    view.set(file);
    const model = await readModel(view);
    view.fill(0);
    expect((await model.layers[0]?.weight())?.data).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it('what cannot be loaded is an error of ours', async () => {
    const gone = URL.createObjectURL(new Blob([file]));
    URL.revokeObjectURL(gone);
    const used = new Response(file);
    await used.arrayBuffer();
    for (const given of [gone, new Response('no', { status: 404 }), used, 'http://127.0.0.1:9/model.onnx']) {
      expectError(await rejection(() => readModel(given)), 'LOAD_FAILED', 'readModel');
    }
    const detached = new Uint8Array(100);
    structuredClone(detached, { transfer: [detached.buffer] });
    for (const given of [detached, detached.buffer]) {
      expectError(await rejection(() => readModel(given)), 'BAD_BUFFER', 'readModel');
    }
    const failing = { size: 100, read: () => Promise.reject(new Error('the disk is gone')) };
    const error = await rejection(() => readModel(failing));
    expectError(error, 'LOAD_FAILED', 'readModel');
    expect((error as Error).message).toContain('the disk is gone');
    for (const given of [null, 5, [], {}, Float32Array.of(1)]) {
      expect(await rejection(() => readModel(given as never))).toBeInstanceOf(DeconvError);
    }
  });

  it('a signal stops the reading, now and later', async () => {
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(readModel(file, { signal: aborted })).rejects.toThrow('enough');
    const control = new AbortController();
    const model = await readModel(file, { signal: control.signal });
    control.abort(new Error('no more'));
    await expect((model.layers[0] as ModelLayer).weight()).rejects.toThrow('no more');
    const wrong = await rejection(() => readModel(file, { signal: {} as AbortSignal }));
    expectError(wrong, 'BAD_TYPE', 'readModel');
  });

  it('a source that fails is asked for nothing more, wherever it does', async () => {
    for (let last = 1; ; last += 1) {
      let count = 0;
      const read = async (offset: number, length: number) => {
        count += 1;
        if (count >= last) throw new Error('the disk is gone.');
        return file.subarray(offset, offset + length);
      };
      const outcome = await readModel({ size: file.length, read }).catch((error: unknown) => error);
      if (count < last) break;
      expectError(outcome as DeconvError, 'LOAD_FAILED', 'readModel');
      expect([count, (outcome as Error).message]).toEqual([
        last,
        expect.stringMatching(/ got the disk is gone\. The source failed\.$/),
      ]);
    }
  });

  it('a signal ends a response that comes, whoever asked for it', async () => {
    const reason = new Error('enough');
    for (const asked of [(response: Response) => response, () => 'https://example.org/model.onnx']) {
      const { response, left } = endlessResponse({}, file);
      vi.stubGlobal('fetch', async () => response);
      const control = new AbortController();
      setTimeout(() => control.abort(reason), 20);
      await expect(readModel(asked(response), { signal: control.signal })).rejects.toBe(reason);
      expect(left()).toBe(reason);
    }
  });

  it('what is no answer is fetched no further', async () => {
    const [missing, unsized] = [endlessResponse({ status: 404 }), endlessResponse({ status: 206 })];
    const answers = [missing.response, unsized.response, new Response(file)];
    const whole: Endless[] = [];
    vi.stubGlobal('fetch', async () => {
      const answer = answers.shift();
      if (answer !== undefined) return answer;
      const endless = endlessResponse();
      whole.push(endless);
      return endless.response;
    });
    const address = 'https://example.org/model.onnx';
    expectError(await rejection(() => readModel(address)), 'LOAD_FAILED', 'readModel');
    expect(missing.left()).toBe('cancelled');
    await expectRead(address);
    expect(unsized.left()).toBe('cancelled');

    const large = onnx([floats('filler', [20_000], new Float32Array(20_000)), input('x', [1, 1, 3, 3])]);
    const ranges = { status: 206, headers: { 'content-range': `bytes 0-65535/${large.length}` } };
    answers.push(new Response(large.subarray(0, 65_536), ranges));
    const error = await rejection(() => readModel(address, { format: 'onnx' }));
    expectError(error, 'LOAD_FAILED', 'readModel');
    expect((error as Error).message).toContain('another file');
    expect(whole.map(({ left }) => left())).toEqual(['cancelled']);
  });
});

describe('files that are damaged, or say a thing twice', () => {
  const written = (header: string, bytes: number) => {
    const head = encode(header);
    const file = new Uint8Array(8 + head.length + bytes);
    new DataView(file.buffer).setUint32(0, head.length, true);
    file.set(head, 8);
    return file;
  };
  const entry = (dtype: string, begin = 0, end = 4) =>
    `{"dtype":"${dtype}","shape":[${dtype === 'F32' ? 1 : 4}],"data_offsets":[${begin},${end}]}`;

  it.each([0, 6] as const)('an array of an archive whose checksum is another, level %i', async (level) => {
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (64,), }".padEnd(117);
    const array = new Uint8Array(128 + 256);
    array.set(latin(`\x93NUMPY\x01\0v\0${header}\n`));
    const file = zipSync({ 'w.npy': array }, { level });
    const [tensor] = (await readModel(file)).tensors;
    expect((await tensor?.read())?.data).toEqual(new Float32Array(64));
    const directory = file.findLastIndex((_, at) =>
      latin('PK\x01\x02').every((byte, i) => file[at + i] === byte),
    );
    // Of a stored array a value, of a deflated one what the directory says.
    const place = level === 0 ? directory - 1 : directory + 16;
    file[place] = (file[place] as number) ^ 1;
    const [damaged] = (await readModel(file)).tensors;
    const error = await rejection(async () => damaged?.read());
    expectError(error, 'BAD_MODEL', 'readModel');
    expect(error.message).toMatch(/"w.npy" with the checksum/);
  });

  it.each([
    ['a name', `{"a":${entry('F32')},"a":${entry('I8')}}`],
    ['a name that is written otherwise', `{"a":${entry('F32')}, "\\u0061" :${entry('I8')}}`],
    ['a part of an entry', `{"a":{"dtype":"F32",${entry('I8').slice(1)}}`],
  ])('a safetensors header with %s twice', async (_, header) => {
    const error = await rejection(() => readModel(written(header, 4)));
    expectError(error, 'BAD_MODEL', 'readModel');
    expect(error.message).toMatch(/each name once/);
  });

  it.each([
    ['F8_E8M0', [4], [0, 127, 130, 255], [2 ** -127, 1, 8, Number.NaN]],
    ['F4', [2, 4], [0x10, 0x72, 0x98, 0xfb], [0, 0.5, 1, 6, -0, -0.5, -1.5, -6]],
  ])('values of %s', async (dtype, shape, bytes, values) => {
    const header = JSON.stringify({ a: { dtype, shape, data_offsets: [0, 4] } });
    const file = written(header, 4);
    file.set(bytes, file.length - 4);
    const [tensor] = (await readModel(file)).tensors;
    expect([...((await tensor?.read())?.data ?? [])]).toEqual(values);
  });

  it('arrays of an archive that are no numbers are named', async () => {
    const array = (descr: string) => {
      const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (1,), }`.padEnd(117);
      return Uint8Array.from([...latin(`\x93NUMPY\x01\0v\0${header}\n`), 0, 0, 0, 0]);
    };
    const model = await readModel(zipSync({ 'w.npy': array('<f4'), 'text.npy': array('<U1') }));
    expect(model.tensors.map(({ name }) => name)).toEqual(['w']);
    expect(model.unread).toEqual([{ name: 'text', dtype: '<U1' }]);
  });

  it('names in texts of a safetensors header count for none', async () => {
    const header = `{"__metadata__":{"a":"{\\"a\\": 1, \\\\"},"a":${entry('I8')}}`;
    expect((await readModel(written(header, 4))).tensors).toHaveLength(1);
  });

  it('dtypes of safetensors: those that are left out are named, and words that are none refused', async () => {
    for (const dtype of ['F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'F8_E8M0', 'F6_E2M3', 'F6_E3M2', 'C64']) {
      const read = dtype.startsWith('F8');
      const model = await readModel(written(`{"a":${entry(dtype)},"b":${entry('F32', 4, 8)}}`, 8));
      expect(model.tensors.map(({ name }) => name)).toEqual(read ? ['a', 'b'] : ['b']);
      expect(model.unread).toEqual(read ? [] : [{ name: 'a', dtype }]);
    }
    for (const dtype of ['nonsense', 'constructor']) {
      const error = await rejection(() => readModel(written(`{"a":${entry(dtype)}}`, 4)));
      expectError(error, 'UNSUPPORTED', 'readModel');
      expect(error.message).toContain(dtype);
    }
  });
});
