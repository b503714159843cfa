// Model files that frameworks wrote (tests/fixtures/models/make.py): what is read of them is what numpy and
// PyTorch know of them.

import { host } from '@host';
import { init, shutdown, type Tensor } from 'deconv-wasm';
import { type Analysis, analyze } from 'deconv-wasm/checkerboard';
import {
  type LayerGeometry,
  type Model,
  type ModelInput,
  type ModelLayer,
  patchModel,
  type ReadModelOptions,
  readModel,
  type WeightChange,
} from 'deconv-wasm/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareWith } from '../support/compare.js';
import { expectError, rejection } from '../support/errors.js';
import { permute } from '../support/tensors.js';

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** What numpy computed of one layer, by the definitions. */
interface Facts {
  readonly transposed: boolean;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly overlap: readonly number[];
  readonly unevenness: number;
  readonly gainsOfFirstPair: readonly number[];
  readonly gainSum: number;
  readonly worstPair: number;
  readonly weightSum: number;
  readonly weightHead: readonly number[];
}

async function bytesOf(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return host.readFixture(`models/${name}`);
}

async function jsonOf<Value>(name: string): Promise<Value> {
  return JSON.parse(new TextDecoder().decode(await bytesOf(name))) as Value;
}

async function open(name: string, options?: ReadModelOptions): Promise<Model> {
  return readModel(await bytesOf(name), options);
}

function tensorOf({ data, shape }: Stored): Tensor {
  return { data: Float32Array.from(data), shape };
}

async function onlyLayer(name: string, options?: ReadModelOptions): Promise<ModelLayer> {
  const { layers } = await open(name, options);
  expect(layers).toHaveLength(1);
  return layers[0] as ModelLayer;
}

let weight: Tensor;
let coarse: Tensor;
let bias: Tensor;
let analysis: Record<string, Record<string, Facts>>;

beforeAll(async () => {
  await init();
  const stored = await jsonOf<Record<'weight' | 'coarse' | 'bias', Stored>>('weight.json');
  [weight, coarse, bias] = [tensorOf(stored.weight), tensorOf(stored.coarse), tensorOf(stored.bias)];
  analysis = await jsonOf('analysis.json');
});
afterAll(shutdown);

/** U of a transposed layer of a file. */
async function unevennessOf(layer: ModelLayer, stride: readonly number[]): Promise<number> {
  return analyze({ geometry: { stride }, weight: await layer.weight() }).unevenness;
}

/** Files whose weights the writer (weight norm, folded) or the reader (scales) has rounded to float32 once more. */
const ROUNDED = ['vocoder', 'int8'];

/** Every number of an analysis that numpy has as well. */
function expectFacts(file: string, found: Analysis, facts: Facts): void {
  const digits = ROUNDED.includes(file) ? 6 : 12;
  expect(found.pass).toBe(facts.transposed ? 'forward' : 'backward');
  // A strided convolution stamps on its input: its weight [out, in/groups] has what comes in first, too.
  expect([found.inChannels, found.outChannels]).toEqual([
    facts.shape[0],
    (facts.shape[1] as number) * facts.groups,
  ]);
  expect(found.groups).toBe(facts.groups);
  expect(found.stride).toEqual(facts.stride);
  expect(found.dilation).toEqual(facts.dilation);
  expect(found.kernelSize).toEqual(facts.shape.slice(2));
  expect(found.overlap.counts).toEqual(facts.overlap);
  expect(found.unevenness).toBeCloseTo(facts.unevenness, digits);
  const first = found.gains[0]?.[0] ?? [];
  expect(first).toHaveLength(facts.gainsOfFirstPair.length);
  for (const [phase, gain] of facts.gainsOfFirstPair.entries())
    expect(first[phase]).toBeCloseTo(gain, digits);
  const sum = found.gains.flat(2).reduce((total, gain) => total + gain, 0);
  expect(sum).toBeCloseTo(facts.gainSum, digits - 2);
  expect(sum).toBeCloseTo(facts.weightSum, digits - 2);
  expect(found.worstPair.deviation).toBeCloseTo(facts.worstPair, digits);
  const even = facts.overlap.every((count) => count === facts.overlap[0]);
  expect(found.verdict).toBe(facts.unevenness < 1e-10 ? 'free' : even ? 'weights-only' : 'overlap');
}

