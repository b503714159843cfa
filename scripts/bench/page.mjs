// The page's own figures, printed: what it loads, when its first step is drawn on a slow processor, how long
// its main thread is held while it plays, and how long a slider's input takes to the picture that follows.
// Nothing passes or fails here.
//
//   node scripts/bench/page.mjs [size] [first] [playing] [drag]     (after node scripts/build.mjs)

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright';
import { PNG } from 'pngjs';
import { preview } from 'vite';
import { chromiumOptions } from '../browsers.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const SIDE = 128;
const MOVES = 60;
const THROTTLE = 4;
const LOADS = 5;

const measurements = { size, first, playing, drag };
const wanted = process.argv.slice(2);
const chosen = wanted.length > 0 ? wanted : Object.keys(measurements);

const server = await preview({
  configFile: path.join(root, 'web/demo/vite.config.ts'),
  preview: { port: 0, host: '127.0.0.1', strictPort: false, open: false },
  logLevel: 'silent',
});
const url = server.resolvedUrls.local[0];
const browser = await chromium.launch(chromiumOptions());
try {
  for (const name of chosen) await measurements[name]();
} finally {
  await browser.close();
  await server.close();
}

/**
 * Script beside the WebAssembly, compressed: what the first step needs, the module's glue in it, what the
 * other stations bring by themselves, and what waits for a press.
 */
async function size() {
  const assets = path.join(root, 'build/page/assets');
  const bytes = (name) => gzipSync(readFileSync(path.join(assets, name))).length;
  const first = await scriptsOf('.flying:not([hidden])', false);
  const alone = await scriptsOf('.bench-layers', true);
  const kindOf = (name) => {
    if (first.has(name)) return 'until the first step';
    return alone.has(name) ? 'other stations' : 'on a press';
  };
  const scripts = readdirSync(assets).filter((name) => name.endsWith('.js'));
  for (const [kind, names] of Object.entries(Object.groupBy(scripts, kindOf))) {
    const sized = names.map((name) => [name, bytes(name)]).toSorted((a, b) => b[1] - a[1]);
    const sum = sized.reduce((all, [, one]) => all + one, 0);
    console.log(`script, gzipped, ${kind}: ${kilobytes(sum)}`);
    for (const [name, one] of sized) console.log(`  ${kilobytes(one).padStart(8)}  ${name}`);
  }
}

/** Scripts asked for until something is there; without idle time, the stations below the first are not. */
async function scriptsOf(part, idle) {
  const page = await browser.newPage();
  if (!idle) {
    await page.addInitScript(() => {
      globalThis.requestIdleCallback = () => 0;
    });
  }
  const asked = new Set();
  page.on('request', (request) => asked.add(request.url().replace(/^.*\//, '')));
  await page.goto(url);
  await page.locator(part).first().waitFor();
  if (idle) await page.waitForTimeout(4000);
  await page.close();
  return asked;
}

/**
 * From navigation to the paint of the board and of the first stamp in the air, each load from nothing. The page tells
 * of them itself: what would ask it runs on the slow processor, too.
 */
async function first() {
  const loads = [];
  for (let load = 0; load < LOADS; load++) {
    const context = await browser.newContext({ viewport: { width: 412, height: 1200 } });
    const page = await context.newPage();
    await page.addInitScript(() => {
      const drawn = {};
      const parts = { board: '.drawn', stamp: '.flying:not([hidden])' };
      const observer = new MutationObserver(() => {
        for (const [name, part] of Object.entries(parts)) {
          if (!document.querySelector(part)) continue;
          delete parts[name];
          // A frame's callback runs before its paint, the message after it.
          requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => {
              drawn[name] = performance.now();
              if (name === 'stamp') console.debug(JSON.stringify(drawn));
            };
            port2.postMessage(null);
          });
        }
        if (Object.keys(parts).length === 0) observer.disconnect();
      });
      observer.observe(document, { childList: true, subtree: true });
    });
    const cdp = await context.newCDPSession(page);
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: THROTTLE });
    // The browser is still busy with the window that it has opened.
    await page.waitForTimeout(1000);
    const told = page.waitForEvent('console', (message) => message.type() === 'debug');
    await page.goto(url, { waitUntil: 'commit' });
    loads.push(JSON.parse((await told).text()));
    await context.close();
  }
  for (const name of ['board', 'stamp']) {
    report(
      `first ${name} drawn, processor ${THROTTLE} times slower, ${LOADS} loads`,
      loads.map((load) => load[name]),
    );
  }
}

