// Loading and ending the module.

import { host } from '@host';
import {
  type BinaryName,
  ConvTranspose2d,
  convTranspose,
  HeapTensor,
  type InitOptions,
  init,
  memoryUsage,
  type RuntimeInfo,
  runtimeInfo,
  shutdown,
  type WasmSource,
} from 'deconv-wasm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BEST, BUILDS, BUILDS_HERE } from '../support/builds.js';
import { endlessResponse } from '../support/endless.js';
import { caught, expectError, rejection } from '../support/errors.js';
import { zeros } from '../support/tensors.js';

// Every test starts and ends without a module.
beforeEach(shutdown);
afterEach(async () => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  await shutdown();
});

/** The module computes. */
function expectRunning(): void {
  const y = convTranspose(
    { data: new Float32Array([0, 1, 2, 3]), shape: [1, 1, 2, 2] },
    { data: new Float32Array([0, 1, 2, 3]), shape: [1, 1, 2, 2] },
  );
  expect([...y.data]).toEqual([0, 0, 1, 0, 4, 6, 4, 12, 9]);
}

const other = (name: BinaryName): BinaryName[] =>
  BUILDS.map((build) => build.name).filter((candidate) => candidate !== name);

it('takes the best build on one thread by default', async () => {
  const info = await init();
  expect(info).toEqual({ build: BEST, threads: 1, notes: [] });
  expect(runtimeInfo()).toEqual(info);
  expectRunning();
});

it('is repeatable, and parallel calls share one module', async () => {
  const infos = await Promise.all([init(), init({}), init(), init({ build: 'auto' })]);
  for (const info of infos) expect(info).toBe(infos[0]);
  const before = memoryUsage().heapBytes;
  expect(await init()).toBe(infos[0]);
  expect(memoryUsage().heapBytes).toBe(before);
  expectRunning();
});

it('without options shares whatever is in force', async () => {
  const info = await init({ build: 'simd', threads: 2 });
  expect(info.threads).toBe(2);
  expect(await init()).toBe(info);
  expect(await init({ build: 'simd', threads: 2 })).toBe(info);
});

// Less than asked for, and nothing but the default's own options decides.
it.each([
  [{ build: 'relaxed' }, ['relaxed SIMD: an earlier init asked for simd, running the simd build']],
  [{ threads: 2 }, ['threads: expected 2, but an earlier init asked for 1: running on 1']],
  [
    { build: 'relaxed', threads: 3 },
    [
      'relaxed SIMD: an earlier init asked for simd, running the simd build',
      'threads: expected 3, but an earlier init asked for 1: running on 1',
    ],
  ],
  [{ build: 'simd', threads: 1 }, []],
  [{ wasm: 'other.wasm' }, []],
] as const)('shares what runs or loads with who asked for more: %o', async (options, notes) => {
  const loading = init({ build: 'simd' });
  const meanwhile = init(options);
  const info = await loading;
  expect(info).toEqual({ build: 'simd', threads: 1, notes: [] });
  expect(await meanwhile).toEqual({ ...info, notes });
  expect(await init(options)).toEqual({ ...info, notes });
  expect(runtimeInfo()).toBe(info);
  expectRunning();
});

it('is repeatable for whatever was asked: functions anew each time, builds that run, fewer threads', async () => {
  const bytes = await host.readBinary(BEST);
  const info = await init({ wasm: () => bytes });
  expect(await init({ wasm: () => bytes })).toBe(info);
  expect(await init({ wasm: bytes })).toBe(info);
  expect(await init({ build: BEST })).toBe(info);
  await shutdown();
  const threads = await init({ build: 'simd', threads: 3 });
  expect(await init({ threads: 2 })).toBe(threads);
  expect(await init({ threads: 1, build: 'simd' })).toBe(threads);
});

it('refuses the simd build, whose results are the same everywhere, where relaxed runs', async ({ skip }) => {
  skip(BEST === 'simd', 'this engine lacks another build');
  const info = await init();
  expectError(await rejection(() => init({ build: 'simd' })), 'ALREADY_INITIALIZED', 'init');
  expect(runtimeInfo()).toBe(info);
  expectRunning();
});

it("another's wish that cannot be loaded is no answer to mine", async () => {
  const wrong = rejection(() => init({ wasm: new Uint8Array([1, 2, 3, 4]) }));
  const mine = init({ build: 'simd' });
  const third = init();
  expectError(await wrong, 'LOAD_FAILED', 'init');
  expect(await mine).toEqual({ build: 'simd', threads: 1, notes: [] });
  expect(await third).toBe(await mine);
  expectRunning();
});

it('a binary whose buffer was transferred is told by name', async () => {
  const wasm = new Uint8Array(100);
  structuredClone(wasm, { transfer: [wasm.buffer] });
  for (const given of [wasm, wasm.buffer, () => wasm]) {
    expectError(await rejection(() => init({ wasm: given })), 'BAD_BUFFER', 'init');
  }
});