describe('networks that PyTorch exported', () => {
  it.each([
    ['generator', 4],
    ['fsrcnn-x2', 1],
    ['fsrcnn-x3', 1],
    ['fsrcnn-x4', 1],
    ['unet', 4],
    ['vocoder', 1],
    ['depthwise', 2],
  ])('%s: names, geometry, weights and their analysis are those that numpy computed', async (name, count) => {
    const model = await open(`${name}.onnx`);
    expect({ format: model.format, producer: model.producer }).toEqual({
      format: 'onnx',
      producer: 'pytorch',
    });
    const wanted = Object.entries(analysis[name] ?? {});
    expect(model.layers).toHaveLength(count);
    expect(wanted).toHaveLength(count);
    for (const [weightName, facts] of wanted) {
      // Weight norm is folded into a constant with a name of the exporter's.
      const layer =
        count === 1
          ? (model.layers[0] as ModelLayer)
          : (model.layers.find(({ weightTensor }) => weightTensor?.name === weightName) as ModelLayer);
      expect(layer.problem).toBeNull();
      expect(layer.geometry).toMatchObject({
        transposed: facts.transposed,
        stride: facts.stride,
        dilation: facts.dilation,
        groups: facts.groups,
        kernelSize: facts.shape.slice(2),
      });
      const read = await layer.weight();
      expect(read.shape).toEqual(facts.shape);
      for (const [index, value] of facts.weightHead.entries()) expect(read.data[index]).toBeCloseTo(value, 6);
      const { transposed, stride, dilation, groups } = layer.geometry as LayerGeometry;
      expectFacts(name, analyze({ geometry: { transposed, stride, dilation, groups }, weight: read }), facts);
      using own = await layer.toLayer();
      expectFacts(name, analyze(own), facts);
    }
  });

  it.each(['raw', 'int8', 'uint8', 'half'])("%s: the analysis is numpy's", async (name) => {
    using own = await (await onlyLayer(`${name}.onnx`)).toLayer();
    expectFacts(name, analyze(own), analysis[name]?.w as Facts);
  });

  it('the stride-1 layers come with layers: "all"', async () => {
    expect((await open('unet.onnx', { layers: 'all' })).layers.map(({ name }) => name)).toEqual([
      '/enter/Conv',
      '/down1/Conv',
      '/down2/Conv',
      '/up2/ConvTranspose',
      '/up1/ConvTranspose',
      '/leave/Conv',
    ]);
  });

  it('a depthwise pair runs as PyTorch ran it', async () => {
    const { layers } = await open('depthwise.onnx');
    const samples = await jsonOf<Record<'x' | 'y', Stored>>('depthwise-samples.json');
    using down = await (layers[0] as ModelLayer).toLayer();
    using up = await (layers[1] as ModelLayer).toLayer();
    const y = up.forward(down.forward(tensorOf(samples.x)));
    expect(compareWith(y, samples.y.shape, samples.y.data, () => 1e-6)).toBeUndefined();
  });
});