/** The film of station 1 from its start, then a voice of station 5 over it. */
async function playing() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript(() => {
    globalThis.held = [];
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries())
        globalThis.held.push({ startTime, duration, by: [] });
    }).observe({ entryTypes: ['longtask'] });
    new PerformanceObserver((list) => {
      for (const frame of list.getEntries()) {
        const by = frame.scripts.map(
          ({ invoker, duration, sourceFunctionName, sourceURL }) =>
            `${duration.toFixed(0)} ms ${invoker} ${sourceFunctionName} ${sourceURL.split('/').at(-1)}`,
        );
        const layout = frame.startTime + frame.duration - frame.styleAndLayoutStart;
        by.push(`${layout.toFixed(0)} ms style, layout and paint`);
        globalThis.animated = [
          ...(globalThis.animated ?? []),
          { startTime: frame.startTime, duration: frame.duration, by },
        ];
      }
    }).observe({ type: 'long-animation-frame' });
  });
  await page.goto(url);
  await page.locator('[data-panel="raw"] .picture .pixel-canvas').waitFor();
  await page.waitForTimeout(1500);
  const during = async (name, act) => {
    const from = await page.evaluate(() => performance.now());
    await act();
    const { tasks, frames } = await page.evaluate(
      (begin) => ({
        tasks: globalThis.held.filter(({ startTime }) => startTime >= begin),
        frames: (globalThis.animated ?? []).filter(({ startTime }) => startTime >= begin),
      }),
      from,
    );
    const longest = Math.max(0, ...tasks.map(({ duration }) => duration));
    console.log(
      `${name}: ${tasks.length} main-thread tasks over 50 ms, the longest ${longest.toFixed(0)} ms`,
    );
    for (const { duration, by } of frames.toSorted((a, b) => b.duration - a.duration).slice(0, 3)) {
      console.log(`  a frame of ${duration.toFixed(0)} ms: ${by.join('; ')}`);
    }
  };
  const film = page.locator('#stamp');
  const play = async (steps) => {
    await film.locator('.scrub input').fill('0');
    await film.getByRole('button', { name: 'Play' }).click();
    await film.getByText(steps).waitFor({ timeout: 60_000 });
  };
  await during('the film, 9 stamps', () => play('All 9 stamps'));
  // 33 x 33 outputs, the most that the page draws.
  await page.goto(`${url}#v1&n=5&k=9&s=4&d=1&f=random&v=4`);
  await film.locator('[data-cell="24,24"]').waitFor();
  await during('the film of the largest layer, 25 stamps at 4x', () => play('All 25 stamps'));
  await film.getByRole('radio', { name: 'Gather' }).check({ force: true });
  await during('its outputs gathered at 4x, over 100 of 625', () => play(/Output 1\d\d of 625/));
  await film.getByRole('button', { name: 'Pause' }).click();
  await during('a voice, 4 s', async () => {
    await page.locator('#sound').scrollIntoViewIfNeeded();
    await page.getByRole('button', { name: 'Play as it is' }).click();
    await page.waitForTimeout(4000);
  });
  await page.close();
}

/**
 * Moves a slider back and forth and notes, for each input event, when a frame that follows the panels' new
 * picture was painted: a frame's callback runs before its paint, the message after it.
 */
async function drag() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(url);
  await page.locator('[data-panel="raw"] .picture .pixel-canvas').waitFor();
  await page
    .locator('#lab input[type="file"]')
    .setInputFiles({ name: 'bench.png', mimeType: 'image/png', buffer: png() });
  await page.waitForFunction(
    (width) => document.querySelector('[data-panel="raw"] .picture .pixel-canvas')?.width === width,
    2 * SIDE,
  );
  for (const name of ['Kernel', 'Padding']) {
    const slider = page.locator('#lab').getByRole('slider', { name, exact: true });
    await slider.scrollIntoViewIfNeeded();
    report(`${name} dragged, ${SIDE} x ${SIDE}, ${MOVES} inputs, input to paint`, await moved(slider));
  }
  await page.close();
}

function moved(slider) {
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
    const values = ['3', '4', '5', '6'];
    // Where the slider stands already, an input would change nothing and be waited for in vain.
    const at = values.indexOf(element.value);
    for (let move = 0; move < moves; move++) {
      // At no fixed place within a frame.
      await pause(20 + (move % 7) * 3);
      const seen = changed();
      const begin = performance.now();
      setter.call(element, values[(at + 1 + move) % values.length]);
      element.dispatchEvent(new Event('input', { bubbles: true }));
      await seen;
      times.push((await painted()) - begin);
    }
    return times;
  }, MOVES);
}

function report(name, times) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part) => sorted[Math.min(Math.floor(part * sorted.length), sorted.length - 1)].toFixed(0);
  console.log(`${name}: ${at(0.5)} ms median, ${at(0)} to ${at(1)} ms`);
}

function kilobytes(bytes) {
  return `${(bytes / 1024).toFixed(1)} KB`;
}

function png() {
  const image = new PNG({ width: SIDE, height: SIDE });
  for (let i = 0; i < SIDE * SIDE; i++) image.data.set([i % 256, (i >> 7) * 2, (i * 7) % 256, 255], 4 * i);
  return PNG.sync.write(image);
}
