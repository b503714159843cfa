// The packed package in a browser extension of manifest version 3: a page of it under the extension's own
// Content-Security-Policy, and its service worker with the code in several files.

import path from 'node:path';
import { type BrowserContext, chromium } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chromiumOptions } from '../../../scripts/browsers.mjs';
import { PATIENCE_MS } from '../../support/patience.js';
import { run, temporaryFolder } from '../support.js';
import { consumerProject, expectExample, firstLine, NODE, program } from './support.js';

const profile = temporaryFolder();
let context: BrowserContext;
let version: string;
let address: string;

const FILES = {
  'src/page.js': program(),
  'src/standalone.js': program('deconv-wasm/standalone'),
  'src/background.js': `${program().replaceAll('console.log', '((line) => { globalThis.said = line; })')}`,
  'build.mjs': `
    import { build } from 'esbuild';
    await build({
      bundle: true, splitting: true, format: 'esm', outdir: 'extension/js',
      entryPoints: ['src/page.js', 'src/standalone.js', 'src/background.js'],
    });
  `,
  'extension/manifest.json': JSON.stringify({
    manifest_version: 3,
    name: 'consumer',
    version: '1.0',
    background: { service_worker: 'js/background.js', type: 'module' },
    content_security_policy: { extension_pages: "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'" },
  }),
  'extension/page.html': '<!doctype html><script type="module" src="js/page.js"></script>',
  'extension/standalone.html': '<!doctype html><script type="module" src="js/standalone.js"></script>',
};

beforeAll(async () => {
  const folder = consumerProject('extension', FILES);
  run(NODE, ['build.mjs'], folder);
  const extension = path.join(folder, 'extension');
  run('cp', ['-r', path.join(folder, 'node_modules', 'deconv-wasm', 'dist', 'wasm'), extension], folder);
  const { executablePath, args } = chromiumOptions();
  context = await chromium.launchPersistentContext(profile.folder, {
    executablePath,
    headless: true,
    // Playwright switches extensions off.
    ignoreDefaultArgs: ['--disable-extensions'],
    args: [...args, `--disable-extensions-except=${extension}`, `--load-extension=${extension}`],
  });
  version = context.browser()?.version() ?? '';
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
  address = new URL('../', worker.url()).href;
});
afterAll(async () => {
  await context?.close();
  profile.remove();
});

test.each([
  ['a page', 'page.html', 'relaxed, threads: 1'],
  ['a page, the single file', 'standalone.html', 'simd, threads: 1'],
])('%s', async (name, file, expected) => {
  const printed = await firstLine(context, address + file);
  expectExample(`MV3 extension, ${name}`, version, printed, expected);
});

test('its service worker, code split', async () => {
  const [worker] = context.serviceWorkers();
  expect(worker?.url()).toMatch(/\/js\/background\.js$/);
  await expect.poll(() => worker?.evaluate('globalThis.said'), { timeout: PATIENCE_MS }).toBeTypeOf('string');
  const printed = String(await worker?.evaluate('globalThis.said'));
  expectExample('MV3 extension, service worker', version, printed, 'relaxed, threads: 1');
});
