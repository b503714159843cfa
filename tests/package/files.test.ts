// dist/ as scripts/bundle.mjs joins it: which files an import loads, and that bundlers find the same in modules.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { root, run } from './support.js';

const dist = path.join(root, 'dist');

/** What an import loads at once, beside the entry. */
const LOADED = {
  'index.js': ['chains', 'core', 'layers', 'programs', 'runtime'],
  'brainstate/index.js': ['brainstate', 'core', 'layers', 'runtime'],
  'checkerboard/index.js': ['chains', 'core', 'layers', 'programs', 'runtime'],
  'convert/index.js': ['attributes', 'brainstate', 'convert', 'core', 'layers', 'runtime'],
  'd2l/index.js': ['core'],
  'image/index.js': ['core', 'runtime'],
  'models/index.js': ['core', 'files', 'models'],
  'network/index.js': ['core', 'files', 'network', 'programs', 'runtime'],
  'quantize/index.js': ['core', 'layers', 'runtime'],
  'sound/index.js': ['core'],
  'training/index.js': ['chains', 'core', 'layers', 'programs', 'runtime'],
  'worker/index.js': ['core'],
};

describe('an import loads few files', () => {
  it.each(Object.entries(LOADED))('%s', (entry, shared) => {
    const names = shared.map((name) => `shared/${name}.js`);
    const glue = shared.includes('runtime') ? ['wasm/deconv.mjs'] : [];
    const onPaths = entry === 'models/index.js' ? ['models/files.js'] : [];
    expect(loadedBy(entry)).toEqual([entry, ...names, ...glue, ...onPaths].sort());
  });

  test('as Node tells, which loads eight at most for the root entry', () => {
    const program = `
import { registerHooks } from 'node:module';
const loaded = [];
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
await import('deconv-wasm');
console.log(loaded.filter((url) => url.startsWith('file:')).length);`;
    const count = Number(run(process.execPath, ['--input-type=module', '--eval', program], root));
    expect(count).toBeGreaterThan(1);
    expect(count).toBeLessThanOrEqual(8);
  });
});

test('every file is there for an entry, and imports something of each that it loads', () => {
  const entries = scripts().filter((file) => /^(\w+\/)?index\.js$/.test(file));
  const reached = new Set(entries.flatMap((entry) => loadedBy(entry, true)));
  expect(scripts().filter((file) => !reached.has(file))).toEqual([]);
  for (const file of scripts()) expect(textOf(file), file).not.toMatch(/^import\s*['"]/m);
});

test('declarations name files that are there, as scripts or as declarations', () => {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.d.ts'),
  );
  for (const file of files) {
    for (const [, name = ''] of textOf(file).matchAll(/from '(\.[^']+)\.js'/g)) {
      expect(existsSync(path.join(dist, path.dirname(file), `${name}.d.ts`)), `${file}: ${name}`).toBe(true);
    }
  }
});

test('what is joined and what bundlers take export the same', async () => {
  const entries = scripts().filter((file) => /^(\w+\/)?index\.js$/.test(file));
  for (const entry of entries) {
    const [joined, module] = await Promise.all(
      [entry, `unjoined/${entry}`].map((file) => import(pathToFileURL(path.join(dist, file)).href)),
    );
    expect(Object.keys(joined).sort(), entry).toEqual(Object.keys(module).sort());
  }
});

test('classes keep their names', async () => {
  const { Conv2d, HeapTensor, ReLU } = await import('deconv-wasm');
  expect([Conv2d, HeapTensor, ReLU].map(({ name }) => name)).toEqual(['Conv2d', 'HeapTensor', 'ReLU']);
});

function scripts(): string[] {
  return readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.js') && !/^(?:cli|unjoined)\/|^standalone\.js$/.test(file),
  );
}

function textOf(file: string): string {
  return readFileSync(path.join(dist, file), 'utf8');
}

function loadedBy(entry: string, onDemand = false): string[] {
  const files = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    const form = onDemand
      ? /(?:\bfrom|\bimport\(?)\s*['"](\.[^'"]+)['"]/g
      : /(?:\bfrom|^import)\s*['"](\.[^'"]+)['"]/gm;
    for (const [, name = ''] of textOf(file).matchAll(form))
      waiting.push(path.posix.join(path.posix.dirname(file), name));
  }
  return [...files].sort();
}
