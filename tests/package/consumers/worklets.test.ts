// The AudioWorklets of the documentation, as they stand there: bundled by its command, run in Chromium.

import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type BrowserContext, chromium } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shellOptions } from '../../../scripts/browsers.mjs';
import { blocksOf } from '../../../scripts/documents.mjs';
import { root, run, writeFiles } from '../support.js';
import { consumerFile, consumerProject, firstLine, NODE, serve } from './support.js';

/** The two programs of the block of a page that has a processor. */
function programsOf(document: string): { readonly page: string; readonly processor: string } {
  const text = readFileSync(path.join(root, 'docs', document), 'utf8');
  const blocks = blocksOf(text, 'javascript');
  const block = blocks.find((one) => one.includes('registerProcessor')) ?? '';
  const [first = '', ...rest] = block.split(/^(?=\/\/ (?:The page|processor\.js))/m).filter(Boolean);
  const second = rest.join('');
  return first.startsWith('// The page')
    ? { page: first, processor: second }
    : { page: second, processor: first };
}

/** The page's program, and what its node plays: its first sound, or that half a second of nothing went well. */
const heard = (page: string, wanted: string): string => `<!doctype html><script type="module">
  const context = new AudioContext();
  const analyser = new AnalyserNode(context);
  globalThis.AudioWorkletNode = class extends AudioWorkletNode {
    constructor(...values) {
      super(...values);
      this.onprocessorerror = () => console.log('the processor failed');
      this.connect(analyser).connect(context.destination);
    }
  };
  ${page}
  const samples = new Float32Array(analyser.fftSize);
  const look = () => {
    analyser.getFloatTimeDomainData(samples);
    if (samples.some((sample) => sample !== 0)) console.log('sound');
    else if ('${wanted}' === 'silence' && context.currentTime > 0.5) console.log('silence');
    else requestAnimationFrame(look);
  };
  look();
</script>`;

let context: BrowserContext;
let close: () => Promise<void>;
beforeAll(async () => {
  const { args, ...options } = shellOptions();
  const browser = await chromium.launch({
    ...options,
    args: [...args, '--autoplay-policy=no-user-gesture-required'],
  });
  close = () => browser.close();
  context = await browser.newContext();
});
afterAll(() => close?.());

test.each([
  // A bias that was drawn is heard whatever the frames are.
  ['get-started.md', 'sound'],
  ['loading.md', 'silence'],
])('%s', async (document, wanted) => {
  const { page, processor } = programsOf(document);
  const folder = consumerProject('worklets', { 'processor.js': processor });
  const esbuild = consumerFile('esbuild', 'bin', 'esbuild') ?? '';
  run(NODE, [esbuild, 'processor.js', '--bundle', '--format=esm', '--outfile=public/processor.js'], folder);
  const site = path.join(folder, 'public');
  mkdirSync(path.join(site, 'wasm'));
  copyFileSync(
    path.join(folder, 'node_modules/deconv-wasm/dist/wasm/simd.wasm'),
    path.join(site, 'wasm/simd.wasm'),
  );
  writeFiles(site, { 'index.html': heard(page, wanted) });
  const served = await serve(site);
  try {
    expect(await firstLine(context, served.url)).toBe(wanted);
  } finally {
    await served.close();
  }
});
