import type { BrowserContextOptions, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type Served, serve, type Visit, visit } from './serve';

let served: Served;
let open: Visit;
let page: Page;

beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.close());

/** One page for the tests of a suite. */
function onePage(options: BrowserContextOptions): void {
  beforeAll(async () => {
    open = await visit(served, options);
    page = open.page;
  });
  beforeEach(() => open.again());
  afterEach(() => open.expectSilence());
  afterAll(() => open?.leave());
}

/** Values of a grid as the page shows them, row by row; an empty cell is a sum of nothing, 0. */
async function values(grid: string): Promise<number[]> {
  const labels = await page
    .locator(`.${grid}-figure [role="gridcell"]`)
    .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('aria-label') ?? ''));
  return labels.map((label) => Number(label.replace('\u2212', '-').split(',')[0]));
}

interface Layer {
  size: number;
  kernel: number;
  stride: number;
  padding: number;
  outputPadding: number;
  dilation: number;
}

/** The scatter definition, written out again. */
function scattered(layer: Layer, input: number[], weights: number[], landed: number): number[] {
  const { size, kernel, stride, padding, outputPadding, dilation } = layer;
  const side = (size - 1) * stride + dilation * (kernel - 1) + 1 + outputPadding - 2 * padding;
  const sums = new Array<number>(side * side).fill(0);
  for (let i = 0; i < Math.min(landed, size * size); i++) {
    for (let t = 0; t < kernel * kernel; t++) {
      const row = Math.floor(i / size) * stride + Math.floor(t / kernel) * dilation - padding;
      const column = (i % size) * stride + (t % kernel) * dilation - padding;
      if (row < 0 || column < 0 || row >= side || column >= side) continue;
      const place = row * side + column;
      sums[place] = (sums[place] ?? 0) + (input[i] ?? 0) * (weights[t] ?? 0);
    }
  }
  return sums;
}

const slider = (name: string) => page.locator('#stamp').getByRole('slider', { name, exact: true });
const landed = async () => Number(await slider('Stamps landed').inputValue());
const cell = (grid: string, row: number, column: number) =>
  page.locator(`.${grid}-figure [data-cell="${row},${column}"]`);

async function settled(side: number): Promise<void> {
  await eventually(() => page.locator('.output-figure [role="gridcell"]').count()).toBe(side * side);
}

async function expectSums(layer: Layer, input: number[], weights: number[]): Promise<void> {
  for (let t = 0; t <= input.length; t++) {
    await slider('Stamps landed').fill(String(t));
    const shown = await values('output');
    const expected = scattered(layer, input, weights, t);
    expect(shown.length).toBe(expected.length);
    // Cells show two decimals.
    const distances = shown.map((value, i) => Math.abs(value - (expected[i] ?? 0)));
    expect(Math.max(...distances)).toBeLessThan(0.0051);
  }
}

const first: Layer = {
  size: 3,
  kernel: 3,
  stride: 2,
  padding: 0,
  outputPadding: 0,
  dilation: 1,
};
const ones = (amount: number) => new Array<number>(amount).fill(1);

const bringIntoView = (part: string) =>
  page.locator(part).evaluate(async (element) => {
    element.scrollIntoView({ block: 'center' });
    // The page's own observers have seen it by then: they are older.
    await new Promise((seen) => {
      new IntersectionObserver(([entry]) => entry?.isIntersecting && seen(null), {
        threshold: 0.5,
      }).observe(element);
    });
  });

describe('the film, as the page opens', () => {
  it('plays on its own, shows a stamp on its way, and stands still where nobody sees it', async () => {
    open = await visit(served, { ownClock: true });
    page = open.page;
    await eventually(() => page.locator('.flying:visible').count()).toBe(1);
    expect(await page.locator('.flying span').allInnerTexts()).toEqual(ones(9).map(String));
    await eventually(landed).toBeGreaterThanOrEqual(2);
    await eventually(() => page.locator('.is-coming').count()).toBe(0);
    await bringIntoView('.colophon');
    const unseen = await landed();
    await page.clock.runFor(5000);
    expect(await landed()).toBe(unseen);
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    // Station 3 shows its steps, too.
    await bringIntoView('.matrix-board');
    await eventually(async () => {
      await page.clock.runFor(500);
      return landed();
    }).toBeGreaterThan(unseen);
    await page.getByRole('button', { name: 'Pause' }).click();
    const rested = await landed();
    await page.clock.runFor(5000);
    expect(await landed()).toBe(rested);
    await open.leave();
  });

  it('rests where somebody has put it before it came into view', async () => {
    open = await visit(served, { ownClock: true, viewport: { width: 360, height: 240 } });
    page = open.page;
    const scrub = slider('Stamps landed');
    await scrub.evaluate((input) => input.focus({ preventScroll: true }));
    await page.keyboard.press('Home');
    await bringIntoView('.output-figure');
    await page.clock.runFor(5000);
    expect(await landed()).toBe(0);
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
    await open.leave();
  });
});

