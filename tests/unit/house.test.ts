// scripts/house.mjs on a copy of the sources, as they are and with one import that goes up.

import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '..', '..');
const copy = mkdtempSync(path.join(tmpdir(), 'deconv-house-'));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

beforeEach(() => {
  for (const folder of ['cpp', 'web/lib', 'web/cli', 'web/demo', 'scripts', 'docs/pictures', 'dist/cli']) {
    rmSync(path.join(copy, folder), { recursive: true, force: true });
    cpSync(path.join(root, folder), path.join(copy, folder), {
      recursive: true,
      filter: (name) => !name.includes('node_modules'),
    });
  }
});

function check(): { readonly status: number | null; readonly stderr: string } {
  return spawnSync(process.execPath, ['scripts/house.mjs', '--check'], { cwd: copy, encoding: 'utf8' });
}

test('this tree passes', () => {
  expect(check()).toMatchObject({ status: 0, stderr: '' });
});

test.each([
  ['web/lib/core/lists.ts', "export type { Plan } from '../runtime/planning.js';"],
  ['web/lib/runtime/operation.ts', "export const late = () => import('../layers/layer.js');"],
  ['web/lib/layers/repr.ts', "import '../functional/convolution.js';"],
  ['web/lib/convert/pads.ts', "export { repair } from 'deconv-wasm/checkerboard';"],
  ['cpp/src/layout.cpp', '#include "../bindings/bindings.h"'],
  ['cpp/include/deconv/status.h', '#include "layout.h"'],
])('%s may not say %s', (file, line) => {
  appendFileSync(path.join(copy, file), `\n${line}\n`);
  const { status, stderr } = check();
  expect(status).toBe(1);
  expect(stderr).toContain(`house: ${file} imports`);
});

test('a folder without a floor and a stale picture are told', () => {
  mkdirSync(path.join(copy, 'web/lib/attic'));
  appendFileSync(path.join(copy, 'docs/pictures/house.svg'), ' ');
  const { status, stderr } = check();
  expect(status).toBe(1);
  expect(stderr).toContain('web/lib/attic has no floor');
  expect(stderr).toContain('house.svg is stale');
});
