import type { BrowserContextOptions, Locator, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible } from './accessible';
import { eventually, type Served, serve, type Visit, visit } from './serve';

let served: Served;

beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.close());

const hands: readonly [string, BrowserContextOptions, (page: Page, target: Locator) => Promise<void>][] = [
  ['at 1280 px by pointer', {}, (_, target) => target.click()],
  [
    'at 1280 px by keyboard',
    {},
    async (page, target) => {
      await target.focus();
      await page.keyboard.press('Space');
    },
  ],
  [
    'at 360 px by touch',
    { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
    (_, target) => target.tap(),
  ],
];

describe.each(hands)('a person, %s,', (_, options, press) => {
  let open: Visit;
  let page: Page;
  const model = () => page.locator('#model');
  const level = async (which: string) =>
    Number((await model().locator(which).getAttribute('data-level')) || Number.NaN);

  beforeAll(async () => {
    open = await visit(served, { reducedMotion: 'reduce', ...options });
    page = open.page;
  });
  afterAll(() => open?.leave());

  it('(j) sees which layer of FSRCNN x3 draws the grid, repairs it and sees it gone', async () => {
    await press(page, model().getByRole('button', { name: 'FSRCNN \u00d73', exact: true }).first());
    await eventually(() => model().locator('.network-verdict').textContent()).toMatch(
      /^deconv draws the grid: 100 % of the output's pattern/,
    );
    expect(await model().locator('.is-culprit').getAttribute('data-step')).toBe('deconv');
    const before = await level('.network-verdict');
    expect(before).toBeGreaterThan(-30);
    await press(page, model().getByRole('checkbox', { name: /^deconv/ }));
    await eventually(() => model().locator('.network-after').textContent()).toMatch(/^The pattern/);
    expect(await level('.network-after')).toBeLessThan(before - 20);
    expect(await model().locator('.network-outputs canvas').count()).toBe(3);
    expect(page.url()).toContain('Nn=fsrcnn&Nr=0');
    await expectAccessible(page, '#model');
  });

  it("(m) sees a vocoder's tones, and that they are gone", async () => {
    await press(page, model().getByRole('button', { name: 'Vocoder like HiFi-GAN' }));
    await model().locator('.network .tones').waitFor();
    await press(page, model().getByRole('button', { name: 'Repair all' }));
    const heard = (which: string) =>
      model()
        .locator(`.network .tones td[data-${which}]`)
        .evaluateAll(
          (cells, name) => cells.map((cell) => Number.parseFloat(cell.getAttribute(name) || 'NaN')),
          `data-${which}`,
        );
    await eventually(async () => (await heard('after')).every(Number.isFinite)).toBe(true);
    const [before, after] = [await heard('before'), await heard('after')];
    // The period of 8 samples at 16 kHz: 2, 4, 6 and 8 kHz.
    expect(before.length).toBe(4);
    expect(Math.max(...before)).toBeGreaterThan(-45);
    expect(Math.max(...after)).toBeLessThan(Math.max(...before) - 25);
  });
});
