import { readFileSync } from 'node:fs';
import type { BrowserContextOptions, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible } from './accessible';
import { eventually, type Served, serveWhole, type Visit, visit } from './serve';

let served: Served;
let open: Visit;
let page: Page;

// As people have it: in the whole of Chromium, with a page that is kept for readers without a network.
beforeAll(async () => {
  served = await serveWhole();
});
afterAll(() => served?.close());

const stations = ['stamp', 'overlap', 'matrix', 'phases', 'lab', 'learn', 'model', 'bench'];
const station = (id: string) => page.locator(`#${id}`);
const model = readFileSync(new URL('../fixtures/models/generator.onnx', import.meta.url));

/** Opens the page and waits until every station has something to show. */
async function come(options: BrowserContextOptions = {}): Promise<void> {
  open = await visit(served, { ...options, keepOffline: true });
  page = open.page;
  const shown = {
    overlap: '.overlap-map',
    matrix: '.convention-figure',
    phases: '.gains',
    lab: '[data-panel="raw"] canvas',
    learn: '.learn-side canvas',
    model: '.model-choice',
    bench: '.bench-layers',
  };
  for (const [id, part] of Object.entries(shown)) await station(id).locator(part).first().waitFor();
}

/** The one thing of every station that a visitor would do. */
const doings: Record<string, () => Promise<void>> = {
  async stamp() {
    await station('stamp').getByRole('button', { name: 'Kernel 3 → 4' }).click();
    await station('stamp').locator('.verdict', { hasText: 'The pattern is gone.' }).waitFor();
    await station('stamp').getByRole('button', { name: 'Random weights' }).click();
    await station('stamp').locator('.verdict', { hasText: 'And it is back.' }).waitFor();
  },
  async overlap() {
    await station('overlap').getByRole('combobox').selectOption('DCGAN: k4 s2');
    await eventually(() => station('overlap').locator('.phases-title b').textContent()).toBe('2/2');
  },
  async matrix() {
    await station('matrix').getByRole('radio', { name: 'WebNN' }).check({ force: true });
    await station('matrix').getByText('The same output as station 1.').waitFor();
  },
  async phases() {
    await station('phases').getByRole('button', { name: 'Repair' }).click();
    await station('phases').locator('[data-verdict="free"]').waitFor();
  },
  async lab() {
    await station('lab').getByRole('radio', { name: 'Zone plate' }).check();
    await station('lab').locator('.layer-name', { hasText: 'Zone plate' }).waitFor();
    await station('lab')
      .locator('[data-panel="raw"] .picture')
      .hover({ position: { x: 40, y: 40 } });
    await page.locator('#sound').scrollIntoViewIfNeeded();
    await station('lab').getByRole('button', { name: 'Play as it is' }).click();
  },
  async learn() {
    await station('learn').getByRole('button', { name: 'Train', exact: true }).click();
    await station('learn').getByRole('button', { name: 'Train again' }).waitFor();
  },
  async model() {
    const file = { name: 'generator.onnx', mimeType: 'application/octet-stream', buffer: model };
    await station('model').locator('.model-choice input[type="file"]').setInputFiles([file]);
    await eventually(() => station('model').locator('.model-layer').count()).toBe(4);
  },
  async bench() {
    await station('bench')
      .getByRole('radio', { name: /^FSRCNN x2/ })
      .check();
    await station('bench').getByRole('button', { name: 'Measure', exact: true }).click();
    await station('bench').locator('[data-bench="fsrcnn_x2"] [data-by="naive JS"]').waitFor();
  },
};

/** Opens whatever a station keeps folded. */
async function openTables(id: string): Promise<void> {
  for (const summary of await station(id).locator('details > summary').all()) {
    if (!(await summary.evaluate((element) => element.parentElement?.hasAttribute('open')))) {
      await summary.click();
    }
  }
}

async function walk(): Promise<void> {
  for (const id of stations) {
    await station(id).scrollIntoViewIfNeeded();
    await doings[id]?.();
  }
}