describe('every way in which ONNX holds a weight', () => {
  it.each(['raw', 'listed', 'double', 'constant', 'output-shape', 'same-upper'])('%s', async (name) => {
    const layer = await onlyLayer(`${name}.onnx`);
    const read = await layer.weight();
    expect(
      compareWith(read, weight.shape, weight.data, (index) => 1e-7 * Math.abs(weight.data[index] as number)),
    ).toBeUndefined();
    expect(await layer.bias()).toEqual(bias);
  });

  it.each(['half', 'half-listed', 'bfloat16'])('%s, exactly', async (name) => {
    const layer = await onlyLayer(`${name}.onnx`);
    expect(compareWith(await layer.weight(), coarse.shape, coarse.data, () => 0)).toBeUndefined();
    using ours = await layer.toLayer();
    expect(compareWith(ours.weight, coarse.shape, coarse.data, () => 0)).toBeUndefined();
  });

  it.each(['int8', 'uint8'])('%s, with its scales', async (name) => {
    const facts = analysis[name]?.w as Facts;
    const read = await (await onlyLayer(`${name}.onnx`)).weight();
    for (const [index, value] of facts.weightHead.entries()) expect(read.data[index]).toBeCloseTo(value, 6);
  });

  it('external data, given by its location', async () => {
    const external = { 'external.bin': await bytesOf('external.bin') };
    const layer = await onlyLayer('external.onnx', { external });
    expect(layer.weightTensor).toMatchObject({ file: 'external.bin', dtype: 'float32' });
    expect(await layer.weight()).toEqual({ data: weight.data, shape: weight.shape });
    expectError(await rejection(() => open('external.onnx')), 'LOAD_FAILED', 'readModel');
  });

  it('both branches of an If, and a function at each of its calls', async () => {
    const branches = (await open('subgraph.onnx')).layers;
    expect(branches.map(({ name, geometry }) => [name, geometry?.stride])).toEqual([
      ['choice/else_branch/up', [4, 4]],
      ['choice/then_branch/up', [2, 2]],
    ]);
    const doubled = await (branches[0] as ModelLayer).weight();
    expect(doubled.data[5]).toBe(2 * (weight.data[5] as number));
    const calls = (await open('function.onnx')).layers;
    expect(calls.map(({ name, geometry }) => [name, geometry?.stride, geometry?.kernelSize])).toEqual([
      ['first/inner', [2, 2], [4, 4]],
      ['second/inner', [3, 3], [3, 3]],
    ]);
  });

  it('a weight that is no constant is a reason, and no layer', async () => {
    const { layers } = await open('not-constant.onnx');
    const [given, squared] = layers as [ModelLayer, ModelLayer];
    expect(given.problem).toBe('its weight "given" is an input of the model');
    expectError(await rejection(() => given.toLayer()), 'UNSUPPORTED', 'ModelLayer');
    expectError(await rejection(() => given.weight()), 'UNSUPPORTED', 'ModelLayer');
    expect((await squared.weight()).data).toEqual(weight.data.map((value) => value * value));
  });

  it('pads are known where they do not depend on the input, and where the file says its size', async () => {
    expect((await onlyLayer('raw.onnx')).geometry).toMatchObject({ padBefore: [1, 1], padAfter: [1, 1] });
    expect((await onlyLayer('output-shape.onnx')).geometry).toMatchObject({
      padBefore: [1, 1],
      padAfter: [1, 1],
    });
    expect((await onlyLayer('same-upper.onnx')).geometry).toMatchObject({
      padBefore: [1, 0],
      padAfter: [1, 1],
    });
  });
});

