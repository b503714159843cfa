// On a narrow screen, by a mouse and by a finger: what is drawn is large enough to be read, and nothing lies over it.

import type { Locator, Page } from 'playwright';
import { PNG } from 'pngjs';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { onePage } from './one-page';
import { eventually, type Served, type Visit, type VisitOptions, visit } from './serve';

let served: Served;
let open: Visit;
let page: Page;

function onePageOf(options: VisitOptions): void {
  onePage({ reducedMotion: 'reduce', ...options }, (...opened) => {
    [open, served] = opened;
    page = open.page;
  });
  afterEach(() => open.expectSilence());
}

const viewport = { width: 360, height: 800 };
const pointers = {
  'a mouse': { viewport },
  'a finger': { viewport, hasTouch: true, isMobile: true },
} as const;

const station = (name: string) => page.locator(`#${name}`);
const scrub = () => station('stamp').getByRole('slider', { name: 'Stamps landed' });
const box = (figure: string) => station('stamp').locator(`.${figure}-figure .grid-scroll`);

/** Whether all of some cells is inside the box that they scroll in. */
const isSeen = (figure: string, cells: readonly string[]) =>
  box(figure).evaluate((scroller, names) => {
    const { left, right } = scroller.getBoundingClientRect();
    return names.every((name) => {
      const cell = scroller.querySelector(`[data-cell="${name}"]`)?.getBoundingClientRect();
      return cell !== undefined && cell.left >= left && cell.right <= right;
    });
  }, cells);

/** Of the first to the last of some elements, from left to right. */
const middleOf = async (first: Locator, last = first) => {
  const [a, b] = [await first.boundingBox(), await last.boundingBox()];
  return ((a?.x ?? 0) + (b?.x ?? 0) + (b?.width ?? 0)) / 2;
};

describe.each(['a mouse', 'a finger'] as const)('a long line, for %s', (pointer) => {
  const long = 'a=1&g=2&n=8&k=4&s=8';
  onePageOf(pointers[pointer]);

  it('has numbers that can be read, and scrolls in its own box', async () => {
    await open.again(`#v1&${long}&f=random`);
    const cells = page.locator('#stamp .cell, #matrix .convention-figure .cell');
    const [sizes, hidden] = await cells.evaluateAll((all) => [
      all.map((cell) =>
        Math.min(cell.getBoundingClientRect().width, 3 * Number.parseFloat(getComputedStyle(cell).fontSize)),
      ),
      all.filter((cell) => cell.querySelector('data')?.getBoundingClientRect().width === 0).length,
    ]);
    expect(sizes.length).toBeGreaterThan(200);
    // Nine pixels for a number, three times as many for its cell.
    expect(Math.min(...sizes)).toBeGreaterThan(27);
    expect(hidden).toBe(0);
    expect(await box('output').evaluate((scroller) => scroller.scrollWidth)).toBeGreaterThan(60 * 32);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(viewport.width);
  });

  it('is scrolled to where the film is, and to the output that is kept', async () => {
    await open.again(`#v1&${long}`);
    for (const [landed, input, first, last] of [
      ['7', '0,6', '0,48', '0,51'],
      ['1', '0,0', '0,0', '0,3'],
      // The second lane, like the first.
      ['13', '1,4', '1,32', '1,35'],
    ] as const) {
      await scrub().fill(landed);
      await eventually(() => isSeen('output', [first, last])).toBe(true);
      await eventually(() => isSeen('input', [input])).toBe(true);
    }
    await station('stamp').locator('.output-figure [data-cell="0,34"]').click();
    for (let place = 35; place <= 42; place++) {
      await station('stamp').getByRole('button', { name: 'The cell on the right' }).click();
      await eventually(() => isSeen('output', [`0,${place}`])).toBe(true);
    }
  });

  it('has a stamp in the air that comes down on its cells, wherever they are scrolled', async () => {
    const url = `${served.url}#v1&${long}`;
    const own = await visit({ ...served, url }, { ...pointers[pointer], ownClock: 'stopped' });
    const shared = page;
    page = own.page;
    onTestFinished(async () => {
      page = shared;
      await own.leave();
    });
    await scrub().fill('6');
    await station('stamp').getByRole('button', { name: 'One stamp forward' }).click();
    // Over its place, and not yet pressed down: see model/playback.ts.
    await page.clock.runFor(900);
    const stamp = station('stamp').locator('.flying');
    await stamp.waitFor();
    const cell = (column: number) => station('stamp').locator(`.output-figure [data-cell="0,${column}"]`);
    const off = async () => Math.abs((await middleOf(stamp)) - (await middleOf(cell(48), cell(51))));
    await eventually(() => isSeen('output', ['0,48', '0,51'])).toBe(true);
    await eventually(off).toBeLessThan(1);
    const before = await middleOf(stamp);
    await box('output').evaluate((scroller) => scroller.scrollBy(-40, 0));
    await eventually(async () => (await middleOf(stamp)) - before).toBeGreaterThan(30);
    await eventually(off).toBeLessThan(1);
  });
});

