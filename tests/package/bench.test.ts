// That the benchmark runs and tells right from wrong, not how fast anything is: a timing is no verdict.

import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { copyPackages } from '../../scripts/bench/copies.mjs';
import { inChild } from '../../scripts/bench/environments.mjs';
import { folders } from '../../scripts/bench/folders.mjs';
import { failures } from '../../scripts/bench/verdicts.mjs';
import { root, run } from './support.js';

interface Result {
  readonly name: string;
  readonly ours: boolean;
  readonly status: string;
  readonly note: string;
  readonly heapBytes: number | null;
  readonly milliseconds: { readonly median: number };
}

interface Run {
  readonly results: readonly Result[];
  readonly operators: readonly { readonly gflops: number }[];
}

const measured = async (layer: object): Promise<Run> =>
  (await inChild('node-case.mjs', { layer, threads: 1, rounds: 2, milliseconds: 20 })) as Run;

const hasPeers = existsSync(path.join(folders.peers, '.package-lock.json'));
const small = { of: '', input: [5, 6], channels: [8, 4], kernel: 4, stride: 2, padding: 1 };

it('npm run bench names its options', () => {
  const node = path.join(root, 'node_modules', '.bin', 'node');
  expect(run(node, ['scripts/bench/index.mjs', '--help'], root)).toContain('--quick');
});

describe('without peers', () => {
  beforeAll(copyPackages);

  it('every build and layout of ours gives right values, and its operator has a rate', async () => {
    const { results, operators } = await measured({ ...small, name: 'test_alone' });
    const own = results.filter(({ ours }) => ours);
    expect(own.map(({ name }) => name)).toEqual([
      'ours relaxed',
      'ours simd',
      'ours relaxed out',
      'ours relaxed NHWC',
      'ours simd NHWC',
    ]);
    expect(failures([{ case: 'test', environment: 'Node', threads: 1, results }])).toEqual([]);
    expect(own.every(({ milliseconds }) => milliseconds.median > 0)).toBe(true);
    expect(own[0]?.heapBytes).toBeGreaterThan(2 ** 20);
    expect(operators).toHaveLength(4);
    expect(operators.every(({ gflops }) => gflops > 0)).toBe(true);
  });
});

describe('a network', () => {
  const network = { name: 'unet', kind: 'onnx', inputs: { x: [1, 1, 12, 8] } };
  const job = { network, threads: 1, rounds: 2, milliseconds: 20 };
  beforeAll(async () => {
    await copyPackages();
    mkdirSync(folders.models, { recursive: true });
    const file = path.join(root, 'tests', 'fixtures', 'models', 'unet.onnx');
    copyFileSync(file, path.join(folders.models, 'unet.onnx'));
  });

  it('is computed and timed by both builds, and its first output has a time and a heap', async () => {
    const { results } = (await inChild('node-network.mjs', { ...job, oursOnly: true })) as Run;
    expect(results.map(({ name, status }) => [name, status])).toEqual([
      ['ours relaxed', 'ok'],
      ['ours simd', 'ok'],
    ]);
    expect(results.every(({ milliseconds }) => milliseconds.median > 0)).toBe(true);
    const first = (await inChild('node-network.mjs', { network, name: 'ours relaxed' })) as Result;
    expect(first.milliseconds).toBeGreaterThan(0);
    expect(first.heapBytes).toBeGreaterThan(2 ** 20);
  });

  it.skipIf(!hasPeers)(
    'with peers is what onnxruntime-web makes of it; who reads no ONNX says so',
    async () => {
      const { results } = (await inChild('node-network.mjs', job)) as Run;
      const statusOf = (name: string) => results.find((one) => one.name === name)?.status;
      expect(statusOf('onnxruntime-web')).toBe('ok');
      expect(statusOf('ours relaxed')).toBe('ok');
      expect(statusOf('tfjs-wasm')).toBe('not supported');
    },
  );
});

// The values that come back prove the models that were written.
describe.skipIf(!hasPeers)('with peers', () => {
  const layers = [
    { ...small, name: 'test_plain' },
    { ...small, name: 'test_mirrored', kernel: 3, outputPadding: 1 },
    { ...small, name: 'test_cropped', kernel: 9, stride: 3, padding: 4, outputPadding: 2 },
    { ...small, name: 'test_groups', groups: 2 },
    { ...small, name: 'test_line', input: [7], batch: 2 },
    { ...small, name: 'test_volume', input: [3, 4, 5] },
  ];
  beforeAll(async () => {
    const { prepare } = await import('../../scripts/bench/prepare.mjs');
    await prepare(layers);
  });

  it.each(layers)('onnxruntime-web and LiteRT.js compute $name', async (layer) => {
    const { results } = await measured(layer);
    for (const name of ['onnxruntime-web', 'LiteRT.js', 'LiteRT.js simd']) {
      const peer = results.find((one) => one.name === name);
      expect(peer, `${name}: ${peer?.note}`).toMatchObject({ status: 'ok' });
    }
  });
});
