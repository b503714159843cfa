// A module in a worker: the same numbers, what is handed over and what stays, order, errors, and every end.

import { host } from '@host';
import {
  ConvTranspose2d,
  type DeconvError,
  type Graph,
  HeapTensor,
  init,
  ReLU,
  type RuntimeInfo,
  shutdown,
  Tanh,
  type Tensor,
} from 'deconv-wasm';
import {
  type ConnectOptions,
  connect,
  type Progress,
  type Remote,
  serve,
  transfer,
} from 'deconv-wasm/worker';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { compareExactly } from '../support/compare.js';
import { caught, expectError, rejection } from '../support/errors.js';
import { seed } from '../support/seed.js';
import { randomTensor, zeros } from '../support/tensors.js';

beforeAll(() => init());
afterAll(shutdown);

const open: { dispose(): void }[] = [];
afterEach(() => {
  for (const remote of open.splice(0)) remote.dispose();
});

type AnyWorker = ReturnType<typeof host.startWorker>;

/** A worker whose script is `serve(make)`, where all of the package's names are at hand. */
function serving(make: string): AnyWorker {
  return host.startWorker(`
    const { ConvTranspose2d, Graph, HeapTensor, init, Tanh } = await import(entry);
    const { serve, transfer } = await import(workerEntry);
    serve(${make});
  `);
}

async function connected<Served extends object>(
  worker: AnyWorker,
  options?: ConnectOptions,
): Promise<Remote<Served>> {
  const remote = await connect<Served>(worker, options);
  open.push(remote);
  return remote;
}

/**
 * Firefox 153 now and then never returns from starting a worker in a worker while another one ends, in 1 of some 20 on a
 * busy machine. What docs/worker.md says to do then.
 */
async function connectedAtLast<Served extends object>(start: () => AnyWorker): Promise<Remote<Served>> {
  for (let left = host.name === 'Firefox' ? 4 : 0; left > 0; left -= 1) {
    try {
      return await connected<Served>(start(), { signal: AbortSignal.timeout(60_000) });
    } catch (error) {
      if ((error as Error).name !== 'TimeoutError') throw error;
    }
  }
  return connected<Served>(start());
}

const OPTIONS = { inChannels: 2, outChannels: 3, kernelSize: 4, stride: 2, padding: 1, seed } as const;
const LAYER = `async () => {
  await init();
  return new ConvTranspose2d(${JSON.stringify(OPTIONS)});
}`;
const X = randomTensor([1, 2, 5, 6], seed);

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

/** Whether the memory of an array went elsewhere. */
const gone = ({ data }: Tensor): boolean => data.length === 0 && data.buffer.byteLength === 0;

