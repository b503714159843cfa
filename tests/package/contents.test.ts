// What is in the package, and what of it a bundler for the web meets.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeProject, root, run, type Tarball, temporaryFolder } from './support.js';

const BINARIES = ['simd', 'relaxed', 'simd-threads', 'relaxed-threads'];
const { folder, remove } = temporaryFolder();
afterAll(remove);

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

let tarball: Tarball;
let installed: string;
let manifest: Manifest;

beforeAll(() => {
  tarball = inject('tarball');
  makeProject(path.join(folder, 'empty'), tarball, {});
  installed = path.join(folder, 'empty', 'node_modules', 'deconv-wasm');
  manifest = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as Manifest;
});

test('the tarball holds dist, the licence texts, the README and nothing else', () => {
  const outside = tarball.contents.filter((file) => !file.startsWith('dist/'));
  expect(outside).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD_PARTY_NOTICES.md', 'package.json']);
  const kinds = new Set(tarball.contents.map((file) => /\.(?:d\.ts|\w+)$/.exec(file)?.[0]));
  expect([...kinds].sort()).toEqual(['.d.ts', '.js', '.json', '.md', '.mjs', '.wasm', undefined]);
});

test('the binaries and their two glues', () => {
  const files = [...BINARIES.map((name) => `${name}.wasm`), 'deconv.mjs', 'threads.mjs'].sort();
  expect(tarball.contents.filter((file) => file.startsWith('dist/wasm/'))).toEqual(
    files.map((file) => `dist/wasm/${file}`),
  );
});

test('the binaries name functions without their arguments, which are for the types alone', () => {
  for (const name of BINARIES) {
    const text = readFileSync(path.join(installed, 'dist', 'wasm', `${name}.wasm`), 'latin1');
    expect(text).toContain('normalizationGradients');
    expect(text).not.toContain('gradOutput');
  }
});

test('every target of bin and exports exists', () => {
  const { bin, exports } = manifest;
  const targets = [bin, exports]
    .flatMap((field): (string | Readonly<Record<string, string>>)[] => Object.values(field))
    .flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)));
  expect(targets.length).toBeGreaterThan(3);
  for (const target of targets) {
    const [fixed = ''] = target.split('*');
    expect(existsSync(path.join(installed, fixed)), target).toBe(true);
  }
});

test('every script that can be imported by a name of ours has its declarations', () => {
  const scripts = tarball.contents.filter((file) => /^(?!dist\/(?:unjoined|shared)\/).*\.js$/.test(file));
  expect(scripts.length).toBeGreaterThan(10);
  for (const file of scripts) expect(tarball.contents).toContain(file.replace(/\.js$/, '.d.ts'));
});

