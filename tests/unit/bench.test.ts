// What the benchmark computes by itself, without any peer.

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { naive } from '../../scripts/bench/candidates/naive.mjs';
import { CASES, FURTHER, JUDGED, QUICK } from '../../scripts/bench/cases.mjs';
import { CHAINS, onnxGraphOf, parametersOf } from '../../scripts/bench/chains.mjs';
import { describe as describeLayer, geometryOf, raised } from '../../scripts/bench/geometry.mjs';
import { toChannelsLast, transposed } from '../../scripts/bench/layouts.mjs';
import { measure } from '../../scripts/bench/measure.mjs';
import { mirrored } from '../../scripts/bench/mirror.mjs';
import { tfliteLayer } from '../../scripts/bench/models/tflite-layer.mjs';
import { OptionError, readOptions } from '../../scripts/bench/options.mjs';
import { errorOf, makeProblem, TOLERANCE } from '../../scripts/bench/problem.mjs';
import { reference } from '../../scripts/bench/reference.mjs';
import { markdown, short, table } from '../../scripts/bench/report/markdown.mjs';
import { geometricMean, median, quantile, summary } from '../../scripts/bench/statistics.mjs';
import { bestPeer, failures, meanRatio, ratiosOf } from '../../scripts/bench/verdicts.mjs';

const layerNamed = (name: string) => {
  const layer = CASES.find((one) => one.name === name);
  if (layer === undefined) throw new Error(`no case ${name}`);
  return layer;
};

describe('cases', () => {
  it('are the 17 judged ones and more, each named once', () => {
    expect(JUDGED).toHaveLength(17);
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(JUDGED.length + FURTHER.length);
    for (const name of QUICK) expect(layerNamed(name).name).toBe(name);
  });

  it.each([
    ['dcgan3', '32x32x128->64 k4 s2 p1', 268.4, [64, 64]],
    ['fsrcnn', '64x64x56->1 k9 s3 p4 op2', 37.2, [192, 192]],
    ['fcn8_depthwise', '32x32x21->21 k16 s8 p4 g21', 11, [256, 256]],
    ['hifigan', '256x512->256 k16 s8 p4', 1073.7, [2048]],
    ['vol3d', '8x16x16x64->32 k4 s2 p1', 536.9, [16, 32, 32]],
    ['batch8', '8x32x32x64->32 k4 s2 p1', 536.9, [64, 64]],
    ['htdemucs', '8x84x384->192 k(8,1) s(4,1) p(2,0)', 792.7, [32, 84]],
    ['istft', '435x1026->1 k1024 s256', 914, [112128]],
  ] as const)('%s is %s: %f MFLOP', (name, text, megaflop, output) => {
    const geometry = geometryOf(layerNamed(name));
    expect(describeLayer(geometry)).toBe(text);
    expect(geometry.flop / 1e6).toBeCloseTo(megaflop, 1);
    expect(geometry.output).toEqual(output);
  });

  it('of lower rank are of a higher one with axes of size 1', () => {
    expect(raised(geometryOf(layerNamed('hifigan')), 3)).toMatchObject({
      input: [1, 1, 256],
      kernel: [1, 1, 16],
      stride: [1, 1, 8],
      padding: [0, 0, 4],
    });
  });
});

