import type { Page } from 'playwright';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { PATIENCE_MS } from '../support/patience';
import { onePage } from './one-page';
import { eventually, type Served, stillBox, type Visit, visit } from './serve';

let served: Served;
let open: Visit;
let page: Page;

onePage({ reducedMotion: 'reduce' }, (...opened) => {
  [open, served] = opened;
  page = open.page;
});
beforeEach(async () => {
  await open.again();
  await eventually(gains).toEqual([4, 2, 2, 1]);
});
afterEach(() => open.expectSilence());

const station = () => page.locator('#phases');
const slider = (name: string) => station().getByRole('slider', { name, exact: true });
const tap = (row: number, column: number) => station().locator(`[data-tap="${row},${column}"]`);
const repair = () => station().getByRole('button', { name: 'Repair' });

/** The taps in full, as assistive technology reads them. */
const taps = () =>
  station()
    .locator('.tap-handle')
    .evaluateAll((handles) => handles.map((handle) => Number(handle.getAttribute('aria-valuenow'))));
const gains = () =>
  station()
    .locator('[data-gain]')
    .evaluateAll((cells) => cells.map((cell) => Number(cell.getAttribute('data-gain'))));
const unevenness = async () =>
  Number(await station().locator('[data-unevenness]').getAttribute('data-unevenness'));
const harmonics = () =>
  station()
    .locator('[data-harmonic]')
    .evaluateAll((cells) => cells.map((cell) => Number(cell.getAttribute('data-harmonic'))));
const greys = async (which: 'before' | 'after') => {
  const canvas = station().locator(`[data-flat="${which}"] canvas`);
  return canvas.evaluate((element) => {
    const shown = element as HTMLCanvasElement;
    const copy = new OffscreenCanvas(shown.width, shown.height).getContext('2d');
    if (!copy) throw new Error('no 2D canvas');
    copy.drawImage(shown, 0, 0);
    const { data } = copy.getImageData(0, 0, shown.width, shown.height);
    return new Set(Array.from({ length: data.length / 4 }, (_, i) => data[4 * i])).size;
  });
};

/** The definitions, written out again: sums over the taps of a phase, and the energy off their mean. */
function gainsOf(weights: number[], kernel: number, stride: number, dilation = 1): number[] {
  const sums = new Array<number>(stride * stride).fill(0);
  weights.forEach((weight, i) => {
    const row = (Math.floor(i / kernel) * dilation) % stride;
    const column = ((i % kernel) * dilation) % stride;
    const phase = row * stride + column;
    sums[phase] = (sums[phase] ?? 0) + weight;
  });
  return sums;
}

function unevennessOf(values: number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const energy = values.reduce((sum, v) => sum + v * v, 0);
  return values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / energy;
}

/** |H| at the harmonics, from the taps, in the order of the table. */
function harmonicsOf(weights: number[], kernel: number, stride: number): number[] {
  const found: number[] = [];
  for (let m = 0; m < stride; m++) {
    for (let n = 0; n < stride; n++) {
      if (m === 0 && n === 0) continue;
      let [re, im] = [0, 0];
      weights.forEach((weight, i) => {
        const angle = (2 * Math.PI * (m * Math.floor(i / kernel) + n * (i % kernel))) / stride;
        re += weight * Math.cos(angle);
        im -= weight * Math.sin(angle);
      });
      found.push(Math.hypot(re, im));
    }
  }
  return found;
}

/** The largest difference; infinite where the counts differ. */
function distance(shown: readonly number[], expected: readonly number[]): number {
  if (shown.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Math.max(...shown.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN))));
}

const expectClose = (shown: readonly number[], expected: readonly number[], within: number): void =>
  expect(distance(shown, expected)).toBeLessThan(within);

/**
 * Waits until what is shown belongs to the taps that are shown: the worker answers a moment after a tap
 * has changed, and what is read is not read all at once.
 */
async function expectDescribed(kernel: number, stride: number): Promise<void> {
  await eventually(async () => (await taps()).length).toBe(kernel * kernel);
  await eventually(async () => {
    const weights = await taps();
    const expected = gainsOf(weights, kernel, stride);
    return Math.max(
      distance(await gains(), expected),
      distance([await unevenness()], [unevennessOf(expected)]),
      distance(await harmonics(), harmonicsOf(weights, kernel, stride)),
    );
  }).toBeLessThan(1e-9);
}

