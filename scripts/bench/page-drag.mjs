// How long the page takes from a slider's input to the picture that follows it, and how long its main
// thread is held while it plays. Prints medians; nothing passes or fails here.
//
//   node scripts/bench/page-drag.mjs     (after node scripts/build.mjs)

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright';
import { PNG } from 'pngjs';
import { preview } from 'vite';

const root = path.resolve(import.meta.dirname, '../..');
const SIDE = 128;
const MOVES = 60;

const server = await preview({
  configFile: path.join(root, 'web/demo/vite.config.ts'),
  preview: { port: 0, host: '127.0.0.1', strictPort: false, open: false },
  logLevel: 'silent',
});
const browser = await chromium.launch({
  executablePath: chromiumPath(),
  args: ['--no-sandbox', '--disable-gpu'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries())
        globalThis.longTasks.push({ startTime, duration });
    }).observe({ entryTypes: ['longtask'] });
  });
  await page.goto(server.resolvedUrls.local[0]);
  await page.locator('[data-panel="raw"] .picture .pixel-canvas').waitFor();
  await playing(page);
  await page
    .locator('#lab input[type="file"]')
    .setInputFiles({ name: 'bench.png', mimeType: 'image/png', buffer: png() });
  await page.waitForFunction(
    (width) => document.querySelector('[data-panel="raw"] .picture .pixel-canvas')?.width === width,
    2 * SIDE,
  );
  for (const slider of ['Kernel', 'Padding']) report(slider, await drag(page, slider));
} finally {
  await browser.close();
  await server.close();
}

/** The film of station 1 and a voice of station 5 at once. */
async function playing(page) {
  const from = await page.evaluate(() => performance.now());
  await page.locator('#sound').scrollIntoViewIfNeeded();
  await page.getByRole('button', { name: 'Play as it is' }).click();
  await page.waitForTimeout(4000);
  const long = await page.evaluate((begin) => globalThis.longTasks.filter((t) => t.startTime >= begin), from);
  const longest = Math.max(0, ...long.map(({ duration }) => duration));
  console.log(
    `playing for 4 s: ${long.length} main-thread tasks over 50 ms, the longest ${longest.toFixed(0)} ms`,
  );
}

/**
 * Moves a slider back and forth and notes, for each input event, when a frame that follows the panels' new
 * picture was painted: a frame's callback runs before its paint, the message after it.
 */
async function drag(page, name) {
  const slider = page.locator('#lab').getByRole('slider', { name, exact: true });
  await slider.scrollIntoViewIfNeeded();
  return slider.evaluate(async (element, moves) => {
    const panels = document.querySelector('#lab .panels');
    const painted = () =>
      new Promise((resolve) => {
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => resolve(performance.now());
          port2.postMessage(null);
        });
      });
    const changed = () =>
      new Promise((resolve) => {
        const observer = new MutationObserver(() => {
          observer.disconnect();
          resolve();
        });
        observer.observe(panels, { subtree: true, childList: true, characterData: true, attributes: true });
      });
    const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
    const setter = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    const times = [];
    for (let move = 0; move < moves; move++) {
      // At no fixed place within a frame.
      await pause(20 + (move % 7) * 3);
      const seen = changed();
      const begin = performance.now();
      setter.call(element, String(3 + (move % 4)));
      element.dispatchEvent(new Event('input', { bubbles: true }));
      await seen;
      times.push((await painted()) - begin);
    }
    return times;
  }, MOVES);
}

function report(name, times) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part) => sorted[Math.min(Math.floor(part * sorted.length), sorted.length - 1)].toFixed(1);
  console.log(
    `${name} dragged, ${SIDE} x ${SIDE}, ${times.length} inputs: input to paint ${at(0.5)} ms median, ` +
      `${at(0.1)} to ${at(0.9)} ms, ${at(1)} ms at most`,
  );
}

function png() {
  const image = new PNG({ width: SIDE, height: SIDE });
  for (let i = 0; i < SIDE * SIDE; i++) image.data.set([i % 256, (i >> 7) * 2, (i * 7) % 256, 255], 4 * i);
  return PNG.sync.write(image);
}

function chromiumPath() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  const paths = path.join(root, '.toolchain', 'paths.json');
  const known = existsSync(paths) ? JSON.parse(readFileSync(paths, 'utf8')) : {};
  return known.CHROMIUM ?? '/usr/bin/chromium';
}