describe('values', () => {
  // Dive into Deep Learning, 14.10: the stamps of [[0, 1], [2, 3]] by itself.
  const d2l = { name: 'd2l', of: '', input: [2, 2], channels: [1, 1], kernel: 2, stride: 1 };
  const numbers = { input: Float32Array.of(0, 1, 2, 3), weight: Float32Array.of(0, 1, 2, 3) };

  it('of the reference are those of the textbook', () => {
    expect([...reference(geometryOf(d2l), numbers)]).toEqual([0, 0, 1, 0, 4, 6, 4, 12, 9]);
  });

  it.each([
    { name: '1-D', input: [7], channels: [4, 6], kernel: 3, stride: 2, padding: 1, outputPadding: 1 },
    { name: 'groups', input: [4, 5], channels: [4, 6], kernel: [3, 2], stride: [2, 1], groups: 2 },
    { name: '3-D', batch: 2, input: [2, 3, 4], channels: [2, 3], kernel: 2, stride: 3, dilation: 2 },
  ])('gathered in double precision and scattered in single agree: $name', async (layer) => {
    const problem = makeProblem(geometryOf({ of: '', ...layer }));
    const result = naive.prepare(problem).run();
    expect(errorOf(result, problem.expected)).toBeLessThan(1e-6);
    // The check has teeth: a single wrong value is seen.
    result[5] = (result[5] as number) + 0.01;
    expect(errorOf(result, problem.expected)).toBeGreaterThan(TOLERANCE);
    result[5] = Number.NaN;
    expect(errorOf(result, problem.expected)).toBe(Number.POSITIVE_INFINITY);
    expect(errorOf(result.subarray(1), problem.expected)).toBe(Number.POSITIVE_INFINITY);
  });

  it('are reordered like numpy.transpose does', () => {
    const values = Float32Array.from({ length: 24 }, (_, index) => index);
    // numpy.arange(24).reshape(2, 3, 4).transpose(1, 2, 0).ravel()[:6]
    expect([...transposed(values, [2, 3, 4], [1, 2, 0]).subarray(0, 6)]).toEqual([0, 12, 1, 13, 2, 14]);
    expect([...toChannelsLast(values.subarray(0, 4), 1, 2, [2])]).toEqual([0, 2, 1, 3]);
    expect([...mirrored(values.subarray(0, 8), 1, [2, 2], 2)]).toEqual([6, 7, 4, 5, 2, 3, 0, 1]);
  });
});

describe("TFLite's words", () => {
  it.each([
    ['dcgan3', { padding: 'SAME', mirrored: false, cropped: false }],
    ['unet_up', { padding: 'VALID', mirrored: false, cropped: false }],
    // PyTorch crops 1 in front, TFLite behind.
    ['k3s2', { padding: 'SAME', mirrored: true, cropped: false }],
    // PyTorch crops 4 and 2, TFLite 3 and 3.
    ['fsrcnn', { padding: 'VALID', mirrored: false, cropped: true }],
  ])('for %s', (name, expected) => {
    expect(tfliteLayer(geometryOf(layerNamed(name)))).toMatchObject(expected);
  });

  it('have none for dilation', () => {
    expect(() => tfliteLayer(geometryOf(layerNamed('dilated')))).toThrow('dilation');
  });
});

describe('statistics', () => {
  it('interpolate between neighbours', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quantile([0, 10], 0.1)).toBe(1);
    expect(summary([5, 1, 3])).toEqual({ median: 3, p10: 1.4, p90: 4.6, count: 3 });
  });

  it('average ratios geometrically', () => {
    expect(geometricMean([0.5, 2])).toBeCloseTo(1);
    expect(geometricMean([1, 10, 100])).toBeCloseTo(10);
  });

  it('refuse to speak of nothing', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError);
    expect(() => geometricMean([])).toThrow(RangeError);
  });
});