it('what init and runtimeInfo give is nobody’s to change', async () => {
  const info = await init();
  expect(Object.isFrozen(info) && Object.isFrozen(info.notes)).toBe(true);
});

it('the heap starts small and holds little more than was asked for', async () => {
  await init();
  expectRunning();
  expect(memoryUsage().heapBytes).toBeLessThan(5e6);
  const tensors = Array.from({ length: 30 }, () => new HeapTensor([500_000]));
  const { heapBytes, usedBytes } = memoryUsage();
  expect(usedBytes).toBeGreaterThanOrEqual(60e6);
  expect(heapBytes).toBeLessThan(1.15 * usedBytes + 2e6);
  for (const tensor of tensors) tensor.dispose();
});

it('shutdown may be repeated, and ends a module that still loads', async () => {
  await shutdown();
  await shutdown();
  const error = rejection(() => init());
  await shutdown();
  expectError(await error, 'NOT_INITIALIZED', 'init');
  expectError(caught(runtimeInfo), 'NOT_INITIALIZED', 'runtimeInfo');
  expect(memoryUsage()).toEqual({ liveLayers: 0, liveTensors: 0, heapBytes: 0, usedBytes: 0 });
  await init();
  expectRunning();
});

it('starts and ends many times', async () => {
  for (let round = 0; round < 6; round += 1) {
    for (const { options } of BUILDS_HERE) {
      await init(options);
      expectRunning();
      await shutdown();
    }
  }
});

describe.each(BUILDS_HERE)('the $name binary from elsewhere', ({ name, options }) => {
  async function expectLoads(wasm: NonNullable<InitOptions['wasm']>): Promise<void> {
    await init({ ...options, wasm });
    expectRunning();
    await shutdown();
  }

  it('loads from addresses, bytes, a compiled module and a function', async () => {
    const bytes = await host.readBinary(name);
    const addresses = await host.binaryAddresses(name);
    const module = await WebAssembly.compile(bytes);
    const padded = new Uint8Array([1, 2, 3, ...bytes, 4]);
    const sources: WasmSource[] = [
      ...addresses.good,
      bytes,
      bytes.buffer,
      new DataView(bytes.buffer),
      padded.subarray(3, -1),
      module,
    ];
    for (const source of sources) await expectLoads(source);
    const asked: string[] = [];
    await expectLoads((wanted) => {
      asked.push(wanted);
      return bytes;
    });
    await expectLoads(async () => module);
    expect(asked).toEqual([name]);
    addresses.close();
  });

  it('refuses what is not that binary, and loads the right one afterwards', async () => {
    const addresses = await host.binaryAddresses(name);
    const bytes = await host.readBinary(name);
    const wrong: NonNullable<InitOptions['wasm']>[] = [
      ...addresses.bad,
      new Uint8Array([1, 2, 3, 4]),
      new Uint8Array(0),
      bytes.subarray(0, 1000),
      // A module, but none of ours.
      new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
      () => {
        throw new Error('no such file');
      },
      () => Promise.reject('no such file'),
    ];
    for (const one of other(name)) wrong.push(await host.readBinary(one));
    for (const wasm of wrong) {
      expectError(await rejection(() => init({ ...options, wasm })), 'LOAD_FAILED', 'init');
      expectError(caught(runtimeInfo), 'NOT_INITIALIZED', 'runtimeInfo');
    }
    addresses.close();
    await init(options);
    expectRunning();
  });
});

it('a relaxed binary, handed in where that cannot be compiled, is told as what it is', async ({ skip }) => {
  skip(BEST === 'relaxed', 'this engine lacks nothing that the binary needs');
  const wasm = await host.readBinary('relaxed');
  const error = await rejection(() => init({ wasm }));
  expectError(error, 'LOAD_FAILED', 'init');
  expect(error.message).toContain('or made for relaxed SIMD, which this engine has not');
});

it('what a server sends instead of the file is fetched no further', async () => {
  for (const wrong of [{ status: 404 }, { headers: { 'content-type': 'text/html' } }]) {
    const { response, left } = endlessResponse(wrong);
    vi.stubGlobal('fetch', async () => response);
    const error = await rejection(() => init({ wasm: 'https://example.org/simd.wasm' }));
    expectError(error, 'LOAD_FAILED', 'init');
    expect(left()).toBe('cancelled');
  }
});

it('parallel calls fail together, and the next one starts afresh', async () => {
  const wasm = new Uint8Array([1, 2, 3, 4]);
  const errors = await Promise.all([1, 2, 3].map(() => rejection(() => init({ wasm }))));
  for (const error of errors) expectError(error, 'LOAD_FAILED', 'init');
  await init();
  expectRunning();
});

it('everything that computes says that init is missing; arithmetic does not need it', async () => {
  const layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2 });
  const x = zeros(1, 1, 2, 2);
  expectError(
    caught(() => layer.forward(x)),
    'NOT_INITIALIZED',
    'ConvTranspose2d.forward',
  );
  expectError(
    caught(() => convTranspose(x, x)),
    'NOT_INITIALIZED',
    'convTranspose',
  );
  expect(layer.outputShape([4, 1, 2, 2])).toEqual([4, 1, 3, 3]);
  layer.setWeight(new Float32Array([0, 1, 2, 3]));
  await init();
  expect([
    ...layer.setBias(new Float32Array(1)).forward({ ...x, data: new Float32Array([0, 1, 2, 3]) }).data,
  ]).toEqual([0, 0, 1, 0, 4, 6, 4, 12, 9]);
  layer.dispose();
});

