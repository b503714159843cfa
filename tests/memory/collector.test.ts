// What nobody disposes: the garbage collector is the net below. Needs --expose-gc.

import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  ConvTranspose2d,
  createRuntime,
  HeapTensor,
  init,
  memoryUsage,
  Sequential,
  shutdown,
  Tanh,
} from 'deconv-wasm';
import { readModel, writeSafetensors } from 'deconv-wasm/models';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { zeros } from '../support/tensors.js';
import { expectUsedBytes } from '../support/used-bytes.js';

const collect = (globalThis as { gc?: () => void }).gc as () => void;

beforeEach(async () => {
  await init({ build: 'simd' });
});
afterEach(shutdown);

/** Collects until `done`, or until it is plain that it never will be. */
async function collectUntil(done: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 100 && !done(); attempt += 1) {
    // What a WeakRef gave lives until the end of the task.
    await new Promise((resolve) => setTimeout(resolve));
    collect();
    // Finalizers run as tasks of their own.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function forget(count: number): void {
  for (let index = 0; index < count; index += 1) {
    const layer = new ConvTranspose2d({ inChannels: 2, outChannels: 2, kernelSize: 3, seed: index });
    layer.forward(zeros(1, 2, 4, 4));
    layer.forward(zeros(1, 2, 5, 5));
    // With an arena, and operators beside the layer's own.
    new Sequential(layer, new Tanh()).forward(zeros(1, 2, 4, 4));
  }
}

it('forgotten layers are freed, and no other', async () => {
  const start = memoryUsage();
  using kept = new ConvTranspose2d({ inChannels: 2, outChannels: 2, kernelSize: 3, seed: 1 });
  const x = zeros(1, 2, 4, 4);
  x.data.fill(1);
  const wanted = kept.forward(x);
  forget(500);
  expect(memoryUsage().liveLayers).toBeGreaterThan(1);
  await collectUntil(() => memoryUsage().liveLayers === 1);
  expect(memoryUsage().liveLayers).toBe(1);
  expect(kept.forward(x)).toEqual(wanted);
  kept.dispose();
  expect(memoryUsage().liveLayers).toBe(0);
  expectUsedBytes(start.usedBytes);
});

it('a forgotten layer that was disposed is not freed twice', async () => {
  const start = memoryUsage();
  (() => {
    for (let index = 0; index < 100; index += 1) {
      const layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 1, seed: index });
      layer.forward(zeros(1, 1, 2, 2));
      layer.dispose();
    }
  })();
  let collected = false;
  const registry = new FinalizationRegistry(() => {
    collected = true;
  });
  (() => registry.register(new Float32Array(1), undefined))();
  await collectUntil(() => collected);
  expect(memoryUsage().liveLayers).toBe(0);
  expectUsedBytes(start.usedBytes);
});

it('layers forgotten before a shutdown do not touch the next module', async () => {
  forget(100);
  await shutdown();
  await init({ build: 'simd' });
  const start = memoryUsage();
  let collected = false;
  const registry = new FinalizationRegistry(() => {
    collected = true;
  });
  (() => registry.register(new Float32Array(1), undefined))();
  await collectUntil(() => collected);
  expect(memoryUsage()).toEqual(start);
});

// "Its memory is freed": a layer that lives on for the next init must not hold the last heap.
it('shutdown frees the heap although layers live on', async () => {
  // The engine counts the heap of a module nowhere but in the process.
  const held = (): number => process.memoryUsage.rss();
  using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 1, bias: false, seed: 1 });
  const megabyte = 2 ** 20;
  // A heap of 100 MB and more, and tensors that stay, so that nothing but the heap can go.
  const x = zeros(1, 1, 4096, 4096);
  const out = zeros(1, 1, 4096, 4096);
  x.data.fill(1);
  layer.forward(x, { out });
  expect(memoryUsage().heapBytes).toBeGreaterThan(100 * megabyte);
  collect();
  const during = held();
  await shutdown();
  await collectUntil(() => held() < during - 100 * megabyte);
  expect(during - held()).toBeGreaterThan(100 * megabyte);
  expect(layer.disposed).toBe(false);
  expect(out.data.length).toBe(x.data.length);
});