describe('bare tensors', () => {
  it('safetensors: layers as the caller describes them, candidates otherwise', async () => {
    const model = await open('generator.safetensors', {
      geometry: { 'up0.weight': { stride: 2, padding: 1 }, 'image.weight': { stride: 2, padding: 1 } },
    });
    expect(model.candidates.map(({ name }) => name)).toEqual([
      'project.weight',
      'up1.weight',
      'half.weight',
      'brain.weight',
      'double.weight',
    ]);
    const [up, image] = model.layers as [ModelLayer, ModelLayer];
    expect([up.biasTensor, image.biasTensor?.name]).toEqual([null, 'image.bias']);
    const facts = analysis.generator?.['up0.weight'] as Facts;
    expect(await unevennessOf(up, [2, 2])).toBeCloseTo(facts.unevenness, 6);
    const exported = (await open('generator.onnx')).layers.find(
      ({ weightTensor }) => weightTensor?.name === 'image.weight',
    );
    expect(await image.weight()).toEqual(await exported?.weight());
    const values = async (name: string) =>
      (await model.tensors.find((tensor) => tensor.name === name)?.read())?.data;
    expect(await values('half.weight')).toEqual(coarse.data);
    expect(await values('brain.weight')).toEqual(coarse.data);
    expect(await values('double.weight')).toEqual(weight.data);
    expect(await values('steps')).toEqual(Float32Array.of(7, -1));
  });

  it.each(['array', 'column-major', 'big-endian'])('%s.npy', async (name) => {
    const layer = await onlyLayer(`${name}.npy`, { geometry: { array: { stride: 2, padding: 1 } } });
    expect(await layer.weight()).toEqual({ data: weight.data, shape: weight.shape });
  });

  it.each(['stored', 'compressed'])('%s.npz', async (name) => {
    const model = await open(`${name}.npz`, { geometry: { 'up.weight': { stride: 2 } } });
    const [layer] = model.layers as [ModelLayer];
    expect(await layer.weight()).toEqual({ data: weight.data, shape: weight.shape });
    expect(await layer.bias()).toEqual(bias);
    // Texts are no numbers; doubles of the other byte order are.
    expect(model.tensors.map((tensor) => tensor.name)).toEqual(['up.weight', 'up.bias', 'big']);
    expect((await model.tensors[2]?.read())?.data).toEqual(weight.data);
  });

  it('options by names have to be that, also where the file has no use for them', async () => {
    for (const value of [5, 'x', [], null, () => {}]) {
      for (const option of ['external', 'geometry'] as const) {
        const options = { [option]: value };
        const failed = await rejection(() => open('raw.onnx', options));
        expectError(failed, 'BAD_TYPE', 'readModel');
        expect(failed.message).toContain(`expected ${option} to be`);
        expectError(await rejection(() => open('stored.npz', options)), 'BAD_TYPE', 'readModel');
      }
    }
  });

  it('refuses objects, and geometry of what is not there', async () => {
    expectError(await rejection(() => open('objects.npy')), 'UNSUPPORTED', 'readModel');
    const geometry = { missing: { stride: 2 } };
    expectError(await rejection(() => open('array.npy', { geometry })), 'BAD_OPTION', 'readModel');
    expectError(await rejection(() => open('raw.onnx', { geometry })), 'BAD_OPTION', 'readModel');
  });
});

describe('TFLite', () => {
  it('weights come in the order of all formats, and the layers run as those of ONNX', async () => {
    const { layers } = await open('layers.tflite', { layers: 'all' });
    expect(layers.map(({ name, operator, activation }) => [name, operator, activation])).toEqual([
      ['up', 'TRANSPOSE_CONV', null],
      ['quantized', 'TRANSPOSE_CONV', null],
      ['half', 'TRANSPOSE_CONV', null],
      ['down', 'CONV_2D', 'RELU'],
      ['each down', 'DEPTHWISE_CONV_2D', null],
      ['flat', 'CONV_2D', null],
      ['free', 'TRANSPOSE_CONV', null],
    ]);
    const [up, quantized, half, down, each] = layers as ModelLayer[] as [
      ModelLayer,
      ModelLayer,
      ModelLayer,
      ModelLayer,
      ModelLayer,
    ];
    expect(await up.weight()).toEqual({ data: weight.data, shape: weight.shape });
    expect(await half.weight()).toEqual({ data: coarse.data, shape: coarse.shape });
    const facts = analysis.int8?.w as Facts;
    expect(await unevennessOf(quantized, [2, 2])).toBeCloseTo(facts.unevenness, 6);
    expect((await down.weight()).shape).toEqual([2, 3, 4, 4]);
    expect(each.geometry).toMatchObject({ groups: 3, inChannels: 3, outChannels: 6 });

    const x: Tensor = {
      data: Float32Array.from({ length: 60 }, (_, index) => Math.sin(index)),
      shape: [1, 5, 4, 3],
    };
    const onnx = await onlyLayer('raw.onnx');
    using ours = await up.toLayer();
    using theirs = await onnx.toLayer();
    const wanted = permute(theirs.forward(permute(x, [0, 3, 1, 2])), [0, 2, 3, 1]);
    expect(compareWith(ours.forward(x), wanted.shape, wanted.data, () => 1e-5)).toBeUndefined();
    using strided = await down.toLayer();
    expect(Math.min(...strided.forward(x).data)).toBe(0);
    using depthwise = await each.toLayer();
    expect(depthwise.forward(x).shape).toEqual([1, 1, 1, 6]);
    const flattened = await each.weight();
    // Tap (h, w) of output channel o stands at [1, h, w, o].
    expect(flattened.data[3 * 16 + 7]).toBe(weight.data[7 * 6 + 3]);
    expect(layers.at(-1)?.problem).toBe('its weight is an input of the model');
  });
});

