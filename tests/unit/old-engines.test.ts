// What README says that engines have to know.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '..', '..');
const lib = path.join(root, 'web', 'lib');
/** Of ES2023, which Chrome and Firefox had two years after the rest. TypeScript knows them: networks take them. */
const LATER = /\.(with|toReversed|toSorted|toSpliced|findLast|findLastIndex)\(/;

const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.split(path.sep).join('/'));
const later = sources.filter((file) => LATER.test(readFileSync(path.join(lib, file), 'utf8')));

test('all but networks is made of ES2022', () => {
  expect(sources.length).toBeGreaterThan(200);
  expect(later.filter((file) => !file.startsWith('network/'))).toEqual([]);
});

test('README names the engines for both', () => {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  expect(readme).toContain('Chrome and Edge 94, Firefox 93, Safari 16.4, Node 20.19');
  expect(/`deconv-wasm\/network` asks for Chrome and Edge 110 or Firefox 115/.test(readme)).toBe(
    later.length > 0,
  );
});
