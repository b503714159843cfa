// What init says where it cannot load: each failure has the advice that helps against it, and no other.

import { type BrowserContext, chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shellOptions } from '../../../scripts/browsers.mjs';
import { run } from '../support.js';
import { consumerProject, D2L, NODE, program, serve } from './support.js';

const ROOT = '/node_modules/deconv-wasm/dist/index.js';
const page = (script: string) => `<!doctype html><script type="module">${script}</script>`;
const says = (options: string) => page(program(ROOT, options));
const notes = (options: string) =>
  page(`import { init } from '${ROOT}';
    init(${options}).then(({ threads, notes }) => console.log(threads, notes.join()), ({ message }) => console.log(message));`);

const SCRIPTS = "script-src 'self' 'unsafe-inline'";
const ALLOWED = { 'Content-Security-Policy': `${SCRIPTS} 'wasm-unsafe-eval'` };
const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

let folder: string;
let context: BrowserContext;

beforeAll(async () => {
  folder = consumerProject('failures', {
    'plain.html': says('{}'),
    'missing.html': says("{ wasm: '/missing.wasm' }"),
    'elsewhere.html': says("{ wasm: 'http://127.0.0.1:1/simd.wasm' }"),
    'web-page.html': says("{ wasm: '/plain.html' }"),
    'text.html': says("{ wasm: '/package.json' }"),
    'wrong.html': says("{ build: 'simd', wasm: '/node_modules/deconv-wasm/dist/wasm/relaxed.wasm' }"),
    'own.html': says("{ wasm: () => { throw new Error('no such row'); } }"),
    'threads.html': notes('{ threads: 2 }'),
    'one-binary.html': notes(
      "{ build: 'simd', threads: 2, wasm: '/node_modules/deconv-wasm/dist/wasm/simd-threads.wasm' }",
    ),
    'node.js': program('deconv-wasm', "{ wasm: '/nowhere/simd.wasm' }"),
    'old.js': `
      const { validate } = WebAssembly;
      WebAssembly.validate = (bytes) => !new Uint8Array(bytes).join().includes('253,17') && validate(bytes);
      ${program()}
    `,
  });
  const browser = await chromium.launch(shellOptions());
  context = await browser.newContext();
});
afterAll(() => context?.browser()?.close());

const SERVED = /Check that the file is served there/;

describe('in a page', () => {
  test.each([
    [
      'a file that is not there',
      'missing.html',
      /expected the file \/missing\.wasm, got status 404\./,
      SERVED,
    ],
    [
      'a web page in its place',
      'web-page.html',
      /expected WebAssembly at \/plain\.html, got a web page\./,
      SERVED,
    ],
    [
      'other bytes',
      'text.html',
      /expected to compile \/package\.json/,
      /cut off: the files are deconv-wasm\/wasm/,
    ],
    ['another binary', 'wrong.html', /file simd [\d.]+, got "relaxed [\d.]+"/, /build: 'simd' or 'relaxed'/],
    ["the caller's function", 'own.html', /got no such row/, /That function is yours/],
    ['no way there', 'elsewhere.html', /expected to fetch http/, /connect-src .*, CORS/],
  ])('%s', async (_, file, fact, advice) => {
    // The console reports a failed request before we do.
    const line = await quietly(file, ALLOWED);
    expect(line).toMatch(fact);
    expect(line).toMatch(advice);
    if (advice !== SERVED) expect(line).not.toMatch(SERVED);
  });

  test('a policy that forbids WebAssembly', async () => {
    const line = await quietly('plain.html', { 'Content-Security-Policy': SCRIPTS });
    expect(line).toMatch(/expected to compile .*wasm/);
    expect(line).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(line).not.toMatch(SERVED);
  });

  test('threads whose script is not there: one thread, with a note; with one binary given, an error', async () => {
    await context.route('**/threads.mjs', (route) => route.abort());
    try {
      expect(await quietly('threads.html', ISOLATED)).toMatch(/^1 threads: their script cannot be loaded/);
      expect(await quietly('one-binary.html', ISOLATED)).toMatch(/pass a function, or threads: 1/);
    } finally {
      await context.unroute('**/threads.mjs');
    }
  });

  /** The first line of the program itself; the browser's own complaints are not it. */
  async function quietly(file: string, headers: Record<string, string>): Promise<string> {
    const site = await serve(folder, headers);
    const opened = await context.newPage();
    try {
      const line = await new Promise<string>((resolve, reject) => {
        opened.on('console', (message) => {
          if (message.type() === 'log') resolve(message.text());
        });
        opened.goto(site.url + file).catch(reject);
      });
      return line.replaceAll(site.url, '/');
    } finally {
      await opened.close();
      await site.close();
    }
  }
});

describe('in Node', () => {
  test('a file that is not there', () => {
    const line = run(NODE, ['node.js'], folder);
    expect(line).toMatch(/expected a file at \/nowhere\/simd\.wasm, got ENOENT\./);
    expect(line).toMatch(/If a bundler left it behind/);
    expect(line).not.toMatch(SERVED);
  });

  test('an engine without SIMD', () => {
    const line = run(NODE, ['old.js'], folder);
    expect(line).toMatch(/WebAssembly SIMD, got one without\. Use Chrome or Edge 94/);
    expect(line).not.toContain(D2L);
  });
});
