// The packed package as a folder of static files, without a bundler, in every kind of place that a browser
// has: what a page, workers, a service worker and an AudioWorklet load is the package's own files.

import { type BrowserContext, chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shellOptions } from '../../../scripts/browsers.mjs';
import { temporaryFolder } from '../support.js';
import {
  connectingProgram,
  consumerProject,
  D2L,
  expectExample,
  firstLine,
  program,
  type Site,
  serve,
  servedProgram,
} from './support.js';

const PACKAGE = '/node_modules/deconv-wasm/dist';
const ROOT = `${PACKAGE}/index.js`;
const STANDALONE = `${PACKAGE}/standalone.js`;

/** The program in a place without a console that a test could read: it sends the line to `port`. */
const sends = (entry: string, options: string, port: string) =>
  program(entry, options).replaceAll('console.log', `(${port}).postMessage.bind(${port})`);

const page = (script: string) => `<!doctype html><script type="module">${script}</script>`;

const worker = (script: string) =>
  page(`new Worker('/${script}', { type: 'module' }).onmessage = ({ data }) => console.log(data);`);

const sharedWorker = (script: string) =>
  page(`const { port } = new SharedWorker('/${script}', { type: 'module' });
    port.onmessage = ({ data }) => console.log(data);`);

const serviceWorker = (script: string) =>
  page(`navigator.serviceWorker.onmessage = ({ data }) => console.log(data);
    // A scope of its own: one of an earlier test must not answer.
    navigator.serviceWorker.register('/${script}', { type: 'module', scope: '/${script}/' }).then(
      ({ installing }) => installing.addEventListener('statechange', () => {
        if (installing.state === 'activated') installing.postMessage('go');
      }),
      (error) => console.log(error.message),
    );`);

const inServiceWorker = (entry: string, options: string) =>
  `${program(entry, options)
    .replace(/^init\(/m, "addEventListener('message', (event) => event.waitUntil(init(")
    .replaceAll('console.log', 'event.source.postMessage.bind(event.source)')
    .trim()
    .replace(/;$/, '')}));`;

const audioWorklet = (script: string, module: string) =>
  page(`const context = new OfflineAudioContext(1, 512, 44100);
    const module = ${module};
    await context.audioWorklet.addModule('/${script}').catch((error) => console.log(error.message));
    const node = new AudioWorkletNode(context, 'd2l', { processorOptions: { module } });
    node.port.onmessage = ({ data }) => console.log(data);
    node.connect(context.destination);
    await context.startRendering();`);

const inAudioWorklet = (entry: string, options: string) => `
  import { convTranspose, init } from '${entry}';
  const missing = ['URL', 'fetch', 'TextDecoder', 'setTimeout', 'performance'].filter((name) => !(name in globalThis));
  registerProcessor('d2l', class extends AudioWorkletProcessor {
    constructor({ processorOptions: { module } }) {
      super();
      const x = { data: Float32Array.of(0, 1, 2, 3), shape: [1, 1, 2, 2] };
      init(${options}).then(
        ({ build, threads }) => this.port.postMessage([...convTranspose(x, x).data].join(' ') + ' | ' + build + ', threads: ' + threads + ' | without ' + missing.join(' ')),
        (error) => this.port.postMessage(error.message),
      );
    }
    process() { return true; }
  });
`;

const compiled = `await WebAssembly.compileStreaming(fetch('${PACKAGE}/wasm/simd.wasm'))`;

