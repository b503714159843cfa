// Finding (l): the three predictions and the layer without overlap, by pointer, finger and keyboard.

import type { BrowserContextOptions, Locator, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible } from './accessible';
import { eventually, type Served, serve, type Visit, visit } from './serve';

let served: Served;
let open: Visit;
let page: Page;

beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.close());

const card = (id: string) => page.locator(`[data-prediction="${id}"]`);
const guess = (id: string, name: string) => card(id).getByRole('button', { name, exact: true });
const verdict = (id: string) => card(id).locator('.prediction-verdict').textContent();
const shares = (id: string) =>
  card(id)
    .locator('[data-unevenness]')
    .evaluateAll((cells) => cells.map((cell) => Number(cell.getAttribute('data-unevenness'))));
const unevenness = async () =>
  Number(await page.locator('#phases [data-unevenness]').getAttribute('data-unevenness'));

/** A way of a person to press a button: with the mouse, a finger or the keys. */
type Press = (button: Locator) => Promise<void>;

const ways: Record<string, { readonly options: BrowserContextOptions; readonly press: Press }> = {
  'by mouse': { options: {}, press: (button) => button.click() },
  'by keyboard': {
    options: {},
    async press(button) {
      // From the first button of the three questions on, as a person goes.
      await page.locator('.predictions button').first().focus();
      for (let i = 0; i < 40; i++) {
        if (await button.evaluate((element) => element === document.activeElement)) break;
        await page.keyboard.press('Tab');
      }
      await page.keyboard.press('Enter');
    },
  },
  'by touch at 360 px': {
    options: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
    press: (button) => button.tap(),
  },
};

describe.each(Object.keys(ways))('(l) %s', (way) => {
  const { options, press } = ways[way] as (typeof ways)[string];
  beforeAll(async () => {
    open = await visit(served, { reducedMotion: 'reduce', ...options });
    page = open.page;
    await open.again();
  });
  afterAll(() => open?.leave());

  it('the three predictions are asked, and what is the case is then shown', async () => {
    expect(await page.locator('.prediction-answer').count()).toBe(0);
    await press(guess('k3s2', 'With unequal weights only'));
    await eventually(() => verdict('k3s2')).toBe('With equal weights already.');
    // Where the pressed button was, and not at the top of the page.
    await eventually(() => card('k3s2').evaluate((one) => one.contains(document.activeElement))).toBe(true);
    await card('k3s2').getByText('You said: with unequal weights only.').waitFor();
    expect((await shares('k3s2'))[0]).toBeCloseTo(0.19, 6);
    expect(await card('k3s2').textContent()).toContain('2 does not divide 3');
    expect(await page.locator('.predictions-score').textContent()).toBe('');

    await press(guess('k4s2', 'With unequal weights only'));
    await eventually(() => verdict('k4s2')).toBe('With unequal weights only.');
    await card('k4s2').getByText('As you said.').waitFor();
    expect(await shares('k4s2')).toEqual([0, expect.any(Number)]);
    expect((await shares('k4s2'))[1]).toBeGreaterThan(0.3);

    await press(guess('k2s2', 'Never'));
    await eventually(() => verdict('k2s2')).toBe('With unequal weights only.');
    await card('k2s2').getByText('You said: never.').waitFor();
    expect(await card('k2s2').textContent()).toContain('No two stamps touch, and a pattern all the same');
    expect((await shares('k2s2'))[0]).toBe(0);
    expect((await shares('k2s2'))[1]).toBeGreaterThan(0.1);
    await page.getByText('1 of 3 predictions came true.').waitFor();
  });

  it('the answers stay in the page, in no link, until they are forgotten', async () => {
    const before = new URL(page.url()).hash;
    await page.reload();
    await eventually(() => page.locator('.prediction-answer').count()).toBe(3);
    expect(await verdict('k2s2')).toBe('With unequal weights only.');
    expect(new URL(page.url()).hash).toBe(before);
    await page.getByRole('button', { name: 'Forget my answers' }).click();
    await eventually(() => page.locator('.prediction-answer').count()).toBe(0);
    await page.reload();
    await page.locator('.prediction-guesses').first().waitFor();
    expect(await page.locator('.prediction-answer').count()).toBe(0);
  });

  it('an answer brings its layer into all stations', async () => {
    await press(guess('k2s2', 'With unequal weights only'));
    await press(card('k2s2').getByRole('button', { name: 'Show this layer in all stations' }));
    await eventually(() => page.locator('#overlap .phases-title b').textContent()).toBe('1/1');
    await eventually(unevenness).toBe((await shares('k2s2'))[1]);
  });
});

describe.each([1280, 360])('kernel 2, stride 2 at %d px', (width) => {
  const touch = width === 360;
  beforeAll(async () => {
    const phone = touch ? { hasTouch: true, isMobile: true } : {};
    open = await visit(served, { reducedMotion: 'reduce', viewport: { width, height: 800 }, ...phone });
    page = open.page;
  });
  afterAll(() => open?.leave());
  const press = (button: Locator) => (touch ? button.tap() : button.click());
  const guided = (id: string) => page.locator(`#${id} .guided`);

  it('is led to from station 2: even, no overlap, and a pattern all the same', async () => {
    await open.again();
    await press(guided('overlap').getByRole('button', { name: 'Kernel 2, stride 2' }));
    await guided('overlap').getByText('And a pattern all the same:').waitFor();
    await eventually(() => page.locator('#overlap .overlap-notes .verdict').textContent()).toBe(
      'Even: 1 on every cell.',
    );
    const share = Number(
      await guided('overlap').locator('[data-guided-unevenness]').getAttribute('data-guided-unevenness'),
    );
    await eventually(unevenness).toBe(share);
    expect(share).toBeGreaterThan(0.1);
    await press(guided('overlap').getByRole('button', { name: 'Look at its phases' }));
    await eventually(() => page.evaluate(() => document.activeElement?.id)).toBe('phases-title');
  });

  it('ends in station 4 with the resize that is left of it', async () => {
    await guided('phases').getByText('They differ').waitFor();
    await press(page.locator('#phases').getByRole('button', { name: 'Repair' }));
    await guided('phases').getByText('this layer only copies cells').waitFor();
    await guided('overlap').getByText('And no pattern,').waitFor();
    await press(guided('overlap').getByRole('button', { name: 'Random weights' }));
    await guided('phases').getByText('They differ').waitFor();
  });

  it('is led to from station 4, too', async () => {
    await open.again();
    await press(guided('phases').getByRole('button', { name: 'Kernel 2, stride 2' }));
    await guided('phases').getByText('the weights decide.').waitFor();
  });
});

describe('axe', () => {
  it('finds nothing in what is asked and what is answered', async () => {
    open = await visit(served, { reducedMotion: 'reduce' });
    page = open.page;
    await open.again();
    await expectAccessible(page, '#overlap');
    for (const id of ['k3s2', 'k4s2', 'k2s2']) await guess(id, 'Never').click();
    await page.getByText('0 of 3 predictions came true.').waitFor();
    await page.locator('#overlap .guided').getByRole('button', { name: 'Kernel 2, stride 2' }).click();
    await expectAccessible(page, '#overlap, #phases');
    await open.leave();
  });
});
