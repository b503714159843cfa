// No public name comes, goes or changes its meaning unseen.

import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root, run, temporaryFolder } from './support.js';

const { folder, remove } = temporaryFolder();
afterAll(remove);

beforeAll(() => {
  for (const file of ['package.json', 'dist', 'scripts/public-names.mjs', 'tests/public-names.txt']) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    cpSync(path.join(root, file), path.join(folder, file), { recursive: true });
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
});

function check(): string {
  return run(process.execPath, ['scripts/public-names.mjs', '--check'], folder);
}

/** Checks with a file changed, and puts it back. */
function checkWith(file: string, change: (text: string) => string): () => string {
  return () => {
    const whole = path.join(folder, file);
    const text = readFileSync(whole, 'utf8');
    expect(change(text)).not.toBe(text);
    writeFileSync(whole, change(text));
    try {
      return check();
    } finally {
      writeFileSync(whole, text);
    }
  };
}

it('are those of the list', () => {
  expect(check()).toBe('');
});

it('may not come, go or mean two things without it', () => {
  const add = (line: string) => (text: string) => `${text}${line}\n`;
  const cases = [
    [
      'dist/d2l/index.d.ts',
      add("export type { Plan } from '../runtime/planning.js';"),
      /not listed: deconv-wasm\/d2l: type Plan/,
    ],
    [
      'dist/index.d.ts',
      (text: string) => text.replace('Conv, ConvOptions', 'Conv'),
      /listed, but gone: deconv-wasm: type ConvOptions/,
    ],
    ['dist/d2l/index.js', add('export const more = 1;'), /deconv-wasm\/d2l exports .*more/],
    [
      'dist/d2l/index.d.ts',
      add("export type { Layer } from './trans-conv.js';"),
      /Layer means one thing in deconv-wasm and another in deconv-wasm\/d2l/,
    ],
    [
      'tests/public-names.txt',
      (text: string) => text.replace('  value conv\n', ''),
      /not listed: deconv-wasm: value conv/,
    ],
  ] as const;
  for (const [file, change, message] of cases) expect(checkWith(file, change)).toThrow(message);
  expect(check()).toBe('');
});