const FILES = {
  'index.html': page(program(ROOT)),
  'standalone.html': page(program(STANDALONE)),
  'worker.html': worker('worker.js'),
  'worker.js': sends(ROOT, '{}', 'self'),
  'standalone-worker.html': worker('standalone-worker.js'),
  'standalone-worker.js': sends(STANDALONE, '{}', 'self'),
  'shared-worker.html': sharedWorker('shared-worker.js'),
  'shared-worker.js': `addEventListener('connect', ({ ports: [port] }) => { globalThis.port = port; import('/in-shared.js'); });`,
  'in-shared.js': sends(ROOT, '{}', 'globalThis.port'),
  'service-worker.html': serviceWorker('service-worker.js'),
  'service-worker.js': inServiceWorker(ROOT, '{}'),
  'standalone-service-worker.html': serviceWorker('standalone-service-worker.js'),
  'standalone-service-worker.js': inServiceWorker(STANDALONE, '{}'),
  'audio-worklet.html': audioWorklet('audio-worklet.js', compiled),
  'audio-worklet.js': inAudioWorklet(ROOT, "{ build: 'simd', wasm: module }"),
  'standalone-audio-worklet.html': audioWorklet('standalone-audio-worklet.js', 'null'),
  'standalone-audio-worklet.js': inAudioWorklet(STANDALONE, '{}'),
  'bare-audio-worklet.html': audioWorklet('bare-audio-worklet.js', 'null'),
  'bare-audio-worklet.js': inAudioWorklet(ROOT, '{}'),
  // One compilation, many workers.
  'many.html': page(`const wasm = ${compiled};
    const lines = await Promise.all([1, 2, 3].map(() => new Promise((resolve) => {
      const worker = new Worker('/many.js', { type: 'module' });
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage(wasm);
    })));
    console.log(lines.join(' + '));`),
  'many.js': `addEventListener('message', ({ data: wasm }) => { globalThis.wasm = wasm; import('/in-many.js'); });`,
  'in-many.js': sends(ROOT, "{ build: 'simd', wasm: globalThis.wasm }", 'self'),
  'connecting.html': page("import './connecting.js';"),
  'connecting.js': connectingProgram(`${PACKAGE}/worker/index.js`),
  'served.js': servedProgram(ROOT, `${PACKAGE}/worker/index.js`),
  'threads.html': page(program(ROOT, '{ threads: 2 }')),
  // No import map: the readers of formats are files of the package.
  'models.html': page(`import { readModel } from '${PACKAGE}/models/index.js';
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\\n";
    const bytes = [0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, header.length, 0, ...new TextEncoder().encode(header), 0, 0, 0, 0];
    const { format } = await readModel(new Uint8Array(bytes));
    const print = (line) => console.log(line + ', ' + format);
    ${program(ROOT).replaceAll('console.log', 'print')}`),
  'import-map.html': `<!doctype html><script type="importmap">{ "imports": {
      "deconv-wasm": "${ROOT}", "fflate": "/node_modules/fflate/esm/browser.js"
    } }</script>
    <script type="module">
    import '${PACKAGE}/models/npz.js';
    ${program()}</script>`,
};

let folder: string;
let site: Site;
let isolated: Site;
let context: BrowserContext;
let version: string;

const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
const POLICY = {
  'Content-Security-Policy': "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'",
};

const profile = temporaryFolder();
beforeAll(async () => {
  folder = consumerProject('places', FILES);
  site = await serve(folder, POLICY);
  isolated = await serve(folder, { ...POLICY, ...ISOLATION });
  context = await chromium.launchPersistentContext(profile.folder, { ...shellOptions(), headless: true });
  version = context.browser()?.version() ?? '';
});
afterAll(async () => {
  await context?.close();
  await site?.close();
  await isolated?.close();
  profile.remove();
});

describe('static files, no bundler', () => {
  test.each([
    ['a page', 'index.html', 'relaxed, threads: 1'],
    ['a page with an import map', 'import-map.html', 'relaxed, threads: 1'],
    ['a page that reads a model file', 'models.html', 'relaxed, threads: 1, npy'],
    ['a module worker', 'worker.html', 'relaxed, threads: 1'],
    ['a served module worker', 'connecting.html', 'relaxed, threads: 1'],
    ['a shared worker', 'shared-worker.html', 'relaxed, threads: 1'],
    ['a service worker', 'service-worker.html', 'relaxed, threads: 1'],
    ['an AudioWorklet, given a module', 'audio-worklet.html', 'simd, threads: 1'],
    ['the single file in a page', 'standalone.html', 'simd, threads: 1'],
    ['the single file in a worker', 'standalone-worker.html', 'simd, threads: 1'],
    ['the single file in a service worker', 'standalone-service-worker.html', 'simd, threads: 1'],
    ['the single file in an AudioWorklet', 'standalone-audio-worklet.html', 'simd, threads: 1'],
  ])('%s', async (name, file, expected) => {
    expectExample(`Chromium, ${name}`, version, await firstLine(context, site.url + file), expected);
  });

  test('two threads on an isolated page', async () => {
    const printed = await firstLine(context, `${isolated.url}threads.html`);
    expectExample('Chromium, two threads', version, printed, 'relaxed, threads: 2');
  });

  test('one compiled module in three workers', async () => {
    const printed = await firstLine(context, `${site.url}many.html`);
    expect(printed.split(' + ')).toEqual(new Array(3).fill(`${D2L} | simd, threads: 1`));
    expectExample('Chromium, one module in three workers', version, printed);
  });

  test('an AudioWorklet lacks what its test says, and says what to do without a module', async () => {
    const printed = await firstLine(context, `${site.url}audio-worklet.html`);
    expect(printed).toContain('without URL fetch TextDecoder setTimeout performance');
    const bare = await firstLine(context, `${site.url}bare-audio-worklet.html`);
    expect(bare).toMatch(/compile the binary elsewhere and pass the module: init\(\{ wasm: module \}\)/);
  });
});
