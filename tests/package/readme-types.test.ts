// README's examples compile as TypeScript too, under the strictest options of a user's project.

import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blocksOf } from '../../scripts/documents.mjs';
import { root, run, temporaryFolder, writeFiles } from './support.js';

const { folder, remove } = temporaryFolder();
afterAll(remove);

const blocks = blocksOf(readFileSync(path.join(root, 'README.md'), 'utf8'));

beforeAll(() => {
  mkdirSync(path.join(folder, 'node_modules'));
  symlinkSync(root, path.join(folder, 'node_modules', 'deconv-wasm'));
  const { compilerOptions } = JSON.parse(readFileSync(path.join(root, 'tsconfig.base.json'), 'utf8')) as {
    readonly compilerOptions: Readonly<Record<string, unknown>>;
  };
  const options = { ...compilerOptions, noEmit: true, skipLibCheck: false, types: [] };
  writeFiles(folder, {
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({ compilerOptions: options, include: ['*.ts'] }),
  });
});

function compile(files: Readonly<Record<string, string>>): string {
  writeFiles(folder, files);
  return run(path.join(root, 'node_modules', '.bin', 'tsc'), ['-p', '.'], folder);
}

it('README', () => {
  expect(blocks.length).toBeGreaterThan(4);
  // A module each, whatever it imports.
  const files = Object.fromEntries(
    blocks.map((code, index) => [`block-${index + 1}.ts`, `${code}\nexport {};\n`]),
  );
  expect(compile(files)).toBe('');
  expect(() => compile({ 'wrong.ts': "import { Conv2d } from 'deconv-wasm';\nConv2d.nothing;\n" })).toThrow(
    /wrong\.ts\(2,8\): error TS2339/,
  );
});
