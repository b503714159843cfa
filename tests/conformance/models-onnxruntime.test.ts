// Layers read from ONNX files against ONNX Runtime, which runs the whole model and shows what goes into
// every layer and what comes out of it.

import { host } from '@host';
import { init, shutdown, type Tensor } from 'deconv-wasm';
import { type Model, type ModelLayer, patchModel, readModel } from 'deconv-wasm/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareWith } from '../support/compare.js';
import { seed } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';

type Runtime = typeof import('onnxruntime-web');

/** Graph outputs more than the model has: protobuf merges a graph that comes twice. */
function withOutputs(bytes: Uint8Array, names: readonly string[]): Uint8Array {
  const message = (field: number, content: readonly number[]) => [
    8 * field + 2,
    ...(content.length < 128 ? [content.length] : [(content.length & 127) | 128, content.length >> 7]),
    ...content,
  ];
  const outputs = names.flatMap((name) => {
    const text = [...new TextEncoder().encode(name)];
    // A tensor of float32 of any shape.
    const type = message(2, message(1, [8, 1]));
    return message(12, [...message(1, text), ...type]);
  });
  return Uint8Array.from([...bytes, ...message(7, outputs)]);
}

// The runtime's WebAssembly would have to be served to the page; it is the same there.
describe.skipIf(host.name !== 'Node')('ONNX Runtime', () => {
  let ort: Runtime;

  beforeAll(async () => {
    await init();
    const name = 'onnxruntime-web';
    ort = (await import(/* @vite-ignore */ name)) as Runtime;
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = 'error';
  });
  afterAll(shutdown);

  async function run(
    bytes: Uint8Array,
    x: Tensor,
    feeds: readonly string[],
  ): Promise<Record<string, Tensor>> {
    const session = await ort.InferenceSession.create(bytes);
    const given = new ort.Tensor('float32', x.data, x.shape);
    const results = await session.run(Object.fromEntries(feeds.map((name) => [name, given])));
    const tensors = Object.fromEntries(
      Object.entries(results).map(([name, { data, dims }]) => [
        name,
        { data: data as Float32Array, shape: [...dims] },
      ]),
    );
    await session.release();
    return { ...tensors, x };
  }

  /** Runs the model, then each layer of ours on what that layer got there. */
  async function compareLayers(model: Model, bytes: Uint8Array, x: Tensor): Promise<number> {
    const names = new Set(model.layers.flatMap(({ input, output }) => [input, output]));
    for (const known of ['x', 'y']) names.delete(known);
    const values = await run(withOutputs(bytes, [...names]), x, ['x']);
    for (const layer of model.layers) {
      using ours = await layer.toLayer();
      const [input, wanted] = [values[layer.input], values[layer.output]] as [Tensor, Tensor];
      const scale = Math.max(...wanted.data.map(Math.abs));
      const difference = compareWith(ours.forward(input), wanted.shape, wanted.data, () => 2e-6 * scale);
      expect(difference, layer.name).toBeUndefined();
    }
    return model.layers.length;
  }

  it.each([
    ['generator', [1, 16, 1, 1], 4],
    ['fsrcnn-x2', [1, 1, 5, 6], 5],
    ['fsrcnn-x3', [1, 1, 5, 6], 5],
    ['fsrcnn-x4', [1, 1, 5, 6], 5],
    ['unet', [1, 1, 12, 8], 6],
    ['vocoder', [1, 5, 7], 2],
    ['depthwise', [1, 6, 11], 2],
    ['raw', [1, 3, 5, 4], 1],
    ['listed', [1, 3, 5, 4], 1],
    ['double', [1, 3, 5, 4], 1],
    ['half', [1, 3, 5, 4], 1],
    ['half-listed', [1, 3, 5, 4], 1],
    ['bfloat16', [1, 3, 5, 4], 1],
    ['constant', [1, 3, 5, 4], 1],
    ['int8', [1, 3, 5, 4], 1],
    ['uint8', [1, 3, 5, 4], 1],
    ['output-shape', [1, 3, 5, 4], 1],
    ['same-upper', [1, 3, 5, 4], 1],
  ] as const)('%s: every layer gives what it gives there', async (name, shape, count) => {
    const bytes = await host.readFixture(`models/${name}.onnx`);
    const model = await readModel(bytes, { layers: 'all' });
    expect(await compareLayers(model, bytes, randomTensor(shape, seed))).toBe(count);
  });

  it('a function called twice, and the branch of an If that runs', async () => {
    const x = randomTensor([1, 3, 5, 4], seed);
    const bytes = await host.readFixture('models/function.onnx');
    const { layers } = await readModel(bytes);
    using first = await (layers[0] as ModelLayer).toLayer();
    using second = await (layers[1] as ModelLayer).toLayer();
    const wanted = (await run(bytes, x, ['x'])).y as Tensor;
    const chained = second.forward(first.forward(x));
    expect(compareWith(chained, wanted.shape, wanted.data, () => 1e-4)).toBeUndefined();

    const branching = await host.readFixture('models/subgraph.onnx');
    const then = (await readModel(branching)).layers.find(({ name }) => name.includes('then'));
    using layer = await (then as ModelLayer).toLayer();
    const output = (await run(branching, x, ['x'])).y as Tensor;
    expect(compareWith(layer.forward(x), output.shape, output.data, () => 1e-5)).toBeUndefined();
  });

  it.each(['generator', 'unet', 'half', 'listed'])('%s, patched, runs with the new weights', async (name) => {
    const bytes = await host.readFixture(`models/${name}.onnx`);
    const model = await readModel(bytes);
    const changes = await Promise.all(
      model.layers.map(async (layer, index) => {
        const { shape } = await layer.weight();
        return { layer, weight: randomTensor(shape, seed + index) };
      }),
    );
    const { files, stored } = await patchModel(model, changes);
    const patched = new Uint8Array(bytes.length);
    let at = 0;
    for await (const chunk of (files[0] as (typeof files)[number]).stream()) {
      patched.set(chunk, at);
      at += chunk.length;
    }
    const again = await readModel(patched);
    for (const [index, layer] of again.layers.entries()) expect(await layer.weight()).toEqual(stored[index]);
    const shape = { generator: [1, 16, 1, 1], unet: [1, 1, 12, 8] }[name] ?? [1, 3, 5, 4];
    expect(await compareLayers(again, patched, randomTensor(shape, seed))).toBe(model.layers.length);
  });
});