it('threads: what was asked for is what runs, up to the limit', async () => {
  for (const threads of [1, 2, 3]) {
    expect(await init({ build: 'simd', threads })).toEqual({ build: 'simd', threads, notes: [] });
    expectRunning();
    await shutdown();
  }
});

// WebKit counts the 2 GB that each memory may grow to, and had room for twenty of those that were never freed.
it('threads: memories of runtimes that were shut down come back', async () => {
  for (let count = 0; count < 30; count += 1) {
    expect(await init({ build: 'simd', threads: 2 })).toMatchObject({ threads: 2, notes: [] });
    await shutdown();
  }
});

it("threads: 'auto' is what the processor runs at once, up to the limit, and 1 where nobody tells", async () => {
  const cores = vi.spyOn(navigator, 'hardwareConcurrency', 'get');
  for (const [told, threads] of [
    [3, 3],
    [1, 1],
    [0, 1],
  ] as const) {
    cores.mockReturnValue(told);
    const info = await init({ build: 'simd', threads: 'auto' });
    expect(info).toEqual({ build: 'simd', threads, notes: [] });
    expect(await init({ build: 'simd', threads: 'auto' })).toBe(info);
    expectRunning();
    await shutdown();
  }
  vi.stubGlobal('navigator', undefined);
  // Node 20 has none, and its own word for it.
  let os: unknown = { availableParallelism: () => 3 };
  if (host.name === 'Node') {
    const builtin = process.getBuiltinModule.bind(process) as (name: string) => unknown;
    const asked = (name: string): unknown => (name === 'node:os' ? os : builtin(name));
    vi.spyOn(process, 'getBuiltinModule').mockImplementation(asked as typeof process.getBuiltinModule);
    expect(await init({ build: 'simd', threads: 'auto' })).toMatchObject({ threads: 3, notes: [] });
    await shutdown();
  }
  os = undefined;
  expect(await init({ build: 'simd', threads: 'auto' })).toMatchObject({ threads: 1, notes: [] });
  await shutdown();
  vi.unstubAllGlobals();
  // More than anybody may ask for are not refused.
  cores.mockReturnValue(200);
  await init({ build: 'simd', threads: 1 });
  expect((await init({ build: 'simd', threads: 'auto' })).notes).toEqual([
    'threads: expected 64, but an earlier init asked for 1: running on 1',
  ]);
});

describe('an engine that lacks something', () => {
  /** WebAssembly.validate of an engine without the instructions that begin with these bytes. */
  function withoutInstructions(...missing: number[]): void {
    const validate = WebAssembly.validate;
    vi.spyOn(WebAssembly, 'validate').mockImplementation((bytes) => {
      const text = new Uint8Array(bytes as ArrayBuffer).join();
      return !text.includes(missing.join()) && validate(bytes);
    });
  }

  async function expectNote(options: InitOptions, info: Partial<RuntimeInfo>, note: RegExp): Promise<void> {
    const got = await init(options);
    expect(got).toMatchObject(info);
    expect(got.notes).toEqual([expect.stringMatching(note)]);
    expectRunning();
    // Whoever looks at a plan learns of it as well.
    using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2, seed: 1 });
    layer.forward(zeros(1, 1, 2, 2));
    expect(layer.plan).toMatchObject({ build: got.build, threads: got.threads });
    expect(layer.plan?.reason).toContain(got.notes[0]);
    // Asking for the same again is no other wish, whatever came of it.
    expect(await init(options)).toBe(got);
  }

  it('shared memory: one thread, with a note', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    await expectNote(
      { build: 'simd', threads: 2 },
      { build: 'simd', threads: 1 },
      /^threads: .*, running on 1$/,
    );
    await shutdown();
    vi.spyOn(navigator, 'hardwareConcurrency', 'get').mockReturnValue(4);
    await expectNote(
      { build: 'simd', threads: 'auto' },
      { build: 'simd', threads: 1 },
      /^threads: .*, running on 1$/,
    );
  });

  it('relaxed SIMD: the simd build, with a note only for who asked', async () => {
    withoutInstructions(0xfd, 0x85, 0x02);
    await expectNote({ build: 'relaxed' }, { build: 'simd', threads: 1 }, /^relaxed SIMD: .*simd build$/);
    await shutdown();
    expect(await init()).toEqual({ build: 'simd', threads: 1, notes: [] });
  });

  it('SIMD: a plain error', async () => {
    withoutInstructions(0xfd, 0x11);
    expectError(await rejection(() => init()), 'LOAD_FAILED', 'init');
    vi.restoreAllMocks();
    await init();
    expectRunning();
  });
});
