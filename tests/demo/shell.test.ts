import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decodeState, encodeState } from '../../web/demo/src/model/url-state';
import { randomState } from '../support/demo-states';
import { plainHost } from './plain-host';
import { eventually, keepNothing, type Served, serve, type Visit, visit } from './serve';

let served: Served;
let open: Visit;
let page: Page;

beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.close());

/** All values of station 1 as a person reads them, with the settings of the sliders of the whole page. */
function shown(): Promise<string[]> {
  return page.evaluate(() => [
    ...[...document.querySelectorAll('#stamp [role="gridcell"]')].map(
      (cell) => cell.getAttribute('aria-label') ?? '',
    ),
    ...[...document.querySelectorAll<HTMLInputElement>('input[type="range"]')].map((range) => range.value),
    ...[...document.querySelectorAll<HTMLInputElement>('input[type="radio"]')].map((radio) =>
      String(radio.checked),
    ),
  ]);
}

const slider = (name: string) => page.locator('#stamp').getByRole('slider', { name, exact: true });
/** Another query makes it a page of its own: one that is open already could write its address before it is loaded anew. */
const load = (hash: string) => page.goto(`${served.url}?${encodeURIComponent(hash)}${hash}`);
const kernel = () => slider('Kernel').inputValue();

describe('the address', () => {
  beforeAll(async () => {
    open = await visit(served, {
      reducedMotion: 'reduce',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    page = open.page;
  });
  beforeEach(() => open.again());
  afterEach(() => open.expectSilence());
  afterAll(() => open?.leave());

  it('(g) holds the state: a shared link reopens identical', async () => {
    await slider('Kernel').fill('4');
    await slider('Padding').fill('1');
    await page.locator('.kernel-figure').getByRole('button', { name: 'Random' }).click();
    await page.locator('.input-figure [data-cell="1,1"]').click();
    await page.keyboard.type('-2.25');
    await page.keyboard.press('Enter');
    await page.locator('#lab').getByRole('slider', { name: 'Kernel' }).fill('5');
    await page.getByRole('button', { name: 'Share' }).click();
    await page.getByText('Link copied.').waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toMatch(/#v1&k=4&p=1&x=1\*4,-2\.25,1\*4&f=random/);
    await eventually(() => page.locator('.output-figure [role="gridcell"]').count()).toBe(36);
    const before = await shown();

    const other = await visit({ ...served, url: link }, { reducedMotion: 'reduce' });
    const first = page;
    page = other.page;
    await eventually(shown).toEqual(before);
    await page.reload();
    await page.locator('.drawn').waitFor();
    await eventually(shown).toEqual(before);
    await other.leave();
    page = first;
  });

  it('brings 60 random states back exactly, each read by a page loaded anew', async () => {
    // The address is the page's own business: without its worker it loads in a moment and holds it still. So
    // do the stations below, which come when the browser has nothing to do.
    const context = await served.browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
    const bare = await context.newPage();
    await bare.addInitScript(() => {
      globalThis.requestIdleCallback = () => 0;
    });
    await bare.route('**/worker-*.js', (route) => route.abort());
    for (let seed = 1; seed <= 60; seed++) {
      const state = randomState(seed);
      await bare.goto(`${served.url}?${seed}#${encodeState(state)}`);
      await bare.getByRole('button', { name: 'Share' }).click();
      await bare.getByText('Link copied.').waitFor();
      const link = await bare.evaluate(() => navigator.clipboard.readText());
      const opened = decodeState(new URL(link).hash);
      expect(opened.notice, `seed ${seed}`).toBeNull();
      expect(opened.state, `seed ${seed}`).toStrictEqual(state);
      expect(await bare.locator('.link-notice').count(), `seed ${seed}`).toBe(0);
      // Nothing of this state may be left to be found by the next.
      await bare.evaluate(() => navigator.clipboard.writeText(''));
    }
    await context.close();
  });

  it('survives a reload with random states, which the page writes back as they were', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const hash = `#${encodeState(randomState(seed))}`;
      await page.goto(served.url + hash);
      await page.reload();
      await page.locator('#stamp').waitFor();
      expect(await page.locator('.link-notice').count(), hash).toBe(0);
      await page.getByRole('button', { name: 'Share' }).click();
      await page.getByText('Link copied.').waitFor();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(served.url + hash);
    }
  });

  it.each(['#v1&k=99', '#v0&k=4', '#v1&x=<img src=x onerror=alert(1)>', '#%E0%A4%A'])(
    'says that %s is no link of this page and shows its beginning',
    async (hash) => {
      await load(hash);
      await page.getByText('The page shows its beginning instead.').waitFor();
      await page.locator('.drawn').waitFor();
      expect(await kernel()).toBe('3');
      await page.getByRole('button', { name: 'Close' }).click();
      await eventually(() => page.locator('.link-notice').count()).toBe(0);
    },
  );

  it('to a layer that the package refuses opens with its sentence, and with all stations', async () => {
    await load('#v1&o=3');
    await page
      .locator('#stamp')
      .getByText('expected outputPadding[0] below stride or dilation (2), got 3')
      .waitFor();
    await page.locator('.bench-layers').waitFor();
    await page.locator('#matrix').scrollIntoViewIfNeeded();
    await page.locator('#matrix').getByText('These numbers make no layer: station 1 says why.').waitFor();
    await slider('Output padding').fill('1');
    await page.locator('.drawn').waitFor();
    // Refused by PyTorch alone: what station 1 still shows is of another layer, and compared with nothing.
    await page.evaluate(() => {
      location.hash = '#v1&o=3&c=jax';
    });
    await page.locator('#matrix').getByText('station 1 refuses this layer.').waitFor();
  });

  it('is followed when a person goes to another', async () => {
    await page.goto(`${served.url}#v1&k=5`);
    await eventually(kernel).toBe('5');
    // One that is none is told of where its reader is.
    await page.locator('.colophon').scrollIntoViewIfNeeded();
    await page.goto(`${served.url}#v1&k=none`);
    const { y = -1 } = (await page.locator('.link-notice').boundingBox()) ?? {};
    expect(y).toBeGreaterThanOrEqual(0);
    expect(y).toBeLessThan(page.viewportSize()?.height ?? 0);
    await page.goto(`${served.url}#v1&k=5`);
    await eventually(kernel).toBe('5');
  });

  it('that a person goes to is not written over by what the page had still to write', async () => {
    const asked = '#v1&k=5&s=3&o=1';
    const left = await page.evaluate((hash) => {
      const first = document.querySelector<HTMLInputElement>('#stamp input[type="range"]');
      if (!first) throw new Error('station 1 has no slider');
      first.value = '4';
      first.dispatchEvent(new Event('input', { bubbles: true }));
      location.hash = hash;
      // Told before the change of the address is.
      dispatchEvent(new PageTransitionEvent('pagehide'));
      return location.hash;
    }, asked);
    expect(left).toBe(asked);
    await eventually(kernel).toBe('5');
    expect(new URL(page.url()).hash).toBe(asked);
  });

  it('is not lost on the way to a station', async () => {
    await slider('Kernel').fill('4');
    await eventually(() => page.evaluate(() => location.hash)).toBe('#v1&k=4');
    await page.getByRole('navigation').getByRole('link', { name: 'Lab' }).press('Enter');
    await eventually(() => page.evaluate(() => document.activeElement?.id)).toBe('lab-title');
    expect(await page.evaluate(() => location.hash)).toBe('#v1&k=4');
  });
});

/** Where a file that does not come is not one that the page has kept for times without a network. */
async function keptNothing(): Promise<BrowserContext> {
  const context = await served.browser.newContext({ reducedMotion: 'reduce' });
  await context.addInitScript(keepNothing);
  return context;
}

describe('what reads and writes addresses', () => {
  const LANGUAGE = '**/url-state-*.js';
  const hash = () => page.evaluate(() => location.hash);

  it('is there before the first change, which a page loaded anew at once has, too', async () => {
    open = await visit(served, { reducedMotion: 'reduce' });
    page = open.page;
    await page.waitForFunction(() =>
      performance.getEntriesByType('resource').some(({ name }) => name.includes('/url-state-')),
    );
    await slider('Kernel').fill('5');
    await page.reload();
    await eventually(kernel).toBe('5');
    await open.leave();
  });

  it('reads the link that a person has gone to while it loaded, and writes what follows', async () => {
    const late = await keptNothing();
    page = await late.newPage();
    const asked = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    await page.route(LANGUAGE, async (route) => {
      asked.resolve();
      await held.promise;
      await route.continue();
    });
    await page.goto(`${served.url}#v1&k=4`);
    await asked.promise;
    await page.evaluate(() => {
      location.hash = '#v1&k=5';
    });
    held.resolve();
    await eventually(kernel).toBe('5');
    await slider('Stride').fill('3');
    await eventually(hash).toBe('#v1&k=5&s=3');
    await late.close();
  });

  it('leaves a link that it could not read where it is, and gives another of what is shown', async () => {
    const once = await keptNothing();
    page = await once.newPage();
    let missing = true;
    await page.route(LANGUAGE, (route) => (missing ? route.abort() : route.continue()));
    await page.goto(`${served.url}#v1&k=4`);
    await page.getByText('What reads links did not load.').waitFor();
    await slider('Stride').fill('3');
    await page.getByRole('button', { name: 'Share' }).click();
    await page.getByText('What writes links did not load.').waitFor();
    missing = false;
    await page.getByRole('button', { name: 'Share' }).click();
    expect(await page.getByLabel('Link to this state').inputValue()).toBe(`${served.url}#v1&s=3`);
    expect(await hash()).toBe('#v1&k=4');
    await page.reload();
    await eventually(kernel).toBe('4');
    await once.close();
  });
});

it('says that the export did not load, and asks for it again with the next press', async () => {
  const once = await keptNothing();
  page = await once.newPage();
  const thrown: string[] = [];
  page.on('pageerror', ({ message }) => thrown.push(message));
  let missing = true;
  await page.route('**/export-dialog-*.js', (route) => (missing ? route.abort() : route.continue()));
  await page.goto(served.url);
  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByRole('status').getByText('What exports layers did not load.').waitFor();
  missing = false;
  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByRole('dialog').locator('pre').waitFor();
  expect(thrown).toEqual([]);
  await once.close();
});

describe('undo', () => {
  it('goes back and forward, by button and by key', async () => {
    open = await visit(served, { reducedMotion: 'reduce', ownClock: true });
    page = open.page;
    expect(await page.getByRole('button', { name: 'Undo' }).isDisabled()).toBe(true);
    await slider('Kernel').fill('4');
    // What follows at once would be one change with it.
    await page.clock.runFor(500);
    await slider('Kernel').fill('5');
    await page.getByRole('button', { name: 'Undo' }).click();
    await eventually(kernel).toBe('4');
    await page.keyboard.press('Control+z');
    await eventually(kernel).toBe('3');
    expect(await page.getByRole('button', { name: 'Undo' }).isDisabled()).toBe(true);
    await page.keyboard.press('Control+Shift+z');
    await eventually(kernel).toBe('4');
    await page.getByRole('button', { name: 'Redo' }).click();
    await eventually(kernel).toBe('5');
    await open.leave();
  });
});

describe('one station alone', () => {
  it('is what an address asks for, in its state, with a way to the whole page', async () => {
    open = await visit({ ...served, url: `${served.url}?embed=stamp#v1&k=4` }, { reducedMotion: 'reduce' });
    page = open.page;
    expect(await page.locator('section.station').count()).toBe(1);
    expect(await kernel()).toBe('4');
    expect(await page.locator('.masthead').count()).toBe(0);
    const [whole] = await Promise.all([
      page.waitForEvent('popup'),
      page.getByRole('link', { name: 'The whole page' }).click(),
    ]);
    await whole.locator('.masthead').waitFor();
    expect(new URL(whole.url()).search).toBe('');
    expect(new URL(whole.url()).hash).toBe('#v1&k=4');
    await open.leave();
  });
});

describe.each(['overlap', 'matrix', 'lab'])('station %s alone', (id) => {
  it('computes without the others', async () => {
    const context = await served.browser.newContext({ reducedMotion: 'reduce' });
    await context.addInitScript(keepNothing);
    page = await context.newPage();
    await page.goto(`${served.url}?embed=${id}`);
    await page.locator(`#${id}`).locator('canvas, svg[role="img"]').first().waitFor();
    expect(await page.locator('section.station').count()).toBe(1);
    // Also where nothing had to be computed yet.
    await eventually(() => page.locator('.badge').textContent()).toMatch(/SIMD/);
    await context.close();
  });
});

describe('on a plain host, under a sub-path', () => {
  it('runs without threads, says why, and runs again without the network', async () => {
    const host = await plainHost(fileURLToPath(new URL('../../build/page/', import.meta.url)));
    const { url } = host;
    open = await visit({ ...served, url }, { reducedMotion: 'reduce', keepOffline: true });
    page = open.page;
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await page.getByText('Threads are off here.').waitFor();
    await eventually(() => page.locator('.badge').textContent()).toContain('1 thread');

    const kept = async () =>
      page.evaluate(async () => {
        const names = await caches.keys();
        const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
        return requests.flat().map(({ url }) => url.replace(/^.*\//, ''));
      });
    await eventually(async () => (await kept()).some((name) => name.endsWith('.wasm'))).toBe(true);
    const scripts = readdirSync(new URL('../../build/page/assets/', import.meta.url)).filter((name) =>
      /\.m?js$/.test(name),
    );
    expect(await kept()).toEqual(expect.arrayContaining(scripts));

    await host.close();
    await page.goto(`${url}?embed=stamp#v1&k=4`);
    await page.locator('.drawn').waitFor();
    expect(await kernel()).toBe('4');
    await page.context().close();
  });
});
