// Reading by scrolling alone: what every station tells without a press, how little moves, and the rail beside them.

import type { Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { axeOf } from '../support/axe';
import { eventually, type Served, serve, untilAnswered, type Visit, visit } from './serve';

let served: Served;
let open: Visit;
let page: Page;

beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.close());
afterEach(() => open?.leave());

const stations = ['stamp', 'overlap', 'matrix', 'phases', 'lab', 'learn', 'model', 'bench'];

/** What a station tells somebody who has pressed nothing. */
const points: Record<string, { readonly at: string; readonly says: RegExp }> = {
  stamp: { at: '.step .verdict', says: /^A pattern nobody drew\.$/ },
  overlap: { at: '.overlap-notes .verdict', says: /^Uneven: 4 times as many on some cells\.$/ },
  matrix: { at: 'p:has(+ .convention-figure)', says: /^The same output as station 1\./ },
  phases: { at: '.phase-verdict .verdict', says: /^19 % of the energy is pattern\.$/ },
  lab: { at: '[data-panel="raw"] .pattern', says: /^U 0\.190/ },
  learn: {
    at: '.learn-point',
    says: /^Before the first step random weights have U 0\.\d+, ICNR weights none:/,
  },
  // Run, and measured, on this machine once they are in view.
  model: { at: '.network-verdict', says: /^deconv draws the grid: 100 % of the output's pattern/ },
  bench: { at: '[data-by="naive JS"]', says: /× slower/ },
};

/** Scrolls as a wheel does, until the station is at the top of the window, whatever loads meanwhile. */
async function scrollTo(id: string): Promise<void> {
  await eventually(async () => {
    const top = await page.evaluate((station) => {
      const { top } = document.getElementById(station)?.getBoundingClientRect() ?? { top: 0 };
      const end = document.documentElement.scrollHeight - innerHeight - scrollY;
      return Math.min(top - 40, end);
    }, id);
    if (Math.abs(top) < 2) return true;
    await page.mouse.wheel(0, top);
    return false;
  }).toBe(true);
}

describe('the stations', () => {
  it.each([1280, 360])(
    'tell at %d px whoever only scrolls the point of each, and the film of the first one alone moves',
    async (width) => {
      open = await visit(served, { ownClock: true, viewport: { width, height: 800 } });
      page = open.page;
      await eventually(async () => {
        await page.clock.runFor(500);
        return page.locator('.is-coming').count();
      }).toBe(0);
      for (const id of stations) {
        await scrollTo(id);
        const moving = () =>
          page.evaluate(
            (station) =>
              document
                .getAnimations()
                .map(({ effect }) => (effect as KeyframeEffect).target)
                .filter((target) => target?.closest('.station')?.id === station).length,
            id,
          );
        // Style sheets move nothing by themselves; a stamp in the air is the one motion there is.
        expect(await moving()).toBeLessThanOrEqual(id === 'stamp' ? Number.POSITIVE_INFINITY : 0);
        expect(await page.locator('.flying:visible').count()).toBeLessThanOrEqual(1);
        const point = points[id];
        if (!point) continue;
        const said = page.locator(`#${id} :is(${point.at})`).first();
        await eventually(async () => {
          await page.clock.runFor(500);
          return (await said.innerText()).replaceAll('\n', ' ');
        }).toMatch(point.says);
      }
    },
  );

  it.each([1280, 360])(
    'tell it at %d px who asked for less motion, too, and nothing moves',
    async (width) => {
      open = await visit(served, { reducedMotion: 'reduce', viewport: { width, height: 800 } });
      page = open.page;
      await open.again('#v1');
      await page.evaluate(() => {
        Object.assign(globalThis, { moved: 0 });
        const look = () => {
          const moving =
            document.getAnimations().length + document.querySelectorAll('.flying:not([hidden])').length;
          Object.assign(globalThis, { moved: (globalThis as unknown as { moved: number }).moved + moving });
          requestAnimationFrame(look);
        };
        look();
      });
      for (const [id, { at, says }] of Object.entries(points)) {
        await scrollTo(id);
        const said = page.locator(`#${id} :is(${at})`).first();
        await eventually(async () => (await said.innerText()).replaceAll('\n', ' ')).toMatch(says);
      }
      expect(await page.evaluate(() => (globalThis as unknown as { moved: number }).moved)).toBe(0);
    },
  );
});

describe('a place on the page', () => {
  const topOf = (id: string) =>
    page.evaluate((station) => document.getElementById(station)?.getBoundingClientRect().top ?? 0, id);

  const settled = () => page.evaluate(untilAnswered);

  /** Until the page has written down where it is, which it does once it stands still. */
  const written = () =>
    eventually(() =>
      page.evaluate(() => {
        const { id, top } = history.state?.place ?? {};
        return Math.abs((document.getElementById(id)?.getBoundingClientRect().top ?? Number.NaN) - top) < 1;
      }),
    ).toBe(true);

  const sizes = [
    { width: 1280, height: 900 },
    { width: 360, height: 740 },
  ];

  it.each(sizes)(
    'is reached by a link before the stations above it have come, at $width px',
    async (viewport) => {
      open = await visit(served, { viewport });
      page = open.page;
      for (const [index, id] of ['learn', 'matrix'].entries()) {
        if (index > 0) await page.reload();
        await page.locator('.drawn').waitFor();
        await page.locator(`header nav a[href="#${id}"]`).click();
        await settled();
        await eventually(async () => Math.abs((await topOf(id)) - 16)).toBeLessThan(2);
        expect(await page.evaluate(() => document.activeElement?.id)).toBe(`${id}-title`);
      }
    },
  );

  it('is where an address names it, in a page that opens and in one that is open', async () => {
    open = await visit({ ...served, url: `${served.url}#learn` });
    page = open.page;
    await settled();
    await eventually(async () => Math.abs((await topOf('learn')) - 16)).toBeLessThan(2);
    await page.evaluate(() => {
      location.hash = '#phases';
    });
    await eventually(async () => Math.abs((await topOf('phases')) - 16)).toBeLessThan(2);
  });

  it.each(sizes)('is kept by a page that is loaded again, at $width px', async (viewport) => {
    open = await visit(served, { viewport });
    page = open.page;
    for (const id of ['phases', 'lab']) {
      await settled();
      await scrollTo(id);
      await page.mouse.wheel(0, 333);
      await eventually(() => topOf(id)).toBeLessThan(-200);
      await settled();
      const before = await topOf(id);
      await written();
      await page.reload();
      await page.locator('.drawn').waitFor();
      await settled();
      await eventually(async () => Math.abs((await topOf(id)) - before)).toBeLessThan(2);
    }
    await page.evaluate(() => scrollTo(0, 0));
    await written();
    await page.reload();
    await page.locator('.drawn').waitFor();
    await settled();
    expect(await page.evaluate(() => scrollY)).toBe(0);
  });

  it('is let go once the reader scrolls', async () => {
    open = await visit(served);
    page = open.page;
    await page.locator('header nav a[href="#learn"]').click();
    await settled();
    await page.mouse.wheel(0, -400);
    await eventually(() => topOf('learn')).toBeGreaterThan(300);
    // Grown by what is below, which would bring a place back that is still held.
    await page
      .locator('main')
      .evaluate((main) =>
        main.append(Object.assign(document.createElement('div'), { style: 'height: 50px' })),
      );
    await page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
    expect(await topOf('learn')).toBeGreaterThan(300);
  });
});

describe('the rail', () => {
  const rail = () => page.getByRole('navigation', { name: 'Contents' });
  const current = () => rail().locator('[aria-current="location"]').allTextContents();

  it('names on a wide screen all stations, shows where one is, and leads there', async () => {
    open = await visit(served, { reducedMotion: 'reduce', viewport: { width: 1680, height: 900 } });
    page = open.page;
    await open.again('#v1');
    expect(await rail().getByRole('link').count()).toBe(stations.length);
    for (const [index, id] of stations.entries()) {
      // What loads above after the last turn of the wheel pushes the station out of place again.
      await eventually(async () => {
        await scrollTo(id);
        // At the end of the page it is the last one, however short.
        const ends = await page.evaluate(
          () => document.documentElement.scrollHeight - innerHeight - scrollY < 2,
        );
        const number = ends ? stations.length : index + 1;
        return (await current()).map((name) => name.startsWith(`${number} `));
      }).toEqual([true]);
    }
    await eventually(current).toEqual(['8 Bench']);
    await rail().getByRole('link', { name: '4 Phases' }).click();
    await eventually(current).toEqual(['4 Phases']);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('phases-title');
    await rail().getByRole('link', { name: '2 Overlap' }).focus();
    await page.keyboard.press('Enter');
    await eventually(current).toEqual(['2 Overlap']);
    const [box, main] = [await rail().boundingBox(), await page.locator('main').boundingBox()];
    // In the margin: nothing of the stations lies under it.
    const padding = await page
      .locator('main')
      .evaluate((element) => Number.parseFloat(getComputedStyle(element).paddingLeft));
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual((main?.x ?? 0) + padding);
    await page.evaluate(() => scrollTo(0, 0));
    await eventually(current).toEqual(['1 Stamp']);
  });

  it('is not there on narrower screens, where the head of the page names the stations; axe finds nothing in it', async () => {
    open = await visit(served, { reducedMotion: 'reduce', viewport: { width: 360, height: 800 } });
    page = open.page;
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      await eventually(() => rail().count()).toBe(0);
      expect(await page.getByRole('navigation', { name: 'Stations' }).getByRole('link').count()).toBe(
        stations.length,
      );
    }
    await page.setViewportSize({ width: 1680, height: 900 });
    await rail().waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const { findings, looked } = await axeOf(page, '.rail');
      expect(looked).toBeGreaterThan(0);
      expect(findings).toEqual([]);
    }
  });
});
