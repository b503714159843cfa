// A process ends when its program does: neither a started pool nor one that failed keeps it alive.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';

const run = promisify(execFile);
const PRELUDE = "import { init, shutdown, convTranspose } from 'deconv-wasm';";

it.each([
  ['a module that runs', 'await init({ threads: 3 });'],
  ['a module that was shut down', 'await init({ threads: 3 }); await shutdown();'],
  [
    'modules one after the other',
    'for (const threads of [2, 3, 2]) { await init({ threads }); await shutdown(); }',
  ],
  ['bytes that are no module', 'await init({ threads: 2, wasm: new Uint8Array(9) }).catch(() => {});'],
  [
    'a module that is none of ours',
    'await init({ threads: 2, wasm: new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]) }).catch(() => {});',
  ],
  [
    'a shutdown while loading',
    'const loading = init({ threads: 2 }).catch(() => {}); await shutdown(); await loading;',
  ],
])('the process ends after %s', async (_, program) => {
  const script = `${PRELUDE}\n${program}\nconsole.log('done');`;
  const options = { timeout: PATIENCE_MS, cwd: new URL('../..', import.meta.url) };
  const { stdout, stderr } = await run(process.execPath, ['-e', script], options);
  expect(stdout).toBe('done\n');
  expect(stderr).toBe('');
});

// An engine reserves more than 8 GB of addresses for each shared memory.
it.runIf(process.platform === 'linux')('shared memories are given back with shutdown', async () => {
  const program = `
import { readFileSync } from 'node:fs';
const gigabytes = () => Number(/VmSize:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 2 ** 20;
async function rounds(count) {
  for (let round = 0; round < count; round += 1) {
    await init({ threads: 2 });
    await shutdown();
  }
}
await rounds(3);
const start = gigabytes();
await rounds(8);
for (let wait = 0; wait < 100; wait += 1) {
  gc();
  await new Promise((resolve) => setTimeout(resolve, 100));
  if (gigabytes() - start < 1) break;
}
console.log(gigabytes() - start < 1 ? 'given back' : \`\${gigabytes() - start} GB are left\`);
`;
  const options = { timeout: PATIENCE_MS, cwd: new URL('../..', import.meta.url) };
  const arguments_ = ['--expose-gc', '-e', `${PRELUDE}\n${program}`];
  const { stdout } = await run(process.execPath, arguments_, options);
  expect(stdout).toBe('given back\n');
});

// The second worker runs, but never answers: the glue alone would wait for it for ever. The loader's 20 s pass
// in one.
it('workers that did start end with a start that failed, and the reason is told', async () => {
  const program = `
import { createRequire } from 'node:module';
const threads = createRequire(process.cwd() + '/')('node:worker_threads');
const { Worker } = threads;
const { setTimeout } = globalThis;
globalThis.setTimeout = (act, ms, ...rest) => setTimeout(act, ms / 20, ...rest);
const workers = [];
threads.Worker = class extends Worker {
  constructor(file, options) {
    super(...(workers.length === 1 ? ['setInterval(() => {}, 1000)', { eval: true }] : [file, options]));
    this.ended = new Promise((resolve) => this.once('exit', resolve));
    workers.push(this);
  }
};
const info = await init({ threads: 3 });
await Promise.all(workers.map(({ ended }) => ended));
console.log(info.threads, workers.length, info.notes.join());
`;
  const script = `${PRELUDE}\n${program}`;
  const options = { timeout: PATIENCE_MS, cwd: new URL('../..', import.meta.url) };
  const { stdout } = await run(process.execPath, ['-e', script], options);
  expect(stdout).toMatch(/^1 2 threads: no answer from the workers in 20 s .*, running on 1\n$/);
});