// One walk, and what is found on its way and where it went.
describe('a walk through all stations, of people who asked for less motion,', () => {
  // Leaving asserts that there was no error, no warning, and no request to another origin.
  afterAll(() => open?.leave(/Content Security Policy/));

  it('moves nothing that they did not move, and breaks no policy', async () => {
    await come({ reducedMotion: 'reduce' });
    // Whatever runs by itself, style sheets' or the page's own, is noted from here on.
    await page.evaluate(() => {
      const seen = { moving: 0, places: 0 };
      Object.assign(globalThis, { seen });
      const look = () => {
        seen.moving += document.getAnimations().length;
        if (document.querySelector('.flying:not([hidden])')) seen.places++;
        requestAnimationFrame(look);
      };
      look();
    });
    const broken = await page.evaluateHandle(() => {
      const found: string[] = [];
      document.addEventListener('securitypolicyviolation', (event) => found.push(event.violatedDirective));
      return found;
    });
    await walk();
    await page.locator('#stamp').getByRole('button', { name: 'Play', exact: false }).first().click();
    await eventually(() =>
      page.locator('#stamp').getByRole('slider', { name: 'Stamps landed' }).inputValue(),
    ).not.toBe('0');
    expect(await page.evaluate(() => (globalThis as unknown as { seen: object }).seen)).toEqual({
      moving: 0,
      places: 0,
    });
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior)).toBe('auto');
    expect(await broken.jsonValue()).toEqual([]);
    // A policy that is not in force is not broken either.
    const ran = await page.evaluate(async () => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.inline = true';
      document.body.append(script);
      // Later, when it is the page's own task and no longer the test's.
      const evaluated = await new Promise((resolve) => {
        setTimeout(() => {
          try {
            resolve(new Function('return true')());
          } catch {
            resolve(false);
          }
        });
      });
      return { inline: 'inline' in globalThis, evaluated };
    });
    expect(ran).toEqual({ inline: false, evaluated: false });
    expect(new Set(await broken.jsonValue())).toEqual(new Set(['script-src', 'script-src-elem']));
  });

  it('has a table beside every canvas', async () => {
    for (const id of stations) await openTables(id);
    const found = await page.evaluate(() =>
      [...document.querySelectorAll('canvas')]
        // What stands for nothing of its own has no name: the pictures on buttons, the magnifier's part.
        .filter((canvas) => canvas.hasAttribute('aria-label'))
        .map((canvas) => {
          const name = canvas.getAttribute('aria-label') ?? '';
          const figure = canvas.closest('figure')?.querySelector('figcaption b')?.textContent;
          const titles = [name.split(':')[0], figure];
          const station = canvas.closest('section.station');
          let around = canvas.parentElement;
          while (around && around !== station && !around.querySelector('table'))
            around = around.parentElement;
          const canvases = around?.querySelectorAll('canvas[aria-label]').length ?? 0;
          // Where several pictures share their tables, the captions or the heads say whose they are.
          const own = [...(around?.querySelectorAll('table') ?? [])].filter((table) => {
            const caption = table.caption?.textContent ?? '';
            const heads = [...table.querySelectorAll('thead th')].map((head) => head.textContent);
            const named = [caption.split(':')[0], ...heads].some((text) => titles.includes(text ?? ''));
            return canvases === 1 || (named && caption.includes('spectrum') === name.startsWith('Spectrum'));
          });
          const rows = own.reduce((sum, table) => sum + (table.tBodies[0]?.rows.length ?? 0), 0);
          return { station: station?.id ?? '', name, figure, rows };
        }),
    );
    expect(new Set(found.map(({ station }) => station))).toEqual(
      new Set(['matrix', 'phases', 'lab', 'learn', 'model']),
    );
    expect(found.filter(({ rows }) => rows === 0)).toEqual([]);
  });

  it('is accessible in all of its states, with nothing that sticks out', async () => {
    for (const id of stations) await openTables(id);
    await expectAccessible(page);
  });
});
