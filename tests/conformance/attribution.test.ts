// Which layer of a network draws its pattern: named, and announced what repairing it does.

import { DeconvError, HeapTensor, init, type Tensor } from 'deconv-wasm';
import {
  type Attribution,
  type AttributionStep,
  attribute,
  compareNetworks,
  repairKernels,
  scoreImage,
} from 'deconv-wasm/checkerboard';
import { patchModel, readModel } from 'deconv-wasm/models';
import { loadNetwork } from 'deconv-wasm/network';
import { beforeAll, describe, expect, it } from 'vitest';
import { type CulpritOptions, culpritNetwork } from '../support/culprits.js';
import { rejection } from '../support/errors.js';
import { growHeap } from '../support/grow-heap.js';
import { floats, input, node, onnx, output } from '../support/onnx-writer.js';
import { mulberry32 } from '../support/random.js';
import { seed } from '../support/seed.js';

beforeAll(() => init());

function picture(shape: readonly number[], from: number): Tensor {
  const random = mulberry32(from);
  const count = shape.reduce((all, extent) => all * extent, 1);
  return { data: Float32Array.from({ length: count }, () => 0.4 + 0.2 * random()), shape };
}

function shapeOf({ rank }: Pick<CulpritOptions, 'rank'>, extent: number): number[] {
  return [1, 1, ...new Array<number>(rank).fill(extent)];
}

