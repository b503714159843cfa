// The packed package in an empty Vite app, opened in Chromium: from the dev server and as built.

import path from 'node:path';
import { type Browser, chromium } from 'playwright';
import { build, createServer, preview, version as vite } from 'vite';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { shellOptions } from '../../scripts/browsers.mjs';
import { PATIENCE_MS } from '../support/patience.js';
import { connectingProgram, D2L, servedProgram } from './consumers/support.js';
import { makeProject, temporaryFolder, tenLines } from './support.js';

const { folder, remove } = temporaryFolder();
const { code, prints } = tenLines();
const app = path.join(folder, 'app');

// No unsafe-eval: compiling WebAssembly is all that a page has to allow.
const POLICY = {
  'Content-Security-Policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
};
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

// Both threads compute: the work is above the size below which one thread does all.
const threads = `
import { ConvTranspose2d, init, shutdown } from 'deconv-wasm';

const { threads, notes } = await init({ threads: 2 });
const options = { inChannels: 32, outChannels: 32, kernelSize: 4, stride: 2, padding: 1, seed: 1 };
const x = { data: new Float32Array(32 * 32 * 32).fill(1), shape: [1, 32, 32, 32] };
const up = new ConvTranspose2d(options);
const y = up.forward(x);
const scalar = new ConvTranspose2d({ ...options, route: 'scalar' }).forward(x);
const error = y.data.reduce((worst, value, index) => Math.max(worst, Math.abs(value - scalar.data[index])), 0);
console.log(threads, up.plan.threads, error < 1e-5, notes.concat(up.plan.reason).join('; '));
// The main thread of a page may not wait as other threads do: it must not lock up.
for (let round = 0; round < 1000; round += 1) up.forward(x, { out: y });
await shutdown();
console.log('ended');
`;

const page = (script: string) =>
  `<!doctype html><html lang="en"><head><link rel="icon" href="/icon.svg"><title>app</title></head><body><script type="module" src="/${script}"></script></body></html>`;

const PAGES = ['index', 'in-worker', 'threads', 'served'];
const files = {
  // Without an icon Chromium asks for one, and a 404 is what these tests look for.
  'public/icon.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  'index.html': page('ten-lines.js'),
  'ten-lines.js': code,
  'in-worker.html': page('in-worker.js'),
  'in-worker.js': "new Worker(new URL('./ten-lines.js', import.meta.url), { type: 'module' });\n",
  'threads.html': page('threads.js'),
  'served.html': page('connecting.js'),
  'connecting.js': connectingProgram(),
  'served.js': servedProgram(),
  'classic.html': page('classic.js'),
  'classic.js': "new Worker(new URL('./then.js', import.meta.url), { type: 'module' });\n",
  'then.js': code.replace('await init();', 'init().then(() => {').concat('});\n'),
  'threads.js': threads,
};

const settings = {
  root: app,
  configFile: false,
  logLevel: 'silent',
  build: { rollupOptions: { input: PAGES.map((name) => path.join(app, `${name}.html`)) } },
  // A worker that waits at its top level has to be a module; Vite's default is a classic script.
  worker: { format: 'es' },
} as const;

// Made here and not in its test: Vite writes into what it is given.
const classic = {
  ...settings,
  worker: {},
  build: {
    outDir: 'classic',
    rollupOptions: { input: ['classic', 'served'].map((name) => path.join(app, `${name}.html`)) },
  },
};

let browser: Browser;
beforeAll(async () => {
  makeProject(app, inject('tarball'), files);
  browser = await chromium.launch(shellOptions());
});
afterAll(async () => {
  await browser?.close();
  remove();
});

interface Server {
  readonly url: string;
  close(): Promise<void>;
}

async function servePreview(headers: Record<string, string>): Promise<Server> {
  const server = await preview({ ...settings, preview: { port: 0, host: '127.0.0.1', headers } });
  return { url: server.resolvedUrls?.local[0] ?? '', close: () => server.close() };
}

const serveDev = (headers: Record<string, string>) => serveSources(headers, []);

// What users of Vite 7 and older have to set: its pre-bundling loses the way to the .wasm.
const serveDevExcluded = (headers: Record<string, string>) => serveSources(headers, ['deconv-wasm']);

async function serveSources(headers: Record<string, string>, exclude: string[]): Promise<Server> {
  const server = await createServer({
    ...settings,
    optimizeDeps: { exclude },
    // Every server starts as a user's first one: nothing pre-bundled before.
    cacheDir: path.join(folder, `cache-${Math.random()}`),
    server: { port: 0, host: '127.0.0.1', headers },
  });
  await server.listen();
  return { url: server.resolvedUrls?.local[0] ?? '', close: () => server.close() };
}

