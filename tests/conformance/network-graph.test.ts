// Networks as graphs of modules, and in a worker.

import { host } from '@host';
import { init, shutdown, type Tensor } from 'deconv-wasm';
import { loadNetwork, type Network } from 'deconv-wasm/network';
import { connect } from 'deconv-wasm/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectError, rejection } from '../support/errors.js';
import { bytesOf, type NetworkCase, valuesFor } from '../support/network-onnx-cases/index.js';
import { NETWORKS, Writer } from '../support/networks.js';
import { floats, int64s, node, type Write } from '../support/onnx-writer.js';
import { seed } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';
import { tflite } from '../support/tflite-writer.js';

const shapesOf = ({ inputs }: NetworkCase) => inputs;

function inputOf(one: NetworkCase): Tensor<ArrayBuffer> {
  const [{ shape, data }] = valuesFor(one, seed) as [ReturnType<typeof valuesFor>[number]];
  return { shape, data };
}

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(got.shape).toEqual(wanted.shape);
  const rms = Math.sqrt(wanted.data.reduce((sum, value) => sum + value ** 2, 0) / wanted.data.length);
  for (const [index, value] of wanted.data.entries()) {
    expect(Math.abs((got.data[index] as number) - value), `[${index}]`).toBeLessThan(1e-4 * rms);
  }
}

/** What has a module for every node, and is in none of NETWORKS. */
function many(): NetworkCase {
  const net = new Writer();
  net.parts.push(floats('scales', [4], [1, 1, 2, 2]));
  let x = net.conv('x', 4, 8, [3, 3], { pads: [0, 1, 2, 1], group: 1 });
  x = net.node('Elu', [net.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] })]);
  x = net.node('Softplus', [net.node('AveragePool', [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })]);
  x = net.node('Pad', [x, net.list(0, 0, 1, 0, 0, 0, 0, 2)], { mode: 'edge' });
  x = net.node('Resize', [x, '', 'scales'], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' });
  const up = net.weights([8, 4, 4, 3], 0.2);
  x = net.node('ConvTranspose', [x, up], { strides: [2, 2], pads: [1, 0, 2, 1], output_padding: [1, 1] });
  const norm = [x, net.weights([4], 0.2, 1), net.weights([4], 0.2)];
  x = net.node('HardSwish', [net.node('InstanceNormalization', norm)]);
  const [one, other] = net.nodes('Split', [x], 2, { axis: 1, num_outputs: 2 }) as [string, string];
  x = net.node('Concat', [other, net.node('Add', [one, other])], { axis: 1 });
  x = net.node('Flatten', [net.node('GlobalAveragePool', [x])]);
  x = net.node('Gemm', [x, net.weights([3, 4], 0.5), net.weights([3], 0.2)], { transB: 1 });
  return net.done(net.node('Softmax', [x], { axis: 1 }), { x: [2, 4, 8, 6] });
}

/** Factors and summands with constants on every side of what a convolution cannot take, as vocoders have. */
function scaled(): NetworkCase {
  const net = new Writer();
  let x = net.conv('x', 4, 8, [3, 3]);
  x = net.node('Div', [net.node('Add', [x, net.node('Tanh', [x])]), net.weights([], 0, 3)]);
  x = net.node('LeakyRelu', [net.node('Mul', [x, net.weights([8, 1, 1], 0.5, 1)])]);
  x = net.node('Sub', [net.weights([1], 0, 1), net.node('Sigmoid', [x])]);
  return net.done(net.conv(net.node('Relu', [x]), 8, 2, [3, 3]), { x: [2, 4, 8, 6] });
}

/** A group norm as PyTorch writes it below opset 21. */
function grouped(): NetworkCase {
  const net = new Writer();
  const x = net.conv('x', 4, 8, [3, 3]);
  const groups = net.node('Reshape', [x, net.list(0, 2, -1)]);
  const norm = net.node('InstanceNormalization', [groups, net.weights([2], 0, 1), net.weights([2], 0)]);
  const back = net.node('Reshape', [norm, net.node('Shape', [x])]);
  const own = net.node('Mul', [back, net.weights([8, 1, 1], 0.5, 1)]);
  const y = net.node('Add', [own, net.weights([8, 1, 1], 0.5)]);
  const silu = net.node('Mul', [y, net.node('Sigmoid', [y])]);
  return net.done(net.conv(silu, 8, 2, [3, 3]), { x: [2, 4, 8, 6] });
}