describe.each([360, 1280])('at %d px', (width) => {
  onePageOf({ viewport: { width, height: 800 }, colorScheme: 'light' });

  it('the marker of station 3 lies around its row, which is thick enough to be seen', async () => {
    for (const [hash, rows] of [
      ['#v1', 9],
      ['#v1&n=5&k=9&s=4', 25],
    ] as const) {
      await open.again(hash);
      await scrub().fill('4');
      const picture = station('matrix').locator('.is-wide .matrix-picture');
      const line = picture.locator('.line-marker');
      await line.waitFor();
      const [around, whole] = [await line.boundingBox(), await picture.locator('canvas').boundingBox()];
      const height = (whole?.height ?? 0) / rows;
      expect(height).toBeGreaterThan(3.9);
      expect(around?.height).toBeCloseTo(height, 1);
      expect((around?.y ?? 0) - (whole?.y ?? 0)).toBeCloseTo(3 * height, 1);
      expect(await line.evaluate((element) => getComputedStyle(element).outlineOffset)).toBe('0px');
      // Nothing of the accent is in the picture itself, whose taps are blue.
      const red = await picture.locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
        // Read from a copy, of which the browser does not say that it is read too often.
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {
          willReadFrequently: true,
        });
        copy?.drawImage(canvas, 0, 0);
        const { data } = copy?.getImageData(0, 0, canvas.width, canvas.height) ?? {};
        return data?.filter((value, i) => i % 4 === 0 && value > 150 && (data[i + 1] ?? 0) < 90).length;
      });
      expect(red).toBe(0);
    }
  });

  // On a wide screen each row has room.
  if (width === 360)
    it('the choices of a row are as high as their words, and none lies over another', async () => {
      await open.again('#v1&Lf=learned');
      await station('model').scrollIntoViewIfNeeded();
      await station('model').getByText('One channel').waitFor();
      await station('lab').getByText('ICNR weights').first().waitFor();
      const spilling = await page.locator('.choice label').evaluateAll((labels) =>
        labels.flatMap((label) => {
          const [outer, inner] = [label, label.querySelector('span')].map((one) =>
            one?.getBoundingClientRect(),
          );
          return outer && inner && inner.height > outer.height ? (label.textContent ?? '') : [];
        }),
      );
      expect(spilling).toEqual([]);
    });

  it('the names of station 4 stand below the values', async () => {
    for (const hash of ['#v1', '#v1&k=9&s=3&f=random', '#v1&a=1&g=2&n=2&k=16&s=3&f=random']) {
      await open.again(hash);
      const taps = station('phases').locator('.tap');
      const over = await taps.evaluateAll((all) =>
        all.map((tap) => {
          const value = document.createRange();
          value.selectNodeContents(tap.querySelector('data') ?? tap);
          const name = getComputedStyle(tap, '::after');
          const below = Number.parseFloat(name.height) + (Number.parseFloat(name.bottom) || 0);
          return value.getBoundingClientRect().bottom + below - tap.getBoundingClientRect().bottom;
        }),
      );
      expect(over.length).toBeGreaterThan(8);
      expect(Math.max(...over)).toBeLessThan(0.5);
    }
  });
});

describe('at 320 px', () => {
  onePageOf({ viewport: { width: 320, height: 800 } });

  it('the names of the pictures of the lab are read whole', async () => {
    await open.again();
    const name = `${'a-long-name-'.repeat(4)}.png`;
    const png = new PNG({ width: 20, height: 10 });
    await station('lab')
      .locator('input[type="file"]')
      .setInputFiles({ name, mimeType: 'image/png', buffer: PNG.sync.write(png) });
    const names = station('lab').locator('.source span');
    await eventually(() => names.allInnerTexts()).toEqual([
      'Landscape',
      'Flat colour',
      'Ramp',
      'Zone plate',
      name,
    ]);
    for (let which = 0; which < 5; which++) {
      await station('lab').locator('.source input').nth(which).check();
      const cut = await names.evaluateAll((all) =>
        all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent),
      );
      expect(cut).toEqual([]);
      // Of the page's own pictures no word is parted.
      const lines = await names.evaluateAll((all) =>
        all.slice(0, 4).map((one) => {
          const range = document.createRange();
          range.selectNodeContents(one);
          return range.getClientRects().length;
        }),
      );
      expect(lines).toEqual([1, 1, 1, 1]);
    }
  });
});