describe.each([
  ['vite build and preview', servePreview],
  ['vite dev', serveDev],
  ['vite dev without pre-bundling', serveDevExcluded],
])('%s', (mode, serve) => {
  beforeAll(async () => {
    if (serve === servePreview) await build(settings);
  });

  test.each([
    ['the page', 'index'],
    ['a module worker', 'in-worker'],
  ])('runs the ten lines in %s, without unsafe-eval', async (_place, name) => {
    const { said } = await visit(serve, POLICY, `${name}.html`, (line) => line === prints);
    expect(said).toContain(prints);
    console.log(`consumer | ${mode}, ${name} | ${vite} | pass`);
  });

  test('is served by a worker', async () => {
    const { said, workers } = await visit(serve, POLICY, 'served.html', (line) => line.startsWith(D2L));
    expect([said, workers]).toEqual([[`${D2L} | relaxed, threads: 1`], 1]);
  });

  test('computes with two threads on an isolated page', async () => {
    const { said, workers, left } = await visit(
      serve,
      { ...POLICY, ...ISOLATION },
      'threads.html',
      (line) => line === 'ended',
    );
    expect(said.at(-2)).toMatch(/^2 2 true /);
    expect(said.at(-2)).not.toContain('isolated');
    // And shutdown ended the thread.
    expect([said.at(-1), workers, left]).toEqual(['ended', 1, 0]);
  });

  test('falls back to one thread elsewhere, and says why', async () => {
    const { said, workers } = await visit(serve, POLICY, 'threads.html', (line) => line === 'ended');
    expect(said.at(-2)).toMatch(/^1 1 true /);
    expect(said.at(-2)).toContain('the page is not cross-origin isolated');
    expect(workers).toBe(0);
  });
});

test("runs in a worker that Vite's default format makes a classic script", async () => {
  await build(classic);
  const serve = async (headers: Record<string, string>): Promise<Server> => {
    const server = await preview({ ...classic, preview: { port: 0, host: '127.0.0.1', headers } });
    return { url: server.resolvedUrls?.local[0] ?? '', close: () => server.close() };
  };
  const { said, workers } = await visit(serve, POLICY, 'classic.html', (line) => line === prints);
  expect([said.includes(prints), workers]).toEqual([true, 1]);
  const served = await visit(serve, POLICY, 'served.html', (line) => line.startsWith(D2L));
  expect(served.said).toEqual([`${D2L} | relaxed, threads: 1`]);
});

/**
 * Opens a page until it logs the line waited for; gives all it logged, how many workers it started and
 * how many are left. Errors on the console and failed or foreign requests fail the test.
 */
async function visit(
  serve: (headers: Record<string, string>) => Promise<Server>,
  headers: Record<string, string>,
  name: string,
  last: (line: string) => boolean,
): Promise<{ said: string[]; workers: number; left: number }> {
  const server = await serve(headers);
  const context = await browser.newContext();
  try {
    const opened = await context.newPage();
    const said: string[] = [];
    const wrong: string[] = [];
    let workers = 0;
    opened.on('worker', () => {
      workers += 1;
    });
    opened.on('pageerror', (error) => wrong.push(error.message));
    opened.on('requestfailed', (request) => wrong.push(`${request.url()} ${request.failure()?.errorText}`));
    opened.on('response', (response) => {
      if (response.status() >= 400) wrong.push(`${response.url()} answered ${response.status()}`);
    });
    opened.on('request', (request) => {
      if (/^https?:/.test(request.url()) && !request.url().startsWith(server.url)) wrong.push(request.url());
    });
    const done = new Promise<void>((resolve) => {
      opened.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') wrong.push(message.text());
        if (message.type() === 'log') said.push(message.text());
        if (last(message.text())) resolve();
      });
    });
    await opened.goto(server.url + name, { timeout: PATIENCE_MS });
    const limit = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS).unref());
    await Promise.race([done, limit]);
    expect(wrong).toEqual([]);
    // The browser tells of a worker's end a little later.
    if (said.at(-1) === 'ended') {
      await expect.poll(() => opened.workers().length, { timeout: PATIENCE_MS }).toBe(0);
    }
    return { said, workers, left: opened.workers().length };
  } finally {
    await context.close();
    await server.close();
  }
}
