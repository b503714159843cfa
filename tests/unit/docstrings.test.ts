// What a user calls has an example in its docstring; tests/package/docstrings.test.ts runs them all.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { examplesIn, examplesOf, publicDocstrings, withImports } from '../../scripts/docstrings.mjs';

const root = path.join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(path.join(tmpdir(), 'deconv-docstrings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Public functions and classes whose docstrings have no example. */
function bare(from: string): string[] {
  return [...publicDocstrings(from)].flatMap(([entry, names]) =>
    [...names]
      .filter(([, { isValue, docstring }]) => isValue && examplesIn(docstring).length === 0)
      .map(([name]) => `${entry}: ${name}`),
  );
}

it('every public function and class has an example', () => {
  expect(bare(root)).toEqual([]);
});

it('every public name has a docstring', () => {
  const silent = [...publicDocstrings(root)].flatMap(([entry, names]) =>
    [...names].filter(([, { docstring }]) => docstring === '').map(([name]) => `${entry}: ${name}`),
  );
  expect(silent).toEqual([]);
});

it('is told of another package, too', () => {
  const files = {
    'package.json': '{ "exports": { ".": { "types": "./dist/index.d.ts" } } }',
    'web/lib/index.ts':
      "export { plus, type Sum } from './plus.js';\nexport { minus as less } from './again.js';\n",
    'web/lib/again.ts': "export { minus } from './plus.js';\n",
    'web/lib/plus.ts': `/** A sum. */
export type Sum = number;

/**
 * The sum of two numbers.
 *
 * @example
 * console.log(plus(1, 2)); // 3
 */
export function plus(one: number, other: number): Sum {
  return one + other;
}

/** The difference of two numbers. */
export const minus = (one: number, other: number): number => one - other;
`,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  expect(bare(folder)).toEqual(['deconv-wasm: less']);
  expect(examplesOf(folder)).toEqual([
    {
      place: 'plus.ts: plus',
      code: 'console.log(plus(1, 2)); // 3',
      program: "import { plus } from 'deconv-wasm';\n\nconsole.log(plus(1, 2)); // 3",
    },
  ]);
});

it.each([
  [
    'its own entry before the root',
    'new Conv2d({})',
    'deconv-wasm/brainstate',
    ['Conv2d from deconv-wasm/brainstate'],
  ],
  ['the root', '[...conv(x)]', 'deconv-wasm/checkerboard', ['conv from deconv-wasm']],
  ['no name that is a member', 'layer.repair(x)', 'deconv-wasm/checkerboard', []],
  ['no name of a key', 'f({ repair: 1 })', 'deconv-wasm/checkerboard', []],
  ['no name of a text or comment', "f('repair'); // repair", 'deconv-wasm/checkerboard', []],
  ['no name of its own', 'const { a: repair, init } = f(); repair(init)', 'deconv-wasm/checkerboard', []],
] as const)('an example imports from %s', (_, code, entry, wanted) => {
  const program = withImports(code, entry, publicDocstrings(root));
  const found = [...program.matchAll(/^import \{ (.*) \} from '(.*)';$/gm)];
  expect(found.map(([, names, from]) => `${names} from ${from}`)).toEqual(wanted);
});

it('the name of an example that is a file stays its first line', () => {
  const program = withImports('// worker.js\nserve(make);', 'deconv-wasm/worker', publicDocstrings(root));
  expect(program).toBe("// worker.js\nimport { serve } from 'deconv-wasm/worker';\n\nserve(make);");
});