describe('the film', () => {
  onePage({});

  it('shows the sums of the scatter definition after every stamp', async () => {
    await expectSums(first, ones(9), ones(9));
    expect(await page.locator('.tally tbody tr').allInnerTexts()).toEqual(
      expect.arrayContaining([expect.stringMatching(/^4\s+4 cells$/)]),
    );
  });

  it('steps, goes back and plays by keyboard', async () => {
    await page.keyboard.press(' ');
    await slider('Stamps landed').fill('2');
    await page.keyboard.press('.');
    await eventually(landed).toBe(3);
    await page.keyboard.press(',');
    await eventually(landed).toBe(2);
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  });

  it('loses the pattern with kernel 4 and finds it again with random weights', async () => {
    await page.getByRole('button', { name: 'Kernel 3 \u2192 4' }).click();
    await settled(8);
    const inner = (all: number[]) =>
      all.filter((_, i) => [2, 3, 4, 5].includes(i % 8) && [2, 3, 4, 5].includes(Math.floor(i / 8)));
    expect(new Set(inner(await values('output')))).toEqual(new Set([4]));
    await page.locator('#stamp .explanation', { hasText: 'with random weights it is back' }).waitFor();

    await page.getByRole('button', { name: 'Random weights' }).click();
    await page.locator('.verdict', { hasText: 'And it is back.' }).waitFor();
    const weights = await values('kernel');
    expect(new Set(inner(await values('output'))).size).toBeGreaterThan(1);
    await expectSums({ ...first, kernel: 4 }, ones(9), weights);
  });

  it('tells that a pattern is back only whoever has seen it go', async () => {
    await page.reload();
    await page.locator('.drawn').waitFor();
    const told = (verdict: string) => page.locator('#stamp .verdict', { hasText: verdict }).waitFor();
    await open.again('#v1&k=4&f=random');
    await told('Equal counts, unequal sums.');
    await open.again('#v1&k=4');
    await told('The pattern is gone.');
    await open.again('#v1&k=4&f=random');
    await told('And it is back.');
  });

  it('keeps to the definition with crop, output padding and dilation', async () => {
    await slider('Input size').fill('2');
    await slider('Kernel').fill('2');
    await slider('Stride').fill('3');
    await slider('Dilation').fill('2');
    await slider('Padding').fill('1');
    await slider('Output padding').fill('2');
    const layer = {
      size: 2,
      kernel: 2,
      stride: 3,
      padding: 1,
      outputPadding: 2,
      dilation: 2,
    };
    await settled(6);
    await page.getByText('cropped by padding').waitFor();
    await page.getByText('added by output padding').waitFor();
    await expectSums(layer, ones(4), ones(4));
  });
});