describe('measuring', () => {
  it('gives everyone a turn in every round, every second round backwards', async () => {
    const order: string[] = [];
    const entry = (name: string) => ({ usual: 1, run: () => order.push(name) });
    const results = await measure(
      ['a', 'b', 'c'].map((name) => entry(name)),
      { rounds: 4, milliseconds: 0 },
    );
    expect(results.map((one) => one?.count)).toEqual([4, 4, 4]);
    expect(order.join('')).toBe('abccbaabccba');
  });

  it('lets the slow take fewer turns, and times what is asynchronous', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    // Time goes by only after the call has returned.
    const wait = (milliseconds: number) => async () => {
      await Promise.resolve();
      vi.advanceTimersByTime(milliseconds);
    };
    const [fast, slow] = await measure(
      [
        { usual: 1, run: wait(1) },
        { usual: 60, run: wait(60) },
      ],
      { rounds: 9, milliseconds: 0 },
    );
    expect([fast?.count, slow?.count]).toEqual([9, 3]);
    expect([fast?.median, slow?.median]).toEqual([1, 60]);
  });

  it('counts the run that was timed before as the first turn', async () => {
    let runs = 0;
    const run = () => {
      runs += 1;
    };
    const results = await measure(
      [
        { usual: 1, run: () => {} },
        { first: 60, run },
        { first: 2, run },
      ],
      { rounds: 9, milliseconds: 0 },
    );
    expect(results.map((one) => one?.count)).toEqual([9, 3, 9]);
    expect(runs).toBe(2 + 8);

    const [, once] = await measure(
      [
        { usual: 1, run: () => {} },
        { first: 60, run },
      ],
      {
        rounds: 9,
        milliseconds: 0,
        slowRounds: 1,
      },
    );
    expect(once).toMatchObject({ count: 1, median: 60 });
    expect(runs).toBe(2 + 8);
  });

  it.each([
    ['warming up', 1, {}],
    ['its first turn', 1, { usual: 1 }],
    ['a later turn', 5, { usual: 1 }],
  ])('leaves out who throws, in %s, and goes on with the others', async (_, last, how) => {
    let runs = 0;
    const fails = () => {
      runs += 1;
      if (runs >= last) throw new Error(`run ${runs}`);
    };
    const well = { usual: 1, run: () => {} };
    const failures: [number, string][] = [];
    const results = await measure([well, { ...how, run: fails }, well], {
      rounds: 9,
      milliseconds: 0,
      failed: (index: number, error: Error) => failures.push([index, error.message]),
    });
    expect(failures).toEqual([[1, `run ${last}`]]);
    expect(runs).toBe(last);
    expect(results.map((one) => one?.count)).toEqual([9, undefined, 9]);
  });

  it('ends where nobody asks to be told', async () => {
    const fails = () => Promise.reject(new Error('no more'));
    await expect(measure([{ usual: 1, run: fails }], { rounds: 9, milliseconds: 0 })).rejects.toThrow(
      'no more',
    );
  });
});

const timed = (milliseconds: number) => ({
  milliseconds: { median: milliseconds, p10: milliseconds, p90: milliseconds, count: 3 },
});
const own = (build: string, milliseconds: number) => ({
  name: `ours ${build}`,
  ...{
    ours: true,
    peer: false,
    build,
    layout: 'channels-first',
    reuse: false,
    status: 'ok',
    note: '',
    heapBytes: 2e6,
  },
  ...timed(milliseconds),
});
const peer = (name: string, build: string, status: string, milliseconds: number) => ({
  ...{ name, ours: false, peer: true, build, layout: null, status, note: '', heapBytes: null },
  ...timed(milliseconds),
});
const run = {
  case: 'dcgan3',
  environment: 'Node',
  threads: 1,
  results: [
    own('relaxed', 2),
    own('simd', 5),
    peer('p', 'relaxed', 'ok', 3),
    peer('q', 'simd', 'ok', 10),
    peer('liar', 'simd', 'wrong values', 0.1),
  ],
};

describe('verdicts', () => {
  it('count the best peer whose values are right', () => {
    expect(bestPeer(run.results)?.name).toBe('p');
    expect(bestPeer(run.results, 'simd')?.name).toBe('q');
    expect(ratiosOf(run)).toEqual({ relaxed: 1.5, out: undefined, simd: 2 });
    const reusing = { ...own('relaxed', 1), reuse: true };
    expect(ratiosOf({ ...run, results: [...run.results, reusing] })).toEqual({
      relaxed: 1.5,
      out: 3,
      simd: 2,
    });
    const half = { ...run, results: [own('relaxed', 8), peer('p', 'relaxed', 'ok', 3)] };
    expect(meanRatio([run, half], 'relaxed')).toBeCloseTo(0.75);
    expect(meanRatio([half], 'simd')).toBeUndefined();
  });

  it('fail for a wrong or missing result of ours, and for nothing else', () => {
    expect(failures([run])).toEqual([]);
    const wrong = { ...run, results: [{ ...own('relaxed', 1), status: 'wrong values', error: 0.5 }] };
    expect(failures([wrong])).toEqual([
      'dcgan3 in Node with 1 thread: ours relaxed: wrong values (error 0.5)',
    ]);
    expect(failures([{ ...run, error: 'it ended' }])).toEqual(['dcgan3 in Node with 1 thread: it ended']);
  });
});

