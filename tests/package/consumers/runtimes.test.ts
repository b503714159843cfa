// The packed package in Node's lines, Deno and Bun, each as the registry has it.

import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { run, versionOf } from '../support.js';
import {
  connectingProgram,
  consumerFile,
  consumerProject,
  expectExample,
  program,
  servedProgram,
  versionOfConsumer,
} from './support.js';

let folder: string;

beforeAll(() => {
  folder = consumerProject('runtimes', {
    'app.js': program(),
    'simd.js': program('deconv-wasm', "{ build: 'simd' }"),
    'connecting.js': connectingProgram(),
    'served.js': servedProgram(),
    'threads.js': program('deconv-wasm', '{ threads: 2 }'),
    'standalone.js': program('deconv-wasm/standalone'),
    'required.cjs': program().replace(
      "import { convTranspose, init } from 'deconv-wasm'",
      "const { convTranspose, init } = require('deconv-wasm')",
    ),
    'source-import.js': `
      import source wasm from 'deconv-wasm/wasm/simd.wasm';
      ${program('deconv-wasm', "{ build: 'simd', wasm }")}
    `,
  });
});

interface Runtime {
  readonly name: string;
  readonly version: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** Undefined where the registry has it for other systems only. */
function runtime(name: string, place: readonly string[], args: readonly string[] = []): Runtime | undefined {
  const command = consumerFile(...place);
  if (command === undefined) return undefined;
  const version = versionOf(command) ?? versionOfConsumer(path.join(...place.slice(0, 2)));
  return { name, version, command, args };
}

const RUNTIMES: readonly [string, () => Runtime | undefined][] = [
  ...['20', '22', '24', '26'].map((line): [string, () => Runtime | undefined] => [
    `Node ${line}`,
    () => runtime('Node', [`node-${line}`, 'bin', 'node']),
  ]),
  [
    'Deno',
    () => runtime('Deno', ['@deno', 'linux-x64-glibc', 'deno'], ['run', '--allow-read', '--allow-env']),
  ],
  ['Bun', () => runtime('Bun', ['@oven', 'bun-linux-x64', 'bin', 'bun'])],
];

const ELSEWHERE = 'the registry has this binary for other systems than this one';

describe.each(RUNTIMES)('%s', (_, find) => {
  test.for([
    ['app.js', ''],
    ['simd.js', 'simd, threads: 1'],
    ['threads.js', 'threads: 2'],
    ['standalone.js', 'simd, threads: 1'],
    ['required.cjs', ''],
    ['connecting.js', 'threads: 1'],
  ] as const)('runs %s', ([file, expected], context) => {
    const found = find() ?? context.skip(ELSEWHERE);
    const { name, version, command, args } = found;
    const printed = run(command, [...args, file], folder);
    expectExample(`${name}, ${file.replace(/\..*/, '')}`, version, printed);
    expect(printed).toContain(expected);
  });
});

describe.each(RUNTIMES.filter(([name]) => /Node 2[46]|Deno/.test(name)))('import source in %s', (_, find) => {
  test('gives the compiled module', (context) => {
    const found = find() ?? context.skip(ELSEWHERE);
    const { name, version, command, args } = found;
    const printed = run(command, [...args, 'source-import.js'], folder);
    expectExample(`${name}, import source`, version, printed, 'simd, threads: 1');
  });
});