it('forgotten heap tensors are freed, but not while their data are in use', async () => {
  const start = memoryUsage();
  using kept = new HeapTensor([100]);
  const views = (() =>
    Array.from({ length: 20 }, (_, index) => {
      // Of most nothing is left, of some the data alone.
      const { data } = new HeapTensor([1000]);
      data.fill(index);
      return index % 4 === 0 ? data : undefined;
    }))();
  await collectUntil(() => memoryUsage().liveTensors === start.liveTensors + 6);
  expect(memoryUsage().liveTensors).toBe(start.liveTensors + 6);
  // Nobody else was given the memory that is still in use.
  const others = Array.from({ length: 20 }, () => new HeapTensor([1000]));
  for (const other of others) other.data.fill(-1);
  for (const [index, view] of views.entries()) {
    if (view !== undefined) expect(view.every((value) => value === index)).toBe(true);
  }
  for (const other of others) other.dispose();
  views.length = 0;
  await collectUntil(() => memoryUsage().liveTensors === start.liveTensors + 1);
  kept.dispose();
  expect(memoryUsage().liveTensors).toBe(start.liveTensors);
  expectUsedBytes(start.usedBytes);
});

it('heap tensors forgotten before a shutdown do not touch the next module', async () => {
  (() => {
    for (let index = 0; index < 50; index += 1) new HeapTensor([index]).data.fill(1);
  })();
  await shutdown();
  await init({ build: 'simd' });
  const start = memoryUsage();
  let collected = false;
  const registry = new FinalizationRegistry(() => {
    collected = true;
  });
  (() => registry.register(new Float32Array(1), undefined))();
  await collectUntil(() => collected);
  expect(memoryUsage()).toEqual(start);
});

it('shutdown frees the heap although heap tensors live on', async () => {
  const held = (): number => process.memoryUsage.rss();
  const megabyte = 2 ** 20;
  using tensor = new HeapTensor([40 * megabyte]);
  tensor.data.fill(1);
  collect();
  const during = held();
  await shutdown();
  await collectUntil(() => held() < during - 100 * megabyte);
  expect(during - held()).toBeGreaterThan(100 * megabyte);
  expect(tensor.disposed).toBe(false);
});

it('a part of a forgotten tensor keeps its memory', async () => {
  const start = memoryUsage();
  const parts = (() =>
    Array.from({ length: 8 }, (_, index) => {
      const tensor = new HeapTensor([1000]);
      tensor.data.fill(index);
      return index % 2 === 0 ? tensor.data.subarray(10, 20) : undefined;
    }))();
  await collectUntil(() => memoryUsage().liveTensors === start.liveTensors + 4);
  const others = Array.from({ length: 8 }, () => new HeapTensor([1000]));
  for (const other of others) other.data.fill(-1);
  for (const [index, part] of parts.entries()) {
    if (part !== undefined) expect(part.every((value) => value === index)).toBe(true);
  }
  for (const other of others) other.dispose();
  parts.length = 0;
  await collectUntil(() => memoryUsage().liveTensors === start.liveTensors);
  const { liveLayers, liveTensors } = memoryUsage();
  expect({ liveLayers, liveTensors }).toEqual({
    liveLayers: start.liveLayers,
    liveTensors: start.liveTensors,
  });
  expectUsedBytes(start.usedBytes);
});

// An exception in a finalizer has nobody to catch it: Node ends the process, vitest fails the run.
it('what is forgotten on a heap that was scribbled over ends its runtime, and nothing else', async () => {
  const runtime = await createRuntime({ build: 'simd' });
  const start = memoryUsage();
  (() => {
    for (let index = 0; index < 50; index += 1) {
      const options = { inChannels: 2, outChannels: 2, kernelSize: 3, seed: index };
      new ConvTranspose2d({ ...options, runtime }).forward(zeros(1, 2, 4, 4));
      new HeapTensor([index], { runtime }).data.fill(1);
    }
    new Uint8Array(new HeapTensor([1], { runtime }).data.buffer).fill(255);
  })();
  await collectUntil(() => runtime.ended);
  expect(runtime.ended).toBe(true);
  expect(memoryUsage()).toEqual(start);
});