describe('the same interface', () => {
  it('computes what the layer computes here, and has its properties', async () => {
    using here = new ConvTranspose2d(OPTIONS);
    const there = await connected<ConvTranspose2d>(serving(LAYER));
    const y = await there.forward(X);
    expectSame(y, here.forward(X));
    expectSame(
      await there.forward(X, { outputSize: [11, 13], activation: 'relu' }),
      here.forward(X, { outputSize: [11, 13], activation: 'relu' }),
    );
    const gradients = await there.backward(X, y);
    const wanted = here.backward(X, y);
    expectSame(gradients.input, wanted.input);
    expectSame(gradients.weight, wanted.weight);
    expect(await there.outputShape(X.shape)).toEqual(here.outputShape(X.shape));
    expect(await there.kernelSize).toEqual(here.kernelSize);
    expect((await there.plan)?.route).toBe(here.plan?.route);
    expectSame(await there.weight, here.weight);
    expect(String(there)).toBe(String(here));
    expect(Object.keys(there)).toContain('forward');
    expect('upscale' in there).toBe(false);
    // As frameworks keep state.
    const proxy = new Proxy(there, {});
    expectSame(await proxy.forward(X), y);
    proxy.dispose();
    expectError(await rejection(() => there.forward(X)), 'DISPOSED', 'connect');
  });

  it('resolves to itself where a method returns what is served', async () => {
    const there = await connected<ConvTranspose2d>(serving(LAYER));
    const weight = zeros(2, 3, 4, 4);
    const again = await there.setWeight(weight);
    expect(again).toBe(there);
    expectSame(await again.weight, weight);
  });

  it('serves objects with methods of your own', async () => {
    const there = await connected<{ double(values: number[]): number[]; readonly size: number }>(
      serving('() => ({ size: 7, double: async (values) => values.map((value) => 2 * value) })'),
    );
    expect(await there.double([1, 2])).toEqual([2, 4]);
    expect(await there.size).toBe(7);
  });

  it('serves graphs, with tensors by name', async () => {
    const there = await connected<Graph>(
      serving(`async () => {
        await init();
        const net = new Graph();
        const [one, other] = [net.input('one'), net.input('other')];
        net.output(net.add(one, other), 'sum').output(net.apply(new Tanh(), one), 'tanh');
        return net;
      }`),
    );
    const [one, other] = [randomTensor([1, 2, 3], seed), randomTensor([1, 2, 3], seed + 1)];
    const { sum, tanh } = await there.forward({ one, other: transfer(other) });
    expectSame(tanh as Tensor, new Tanh().forward(one));
    expect(sum?.shape).toEqual([1, 2, 3]);
    expect(gone(other)).toBe(true);
    expectError(await rejection(() => there.trace({ one, other: one })), 'BAD_TYPE', 'trace in the worker');
  });

  it('has threads of its own where there are any', async () => {
    const there = await connectedAtLast<RuntimeInfo>(() => serving('() => init({ threads: 2 })'));
    expect([await there.threads, await there.notes]).toEqual([2, []]);
  });
});