describe('cells', () => {
  onePage({ reducedMotion: 'reduce' });

  it('do not move on their own for people who asked for less motion', async () => {
    expect(await landed()).toBe(9);
    await page.locator('.verdict', { hasText: 'A pattern nobody drew.' }).waitFor();
    await page.keyboard.press(',');
    await eventually(landed).toBe(8);
    await page.keyboard.press('.');
    await eventually(landed).toBe(9);
    expect(await page.locator('.flying:visible').count()).toBe(0);
  });

  it('show whole numbers, however many digits these have', async () => {
    const taps = 'f=own&w=.25,-.5,.25,.5,-1.25,.5,.25,.5,.25';
    for (const input of [
      '255,-255,128,255,-255,128,255,-255,128',
      '-9999,255.5,123456,-123456,1e6,128,255,9,1',
    ]) {
      await open.again(`#v1&k=3&s=2&x=${input}&${taps}`);
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll('.cell, .tap')].flatMap((cell) => {
          const text = document.createRange();
          text.selectNodeContents(cell.querySelector('.sum') ?? cell);
          const fits = text.getBoundingClientRect().width <= cell.getBoundingClientRect().width;
          return fits ? [] : [cell.textContent];
        }),
      );
      expect(cut).toEqual([]);
    }
  });

  it('take a number by keyboard and change the output', async () => {
    await slider('Stamps landed').fill('9');
    await cell('input', 0, 0).focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.keyboard.type('-2,5');
    await page.keyboard.press('Enter');
    const input = ones(9).with(4, -2.5);
    await eventually(() => values('input')).toEqual(input);
    await eventually(() => values('output')).toEqual(scattered(first, input, ones(9), 9));
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-cell'))).toBe('1,1');

    await page.keyboard.press('7');
    await page.keyboard.press('Escape');
    expect(await values('input')).toEqual(input);
  });

  it('take a number by mouse in the kernel', async () => {
    await slider('Stamps landed').fill('9');
    await cell('kernel', 2, 0).click();
    await page.keyboard.type('0.5');
    await page.keyboard.press('Tab');
    const weights = ones(9).with(6, 0.5);
    await eventually(() => values('output')).toEqual(scattered(first, ones(9), weights, 9));
  });

  it('stay as they are where one is opened and nothing typed', async () => {
    // Ninths, of which the cell that is opened has four decimals.
    await open.again('#v1&k=5&s=3&f=bilinear');
    const value = () => cell('kernel', 0, 0).locator('data').getAttribute('value');
    const before = await value();
    expect(Number(before)).toBeCloseTo(1 / 9, 12);
    for (const key of ['Enter', 'Tab']) {
      await cell('kernel', 0, 0).click();
      await eventually(() => page.locator('.cell-input').inputValue()).toBe('0.1111');
      await page.keyboard.press(key);
      await eventually(() => page.locator('.cell-input').count()).toBe(0);
    }
    expect(await value()).toBe(before);

    await cell('kernel', 0, 0).click();
    await page.keyboard.type('0.1111');
    await page.keyboard.press('Enter');
    await eventually(value).toBe('0.1111');
  });

  it('are what a link says, whatever was being typed as it came', async () => {
    for (const [grid, row, column] of [
      ['input', 2, 2],
      ['input', 0, 2],
      ['kernel', 2, 2],
    ] as const) {
      await open.again();
      await cell(grid, row, column).focus();
      await page.keyboard.press('7');
      await page.locator('.cell-input').waitFor();
      await page.evaluate(() => {
        location.hash = '#v1&n=2&k=2';
      });
      await eventually(() => values('input')).toEqual(ones(4));
      expect(await values('kernel')).toEqual(ones(4));
    }
  });

  it('have one tab stop a grid', async () => {
    expect(await page.locator('#stamp [role="gridcell"][tabindex="0"]').count()).toBe(3);
    await cell('output', 0, 0).focus();
    await page.keyboard.press('Control+End');
    await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('data-cell'))).toBe(
      '6,6',
    );
    expect(await page.locator('#stamp [role="gridcell"][tabindex="0"]').count()).toBe(3);
  });

  it('show the products of an output and keep them when pinned', async () => {
    await slider('Stamps landed').fill('9');
    await cell('output', 2, 2).focus();
    await page.keyboard.press('Enter');
    const hand = page.locator('.in-hand');
    await eventually(() => hand.locator('.sum-line span').count()).toBe(4);
    expect(await hand.locator('strong').textContent()).toBe(' = 4');
    await slider('Stride').focus();
    await eventually(() => cell('output', 2, 2).getAttribute('aria-selected')).toBe('true');
    expect(await hand.locator('.sum-line span').count()).toBe(4);
    await page.keyboard.press('Escape');
    await eventually(() => hand.locator('.sum-line').count()).toBe(0);
  });

  it('light up where an input lands', async () => {
    await cell('input', 1, 1).hover();
    const lit = await page
      .locator('.output-figure .is-lit')
      .evaluateAll((cells) => cells.map((c) => c.getAttribute('data-cell')));
    expect(lit).toEqual([2, 3, 4].flatMap((row) => [2, 3, 4].map((column) => `${row},${column}`)));
    await page.getByText('lands on rows 3 to 5, columns 3 to 5').first().waitFor();
  });
});

describe('a layer that cannot be', () => {
  onePage({ reducedMotion: 'reduce' });

  it("shows the package's sentence and stays usable", async () => {
    await slider('Output padding').fill('1');
    await settled(8);
    await slider('Stride').fill('1');
    const alert = page.locator('#stamp').getByRole('alert');
    await alert.getByText(/outputPadding/).waitFor();
    expect(await page.locator('.output-figure [role="gridcell"]').count()).toBe(64);

    await slider('Output padding').fill('0');
    await settled(5);
    expect(await alert.count()).toBe(0);
    await expectSums({ ...first, stride: 1 }, ones(9), ones(9));
  });
});
