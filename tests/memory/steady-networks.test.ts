// As steady.test.ts, for whole networks. In a process of its own: their many kinds of steps would have the engine box
// the numbers of everything else.

import { HeapTensor, init, shutdown, type Tensor } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, valuesFor } from '../support/network-onnx-cases/index.js';
import { NETWORKS } from '../support/networks.js';
import { expectBytesPerCall, expectSteadyHeap, GLUES, MANY_KINDS } from '../support/steady.js';

describe.each(GLUES)('$name', ({ options, name }) => {
  beforeAll(() => init(options));
  afterAll(shutdown);

  it.each(Object.entries(NETWORKS))('a network on the heap: %s', async (title, { net: one }) => {
    using net = await loadNetwork(bytesOf(one));
    const inputs: Record<string, HeapTensor> = {};
    for (const { name: input, shape, data } of valuesFor(one, 1)) {
      inputs[input] = new HeapTensor(shape);
      inputs[input].data.set(data);
    }
    const { y } = net.run(inputs) as { readonly y: Tensor };
    const call = { out: { y: new HeapTensor(y.shape) } };
    const run = (): void => {
      net.run(inputs, call);
    };
    expectSteadyHeap(run);
    expect(call.out.y.data).toEqual(y.data);
    // A dozen kinds of steps at once.
    const bytes = expectBytesPerCall(run, 2 * MANY_KINDS);
    console.log(`${name}, ${title}: ${bytes.toFixed(1)} bytes of JavaScript a call`);
    for (const tensor of [...Object.values(inputs), call.out.y]) tensor.dispose();
  });
});