/** The worker draws them, so they come a moment after the press; taps of ones are all alike. */
async function expectRandom(kernel: number, stride: number): Promise<void> {
  await eventually(async () => new Set(await taps()).size).toBeGreaterThan(1);
  await expectDescribed(kernel, stride);
}

const opening = { kernel: 3, stride: 2 };

describe('the phases', () => {
  it('of ones with kernel 3, stride 2 sum to 4, 2, 2, 1, and U is 0.19', async () => {
    expect(await gains()).toEqual([4, 2, 2, 1]);
    expect(await unevenness()).toBeCloseTo(0.19, 12);
    await expectDescribed(opening.kernel, opening.stride);
    expect(await station().locator('.verdict-sentence').textContent()).toMatch(
      /overlaps unevenly \(from 1 to 4/,
    );
  });

  it('are described exactly for other kernels and strides', async () => {
    for (const [kernel, stride] of [
      [5, 3],
      [4, 2],
      [6, 3],
    ] as const) {
      await slider('Kernel').fill(String(kernel));
      await slider('Stride').fill(String(stride));
      await station().getByRole('radio', { name: 'Random' }).check();
      await expectRandom(kernel, stride);
    }
  });

  it('follow a tap that is dragged, in the sums and in the spectrum', async () => {
    const handle = tap(1, 1);
    const box = await stillBox(page, handle);
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2 - 60, { steps: 6 });
    await eventually(async () => (await taps())[4]).toBe(2);
    // Tap (1, 1) is all of phase D: its bar grows while the pointer is still down.
    await eventually(gains).toEqual([4, 2, 2, 2]);
    await page.mouse.up();
    await expectDescribed(opening.kernel, opening.stride);
  });

  it('leave a tap alone that is pressed and not moved', async () => {
    await repair().click();
    await eventually(unevenness).toBeLessThan(1e-10);
    const before = await taps();
    await tap(0, 1).click();
    expect(await taps()).toEqual(before);
  });

  it('are moved by keyboard alone: take hold, change, let go, repair', async () => {
    await tap(0, 0).focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
    expect(await focused()).toBe('Tap row 2, column 2');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Shift+ArrowUp');
    await page.keyboard.press('ArrowLeft');
    await eventually(async () => (await taps())[4]).toBe(2);
    await page.keyboard.press('Escape');
    await eventually(() => focused()).toMatch(/^2, row 2, column 2, phase D$/);
    await page.keyboard.press('ArrowUp');
    await eventually(() => focused()).toMatch(/row 1, column 2/);
    // The grid is one stop of the tab order.
    await page.keyboard.press('Tab');
    await eventually(() => page.evaluate(() => document.activeElement?.closest('.tap-grid') === null)).toBe(
      true,
    );
    await repair().focus();
    await page.keyboard.press('Enter');
    await eventually(unevenness).toBeLessThan(1e-10);
  });

  it('say that nothing mends holes', async () => {
    await slider('Kernel').fill('4');
    await slider('Dilation').fill('2');
    await eventually(() => station().locator('.verdict-sentence').textContent()).toMatch(
      /no weights can mend/,
    );
    expect(await repair().isDisabled()).toBe(true);
    expect(await unevenness()).toBeCloseTo(0.75, 12);
    await station().getByText('No repair can fill them.').waitFor();
  });
});

describe('one axis', () => {
  it('has a phase for every residue, lane by lane, from a link', async () => {
    // Two lanes, kernel 5, stride 3; the taps of both are the rows of the grid.
    await open.again('#v1&a=1&g=2&k=5&s=3&f=own&w=1,2,3,4,5,1*5');
    await eventually(async () => (await gains()).length).toBe(6);
    expect(await gains()).toEqual([5, 7, 3, 2, 2, 1]);
    // (5-5)^2 + 2^2 + 2^2 over both lanes' energy, with the second lane's 2, 2, 1 around 5/3.
    expect(await unevenness()).toBeCloseTo((8 + 6 / 9) / (25 + 49 + 9 + 4 + 4 + 1), 12);
    const found = await harmonics();
    expect(found).toHaveLength(4);
    await repair().click();
    await eventually(unevenness).toBeLessThan(1e-10);
    expectClose(await gains(), [5, 5, 5, 5 / 3, 5 / 3, 5 / 3], 1e-5);
  });
});