it('shutdown of a runtime frees its heap although what is bound to it lives on', async () => {
  const held = (): number => process.memoryUsage.rss();
  const megabyte = 2 ** 20;
  const runtime = await createRuntime({ build: 'simd' });
  const layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 1, seed: 1, runtime });
  const tensor = new HeapTensor([1, 1, 40, megabyte], { runtime });
  tensor.data.fill(1);
  layer.forward(zeros(1, 1, 2, 2));
  collect();
  const during = held();
  await runtime.shutdown();
  await collectUntil(() => held() < during - 100 * megabyte);
  expect(during - held()).toBeGreaterThan(100 * megabyte);
  expect([layer.disposed, tensor.disposed, runtime.ended]).toEqual([false, false, true]);
});

// What is kept of the failure must not keep the heap, nor the layer that failed, whose finalizer would keep both then.
it('a runtime that failed frees its heap, and the layer that failed is forgotten', async () => {
  const held = (): number => process.memoryUsage.rss();
  const megabyte = 2 ** 20;
  const runtime = await createRuntime({ build: 'simd' });
  let during = 0;
  const failed = (() => {
    const layer = new ConvTranspose2d({ inChannels: 2, outChannels: 2, kernelSize: 3, seed: 1, runtime });
    layer.forward(zeros(1, 2, 4, 4));
    new Uint8Array(new HeapTensor([40 * megabyte], { runtime }).data.buffer).fill(255);
    during = held();
    expect(() => layer.forward(zeros(1, 2, 4, 4))).toThrow('forward');
    return new WeakRef(layer);
  })();
  expect(runtime.ended).toBe(true);
  await collectUntil(() => held() < during - 100 * megabyte && failed.deref() === undefined);
  expect(during - held()).toBeGreaterThan(100 * megabyte);
  expect(failed.deref()).toBe(undefined);
});

it.each([1, 3])('a runtime of %i threads that is forgotten goes with its heap', async (threads) => {
  const held = (): number => process.memoryUsage.rss();
  const megabyte = 2 ** 20;
  collect();
  let during = 0;
  const data = await (async () => {
    const runtime = await createRuntime({ build: 'simd', threads });
    const layer = new ConvTranspose2d({ inChannels: 2, outChannels: 2, kernelSize: 3, seed: 1, runtime });
    layer.forward(zeros(1, 2, 4, 4));
    const { data } = new HeapTensor([40 * megabyte], { runtime });
    data.fill(1);
    during = held();
    return new WeakRef(data);
  })();
  await collectUntil(() => held() < during - 100 * megabyte);
  expect(during - held()).toBeGreaterThan(100 * megabyte);
  expect(data.deref()).toBe(undefined);
});

it('an array on a heap whose runtime is gone is told as such', async () => {
  const [gone, data] = await (async () => {
    const runtime = await createRuntime({ build: 'simd' });
    const { buffer, byteOffset } = new HeapTensor([2, 3], { runtime }).data;
    await runtime.shutdown();
    return [new WeakRef(runtime), new Float32Array(buffer, byteOffset, 6)];
  })();
  await collectUntil(() => gone.deref() === undefined);
  expect(gone.deref()).toBe(undefined);
  using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 1 });
  expect(() => layer.forward({ data, shape: [1, 1, 2, 3] })).toThrow('its tensor or module has ended');
});

it.runIf(process.platform === 'linux')(
  'the file of a forgotten model is closed, and the program goes on',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'deconv-collected-'));
    const file = path.join(folder, 'layer.safetensors');
    await writeFile(file, writeSafetensors({ weight: zeros(2, 2, 3, 3) }));
    const openFiles = () => readdirSync('/proc/self/fd').length;
    const before = openFiles();
    const read = async () => {
      for (let index = 0; index < 20; index += 1) await readModel(file);
    };
    await read();
    await collectUntil(() => openFiles() <= before);
    expect(openFiles()).toBeLessThanOrEqual(before);
    await rm(folder, { recursive: true });
  },
);