describe('what crosses', () => {
  const ECHO = `() => ({
    forward: (x, { out } = {}) => { out?.data.set(x.data); return out ?? x; },
    bytes: ({ data }) => data.buffer.byteLength,
    heap: async () => { await init(); const y = new HeapTensor([2]); y.data.set([1, 2]); return { y, part: y.data.subarray(1) }; },
    kept: (() => { const data = Float32Array.of(1, 2); return () => ({ data, shape: [2] }); })(),
  })`;
  interface Echo {
    forward(x: Tensor, options?: { out?: Tensor }): Tensor;
    bytes(x: { data: Float32Array }): number;
    heap(): { y: Tensor; part: Float32Array };
    kept(): Tensor;
  }

  it('copies arguments, and hands over what is marked', async () => {
    const there = await connected<Echo>(serving(ECHO));
    const x = randomTensor([2, 3], seed);
    const values = x.data.slice();
    expectSame(await there.forward(x), x);
    expect(gone(x)).toBe(false);
    expect((await there.forward(transfer(x))).data).toEqual(values);
    expect(gone(x)).toBe(true);
    expectError(await rejection(() => there.forward(x)), 'BAD_BUFFER', 'forward');
  });

  it('gives an out back that was handed over, and takes no other', async () => {
    const there = await connected<Echo>(serving(ECHO));
    const x = randomTensor([2, 3], seed);
    const out = zeros(2, 3);
    const y = await there.forward(x, { out: transfer(out) });
    expectSame(y, x);
    expect(gone(out)).toBe(true);
    expectError(await rejection(() => there.forward(x, { out: zeros(2, 3) })), 'BAD_BUFFER', 'forward');
  });

  it('takes of an array what it shows', async () => {
    const there = await connected<Echo>(serving(ECHO));
    const { data } = randomTensor([1000], seed);
    const part = { data: data.subarray(10, 12), shape: [2] };
    expect(await there.bytes(part)).toBe(8);
    expect(data.length).toBe(1000);
    expectError(await rejection(() => there.bytes(transfer({ ...part }))), 'BAD_BUFFER', 'bytes');
    expect(data.length).toBe(1000);
  });

  it('takes tensors of a heap, and gives them', async () => {
    const there = await connected<Echo>(serving(ECHO));
    using x = new HeapTensor([2, 2]);
    x.data.set([1, 2, 3, 4]);
    expect(await there.bytes(x)).toBe(16);
    expect([...(await there.forward(x)).data]).toEqual([1, 2, 3, 4]);
    expectError(await rejection(() => there.forward(transfer(x))), 'BAD_BUFFER', 'forward');
    const { y, part } = await there.heap();
    expect([y.shape, [...y.data], [...part]]).toEqual([[2], [1, 2], [2]]);
  });

  it('hands results over: what the worker keeps is gone there', async () => {
    const there = await connected<Echo>(serving(ECHO));
    expect([...(await there.kept()).data]).toEqual([1, 2]);
    expectError(await rejection(() => there.kept()), 'BAD_BUFFER', 'kept in the worker');
  });

  it('copies the arrays of properties: to read one takes nothing from what is served', async () => {
    const there = await connected<{
      readonly table: Float32Array;
      readonly deep: { list: Float32Array[] };
      readonly bytes: ArrayBuffer;
      readonly stream: ReadableStream;
      sum(): number;
    }>(
      serving(`() => ({
        table: Float32Array.of(1, 2),
        deep: { list: [Float32Array.of(4)] },
        bytes: Uint8Array.of(8).buffer,
        stream: new ReadableStream(),
        sum() { return this.table[0] + this.table[1] + this.deep.list[0][0] + new Uint8Array(this.bytes)[0]; },
      })`),
    );
    for (let count = 0; count < 2; count += 1) {
      expect([...(await there.table)]).toEqual([1, 2]);
      expect((await there.deep).list.map((values) => [...values])).toEqual([[4]]);
      expect([...new Uint8Array(await there.bytes)]).toEqual([8]);
    }
    expect(await there.sum()).toBe(15);
    // What has no copy is handed over; not all browsers can.
    if (host.name === 'Node') expect((await there.stream).locked).toBe(false);
  });

  it('takes of a DataView what it shows', async () => {
    const there = await connected<{ bytes(x: { data: DataView }): number[] }>(
      serving('() => ({ bytes: ({ data }) => [data.getInt8(0), data.byteLength, data.buffer.byteLength] })'),
    );
    const buffer = Int8Array.from({ length: 100 }, (_, index) => index).buffer;
    expect(await there.bytes({ data: new DataView(buffer, 10, 4) })).toEqual([10, 4, 4]);
    const whole = { data: new DataView(buffer) };
    expectError(
      await rejection(() => there.bytes(transfer({ data: new DataView(buffer, 10, 4) }))),
      'BAD_BUFFER',
      'bytes',
    );
    expect(await there.bytes(transfer(whole))).toEqual([0, 100, 100]);
    expect(buffer.byteLength).toBe(0);
  });

  it('hands over what is marked wherever else it stands', async () => {
    const there = await connected<{ same(values: unknown): boolean }>(
      serving('() => ({ same: ([plain, list, { data }]) => plain === data && list[0] === data })'),
    );
    const data = new Float32Array(4);
    const list = [data];
    expect(await there.same([data, list, { data }])).toBe(true);
    expect(data.length).toBe(4);
    expect(await there.same([data, list, transfer({ data, list })])).toBe(true);
    expect(data.length).toBe(0);
  });

  it('an entry named __proto__ is one like others, both ways', async () => {
    const there = await connected<{ same(value: object): { names: string[]; value: object } }>(
      serving('() => ({ same: (value) => ({ names: Object.keys(value), value }) })'),
    );
    const given = JSON.parse('{"__proto__":{"a":1},"b":2}') as object;
    const { names, value } = await there.same(given);
    expect(names).toEqual(['__proto__', 'b']);
    expect(Object.entries(value)).toEqual([
      ['__proto__', { a: 1 }],
      ['b', 2],
    ]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it('a member named __proto__ is served like others', async () => {
    const there = await connected<Record<string, (x: number) => Promise<number>>>(
      serving(`() => ({ ['__proto__']: (x) => 2 * x })`),
    );
    expect(Object.keys(there)).toContain('__proto__');
    expect(await Object.getOwnPropertyDescriptor(there, '__proto__')?.value(3)).toBe(6);
  });

  it('says what cannot cross, and goes on', async () => {
    const there = await connected<{ run(value: unknown): unknown; back(): unknown }>(
      serving('() => ({ run: (value) => value, back: () => () => 1 })'),
    );
    const made = await rejection(() => there.run(() => 1));
    expectError(made, 'BAD_TYPE', 'run');
    // What an engine says is no value that came: it has no quotes, and one end.
    expect(made.message).toMatch(/^run: expected values that can be posted, got [^".]+\. Functions/);
    expectError(await rejection(() => there.run(new ReLU())), 'BAD_TYPE', 'run');
    expectError(await rejection(() => there.back()), 'BAD_TYPE', 'back in the worker');
    expect(await there.run(3)).toBe(3);
    expectError(
      caught(() => transfer(3 as unknown as object)),
      'BAD_TYPE',
      'transfer',
    );
  });
});

describe('calls under way', () => {
  // A port of its own tells that `wait` has begun, and `wait` when to end.
  const SLOW = `() => {
    const begun = [];
    let release, told = { postMessage() {} };
    const released = new Promise((resolve) => { release = resolve; });
    return {
      begun: () => begun,
      gate: (port) => {
        told = port;
        port.onmessage = ({ data }) => {
          if (data === 'turn') return port.postMessage(data);
          port.close();
          release();
        };
      },
      wait: async (name) => { begun.push(name); told.postMessage(name); await released; return name; },
      now: (name) => { begun.push(name); return name; },
    };
  }`;
  interface Slow {
    begun(): string[];
    gate(port: MessagePort): void;
    wait(name: string): string;
    now(name: string): string;
  }

  interface Gated {
    readonly there: Remote<Slow>;
    readonly begun: Promise<unknown>;
    /** Waits until the worker has what was posted to it: messages of two ports come in any order. */
    delivered(): Promise<void>;
    release(): void;
  }

  /** Of the worker's event loop, each of which may bring one message of a port. */
  const TURNS = 50;

  async function slow(): Promise<Gated> {
    const there = await connected<Slow>(serving(SLOW));
    const { port1, port2 } = new MessageChannel();
    await there.gate(transfer(port2));
    const begun = new Promise((resolve) => {
      port1.onmessage = resolve;
    });
    return {
      there,
      begun,
      delivered: async () => {
        for (let turn = 0; turn < TURNS; turn += 1) {
          const answered = new Promise((resolve) => {
            port1.onmessage = resolve;
          });
          port1.postMessage('turn');
          await answered;
        }
      },
      release: () => {
        port1.postMessage(null);
        port1.close();
      },
    };
  }

  it('are answered in order, whatever they wait for', async () => {
    const { there, release } = await slow();
    const answered: string[] = [];
    const calls = ['a', 'b', 'c', 'd', 'e'].map((name) =>
      (name === 'c' ? there.now(name) : there.wait(name)).then((done) => answered.push(done)),
    );
    release();
    await Promise.all(calls);
    expect(answered.join('')).toBe('abcde');
    expect((await there.begun()).join('')).toBe('abcde');
  });

  it('are given up by a signal: those that wait are not begun', async () => {
    const { there, begun, delivered, release } = await slow();
    const running = new AbortController();
    const waiting = new AbortController();
    const calls = [
      there.wait('running', { signal: running.signal }),
      there.now('waiting', { signal: waiting.signal }),
      there.now('kept', { signal: new AbortController().signal }),
    ];
    const reason = new Error('enough');
    waiting.abort(reason);
    await expect(calls[1]).rejects.toBe(reason);
    await begun;
    running.abort();
    await expect(calls[0]).rejects.toMatchObject({ name: 'AbortError' });
    await delivered();
    release();
    expect(await calls[2]).toBe('kept');
    expect(await there.begun()).toEqual(['running', 'kept']);
    await expect(there.now('never', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(await there.begun()).toEqual(['running', 'kept']);
  });

  it('share one listener of a signal: Node warns of more than ten as of a leak', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const listened = vi.spyOn(signal, 'addEventListener');
    const { there, begun, release } = await slow();
    expect(await there.now('done', { signal })).toBe('done');
    const calls = Array.from({ length: 20 }, (_, index) => there.wait(String(index), { signal }));
    const kept = there.now('kept');
    await begun;
    const reason = new Error('enough');
    controller.abort(reason);
    for (const call of calls) await expect(call).rejects.toBe(reason);
    release();
    expect(await kept).toBe('kept');
    expect(listened).toHaveBeenCalledTimes(1);
  });

  it('take the signal out of the options of the call', async () => {
    const there = await connected<ConvTranspose2d>(serving(LAYER));
    const { signal } = new AbortController();
    using here = new ConvTranspose2d(OPTIONS);
    expectSame(await there.forward(X, { signal }), here.forward(X));
    expectSame(
      await there.forward(X, { activation: 'relu', signal }),
      here.forward(X, { activation: 'relu' }),
    );
    expectSame(await there.forward(X, { signal: undefined }), here.forward(X));
    const wanted = here.forward(X);
    const out = zeros(...wanted.shape);
    expectSame(await there.forward(X, transfer({ out, signal })), wanted);
    expect(gone(out)).toBe(true);
    const marked = transfer({ data: X.data.slice(), shape: X.shape, signal });
    expectSame(await there.forward(marked), wanted);
    expect(gone(marked)).toBe(true);
  });

  it('reject when the worker is disposed, and so do later ones', async () => {
    const { there } = await slow();
    const calls = [there.wait('a'), there.now('b')];
    const settled = Promise.allSettled(calls);
    there.dispose();
    there.dispose();
    for (const result of await settled) {
      expectError((result as PromiseRejectedResult).reason as DeconvError, 'DISPOSED', 'connect');
    }
    expectError(await rejection(() => there.now('c')), 'DISPOSED', 'connect');
  });

  // Of a page's worker nobody hears.
  if (host.name === 'Node') {
    it('reject when the worker ends by itself', async () => {
      const worker = serving(SLOW);
      const there = await connected<Slow>(worker);
      const call = there.wait('a');
      worker.terminate();
      expectError(await rejection(() => call), 'RUNTIME_FAILED', 'connect');
      expectError(await rejection(() => there.now('b')), 'RUNTIME_FAILED', 'connect');
    });

    it('reject when the worker throws outside of a call, whatever that says', async () => {
      const there = await connected<{ later(): void }>(
        serving(
          "() => ({ later: () => { setTimeout(() => { throw new Error(''); }); return new Promise(() => {}); } })",
        ),
      );
      const error = await rejection(async () => there.later());
      expectError(error, 'RUNTIME_FAILED', 'connect');
      expect(error.message).toContain('an error that says nothing');
    });

    it('are none to a worker that has ended', async () => {
      const worker = serving(SLOW);
      await worker.terminate();
      expectError(await rejection(() => connect(worker)), 'LOAD_FAILED', 'connect');
    });
  }
});

describe('errors', () => {
  it('keep code, message and detail', async () => {
    using here = new ConvTranspose2d(OPTIONS);
    const there = await connected<ConvTranspose2d>(serving(LAYER));
    const wanted = caught(() => here.forward(zeros(1, 3, 5, 6)));
    const got = await rejection(() => there.forward(zeros(1, 3, 5, 6)));
    expect(got.toJSON()).toEqual(wanted.toJSON());
    expectSame(await there.forward(X), here.forward(X));
  });

  it('of your own keep name and message', async () => {
    const there = await connected<{ range(): void; word(): void }>(
      serving("() => ({ range() { throw new RangeError('too far'); }, word() { throw 'no'; } })"),
    );
    await expect(there.range()).rejects.toMatchObject({ name: 'RangeError', message: 'too far' });
    await expect(there.word()).rejects.toThrow('"no"');
  });

  it('cross without what has no copy, and the worker goes on', async () => {
    const thrown = `Object.assign(new RangeError('too far'), { cause: { retry() {} } })`;
    const there = await connected<{ far(): void; odd(): void; own(): void; next(): number }>(
      serving(`() => ({
        far() { throw ${thrown}; },
        odd() { throw Object.defineProperty(new Error(), 'message', { get() { throw 1; } }); },
        own() {
          try {
            new ConvTranspose2d({});
          } catch (error) {
            throw Object.defineProperty(error, 'cause', { value: { toString() { throw 1; } } });
          }
        },
        next: () => 1,
      })`),
    );
    const calls = [there.far(), there.odd(), rejection(async () => there.own()), there.next()] as const;
    await Promise.allSettled(calls);
    await expect(calls[0]).rejects.toMatchObject({ name: 'RangeError', message: 'too far' });
    await expect(calls[1]).rejects.toBeInstanceOf(Error);
    expectError(await calls[2], 'BAD_TYPE', 'ConvTranspose2d');
    expect(await calls[3]).toBe(1);
    await expect(connect(serving(`() => { throw ${thrown}; }`))).rejects.toMatchObject({
      name: 'RangeError',
      message: 'too far',
    });
  });
});

describe('loading', () => {
  it('tells progress, to who connects later the last', async () => {
    const told: Progress[] = [];
    const half = { loaded: 1, total: 2, name: 'half' };
    const worker = serving(`({ progress }) => { progress(${JSON.stringify(half)}); return {}; }`);
    await connected(worker, { onProgress: (progress) => told.push(progress) });
    await connected(worker, { onProgress: (progress) => told.push(progress) });
    expect(told).toEqual([half, half]);
  });

  it.each([
    ['BAD_TYPE', "'x'"],
    ['BAD_TYPE', 'null'],
    ['BAD_TYPE', '{ total: 1 }'],
    ['BAD_OPTION', '{ loaded: NaN }'],
    ['BAD_OPTION', '{ loaded: 1, total: -1 }'],
    ['BAD_TYPE', "{ loaded: 1, name: () => 'weights' }"],
    ['BAD_OPTION', '{ loaded: 1, of: 2 }'],
  ] as const)('refuses what is no progress: %s %s', async (code, told) => {
    const worker = serving(`({ progress }) => { progress(${told}); return {}; }`);
    expectError(await rejection(() => connect(worker)), code, 'progress');
  });

  it('rejects with what onProgress throws, and ends the worker', async () => {
    const worker = serving('({ progress }) => { progress({ loaded: 1 }); return {}; }');
    const mine = new Error('mine');
    const onProgress = (): void => {
      throw mine;
    };
    await expect(connect(worker, { onProgress })).rejects.toBe(mine);
    if (host.name === 'Node') expectError(await rejection(() => connect(worker)), 'LOAD_FAILED', 'connect');
  });

  it('serves one object in a worker', async () => {
    const there = await connected<{ code(): string; next(): number }>(
      host.startWorker(`
        const { serve } = await import(workerEntry);
        let code;
        serve(() => ({ code: () => code, next: () => 1 }));
        try {
          serve(() => ({ next: () => 2 }));
        } catch (error) {
          code = error.code;
        }
      `),
    );
    expect([await there.code(), await there.next()]).toEqual(['BAD_OPTION', 1]);
  });

  it('tells bytes as they come', async () => {
    const told: Progress[] = [];
    const there = await connected<{ size: number }>(
      serving(`async ({ fetch }) => {
        const response = await fetch('data:application/octet-stream;base64,AAAAAAAAAAA=');
        return { size: (await response.arrayBuffer()).byteLength };
      }`),
      { onProgress: (progress) => told.push(progress) },
    );
    expect(await there.size).toBe(8);
    expect(told.at(-1)).toMatchObject({ loaded: 8, name: expect.stringContaining('data:') });
  });

  it('rejects with what the worker throws, with its code', async () => {
    const options = JSON.stringify({ ...OPTIONS, kernelSize: 0 });
    const got = await rejection(() => connect(serving(`() => new ConvTranspose2d(${options})`)));
    expectError(got, 'BAD_OPTION', 'ConvTranspose2d');
    await expect(connect(serving("() => { throw new RangeError('mine'); }"))).rejects.toMatchObject({
      name: 'RangeError',
      message: 'mine',
    });
    expectError(await rejection(() => connect(serving('() => 3'))), 'BAD_TYPE', 'serve');
  });

  it('rejects where the script does not start', async () => {
    const broken = await rejection(() => connect(host.startWorker("throw new Error('not today');")));
    expectError(broken, 'LOAD_FAILED', 'connect');
    expect(broken.message).toContain('not today');
    const missing = host.startWorker("await import('./nowhere.js');");
    expectError(await rejection(() => connect(missing)), 'LOAD_FAILED', 'connect');
  });

  it('is given up by a signal, as for a worker that never serves', async () => {
    const controller = new AbortController();
    const loading = connect(host.startWorker('setInterval(() => {}, 1000);'), { signal: controller.signal });
    controller.abort();
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' });
    const reason = new Error('too late');
    const late = connect(serving(LAYER), { signal: AbortSignal.abort(reason) });
    await expect(late).rejects.toBe(reason);
  });

  it('leaves messages of others alone, on both sides', async () => {
    const worker = serving(`() => {
      postMessage('from the worker');
      return { size: 1 };
    }`) as AnyWorker & EventTarget & { on?(type: string, listener: (value: unknown) => void): void };
    const heard = new Promise((resolve) => {
      const hear = (value: unknown): void => {
        if (value === 'from the worker') resolve(value);
      };
      if (worker.on !== undefined) worker.on('message', hear);
      else worker.addEventListener('message', (event) => hear((event as MessageEvent).data));
    });
    worker.postMessage('from the page', [] as never);
    worker.postMessage(null, [] as never);
    const there = await connected<{ size: number }>(worker);
    worker.postMessage({ kind: 'call', id: 1 }, [] as never);
    expect(await there.size).toBe(1);
    expect(await heard).toBe('from the worker');
  });

  it('serves several connections, in one order', async () => {
    const worker = serving('() => { let count = 0; return { next: () => { count += 1; return count; } }; }');
    const [one, other] = await Promise.all([
      connected<{ next(): number }>(worker),
      connected<{ next(): number }>(worker),
    ]);
    expect(await Promise.all([one.next(), one.next()])).toEqual([1, 2]);
    expect(await other.next()).toBe(3);
  });

  it('refuses what is no worker, and to serve elsewhere', async () => {
    expectError(await rejection(() => connect({} as AnyWorker)), 'BAD_TYPE', 'connect');
    const worker = serving(LAYER);
    expectError(
      await rejection(() => connect(worker, { timeout: 1 } as ConnectOptions)),
      'BAD_OPTION',
      'connect',
    );
    expectError(await rejection(() => connect(worker, { onProgress: 1 as never })), 'BAD_TYPE', 'connect');
    expectError(await rejection(() => connect(worker, { signal: {} as AbortSignal })), 'BAD_TYPE', 'connect');
    worker.terminate();
    expectError(
      caught(() => serve(() => ({}))),
      'UNSUPPORTED',
      'serve',
    );
    expectError(
      caught(() => serve(3 as never)),
      'BAD_TYPE',
      'serve',
    );
  });
});