describe('tables', () => {
  it('align their columns', () => {
    expect(
      table([
        ['case', 'x'],
        ['a|b', 12],
      ]),
    ).toBe('| case | x   |\n| ---- | --- |\n| a\\|b | 12  |');
  });

  it.each([
    [0.0123, '0.012'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [1234, '1234'],
    [0, '0.000'],
    [undefined, ''],
  ])('write %d with three digits: %s', (value, text) => {
    expect(short(value)).toBe(text);
  });

  it('tell wins, losses and wrong values alike', () => {
    const slower = { ...run, case: 'unet_up', results: [own('relaxed', 6), ...run.results.slice(2)] };
    const text = markdown({
      machine: { processor: 'P', cores: 2, memory: 4, system: 'S' },
      versions: { 'deconv-wasm': '1' },
      options: { rounds: 3, milliseconds: 500 },
      cases: {
        dcgan3: { description: 'd', flop: 1, judged: true, of: '' },
        unet_up: { description: 'u', flop: 1, judged: true, of: '' },
      },
      runs: [run, slower],
    });
    expect(text).toMatch(
      /^\| dcgan3 +\| d .*\*\*3\.00 \(3\.00–3\.00\)\*\*.*\| wrong values +\| 1\.50x \| +\| 2\.00x \|$/m,
    );
    expect(text).toMatch(/^\| unet_up .*\| 0\.50x \|/m);
    expect(text).toContain('- Behind the best peer: unet_up');
    expect(text).toContain('Geometric mean over the 2 judged cases among them: 0.87x');
  });
});

describe('chains', () => {
  it.each(CHAINS.map((chain) => [chain.name, chain] as const))(
    '%s: one set of values for both',
    (_name, chain) => {
      const { nodes, initializers, input, output } = onnxGraphOf(chain);
      const names = initializers.map(({ name }) => name);
      const asked = nodes.flatMap((node: { input: string[] }) => node.input.slice(1));
      expect(asked).toEqual(names);
      const state: Readonly<Record<string, { readonly data: Float32Array }>> = parametersOf(chain);
      for (const { name, dims, data } of initializers) {
        expect(dims.reduce((product: number, extent: number) => product * extent, 1)).toBe(data.length);
        expect(data).toEqual(state[name]?.data);
      }
      expect([input[0], nodes[0]?.input[0], nodes.at(-1)?.output]).toEqual([output[0], 'x', ['y']]);
    },
  );

  it('are told with both ratios', () => {
    const chain = { name: 'n', title: 't', environment: 'Node', build: 'simd', threads: 1 };
    const times = { whole: { median: 2 }, alone: { median: 1.6 }, theirs: { median: 6 } };
    const text = markdown({
      machine: { processor: 'P', cores: 2, memory: 4, system: 'S' },
      versions: {},
      options: { rounds: 3, milliseconds: 500 },
      cases: {},
      runs: [],
      chains: [{ ...chain, ...times, arenaBytes: 2000, tensorBytes: 9000 }],
    });
    expect(text).toMatch(
      /\| n, Node, simd, 1 \| 2\.00 +\| 1\.60 +\| 6\.00 +\| 1\.25x +\| 3\.00x +\| 2 of 9 +\|/,
    );
  });
});

describe('options', () => {
  it('measure everything by default, less when in a hurry', () => {
    const all = readOptions([]);
    expect(all?.layers).toHaveLength(CASES.length);
    expect(all?.threads).toEqual([1, 2]);
    const quick = readOptions(['--quick', '--env', 'node', '--seconds', '0.2']);
    expect(quick?.layers.map(({ name }) => name)).toEqual(QUICK);
    expect(quick).toMatchObject({ environments: ['node'], milliseconds: 200, quick: true, extras: true });
    expect(readOptions(['--no-extras'])?.extras).toBe(false);
    expect(readOptions(['--help'])).toBeUndefined();
  });

  it.each([
    [['--cases', 'dcgan9']],
    [['--threads', '3']],
    [['--rounds', '0']],
    [['--seconds', 'x']],
    [['--fast']],
  ])('%j is refused', (args) => {
    expect(() => readOptions(args)).toThrow(OptionError);
  });
});
