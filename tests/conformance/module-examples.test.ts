// The examples in the modules' documentation run, and give the shapes or values that stand behind them.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as root from 'deconv-wasm';
import * as training from 'deconv-wasm/training';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = path.join(import.meta.dirname, '..', '..', 'web', 'lib', 'modules');
const examples = readdirSync(folder).flatMap((file) => {
  const text = readFileSync(path.join(folder, file), 'utf8');
  const found = text.matchAll(/ \* @example\n((?: \* .*\n)+) \*\/\nexport class (\w+)/g);
  return [...found].map(([, lines = '', name = '']) => [name, lines.replaceAll(/^ \* /gm, '')] as const);
});
const scope = { ...root, ...training };
const AsyncFunction = (async () => {}).constructor as FunctionConstructor;

beforeAll(() => root.init());
afterAll(root.shutdown);

it('of many modules', () => expect(examples.length).toBeGreaterThanOrEqual(15));

it.each(examples)('%s', async (name, code) => {
  const run = new AsyncFunction(
    ...Object.keys(scope),
    `${code}\nreturn typeof y === 'undefined' ? null : y;`,
  );
  const y: root.Tensor | null = await run(...Object.values(scope));
  expect(code).toContain(`new ${name}(`);
  const [, shape] = /; \/\/ (\[[\d, ]+\])$/m.exec(code) ?? [];
  if (shape !== undefined) expect(y?.shape).toEqual(JSON.parse(shape));
  const [, values] = /; \/\/ (-?\d[\d., -]*)$/m.exec(code) ?? [];
  if (values !== undefined) expect(Array.from(y?.data ?? [])).toEqual(values.split(', ').map(Number));
});
