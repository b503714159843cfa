// The packed package under the test runners of web projects, in their jsdom environments.

import { beforeAll, test } from 'vitest';
import { run } from '../support.js';
import { consumerFile, consumerProject, expectExample, NODE, versionOfConsumer } from './support.js';

const inside = `
import { convTranspose, init } from 'deconv-wasm';
import * as single from 'deconv-wasm/standalone';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const x = { data: Float32Array.of(0, 1, 2, 3), shape: [1, 1, 2, 2] };
const file = createRequire(import.meta.url).resolve('deconv-wasm/wasm/simd.wasm');

test('the example, with threads, in a realm of jsdom', async () => {
  expect(document.createElement('p').tagName).toBe('P');
  const lines = [];
  for (const options of [{}, { threads: 2 }, { build: 'simd', wasm: readFileSync(file) }, { build: 'simd', wasm: Uint8Array.from(readFileSync(file)).buffer }]) {
    const { threads, notes } = await init(options);
    lines.push([...convTranspose(x, x).data].join(' ') + ' | threads: ' + threads + notes.join());
    await (await import('deconv-wasm')).shutdown();
  }
  await single.init();
  lines.push([...single.convTranspose(x, x).data].join(' ') + ' | the single file');
  process.stderr.write(lines.join('\\n') + '\\n');
  expect(lines).toEqual([
    '0 0 1 0 4 6 4 12 9 | threads: 1',
    '0 0 1 0 4 6 4 12 9 | threads: 2',
    '0 0 1 0 4 6 4 12 9 | threads: 1',
    '0 0 1 0 4 6 4 12 9 | threads: 1',
    '0 0 1 0 4 6 4 12 9 | the single file',
  ]);
});
`;

let folder: string;

beforeAll(() => {
  folder = consumerProject('jsdom', {
    'vitest/d2l.test.js': `import { expect, test } from 'vitest';\n${inside}`,
    'vitest.config.js': "export default { test: { environment: 'jsdom', include: ['vitest/**'] } };",
    'jest/d2l.test.js': inside,
    'jest.config.js':
      "export default { testEnvironment: 'jsdom', transform: {}, testMatch: ['**/jest/*.js'] };",
  });
});

/** Both runners say what their tests print on the error stream. */
const merged = (command: string[]): string => run('sh', ['-c', `"$@" 2>&1`, 'sh', NODE, ...command], folder);

test('vitest', () => {
  const printed = merged([consumerFile('vitest', 'vitest.mjs') ?? '', 'run', '--root', folder]);
  expectExample('vitest, jsdom', versionOfConsumer('vitest'), printed, 'threads: 2');
});

test('jest, with --experimental-vm-modules', () => {
  const program = consumerFile('jest', 'bin', 'jest.js') ?? '';
  const printed = merged(['--experimental-vm-modules', program, '--rootDir', folder]);
  expectExample('jest, jsdom', versionOfConsumer('jest'), printed, 'threads: 2');
});