/** The file with one of its layers repaired, by the way that the command line takes. */
async function repairedFile(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  await using model = await readModel(bytes);
  const layer = model.layers.find((one) => one.name === name);
  if (layer?.geometry == null) throw new Error(`no layer ${name}`);
  const { stride, padBefore } = layer.geometry;
  const geometry = { stride, padding: padBefore as number[] };
  const { weight } = repairKernels({ geometry, weight: await layer.weight() });
  const { files } = await patchModel(model, [{ layer, weight: Float32Array.from(weight.data) }]);
  const parts: Uint8Array[] = [];
  for await (const part of (files[0] as (typeof files)[0]).stream()) parts.push(part.slice());
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

/** Power of a pattern by the means of the phases of `scoreImage`. */
function powerOf(image: Tensor, stride: readonly number[], border: readonly number[]): number {
  const { phaseMeans } = scoreImage(image, stride, { border });
  const powers = phaseMeans.map((means) => {
    const middle = means.reduce((sum, mean) => sum + mean, 0) / means.length;
    return means.reduce((sum, mean) => sum + (mean - middle) ** 2, 0) / means.length;
  });
  return powers.reduce((sum, power) => sum + power, 0) / powers.length;
}

describe('attribute', () => {
  it('names the one layer with U = 0.5 among repaired ones', async () => {
    const networks = Array.from({ length: 100 }, (_, index): CulpritOptions => {
      // All kinds of places, axes, skips, norms and layers meet.
      const norm = [null, 'BatchNormalization', 'InstanceNormalization'] as const;
      return {
        seed: seed + index,
        place: (index % 3) as 0 | 1 | 2,
        rank: index % 5 < 3 ? 1 : 2,
        skips: index % 4 > 1,
        norm: norm[Math.floor(index / 3) % 3] ?? null,
        relu: index % 7 !== 4,
        subPixel: index % 10 === 8,
        // Layers that are nearly even, so that there is something else to blame; but behind an instance norm the least
        // pattern on a flat is as strong as any.
        others: index % 8 < 4 || Math.floor(index / 3) % 3 === 2 ? 0 : 0.002,
      };
    });
    const wrong: string[] = [];
    let found = 0;
    for (const options of networks) {
      const { bytes, culprit } = culpritNetwork(options);
      using net = await loadNetwork(bytes);
      const told = await attribute(net, null, {
        shapes: { x: shapeOf(options, options.rank === 1 ? 64 : 12) },
        levels: [0.4],
        pictures: 0,
      });
      if (told.culprit === culprit) found += 1;
      else wrong.push(`${JSON.stringify(options)}: ${told.culprit}`);
    }
    console.log(
      `attribution: the culprit named in ${found} of ${networks.length} networks. ${wrong.join('; ')}`,
    );
    expect(found / networks.length).toBeGreaterThanOrEqual(0.95);
  });

  it.each([1, 2] as const)('announces to 1 dB what repairing the file does, on %d axes', async (rank) => {
    for (const place of [0, 1, 2] as const) {
      const { bytes, culprit } = culpritNetwork({ seed: seed + place, rank, place, others: 0.002 });
      const shape = shapeOf({ rank }, 24);
      const x = { data: new Float32Array(24 ** rank).fill(0.4), shape };
      using net = await loadNetwork(bytes);
      using repaired = await loadNetwork(await repairedFile(bytes, culprit));
      const told = await attribute(net, x, { pictures: 0 });
      const layer = told.layers.find(({ name }) => name === culprit);
      const border = told.stride.map(() => 48);
      const [before, after] = [net, repaired].map((own) => powerOf(own.forward(x), told.stride, border));
      const fall = 10 * Math.log10((before as number) / (after as number));
      expect(fall).toBeGreaterThan(3);
      expect(Math.abs((layer?.repaired?.fallDb as number) - fall)).toBeLessThan(1);
      // And on flats and a picture together.
      const all = await attribute(net, null, { shapes: { x: shape }, pictures: 0 });
      const change = await compareNetworks(net, repaired, null, { shapes: { x: shape } });
      const announced = all.layers.find(({ name }) => name === culprit)?.repaired;
      expect(change?.fallDb).toBeCloseTo(announced?.fallDb as number, 3);
      expect(change?.psnr).toBeCloseTo(announced?.psnr as number, 3);
    }
  });

  it('takes the pattern on flats away altogether', async () => {
    const { bytes, culprit } = culpritNetwork({ seed, rank: 2, place: 1 });
    using net = await loadNetwork(bytes);
    const flat = { data: new Float32Array(32 * 32).fill(0.5), shape: [1, 1, 32, 32] };
    const told = await attribute(net, flat);
    expect(told.culprit).toBe(culprit);
    expect(told.before?.phaseScore).toBeGreaterThan(0.99);
    expect(told.all).toMatchObject({ fallDb: 320, after: { power: 0, levelDb: -320 } });
    expect(told.sentence).toContain(`${culprit} brings most of it, 100 % of its power`);
    // It begins where the layer is.
    const begins = told.steps.find(({ strength }) => (strength?.power ?? 0) > 0);
    expect(begins?.layers).toEqual([culprit]);
    // Parseval: what the phases deviate by is what the harmonics have.
    const { power, harmonics } = told.before as NonNullable<Attribution['before']>;
    expect(harmonics.slice(1).reduce((sum, line) => sum + line, 0) / power).toBeCloseTo(1, 9);
  });

  it('adds up linear responses in a network without a function between its layers', async () => {
    const { bytes, layers } = culpritNetwork({ seed, rank: 1, place: 0, others: 0.001, relu: false });
    using net = await loadNetwork(bytes);
    const told = await attribute(net);
    const sum = told.layers.reduce((all, { response }) => all + (response as number), 0);
    expect(told.layers.map(({ name }) => name)).toEqual(layers);
    expect(told.nonlinearity).toBeLessThan(0.25);
    expect(sum).toBeGreaterThan(0.9);
    expect(sum).toBeLessThan(1.1);
  });

  it('tells where nothing raises the resolution', async () => {
    const parts = [
      input('x', [1, 1, 'h', 'w']),
      floats('w', [1, 1, 3, 3], new Array(9).fill(1)),
      output('y'),
    ];
    using net = await loadNetwork(onnx([...parts, node('Conv', ['x', 'w'], ['y'])]));
    const told = await attribute(net);
    expect(told).toMatchObject({ before: null, steps: [], layers: [], culprit: null, all: null });
    expect(told.sentence).toBe(
      'Nothing on the way to y raises the resolution, so nothing in it makes a pattern.',
    );
    expect(await compareNetworks(net, net)).toBe(null);
  });

  it('tells where the resolution is lost again', async () => {
    const up = [
      input('x', [1, 1, 16, 16]),
      floats('w', [1, 1, 2, 2], [1, 2, 3, 4]),
      node('ConvTranspose', ['x', 'w'], ['u'], { strides: [2, 2] }),
    ];
    for (const type of ['GlobalAveragePool', 'Flatten', 'ReduceMean']) {
      using net = await loadNetwork(onnx([...up, node(type, ['u'], ['y']), output('y')]));
      const { before, layers, sentence } = await attribute(net);
      expect([before, layers.map(({ name, repaired }) => [name, repaired])]).toEqual([null, [['u', null]]]);
      expect(sentence).toBe(
        'No pattern can show in y: the resolution that comes of u is lost again on the way.',
      );
      expect(await compareNetworks(net, net)).toBe(null);
    }
  });

  it('takes constants, says that outputs are equal, and names a weight that is not finite', async () => {
    const weighted = (values: readonly number[], ...parts: ReturnType<typeof node>[]) =>
      onnx([
        floats('w', [1, 1, 2, 2], values),
        node('ConvTranspose', ['x', 'w'], ['u'], { strides: [2, 2] }),
        ...parts,
      ]);
    const shape = [1, 1, 16, 16];
    const ones = floats('x', shape, new Array(256).fill(1));
    using alone = await loadNetwork(weighted([1, 2, 3, 4], ones, output('u')));
    const told = await attribute(alone);
    expect([told.inputs, told.culprit]).toEqual([['nothing'], 'u']);
    // Beyond 1 nothing of the repair is seen, and the second input's pattern is there before and after.
    const grid = floats(
      'g',
      [1, 1, 32, 32],
      Array.from({ length: 1024 }, (_, at) => at % 2),
    );
    const clipped = [
      node('Clip', ['u', 'low', 'high'], ['c']),
      floats('low', [], [0]),
      floats('high', [], [0.1]),
    ];
    using equal = await loadNetwork(
      weighted(
        [1, 2, 3, 4],
        input('x', shape),
        ...clipped,
        grid,
        node('Add', ['c', 'g'], ['y']),
        output('y'),
      ),
    );
    expect((await attribute(equal)).sentence).toMatch(/ and the outputs are equal\. /);
    using broken = await loadNetwork(weighted([1, Number.NaN, 3, 4], input('x', shape), output('u')));
    const error = await rejection(() => attribute(broken));
    expect([error.code, error.message]).toEqual([
      'BAD_OPTION',
      expect.stringContaining('the weight of "u" of '),
    ]);
  });

  it('names resizes, which have no pattern of their own', async () => {
    const random = mulberry32(7);
    const weight = Array.from({ length: 9 }, random);
    using net = await loadNetwork(
      onnx([
        input('x', [1, 1, 'h', 'w']),
        floats('scales', [4], [1, 1, 2, 2]),
        floats('w', [1, 1, 3, 3], weight),
        node('Resize', ['x', '', 'scales'], ['wide'], {
          mode: 'nearest',
          nearest_mode: 'floor',
          coordinate_transformation_mode: 'asymmetric',
        }),
        node('Conv', ['wide', 'w'], ['y'], { pads: [1, 1, 1, 1] }),
        output('y'),
      ]),
    );
    const flat = { data: new Float32Array(1024).fill(0.5), shape: [1, 1, 32, 32] };
    const told = await attribute(net, flat);
    expect(told.stride).toEqual([2, 2]);
    expect(told.layers).toMatchObject([
      { name: 'wide', kind: 'resize', verdict: 'free', repaired: null, share: 0 },
    ]);
    expect(told.before?.power).toBe(0);
    expect(told.sentence).toContain('y has no pattern of period 2 x 2');
    expect(told.sentence).toContain('wide: a resize has no pattern of its own.');
    // What pictures have there is not told as one.
    const { sentence } = await attribute(net);
    expect(sentence).toMatch(
      /^No layer on the way to y has a pattern of its own: .* of the inputs and the borders\./,
    );
  });

  it('says how much of a pattern is no layer’s, whatever is repaired', async () => {
    const random = mulberry32(5);
    using net = await loadNetwork(
      onnx([
        input('x', [1, 1, 'h', 'w']),
        floats('w', [1, 1, 2, 2], [1, 1, 1, 1.02]),
        node('ConvTranspose', ['x', 'w'], ['up'], { strides: [2, 2] }),
        floats(
          'grid',
          [1, 1, 64, 64],
          Array.from({ length: 4096 }, (_, at) => (at % 2) * 0.1 * random()),
        ),
        node('Add', ['up', 'grid'], ['y']),
        output('y'),
      ]),
    );
    const flat = { data: new Float32Array(1024).fill(0.5), shape: [1, 1, 32, 32] };
    const told = await attribute(net, flat);
    expect(told.culprit).toBe('up');
    expect(told.layers[0]?.share).toBeLessThan(0.5);
    expect(told.sentence).toContain('up brings more of it than any other layer, ');
    expect(told.sentence).toContain('Most of it is of what the inputs repeat and the network draws');
  });

  it('hears the tones of one axis', async () => {
    const random = mulberry32(9);
    const weight = Array.from({ length: 16 }, random);
    using net = await loadNetwork(
      onnx([
        input('x', [1, 1, 'n']),
        floats('w', [1, 1, 16], weight),
        node('ConvTranspose', ['x', 'w'], ['y'], { strides: [10] }),
        output('y'),
      ]),
    );
    const told = await attribute(net, { data: new Float32Array(40).fill(1), shape: [1, 1, 40] });
    // The lines of a flat are the Fourier transform of the phases' gains.
    const gains = Array.from(
      { length: 10 },
      (_, phase) => (weight[phase] as number) + (weight[phase + 10] ?? 0),
    );
    const lines = gains.map((_, line) => {
      const [re, im] = gains.reduce<[number, number]>(
        ([x, y], gain, phase) => {
          const angle = (2 * Math.PI * line * phase) / 10;
          return [x + gain * Math.cos(angle), y + gain * Math.sin(angle)];
        },
        [0, 0],
      );
      return (re * re + im * im) / 100;
    });
    for (const [line, power] of (told.before?.harmonics ?? []).entries())
      expect(power).toBeCloseTo(lines[line] as number, 5);
    const half = lines.slice(1, 6);
    const loudest = 1 + half.indexOf(Math.max(...half));
    expect(told.sentence).toContain(
      `tones at multiples of 1/10 of the sampling rate, the loudest at ${loudest}/10`,
    );
    expect(told.all?.fallDb).toBe(320);
  });

  it('repairs the bias of a sub-pixel convolution as well', async () => {
    const random = mulberry32(3);
    using net = await loadNetwork(
      onnx([
        input('x', [1, 1, 'h', 'w']),
        floats('w', [4, 1, 3, 3], new Array(36).fill(0.1)),
        floats('b', [4], Array.from({ length: 4 }, random)),
        node('Conv', ['x', 'w', 'b'], ['deep'], { pads: [1, 1, 1, 1] }),
        node('Tanh', ['deep'], ['bent']),
        node('DepthToSpace', ['bent'], ['y'], { blocksize: 2, mode: 'DCR' }),
        output('y'),
      ]),
    );
    const told = await attribute(net, { data: new Float32Array(1024).fill(0.5), shape: [1, 1, 32, 32] });
    expect(told.layers).toMatchObject([{ name: 'deep', kind: 'sub-pixel', verdict: 'weights-only' }]);
    expect(told).toMatchObject({ culprit: 'deep', all: { fallDb: 320 } });
  });

  it('tries latents where an input has no places, and says what cannot be mended', async () => {
    const random = mulberry32(11);
    const weights = (count: number) => Array.from({ length: count }, () => random() - 0.5);
    using net = await loadNetwork(
      onnx([
        input('z', ['batch', 16, 1, 1]),
        floats('w', [16, 8, 8, 8], weights(16 * 8 * 64)),
        floats('v', [8, 4, 4, 4], weights(8 * 4 * 16)),
        floats('u', [4, 1, 2, 2], weights(16)),
        node('ConvTranspose', ['z', 'w'], ['first']),
        node('ConvTranspose', ['first', 'v'], ['second'], { strides: [2, 2], pads: [1, 1, 1, 1] }),
        node('ConvTranspose', ['second', 'u'], ['y'], { strides: [3, 3], output_padding: [1, 1] }),
        output('y'),
      ]),
    );
    const told = await attribute(net);
    expect(told.inputs).toEqual(['latent 1', 'latent 2', 'latent 3', 'latent 4']);
    expect(told.stride).toEqual([6, 6]);
    expect(told.layers.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['second', 'weights-only'],
      ['y', 'holes'],
    ]);
    expect(told.layers[1]?.problem).toContain('holes');
    expect(told.sentence).toContain('y leaves holes, which no weights can mend.');
    expect(told.all?.fallDb).toBeLessThan(3);
    expect(told.sentence).not.toContain('no repair of these layers takes it');
  });

  it('looks at as much of a long period as fits', async () => {
    const { bytes, culprit } = culpritNetwork({ seed, rank: 2, place: 2 });
    using net = await loadNetwork(bytes);
    const flat = { data: new Float32Array(4).fill(1), shape: [1, 1, 2, 2] };
    const told = await attribute(net, flat);
    expect(told).toMatchObject({ culprit, stride: [4, 4] });
    expect(told.steps.map(({ stride, strength }) => [stride.join('x'), strength !== null])).toEqual([
      ['2x2', false],
      ['2x2', false],
      ['2x2', true],
      ['2x2', true],
      ['4x4', true],
      ['4x4', true],
      ['4x4', true],
    ]);
  });

  it('takes inputs on a heap that grows meanwhile', async () => {
    const { bytes } = culpritNetwork({ seed, rank: 2, place: 1 });
    using net = await loadNetwork(bytes);
    using other = await loadNetwork(bytes);
    const plain = picture([1, 1, 32, 32], seed);
    using x = new HeapTensor(plain.shape);
    x.data.set(plain.data);
    const onProgress = ({ loaded }: { loaded: number }): void => {
      if (loaded === 1) growHeap();
    };
    expect(await attribute(net, x, { onProgress })).toEqual(await attribute(net, plain));
    expect(await compareNetworks(net, other, x, { onProgress })).toEqual(
      await compareNetworks(net, other, plain),
    );
  });

  it('draws the pattern as it grows, tells how far it is, and stops', async () => {
    const { bytes } = culpritNetwork({ seed, rank: 2, place: 0, skips: true });
    using net = await loadNetwork(bytes);
    const heard: number[] = [];
    const { steps } = await attribute(net, null, {
      pictures: 20,
      onProgress: ({ loaded, total }) => heard.push(loaded / total),
    });
    const shapes = steps.map(({ picture: own }: AttributionStep) => own?.shape);
    expect(shapes.every((shape) => shape?.every((extent) => extent === 20))).toBe(true);
    expect(heard.at(-1)).toBe(1);
    expect(heard).toEqual(heard.toSorted((one, other) => one - other));
    const stop = new AbortController();
    const stopped = attribute(net, null, {
      onProgress: () => stop.abort(new Error('enough')),
      signal: stop.signal,
    });
    await expect(stopped).rejects.toThrow('enough');
  });

  it('refuses what is none of it in words', async () => {
    const { bytes } = culpritNetwork({ seed, rank: 2, place: 0 });
    using net = await loadNetwork(bytes);
    const codeOf = async (attempt: Promise<unknown>) => (await rejection(() => attempt)).code;
    const small = { data: new Float32Array(9), shape: [1, 1, 3, 3] };
    const broken = { data: new Float32Array(1024).fill(Number.NaN), shape: [1, 1, 32, 32] };
    expect(await codeOf(attribute(null as never))).toBe('BAD_TYPE');
    expect(await codeOf(attribute({} as never))).toBe('BAD_TYPE');
    const doubled = [
      floats('w', [1, 1, 2, 2], [1, 2, 3, 4]),
      node('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2] }),
    ];
    using twice = await loadNetwork(onnx([input('x', [1, 1, 'h', 'w']), ...doubled, output('y')]));
    expect(await codeOf(attribute(twice, small))).toBe('BAD_SHAPE');
    expect(await codeOf(attribute(net, broken))).toBe('BAD_OPTION');
    expect(await codeOf(attribute(net, { z: small } as never))).toBe('BAD_OPTION');
    expect(await codeOf(attribute(net, null, { output: 'nowhere' }))).toBe('BAD_OPTION');
    expect(await codeOf(attribute(net, null, { output: 5 as never }))).toBe('BAD_TYPE');
    expect(await codeOf(attribute(net, null, { levels: [] }))).toBe('BAD_OPTION');
    expect(await codeOf(attribute(net, null, { levels: [1e39] }))).toBe('BAD_OPTION');
    expect(await codeOf(attribute(net, null, { levels: Object.assign(new Array(2), [1]) }))).toBe(
      'BAD_OPTION',
    );
    for (const wrong of [{ onProgress: 5 }, { signal: 5 }, { signal: {} }] as never[]) {
      expect(await codeOf(attribute(net, null, wrong))).toBe('BAD_TYPE');
      expect(await codeOf(compareNetworks(net, net, null, wrong))).toBe('BAD_TYPE');
    }
    expect(await codeOf(attribute(net, null, { seed: -1 }))).toBe('BAD_OPTION');
    expect(await codeOf(attribute(net, null, { pictures: 0.5 }))).toBe('BAD_OPTION');
    expect(await codeOf(attribute(net, null, { colour: 1 } as never))).toBe('BAD_OPTION');
    const other = culpritNetwork({ seed, rank: 1, place: 0 });
    using line = await loadNetwork(other.bytes);
    expect(await codeOf(compareNetworks(net, line))).toBe('BAD_SHAPE');
    net.dispose();
    expect(await codeOf(attribute(net))).toBe('DISPOSED');
  });
});

it('what is not on the way to the output is no matter of it', async () => {
  const up = (from: string, to: string, name: string) => [
    floats(name, [1, 1, 2, 2], [1, 2, 3, 4]),
    node('ConvTranspose', [from, name], [to], { strides: [2, 2] }),
  ];
  // The second of two outputs is behind a layer of its own, which makes the period 8 there.
  const parts = [...up('x', 'a', 'w'), node('Relu', ['a'], ['y'])];
  const more = [...up('a', 'b', 'v'), node('Sigmoid', ['b'], ['c']), ...up('c', 'z', 'u')];
  using net = await loadNetwork(
    onnx([input('x', [1, 1, 'h', 'w']), ...parts, ...more, output('y'), output('z')]),
  );
  const told = async (options: object) => {
    const { output, stride, layers, steps, before } = await attribute(net, null, { pictures: 0, ...options });
    const values = steps.map(({ name }) => name);
    return { output, stride, layers: layers.map(({ name }) => name), values, found: before !== null };
  };
  expect(await told({})).toEqual({ output: 'y', stride: [2, 2], layers: ['a'], values: ['y'], found: true });
  expect(await told({ output: 'z' })).toMatchObject({ stride: [8, 8], layers: ['a', 'b', 'z'] });
  expect(await told({ output: 'c' })).toMatchObject({
    stride: [4, 4],
    layers: ['a', 'b'],
    values: ['a', 'c'],
  });
  const own = await net.upsampling({ x: [1, 1, 8, 8] }, ['c']);
  expect(own.outputs.map(({ name, stride }) => [name, stride])).toEqual([['c', [4, 4]]]);
  expect((await net.upsampling({ x: [1, 1, 8, 8] })).layers).toHaveLength(3);
  for (const wrong of [[], 'y', ['nowhere'], ['y', 'y']]) {
    const error = await rejection(() => net.upsampling({ x: [1, 1, 8, 8] }, wrong as never));
    expect(['BAD_TYPE', 'BAD_OPTION']).toContain(error.code);
  }
});

describe('a network with other weights', () => {
  it('is the repaired file without reading it, again and again', async () => {
    const { bytes, layers } = culpritNetwork({
      seed,
      rank: 2,
      place: 1,
      others: 0.3,
      norm: 'BatchNormalization',
    });
    using net = await loadNetwork(bytes);
    const x = picture([1, 1, 12, 12], 1);
    const own = net.forward(x);
    const disposed = [];
    let [changed, file] = [net, bytes];
    for (const name of layers) {
      const layer = (await changed.upsampling({ x: x.shape })).layers.find((one) => one.name === name);
      if (layer?.kernels == null) throw new Error(`no layer ${name}`);
      const { weight } = repairKernels(layer.kernels);
      changed = changed.withWeights([{ layer, weight }]);
      disposed.push(changed);
      file = await repairedFile(file, name);
      using read = await loadNetwork(file);
      expect(changed.forward(x).data).toEqual(read.forward(x).data);
    }
    expect(net.forward(x).data).toEqual(own.data);
    // A weight that was changed is changed once more, not beside itself.
    const [first] = (await changed.upsampling({ x: x.shape })).layers;
    const [{ weight }] = await firstWeight(bytes);
    if (first === undefined) throw new Error('no layer');
    using back = changed.withWeights([{ layer: first, weight }]);
    expect(back.forward(x).data).not.toEqual(changed.forward(x).data);
    for (const one of disposed) one.dispose();
  });

  it('refuses layers of another network and weights of another shape', async () => {
    const { bytes } = culpritNetwork({ seed, rank: 1, place: 0 });
    using net = await loadNetwork(bytes);
    using other = await loadNetwork(bytes);
    const [layer] = (await net.upsampling({ x: [1, 1, 8] })).layers;
    if (layer?.kernels == null) throw new Error('no layer');
    const weight = Float32Array.from(layer.kernels.weight.data);
    const codeOf = (attempt: () => unknown): string => {
      try {
        attempt();
      } catch (error) {
        if (error instanceof DeconvError) return error.code;
      }
      return '';
    };
    expect(codeOf(() => other.withWeights([{ layer, weight }]))).toBe('BAD_OPTION');
    expect(codeOf(() => net.withWeights([{ layer, weight: weight.slice(1) }]))).toBe('BAD_SHAPE');
    expect(codeOf(() => net.withWeights([{ layer, weight, bias: new Float32Array(2) }]))).toBe('BAD_SHAPE');
    expect(codeOf(() => net.withWeights({} as never))).toBe('BAD_TYPE');
    expect(codeOf(() => net.withWeights([{ layer, weight: { data: weight, shape: [1] } }]))).toBe(
      'BAD_SHAPE',
    );
    expect(codeOf(() => net.withWeights([{ layer, weight, name: 'x' } as never]))).toBe('BAD_OPTION');
    expect((await rejection(() => net.upsampling())).code).toBe('BAD_TYPE');
    expect((await rejection(() => net.upsampling({ x: [1, 1, 8], z: [1] }))).code).toBe('BAD_OPTION');
    expect((await rejection(() => net.upsampling(null as never))).code).toBe('BAD_TYPE');
  });
});

async function firstWeight(bytes: Uint8Array): Promise<[{ readonly weight: Float32Array }]> {
  await using model = await readModel(bytes);
  const weight = await model.layers[0]?.weight();
  return [{ weight: Float32Array.from(weight?.data ?? []) }];
}
