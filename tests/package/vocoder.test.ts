// examples/vocoder as one file in an AudioWorklet of Chromium: the samples that the generator gives at once, steady memory, and
// a stream that goes on. How it keeps up with the device is printed, not judged: that is the machine's affair.

import { type Browser, chromium } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ENVIRONMENTS } from '../../scripts/bench/environments.mjs';
import { folders } from '../../scripts/bench/folders.mjs';
import { bundleVocoder, vocoderText } from '../../scripts/bench/vocoder.mjs';
import { shellOptions } from '../../scripts/browsers.mjs';
import { type Site, serve } from './consumers/support.js';
import { root, run, temporaryFolder, writeFiles } from './support.js';

const BLOCKS = 3;
const SEED = 7;

const { folder, remove } = temporaryFolder();
let site: Site;
let browser: Browser;

beforeAll(async () => {
  await bundleVocoder(folder);
  writeFiles(folder, { 'index.html': '<!doctype html><title>vocoder</title>' });
  site = await serve(folder);
  browser = await chromium.launch(shellOptions());
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
  remove();
});

/** All frames at once, in Node. */
function samplesAtOnce(): number[] {
  const script = `
    import { init } from 'deconv-wasm';
    import { CONTEXT, HOP, MELS, makeGenerator } from './examples/vocoder/generator.mjs';
    import { BLOCK, melAt } from './examples/vocoder/stream.mjs';
    await init({ build: 'simd' });
    const frames = ${BLOCKS} * BLOCK + CONTEXT;
    const { mel, samples, steps } = makeGenerator({ frames, seed: ${SEED} });
    mel.data.set(Float32Array.from(mel.data, (_, index) => melAt(index % frames, Math.floor(index / frames))));
    for (const { run } of steps) run();
    console.log(JSON.stringify([...samples.data.subarray(0, ${BLOCKS} * BLOCK * HOP)]));
  `;
  return JSON.parse(run(process.execPath, ['--input-type=module', '--eval', script], root)) as number[];
}

test('gives block by block what the generator gives at once, and allocates nothing on the heap', async () => {
  const wanted = samplesAtOnce();
  const page = await browser.newPage();
  await page.goto(site.url);
  const { samples, before, after } = await page.evaluate(
    async ([count, seed]) => {
      const context = new OfflineAudioContext(1, count, 22050);
      const wasm = await WebAssembly.compileStreaming(fetch('/simd.wasm'));
      await context.audioWorklet.addModule('/processor.js');
      const node = new AudioWorkletNode(context, 'vocoder', {
        numberOfInputs: 0,
        outputChannelCount: [1],
        processorOptions: { build: 'simd', wasm, seed },
      });
      const next = (): Promise<Record<string, never>> =>
        new Promise((resolve) => {
          node.port.onmessage = ({ data }) => resolve(data);
        });
      const { error } = await next();
      if (error !== undefined) throw new Error(error);
      node.port.postMessage(null);
      const { memory: before } = await next();
      node.connect(context.destination);
      const buffer = await context.startRendering();
      node.port.postMessage(null);
      const { memory: after } = await next();
      return { samples: [...buffer.getChannelData(0)], before, after };
    },
    [wanted.length, SEED] as const,
  );
  expect(samples).toHaveLength(wanted.length);
  const largest = Math.max(...wanted.map(Math.abs));
  const worst = Math.max(...wanted.map((value, index) => Math.abs(value - (samples[index] ?? NaN))));
  expect(largest).toBeGreaterThan(1e-3);
  expect(worst / largest).toBeLessThan(1e-5);
  expect(after).toEqual(before);
  console.log(
    `vocoder: ${wanted.length} samples, off by ${(worst / largest).toExponential(1)} of the largest`,
  );
});

test('streams', async () => {
  await bundleVocoder(folders.vocoder);
  const environment = await ENVIRONMENTS.chromium();
  try {
    const result = await environment.vocoder({ build: 'relaxed', seconds: 3 });
    console.log(`vocoder: ${vocoderText(result)}`);
    expect(result.samples).toBeGreaterThan(0);
    expect(result.steady).toBe(true);
  } finally {
    await environment.close();
  }
});
