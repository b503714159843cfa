// What the consumers' tests share: bundlers and runtimes of their own lock file, the program that each of
// them runs, and the line of the matrix that it then gets.

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { BrowserContext } from 'playwright';
import { expect, inject } from 'vitest';
import { PATIENCE_MS } from '../../support/patience.js';
import { makeProject, root, run } from '../support.js';

const home = path.join(root, 'build', 'consumers');

/** Node of this project, which runs the bundlers; some of them want a newer one than ours has to be. */
export const NODE = path.join(root, 'node_modules', '.bin', 'node');

/** The example of Dive into Deep Learning, as every consumer must print it. */
export const D2L = '0 0 1 0 4 6 4 12 9';

/** A program that prints the example, with what ran it. */
export function program(entry = 'deconv-wasm', options = '{}'): string {
  return `
import { convTranspose, init } from '${entry}';
const x = { data: Float32Array.of(0, 1, 2, 3), shape: [1, 1, 2, 2] };
init(${options}).then(
  ({ build, threads }) => console.log(\`\${[...convTranspose(x, x).data].join(' ')} | \${build}, threads: \${threads}\`),
  (error) => console.log(error.message),
);
`;
}

/** A program that prints the example as its worker, served by the file `served.js`, computes it. */
export function connectingProgram(entry = 'deconv-wasm/worker'): string {
  return `
import { connect } from '${entry}';
globalThis.Worker ??= process.getBuiltinModule('node:worker_threads').Worker;
connect(new Worker(new URL('./served.js', import.meta.url), { type: 'module' }))
  .then(async (served) => {
    console.log(await served.example());
    served.dispose();
  })
  .catch((error) => console.log(error.message));
`;
}

export function servedProgram(entry = 'deconv-wasm', workerEntry = 'deconv-wasm/worker'): string {
  return `
import { convTranspose, init } from '${entry}';
import { serve } from '${workerEntry}';
const x = { data: Float32Array.of(0, 1, 2, 3), shape: [1, 1, 2, 2] };
serve(async () => {
  const { build, threads } = await init();
  return { example: () => \`\${[...convTranspose(x, x).data].join(' ')} | \${build}, threads: \${threads}\` };
});
`;
}

/** Installs the consumers, once for a lock file: later runs find them in build/consumers. */
function install(): void {
  const lock = path.join(import.meta.dirname, 'package-lock.json');
  const done = path.join(home, 'installed.json');
  if (existsSync(done) && readFileSync(done, 'utf8') === readFileSync(lock, 'utf8')) return;
  mkdirSync(home, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) {
    copyFileSync(path.join(import.meta.dirname, name), path.join(home, name));
  }
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], home);
  copyFileSync(lock, done);
}

/** A project of its own with the packed package, below the installed consumers. */
export function consumerProject(name: string, files: Readonly<Record<string, string>>): string {
  install();
  const folder = path.join(home, 'apps', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  makeProject(folder, inject('tarball'), files);
  return folder;
}

/** A file of an installed consumer; undefined where the registry has it for other systems only. */
export function consumerFile(...names: string[]): string | undefined {
  const file = path.join(home, 'node_modules', ...names);
  return existsSync(file) ? file : undefined;
}

export function versionOfConsumer(name: string): string {
  const file = consumerFile(name, 'package.json');
  if (file === undefined) throw new Error(`${name} is not installed in build/consumers`);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Expects the example in what a consumer printed, and prints its line of the matrix. */
export function expectExample(consumer: string, version: string, printed: string, more = ''): void {
  expect(printed).toContain(`${D2L}${more === '' ? '' : ` | ${more}`}`);
  console.log(`consumer | ${consumer} | ${version} | pass`);
}

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** A folder of static files; what a file is called decides its type, as on any host. */
export async function serve(folder: string, headers: Readonly<Record<string, string>> = {}): Promise<Site> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const file = path.join(folder, pathname.endsWith('/') ? `${pathname}index.html` : pathname);
    const type = TYPES[path.extname(file)] ?? 'application/octet-stream';
    if (!existsSync(file)) response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end();
    else response.writeHead(200, { 'Content-Type': type, ...headers }).end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Opens a page and gives the first line that it logs; errors on its console are lines too. */
export async function firstLine(context: BrowserContext, url: string): Promise<string> {
  const page = await context.newPage();
  try {
    return await new Promise<string>((resolve, reject) => {
      page.on('console', (message) => resolve(message.text()));
      page.on('pageerror', (error) => resolve(error.message));
      page.goto(url, { timeout: PATIENCE_MS }).catch(reject);
      setTimeout(() => reject(new Error(`${url} logged nothing`)), PATIENCE_MS).unref();
    });
  } finally {
    await page.close();
  }
}