describe('sources', () => {
  it('bytes, buffers, Blobs and sources of the caller give the same', async () => {
    const bytes = await bytesOf('raw.onnx');
    const reads: number[] = [];
    const inputs: ModelInput[] = [
      bytes,
      bytes.buffer,
      new Blob([bytes]),
      {
        size: bytes.length,
        read: async (offset, length) => {
          reads.push(length);
          return bytes.slice(offset, offset + length);
        },
      },
    ];
    for (const input of inputs) {
      const model = await readModel(input);
      expect((await model.layers[0]?.weight())?.data).toEqual(weight.data);
      await model.close();
    }
    // Structure once, the weight once.
    expect(reads.at(-1)).toBe(weight.data.byteLength);
  });

  it('weights of a large file are not read with its structure', async () => {
    const bytes = await bytesOf('raw.onnx');
    // Behind the model an initializer of 1 GB that is never asked for: its bytes need not exist.
    const length = 2 ** 30;
    const tensor = [0x08, ...varint(length / 4), 0x10, 1, 0x42, 1, 0x70, 0x4a, ...varint(length)];
    const graph = [0x2a, ...varint(tensor.length + length), ...tensor];
    const head = Uint8Array.from([...bytes, 0x3a, ...varint(graph.length + length), ...graph]);
    let read = 0;
    const model = await readModel({
      size: head.length + length,
      read: async (offset, count) => {
        read += count;
        const result = new Uint8Array(count);
        result.set(head.subarray(offset, offset + count));
        return result;
      },
    });
    expect((await model.layers[0]?.weight())?.data).toEqual(weight.data);
    expect(read).toBeLessThan(2 ** 20);
  });

  function varint(value: number): number[] {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    return [...bytes, rest];
  }
});

