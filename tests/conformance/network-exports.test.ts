// Networks as PyTorch's exporter writes them (fixtures/networks/make.py), against what PyTorch computes: whole, in parts,
// and as graphs of modules.

import { fileURLToPath } from 'node:url';
import { DeconvError, init, shutdown, type Tensor } from 'deconv-wasm';
import { readModel } from 'deconv-wasm/models';
import { loadNetwork, type Network } from 'deconv-wasm/network';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/networks/${name}`, import.meta.url));

/** What is refused of a network, by the node that it names: in parts, and as a graph. */
interface Refusals {
  readonly tiled?: RegExp;
  readonly graph?: RegExp;
}

const NETWORKS: Readonly<Record<string, Refusals>> = {
  'unet-cropped': { tiled: /Resize.*whole length/, graph: /MaxPool.*ends differently/ },
  'unet-resized': { tiled: /Concat.*other places/, graph: /MaxPool.*ends differently/ },
  cyclegan: { tiled: /InstanceNormalization.*statistics of all places/ },
  'latent-decoder': {
    tiled: /InstanceNormalization.*statistics of all places/,
    graph: /Reshape.*mixes axes/,
  },
  'mask-decoder': { graph: /ReduceMean/ },
  vocoder: {},
  codec: { graph: /Slice/ },
  separator: { tiled: /ReduceMean.*all places to one/, graph: /ReduceMean/ },
  segmenter: { tiled: /GlobalAveragePool.*all places to one/ },
  mobile: { tiled: /GlobalAveragePool.*all places to one/, graph: /Expand/ },
  enlarger: {},
  cropped: {},
  depth: { tiled: /one input and one output/, graph: /Reciprocal/ },
  growing: { tiled: /none/, graph: /ReduceMean/ },
  volume: { tiled: /InstanceNormalization.*statistics of all places/ },
  styled: { tiled: /one input and one output/, graph: /Reshape/ },
};

const samples = new Map<string, Tensor>();

beforeAll(async () => {
  await init();
  await using file = await readModel(fixture('samples.npz'));
  for (const tensor of file.tensors) samples.set(tensor.name, await tensor.read());
});
afterAll(shutdown);

/** The tensors of a network that are called by a letter and a number. */
function named(network: string, letter: 'x' | 'y'): Record<string, Tensor> {
  const all = [...samples].filter(([name]) => name.startsWith(`${network}/${letter}`));
  return Object.fromEntries(all.map(([name, tensor]) => [name.slice(network.length + 1), tensor]));
}

function expectSame(
  results: Readonly<Record<string, Tensor>>,
  wanted: Readonly<Record<string, Tensor>>,
): void {
  expect(Object.keys(results).sort()).toEqual(Object.keys(wanted).sort());
  for (const [name, { data, shape }] of Object.entries(wanted)) {
    expect(results[name]?.shape, name).toEqual(shape);
    const rms = Math.hypot(...data) / Math.sqrt(data.length);
    const differences = Array.from(data, (value, index) =>
      Math.abs(value - (results[name]?.data[index] ?? Number.NaN)),
    );
    expect(Math.max(...differences), name).toBeLessThan(1e-4 * rms);
  }
}

/** What is computed equals what is wanted, or is refused for the reason that is known. */
async function expectSameOrRefused(
  compute: () => Promise<Readonly<Record<string, Tensor>>>,
  wanted: Readonly<Record<string, Tensor>>,
  refusal: RegExp | undefined,
): Promise<void> {
  if (refusal === undefined) {
    expectSame(await compute(), wanted);
    return;
  }
  const error = await compute().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DeconvError);
  expect((error as DeconvError).message).toMatch(refusal);
}

describe.each(Object.entries(NETWORKS))('%s', (name, refused) => {
  let network: Network;
  beforeAll(async () => {
    network = await loadNetwork(fixture(`${name}.onnx`));
  });
  afterAll(() => network.dispose());

  it('gives what PyTorch gives', () => {
    expectSame(network.run(named(name, 'x')), named(name, 'y'));
  });

  it('in parts, where parts are enough', async () => {
    const x = named(name, 'x').x0 as Tensor;
    const open = network.inputs[0]?.shape.slice(2).some((extent) => typeof extent === 'string');
    await expectSameOrRefused(
      async () => ({ y0: await network.tiled(x, open ? { tile: 4 } : {}) }),
      named(name, 'y'),
      refused.tiled,
    );
  });

  it('as a graph of modules, where there are some for all of it', async () => {
    const inputs = named(name, 'x');
    const [x] = Object.values(inputs) as [Tensor];
    await expectSameOrRefused(
      async () => {
        const shapes = Object.fromEntries(Object.entries(inputs).map(([port, { shape }]) => [port, shape]));
        using graph = await network.toGraph(shapes);
        return { y0: graph.forward(x) };
      },
      named(name, 'y'),
      refused.graph,
    );
  });
});