// One build for pages, Node and all the others: what an entry loads, it names by paths of the package.
describe('what an entry reaches', () => {
  const entries = (): [string, string][] =>
    Object.entries(manifest.exports).flatMap(([name, target]) =>
      typeof target === 'string'
        ? []
        : [target.default, target.module]
            .filter((file) => file !== undefined)
            .map((file): [string, string] => [name, path.join(installed, file)]),
    );

  test('is in the package, but for what reads model files', () => {
    expect(entries().length).toBeGreaterThan(7);
    for (const [name, entry] of entries()) {
      const { foreign } = reachable(entry);
      const reads = name === './models' || name === './network';
      const allowed = reads ? Object.keys(manifest.dependencies) : [];
      expect(
        foreign.filter((specifier) => !allowed.some((known) => `${specifier}/`.startsWith(`${known}/`))),
        name,
      ).toEqual([]);
    }
  });

  test('asks for nothing of Node and makes no code from text', () => {
    for (const [, entry] of entries()) {
      const { files } = reachable(entry);
      for (const file of files) {
        // A normalization's eval() takes no text.
        const found = readFileSync(file, 'utf8').match(
          /(?:from|import\(|require\()\s*['"](?:node:\w+|module)['"]|\brequire\(|\beval\((?!\))|new Function\b/,
        );
        expect(found?.[0], path.relative(installed, file)).toBeUndefined();
      }
    }
  });

  // Service workers and AudioWorklets have no import().
  test('loads no script on demand to compute', () => {
    const { files } = reachable(path.join(installed, 'dist', 'index.js'));
    expect(files.some((file) => file.endsWith('/wasm/deconv.mjs'))).toBe(true);
    for (const file of files) expect(readFileSync(file, 'utf8'), file).not.toMatch(/\bimport\(\s*['"]/);
  });

  test.each(['dist', 'dist/unjoined'])('names every file in the form that bundlers find, in %s', (folder) => {
    const { files } = reachable(path.join(installed, folder, 'index.js'));
    for (const name of [...BINARIES.map((binary) => `${binary}.wasm`), 'threads.mjs']) {
      const form = /new URL\((['"])([./]+wasm\/[\w.-]+)\1, import\.meta\.url\)/g;
      const named = files.flatMap((file) =>
        [...readFileSync(file, 'utf8').matchAll(form)].map(([, , address = '']) =>
          path.join(path.dirname(file), address),
        ),
      );
      expect(named).toContain(path.join(installed, 'dist', 'wasm', name));
    }
  });

  test('is one file for deconv-wasm/standalone', () => {
    const { files, foreign } = reachable(path.join(installed, 'dist', 'standalone.js'));
    expect([files.length, foreign]).toEqual([1, []]);
    expect(readFileSync(files[0] ?? '', 'utf8').includes('import.meta')).toBe(false);
  });

  function reachable(entry: string): { files: string[]; foreign: string[] } {
    const files = new Set<string>();
    const foreign = new Set<string>();
    const waiting = [entry];
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      if (files.has(file)) continue;
      files.add(file);
      const text = readFileSync(file, 'utf8').replace(/^\s*(?:\*|\/\/|\/\*\*).*$/gm, '');
      for (const [, specifier = ''] of text.matchAll(/(?:\bfrom|\bimport\(?)\s*['"]([^'"]+)['"]/g)) {
        if (specifier.startsWith('.')) waiting.push(path.resolve(path.dirname(file), specifier));
        else foreign.add(specifier);
      }
    }
    return { files: [...files], foreign: [...foreign] };
  }
});

describe('types', () => {
  test('say any nowhere', () => {
    const files = tarball.contents.filter((file) => file.endsWith('.d.ts'));
    expect(files.length).toBeGreaterThan(20);
    for (const file of files) {
      const code = readFileSync(path.join(installed, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
      expect(code, file).not.toMatch(/\bany\b/);
    }
  });

  const consumer = `
import { ConvTranspose2d, createRuntime, DeconvError, HeapTensor, init, type Plan, type Tensor } from 'deconv-wasm';
import { ConvTranspose2d as Up } from 'deconv-wasm/brainstate';
import { type Analysis, analyze, scoreImage } from 'deconv-wasm/checkerboard';
import { fromOnnx, fromTorch } from 'deconv-wasm/convert';
import { type Model, readModel } from 'deconv-wasm/models';
import { adam } from 'deconv-wasm/training';

await init({ threads: 2, build: 'auto' });
const up = new ConvTranspose2d({ inChannels: 4, outChannels: 2, kernelSize: [4, 4], stride: 2, padding: 1 });
const x: Tensor = { data: new Float32Array(64), shape: [1, 4, 4, 4] };
const y: Tensor = up.forward(x, { out: { data: new Float32Array(128), shape: [1, 2, 8, 8] } });
const shape: number[] = up.outputShape(x.shape);
const plan: Plan | null = up.plan;
const cost: number | null | undefined = plan?.candidates[0]?.measured;
export const facts: readonly unknown[] = [y.data.length, shape, plan?.route, cost];
const found: Analysis = analyze(up);
export const levels: readonly number[] = [found.levelDbc, scoreImage(y, [2, 2]).spectralScoreDb];
// @ts-expect-error a geometry comes with its weight
analyze({ geometry: { stride: 2 } });
using onHeap = new HeapTensor(shape);
await using runtime = await createRuntime();
new HeapTensor(shape, { runtime }).dispose();
const same: Tensor = onHeap;
up.forward(x, { out: same, activation: 'relu' });
new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2, planning: 'measure', precision: 'exact' });
// @ts-expect-error a word that is none
new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2, plan: 'guess' });
export const isOurs = (error: unknown): boolean => error instanceof DeconvError && error.code === 'BAD_SHAPE';
up.dispose();

// Each convention refuses the other's words.
new Up({ inSize: [4, 4, 4], outChannels: 2, kernelSize: 4, stride: 2, padding: 'SAME', rhsDilation: 1 });
// @ts-expect-error brainstate has inSize
new Up({ inChannels: 4, outChannels: 2, kernelSize: 4 });
// @ts-expect-error PyTorch has dilation
new ConvTranspose2d({ inChannels: 4, outChannels: 2, kernelSize: 4, rhsDilation: 2 });
// @ts-expect-error PyTorch's transposed layers have no 'same'
new ConvTranspose2d({ inChannels: 4, outChannels: 2, kernelSize: 4, padding: 'same' });
const weight: Tensor = { data: new Float32Array(128), shape: [4, 2, 4, 4] };
fromOnnx('ConvTranspose', { strides: [2, 2], pads: [1, 1, 1, 1] }, { weight }).dispose();
// @ts-expect-error ONNX has pads
fromOnnx('ConvTranspose', { padding: 1 }, { weight });
// @ts-expect-error PyTorch has padding
fromTorch('ConvTranspose2d', { pads: [1, 1, 1, 1] }, { weight });
export const model: Promise<Model> = readModel(new Uint8Array(8), { geometry: { w: { stride: 2 } } });
// @ts-expect-error PyTorch has padding
readModel(new Uint8Array(8), { geometry: { w: { pads: 2 } } });
export const step = adam([up], { learningRate: 1e-3 });
// @ts-expect-error a wrong word in the options is a type error
new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2, outputSize: 3 });
// @ts-expect-error tensors carry their shape
up.forward(new Float32Array(4));
`;

  const common = `
import { init } from 'deconv-wasm';
import brainstate = require('deconv-wasm/brainstate');
export const ready: Promise<unknown> = init();
export const draw: brainstate.SeededInitializer = brainstate.XavierNormal();
`;

  test.each([
    ['nodenext', { module: 'nodenext', moduleResolution: 'nodenext' }],
    ['bundler', { module: 'esnext', moduleResolution: 'bundler' }],
    ['nodenext without the DOM', { module: 'nodenext', lib: ['ES2022'], skipLibCheck: true }],
  ])('a strict consumer compiles with moduleResolution %s', (name, resolution) => {
    const project = path.join(folder, `types-${name.replaceAll(' ', '-')}`);
    makeProject(project, tarball, {
      'consumer.ts': consumer,
      // What require gives of a module has its types where the module option knows that Node does so.
      'common.cts': resolution.module === 'nodenext' ? common : '',
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          target: 'ES2022',
          lib: ['ES2022', 'DOM'],
          types: [],
          strict: true,
          exactOptionalPropertyTypes: true,
          // The package's own declarations are checked as well.
          skipLibCheck: false,
          noEmit: true,
          ...resolution,
        },
        files: ['consumer.ts', 'common.cts'],
      }),
    });
    run(path.join(root, 'node_modules', '.bin', 'tsc'), ['-p', project], project);
  });

  // One at a time: what an entry needs of the language must not come with another.
  test('every entry compiles alone, with the library of an older standard', () => {
    const project = path.join(folder, 'types-alone');
    const { exports } = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as {
      readonly exports: Readonly<Record<string, string | { readonly types?: string }>>;
    };
    const entries = Object.keys(exports).filter((entry) => typeof exports[entry] === 'object');
    expect(entries.length).toBeGreaterThan(10);
    const programs = Object.fromEntries(
      entries.map((entry, index) => [
        `entry${index}.ts`,
        `import * as entry from ${JSON.stringify(path.posix.join('deconv-wasm', entry))};\nexport const names: string[] = Object.keys(entry);\n`,
      ]),
    );
    makeProject(project, tarball, programs);
    const words =
      '--noEmit --strict --module nodenext --target es2022 --lib es2022,dom --skipLibCheck false --ignoreConfig';
    for (const file of Object.keys(programs)) {
      run(
        path.join(root, 'node_modules', '.bin', 'tsc'),
        [...words.split(' '), '--types', '', file],
        project,
      );
    }
  });
});