describe('a graph of modules', () => {
  beforeAll(() => init());
  afterAll(shutdown);

  const cases = {
    'a segmenter': NETWORKS['a segmenter'].net,
    'an enlarger': NETWORKS['an enlarger'].net,
    'style transfer': NETWORKS['style transfer'].net,
    'many kinds': many(),
    'factors and summands': scaled(),
    'a group norm of several nodes': grouped(),
  };

  it.each(Object.entries(cases))('of %s computes the same, and can be trained', async (_, one) => {
    const net = await loadNetwork(bytesOf(one));
    const graph = await net.toGraph(shapesOf(one));
    const x = inputOf(one);
    const y = net.forward(x);
    expectSame(graph.forward(x), y);
    const { layers } = graph.trace(x).backward(y);
    expect(layers.length).toBeGreaterThan(2);
    // It is nobody else's: the network's weights stay.
    graph.dispose();
    expectSame(net.forward(x), y);
    net.dispose();
  });

  it.each<[string, readonly Write[]]>([
    [
      'a batch norm',
      [
        ...[1e6, 0.01].map((value, place) => floats(['m', 'v'][place] as string, [1], [value])),
        floats('w', [1], [1]),
        floats('b', [1], [0.5]),
        node('BatchNormalization', ['x', 'w', 'b', 'm', 'v'], ['y'], { epsilon: { float: 0 } }),
      ],
    ],
    [
      'a difference and a product',
      [
        floats('m', [], [1e6]),
        floats('f', [], [10]),
        floats('b', [], [0.5]),
        node('Sub', ['x', 'm'], ['d']),
        node('Mul', ['d', 'f'], ['p']),
        node('Add', ['p', 'b'], ['y']),
      ],
    ],
  ])('takes a large mean off first: %s', async (_, parts) => {
    using net = await loadNetwork(bytesOf({ parts, inputs: { x: [1, 1, 4] } }));
    using graph = await net.toGraph();
    const x = { data: [0, 0.25, -1, 2].map((value) => 1e6 + value), shape: [1, 1, 4] };
    for (const [place, value] of [0.5, 3, -9.5, 20.5].entries()) {
      expect(graph.forward(x).data[place]).toBeCloseTo(value, 4);
    }
  });

  it('has one module for a node, whatever is faster to run', async () => {
    const net = new Writer();
    const [one, other] = [net.conv('x', 4, 8, [3, 3]), net.conv('x', 4, 8, [1, 1])];
    const mean = net.node('GlobalAveragePool', [net.node('Add', [one, other])]);
    const halves = [one, other].map((half) => net.node('GlobalAveragePool', [net.conv(half, 8, 8, [3, 3])]));
    const y = net.node('Concat', [mean, ...halves], { axis: 1 });
    using network = await loadNetwork(bytesOf(net.done(y, { x: [2, 4, 8, 6] })));
    using graph = await network.toGraph();
    expect(String(graph).match(/AdaptiveAvgPool2d/g)).toHaveLength(3);
    const x = randomTensor([2, 4, 8, 6], seed);
    expectSame(graph.forward(x), network.forward(x));
  });

  it('says which nodes have no module', async () => {
    const net = await loadNetwork(bytesOf(NETWORKS['squeeze and excite'].net));
    const error = await rejection(() => net.toGraph());
    expectError(error, 'UNSUPPORTED', 'Network.toGraph');
    const { nodes } = error.detail as { readonly nodes: readonly { readonly type: string }[] };
    expect(nodes.map(({ type }) => type)).toEqual(expect.arrayContaining(['Mul', 'Slice']));
    net.dispose();
  });

  const NEAREST = {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  };

  interface Amounts {
    readonly factors?: readonly number[];
    readonly sizes?: readonly number[];
  }
  it.each<[string, Readonly<Record<string, string>>, Amounts, readonly number[], readonly number[]]>([
    ['a factor that float32 counts with', NEAREST, { factors: [1, 1, 0.7, 2] }, [1, 2, 10, 3], [1, 2, 7, 6]],
    ['a ratio of lengths', NEAREST, { sizes: [1, 2, 1, 2] }, [1, 2, 49, 98], [1, 2, 1, 2]],
    ['a factor between', { mode: 'linear' }, { factors: [1, 1, 0.7, 2] }, [1, 2, 10, 3], [1, 2, 7, 6]],
    ['a ratio between', { mode: 'linear' }, { sizes: [1, 2, 1, 2] }, [1, 2, 49, 98], [1, 2, 1, 2]],
  ])('resizes to the lengths of the file: %s', async (_, rule, { factors, sizes }, from, to) => {
    const net = new Writer();
    const by = factors === undefined ? ['', '', net.list(...(sizes ?? []))] : ['', net.floats(factors)];
    const y = net.node('Resize', ['x', ...by], rule);
    using network = await loadNetwork(bytesOf(net.done(y, { x: from })));
    using graph = await network.toGraph();
    const x = randomTensor(from, seed);
    expect(graph.forward(x).shape).toEqual(to);
    expectSame(graph.forward(x), network.forward(x));
  });

  it('says it of a resize whose lengths PyTorch would round otherwise', async () => {
    const net = new Writer();
    const rule = { mode: 'linear', axes: [2, 3], keep_aspect_ratio_policy: 'not_larger' };
    const y = net.node('Resize', ['x', '', '', net.list(5, 7)], rule);
    const network = await loadNetwork(bytesOf(net.done(y, { x: [1, 4, 10, 13] })));
    await expect(network.toGraph()).rejects.toThrow(/Resize.*rounds lengths/);
    network.dispose();
  });

  it('says it of a resize that makes as many channels of others', async () => {
    const net = new Writer();
    net.parts.push(floats('scales', [4], [1, 1.2, 2, 2]));
    const y = net.node('Resize', ['x', '', 'scales'], { mode: 'linear' });
    const network = await loadNetwork(bytesOf(net.done(y, { x: [1, 4, 3, 3] })));
    await expect(network.toGraph()).rejects.toThrow(/Resize.*resizes channels/);
    network.dispose();
  });

  it.each<[string, readonly Write[], RegExp]>([
    [
      'a second axis of a value of one',
      [int64s('a', [1]), node('Unsqueeze', ['x', 'a'], ['y'])],
      /"y" \(Unsqueeze\): it mixes axes/,
    ],
    ['an output that is a constant', [floats('y', [2], [1, 2])], /computed of inputs, got "y", a constant/],
    [
      'a quotient by 0, which times 0 is no number',
      [
        floats('n', [], [0]),
        int64s('s', [1, 3, 1]),
        node('Reshape', ['x', 's'], ['r']),
        node('Div', ['r', 'n'], ['y']),
      ],
      /"y" \(Div\): it computes with a constant/,
    ],
  ])('says it of %s', async (_, parts, reason) => {
    using network = await loadNetwork(bytesOf({ parts, inputs: { x: [3] } }));
    const error = await rejection(() => network.toGraph());
    expectError(error, 'UNSUPPORTED', 'Network.toGraph');
    expect(error.message).toMatch(reason);
  });

  it('says it of a product of constants', async () => {
    const matrix = (name: string) => ({ name, shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) });
    const product = { code: 9, inputs: ['a', 'b'], outputs: ['y'] };
    const tensors = [matrix('a'), matrix('b'), { name: 'y', shape: [2, 2] }];
    using network = await loadNetwork(tflite(tensors, [product], { inputs: [], outputs: ['y'] }));
    expect([...(network.run({}).y?.data ?? [])]).toEqual([5, 11, 11, 25]);
    const error = await rejection(() => network.toGraph());
    expectError(error, 'UNSUPPORTED', 'Network.toGraph');
    expect(error.message).toMatch(/"y" \(FULLY_CONNECTED\): it computes with a constant/);
  });

  it('says it of them alone, not of what they are read by', async () => {
    const net = new Writer();
    const read = net.node('Relu', [net.node('Abs', [net.conv('x', 4, 8, [3, 3])])]);
    const both = net.node('Concat', [read, net.node('Floor', [read])], { axis: 1 });
    const network = await loadNetwork(bytesOf(net.done(net.conv(both, 16, 2, [3, 3]), { x: [1, 4, 8, 6] })));
    const error = await rejection(() => network.toGraph());
    expectError(error, 'UNSUPPORTED', 'Network.toGraph');
    const { nodes } = error.detail as { readonly nodes: readonly { readonly type: string }[] };
    expect(nodes.map(({ type }) => type)).toEqual(['Abs', 'Floor']);
    expect(error.message).not.toMatch(/Graph\.|undefined/);
    network.dispose();
  });
});

it('a network in a worker is one in the page', async () => {
  await init();
  const one = NETWORKS['a segmenter'].net;
  const bytes = bytesOf(one);
  const worker = host.startWorker(`
    const { loadNetwork } = await import(new URL('network/index.js', entry).href);
    const { serve } = await import(workerEntry);
    serve(() => loadNetwork(Uint8Array.from(${JSON.stringify([...bytes])})));
  `);
  const remote = await connect<Network>(worker);
  const net = await loadNetwork(bytes);
  const x = inputOf(one);
  expect(String(remote)).toBe(String(net));
  expect(await remote.run({ x })).toEqual(net.run({ x }));
  expect(await remote.steps).toEqual(net.steps);
  expect((await remote.profile({ x })).length).toBe(net.steps.length);
  remote.dispose();
  net.dispose();
  await shutdown();
});