describe('patchModel', () => {
  const geometry = { array: { stride: 2 }, 'up.weight': { stride: 2 }, 'up0.weight': { stride: 2 } };
  it.each([
    ['raw.onnx', undefined],
    ['listed.onnx', undefined],
    ['double.onnx', undefined],
    ['half.onnx', undefined],
    ['bfloat16.onnx', undefined],
    ['external.onnx', undefined],
    ['layers.tflite', undefined],
    ['array.npy', 'array'],
    ['column-major.npy', 'array'],
    ['big-endian.npy', 'array'],
    ['stored.npz', 'up.weight'],
    ['generator.safetensors', 'up0.weight'],
  ] as const)('%s: new weights in the place of the old ones, all else as it was', async (name, key) => {
    const external = name === 'external.onnx' ? { 'external.bin': await bytesOf('external.bin') } : undefined;
    const options: ReadModelOptions = {
      ...(external && { external }),
      ...(key && { geometry: { [key]: geometry[key] } }),
    };
    const original = await bytesOf(name);
    const model = await readModel(original, options);
    const [layer] = model.layers as [ModelLayer];
    const old = await layer.weight();
    const fresh = { data: old.data.map((value, index) => 0.5 * value + (index % 7) / 3), shape: old.shape };
    const { files, stored } = await patchModel(model, [{ layer, weight: fresh }]);
    const written = await Promise.all(
      files.map(async (file) => {
        const bytes = new Uint8Array(file.size);
        let at = 0;
        for await (const chunk of file.stream()) {
          bytes.set(chunk, at);
          at += chunk.length;
        }
        expect(at).toBe(file.size);
        return bytes;
      }),
    );
    const originals = external ? [original, external['external.bin']] : [original];
    expect(written).toHaveLength(originals.length);
    for (const [index, bytes] of written.entries()) {
      const before = originals[index] as Uint8Array;
      const { changed } = files[index] as (typeof files)[number];
      expect(bytes.length).toBe(before.length);
      for (let at = 0; at < bytes.length; at += 1) {
        if (bytes[at] === before[at]) continue;
        expect(changed.some(({ offset, length }) => at >= offset && at < offset + length)).toBe(true);
      }
    }
    const again = await readModel(written[0] as Uint8Array, {
      ...options,
      ...(external && { external: { 'external.bin': written[1] as Uint8Array } }),
    });
    const read = await again.layers[0]?.weight();
    expect(read).toEqual(stored[0]);
    const roundoff = name.startsWith('half') ? 2 ** -11 : name.startsWith('bf') ? 2 ** -8 : 0;
    const allowed = (index: number) => roundoff * Math.abs(fresh.data[index] as number);
    expect(compareWith(read as Tensor, fresh.shape, fresh.data, allowed)).toBeUndefined();
  });

  it('refuses what cannot be changed in place, and changes nothing', async () => {
    const quantized = await open('int8.onnx');
    const [integers] = quantized.layers as [ModelLayer];
    const kept = { layer: integers, weight: await integers.weight() };
    expectError(await rejection(() => patchModel(quantized, [kept])), 'UNSUPPORTED', 'patchModel');
    const compressed = await open('compressed.npz', { geometry: { 'up.weight': {} } });
    const [layer] = compressed.layers as [ModelLayer];
    const change = { layer, weight };
    expectError(await rejection(() => patchModel(compressed, [change])), 'UNSUPPORTED', 'patchModel');
    const other = await open('raw.onnx');
    expectError(await rejection(() => patchModel(other, [change])), 'BAD_OPTION', 'patchModel');
    expectError(await rejection(() => patchModel(other, new Array(1))), 'BAD_OPTION', 'patchModel');
    const [first] = other.layers as [ModelLayer];
    const short = { layer: first, weight: new Float32Array(3) };
    expectError(await rejection(() => patchModel(other, [short])), 'BAD_SHAPE', 'patchModel');
    const slip = { layer: first, weight: await first.weight(), bais: [0] };
    const error = await rejection(() => patchModel(other, [slip]));
    expectError(error, 'BAD_OPTION', 'patchModel');
    expect(error.message).toContain('options among layer, weight, bias, got "bais"');
  });

  it('keeps the bias where null stands for it, as repairKernels gives it for none', async () => {
    const model = await open('raw.onnx');
    const [layer] = model.layers as [ModelLayer];
    const change = { layer, weight: await layer.weight() };
    const bytes = async (changes: readonly WeightChange[]) => (await patchModel(model, changes)).files[0];
    expect((await bytes([{ ...change, bias: null }]))?.changed).toEqual((await bytes([change]))?.changed);
  });

  it('layers that share a weight have to agree on it', async () => {
    const model = await open('layers.tflite');
    const [up, , , down] = model.layers as [ModelLayer, ModelLayer, ModelLayer, ModelLayer];
    const [one, other] = [await up.weight(), await down.weight()];
    const changed = { data: one.data.map((value) => value + 1), shape: one.shape };
    const changes = [
      { layer: up, weight: changed },
      { layer: down, weight: other },
    ];
    expectError(await rejection(() => patchModel(model, changes)), 'BAD_OPTION', 'patchModel');
    const { files } = await patchModel(model, [
      { layer: up, weight: one },
      { layer: down, weight: other },
    ]);
    expect(files[0]?.changed).toHaveLength(1);
  });
});
