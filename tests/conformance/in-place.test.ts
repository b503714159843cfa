// Convolutions that write over their input within chains and networks: what comes out is what they give one by one, and
// of a block of them two values stand at a time.

import { Conv2d, Graph, LeakyReLU, ReLU, type Tensor } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { expect, it } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import { compareExactly, compareWith, within } from '../support/compare.js';
import { bytesOf } from '../support/network-onnx-cases/index.js';
import { Writer } from '../support/networks.js';
import { withFreeMemory } from '../support/scarce-memory.js';
import { randomTensor } from '../support/tensors.js';

const CHANNELS = 16;
const SHAPE = [1, CHANNELS, 40, 44];
const VALUE = 4 * CHANNELS * 40 * 44;

const conv = (seed: number, more = {}): Conv2d =>
  new Conv2d({ inChannels: CHANNELS, outChannels: CHANNELS, kernelSize: 3, padding: 1, seed, ...more });

/** `y = conv(relu(conv(leaky(conv(h))))) + h` behind and before one convolution more. */
function block(more = {}) {
  const [head, one, two, three, tail] = [1, 2, 3, 4, 5].map((seed) => conv(seed, more)) as [
    Conv2d,
    Conv2d,
    Conv2d,
    Conv2d,
    Conv2d,
  ];
  const net = new Graph();
  const h = net.apply(head, net.input('x'), 'head');
  const first = net.apply(new LeakyReLU({ negativeSlope: 0.1 }), net.apply(one, h, 'one'));
  const second = net.apply(new ReLU(), net.apply(two, first, 'two'));
  const sum = net.add(net.apply(three, second, 'three'), h);
  net.output(net.apply(tail, sum, 'tail'), 'y');
  const apart = (x: Tensor): Tensor => {
    const skip = head.forward(x);
    const leaky = new LeakyReLU({ negativeSlope: 0.1 }).forward(one.forward(skip));
    const inner = three.forward(two.forward(leaky, { activation: 'relu' }));
    return tail.forward({
      data: inner.data.map((value, index) => value + (skip.data[index] as number)),
      shape: skip.shape,
    });
  };
  return { net, apart };
}

function differenceOf(got: Tensor, wanted: Tensor): string | undefined {
  return compareWith(got, wanted.shape, wanted.data, within(1e-4, 1, wanted.data));
}

function file(): Uint8Array<ArrayBuffer> {
  const net = new Writer();
  const same = (x: string): string => net.conv(x, CHANNELS, CHANNELS, [3, 3]);
  const h = same('x');
  const inner = same(net.node('Relu', [same(net.node('LeakyRelu', [same(h)], { alpha: { float: 0.1 } }))]));
  return bytesOf(net.done(same(net.node('Add', [inner, h])), { x: SHAPE }));
}

describeEachBuild(({ options: { threads } }) => {
  const standing = (threads === 1 ? 2 : 3) * VALUE;

  it.each(['winograd-f43', 'polyphase', 'implicit-gemm', 'scalar'] as const)(
    'a graph by %s gives what its layers give',
    (route) => {
      const { net, apart } = block({ route });
      const x = randomTensor(SHAPE, 7);
      expect(compareExactly(net.forward(x), apart(x))).toBeUndefined();
      // What must outlive the block does.
      expect(compareExactly(net.forward(x), apart(x))).toBeUndefined();
      const { arenaBytes } = net.summary(SHAPE);
      expect(arenaBytes).toBeGreaterThanOrEqual(route === 'winograd-f43' ? standing : 3 * VALUE);
      expect(arenaBytes).toBeLessThan((route === 'winograd-f43' ? standing : 3 * VALUE) + VALUE / 2);
      net.dispose();
    },
  );

  it('a network gives what it gives exactly, in as little room, and all that is asked for between', async () => {
    const bytes = file();
    const net = await loadNetwork(bytes);
    const exact = await loadNetwork(bytes, { precision: 'exact' });
    const x = randomTensor(SHAPE, 8);
    const { arenaBytes, steps } = net.prepare({ x: SHAPE });
    const close = (got: Tensor, wanted: Tensor) => expect(differenceOf(got, wanted)).toBeUndefined();
    expect(steps.map(({ route }) => route)).toEqual(steps.map(() => 'winograd-f43'));
    expect(arenaBytes).toBeLessThan(standing + VALUE / 2);
    const wanted = exact.run({ x });
    close(net.run({ x })['y'] as Tensor, wanted['y'] as Tensor);
    const names = steps.flatMap(({ outputNames }) => outputNames.filter((name) => name !== null));
    const all = net.run({ x }, { outputs: names });
    const reference = exact.run({ x }, { outputs: names });
    for (const name of names) close(all[name] as Tensor, reference[name] as Tensor);
    net.dispose();
    exact.dispose();
  });

  it('where its route finds no memory, another computes the same over its input', () => {
    const x = randomTensor(SHAPE, 9);
    const { net } = block();
    const wanted = net.forward(x);
    net.dispose();
    const routes = new Set<string | null>();
    for (let free = 2 * VALUE; free < 12 * VALUE; free += VALUE / 2) {
      // Nothing is packed when memory runs short.
      const { net: fresh } = block();
      let got: Tensor | undefined;
      try {
        got = withFreeMemory(free, () => fresh.forward(x));
        for (const { route } of fresh.summary(SHAPE).steps) routes.add(route);
      } catch (error) {
        expect(error).toMatchObject({ code: 'OUT_OF_MEMORY' });
      }
      if (got !== undefined) expect(differenceOf(got, wanted)).toBeUndefined();
      expect(differenceOf(fresh.forward(x), wanted)).toBeUndefined();
      fresh.dispose();
    }
    expect([...routes]).toEqual(expect.arrayContaining(['winograd-f43', 'scalar']));
  });
});