describe('finding (b)', () => {
  it('random weights at kernel 4, stride 2 bring the pattern back, with U about 0.75', async () => {
    await station().getByRole('button', { name: 'Even overlap: kernel 4' }).click();
    await eventually(unevenness).toBe(0);
    expect(await greys('before')).toBe(1);
    await station().getByRole('button', { name: 'Weights at random' }).click();
    await expectRandom(4, 2);
    expect(await greys('before')).toBeGreaterThan(1);
    const shown = Number(await station().locator('[data-unevenness]').textContent());
    expect(shown).toBeGreaterThan(0.7);
    expect(shown).toBeLessThan(0.8);
    // One kernel is one draw; the mean over 400 has a standard error of about 0.012.
    const mean = station().locator('[data-mean]');
    await eventually(async () => Math.abs(Number(await mean.textContent()) - 0.75)).toBeLessThan(0.04);
    expect(await station().locator('.seeds').textContent()).toMatch(/Theory says 3\/4/);
  });

  it('is 8/9 on average at stride 3', async () => {
    await slider('Kernel').fill('6');
    await slider('Stride').fill('3');
    const mean = station().locator('[data-mean]');
    await eventually(async () => Math.abs(Number(await mean.textContent()) - 8 / 9)).toBeLessThan(0.03);
  });
});

describe('finding (c)', () => {
  const randomKernel = async () => {
    await slider('Kernel').fill('4');
    await station().getByRole('button', { name: 'Weights at random' }).click();
    await expectRandom(4, 2);
  };

  it('Repair makes the sums equal at once for people who asked for less motion', async () => {
    await randomKernel();
    const before = await taps();
    await repair().click();
    await eventually(unevenness).toBeLessThan(1e-10);
    const after = await taps();
    expectClose(await gains(), gainsOf(after, 4, 2), 1e-12);
    // The projection, written out again: every phase of 4 taps gives up what its sum has over the mean.
    const sums = gainsOf(before, 4, 2);
    const mean = sums.reduce((a, b) => a + b, 0) / 4;
    const expected = before.map((value, i) => {
      const phase = (Math.floor(i / 4) % 2) * 2 + (i % 2);
      return value - ((sums[phase] ?? 0) - mean) / 4;
    });
    expectClose(after, expected, 1e-6);
    await expectFlat();
  });

  it('Repair moves the taps there in front of the eyes of others', async () => {
    const moving = await visit(served, { ownClock: true });
    const still = page;
    page = moving.page;
    onTestFinished(() => {
      page = still;
    });
    await page.locator('#phases .gains').waitFor();
    await randomKernel();
    // So far ahead that it is still to come when a busy machine has been asked.
    await page.clock.pauseAt((await page.evaluate(() => Date.now())) + PATIENCE_MS);
    const seen = new Set<number>();
    await repair().click();
    await eventually(async () => {
      await page.clock.runFor(50);
      const value = await unevenness();
      seen.add(value);
      return value;
    }).toBeLessThan(1e-10);
    expect(seen.size).toBeGreaterThan(3);
    await page.clock.resume();
    await expectFlat();
    await moving.leave();
  });

  /** Exactly one grey where there were several, and a spectrum without lines. */
  async function expectFlat(): Promise<void> {
    await station().getByText('Flat picture now').waitFor();
    expect(await greys('before')).toBeGreaterThan(1);
    expect(await greys('after')).toBe(1);
    expect(await station().locator('[data-flat="after"] .grey-levels').textContent()).toBe('1 grey level');
    expect(Math.max(...(await harmonics()))).toBeLessThan(1e-6);
  }
});

describe('on a phone', () => {
  it('a finger moves a tap', async () => {
    const wide = page.viewportSize();
    await page.setViewportSize({ width: 360, height: 740 });
    onTestFinished(() => page.setViewportSize(wide ?? { width: 1280, height: 900 }));
    const handle = tap(0, 0);
    const box = await stillBox(page, handle);
    expect(box.width).toBeGreaterThanOrEqual(44);
    const cdp = await page.context().newCDPSession(page);
    const at = (y: number) => [{ x: box.x + box.width / 2, y: box.y + box.height / 2 + y }];
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0) });
    for (const y of [-10, -20, -30]) {
      await cdp.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(y) });
    }
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await eventually(async () => (await taps())[0]).toBe(1.5);
    await eventually(async () => (await gains())[0]).toBeCloseTo(4.5, 12);
  });
});
