// The packed package in an empty project, as a user of Node meets it.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  findNode20,
  makeProject,
  root,
  run,
  temporaryFolder,
  tenLines,
  versionOf,
  writeFiles,
} from './support.js';

const { folder, remove } = temporaryFolder();
afterAll(remove);

const { code, prints } = tenLines();
const project = path.join(folder, 'consumer');

beforeAll(() => {
  makeProject(project, inject('tarball'), {
    'ten-lines.mjs': code,
    // No top-level await anywhere below the entry, or require would refuse it.
    'required.cjs': `
      const globals = Object.getOwnPropertyNames(globalThis).join();
      const { ConvTranspose2d, init, shutdown } = require('deconv-wasm');
      init({ threads: 2 }).then(({ threads }) => {
        const up = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2, bias: false });
        up.setWeight(Float32Array.of(0, 1, 2, 3));
        const y = up.forward({ data: Float32Array.of(0, 1, 2, 3), shape: [1, 2, 2] });
        console.log(threads, [...y.data].join(' '), Object.getOwnPropertyNames(globalThis).join() === globals);
        return shutdown();
      });
    `,
    // What frames, jsdom and vm contexts hand over.
    'foreign.mjs': `
      import { readFileSync } from 'node:fs';
      import vm from 'node:vm';
      import { convTranspose, init, shutdown } from 'deconv-wasm';
      const file = new URL(import.meta.resolve('deconv-wasm/wasm/simd.wasm'));
      const list = readFileSync(file);
      const made = (code) => vm.runInNewContext(code, { list, file });
      const x = { data: Float32Array.of(0, 1, 2, 3), shape: [1, 1, 2, 2] };
      for (const code of [
        'Uint8Array.from(list)',
        'Uint8Array.from(list).buffer',
        'new DataView(Uint8Array.from(list).buffer)',
        'new WebAssembly.Module(Uint8Array.from(list))',
        '() => Uint8Array.from(list)',
      ]) {
        await init({ build: 'simd', wasm: made(code) });
        console.log([...convTranspose(x, x).data].join(' '));
        await shutdown();
      }
    `,
    'subpath.mjs': `
      console.log(import.meta.resolve('deconv-wasm/wasm/simd.wasm').endsWith('.wasm'));
      await import('deconv-wasm/dist/index.js').catch((error) => console.log(error.code));
    `,
  });
});

describe.each([
  ['Node of this project', () => path.join(root, 'node_modules', '.bin', 'node')],
  ['Node 20', findNode20],
])('%s', (_, find) => {
  const node = find();

  test('runs the ten lines of the README', () => {
    const printed = run(node, ['ten-lines.mjs'], project);
    expect(printed.trimEnd().split('\n')).toContain(prints);
    console.log(`Node ${versionOf(node)}: ${prints}`);
  });

  test('prints nothing but what the program prints', () => {
    const { stderr } = spawnSync(node, ['ten-lines.mjs'], { cwd: project, encoding: 'utf8' });
    expect(stderr).toBe('');
  });

  test('requires the package from CommonJS, with threads, adds no global, and ends by itself', () => {
    expect(run(node, ['required.cjs'], project)).toBe('2 0 0 1 0 4 6 4 12 9 true\n');
  });

  test('loads binaries of another realm', () => {
    expect(run(node, ['foreign.mjs'], project)).toBe('0 0 1 0 4 6 4 12 9\n'.repeat(5));
  });

  test('finds the binaries by name and hides the rest', () => {
    expect(run(node, ['subpath.mjs'], project)).toBe('true\nERR_PACKAGE_PATH_NOT_EXPORTED\n');
  });
});

test('the README says what it prints in a way that this test would miss if it were wrong', () => {
  writeFiles(project, { 'wrong.mjs': code.replace(/of\(0, 1, 2, 3\)/, 'of(0, 1, 2, 4)') });
  expect(run(process.execPath, ['wrong.mjs'], project).trimEnd().split('\n')).not.toContain(prints);
});
