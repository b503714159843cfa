// Finding (k): sub-pixel convolution, transposed convolution and resize + convolution are shown to be one family.

import type { BrowserContextOptions, Locator, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectAccessible } from './accessible';
import { onePage } from './one-page';
import { eventually, type Served, serve, type Visit, visit } from './serve';

let served: Served;
let open: Visit;
let page: Page;

beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.close());

const station = (name: string) => page.locator(`#${name}`);
const slider = (where: string, name: string) => station(where).getByRole('slider', { name, exact: true });
const kind = (where: string, name: 'Transposed' | 'Sub-pixel' | 'Resize + conv') =>
  station(where).getByRole('radio', { name, exact: true });

/** What the cells of a figure of station 1 say. */
const labels = (figure: string) =>
  station('stamp')
    .locator(`.${figure}-figure [role="gridcell"]`)
    .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('aria-label') ?? ''));
const unevenness = async () =>
  Number(await station('phases').locator('[data-unevenness]').getAttribute('data-unevenness'));
const gains = () =>
  station('phases')
    .locator('[data-gain]')
    .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('data-gain')));
/** The package's own words for what it has looked at. */
const looked = () => station('phases').locator('.verdict-sentence').textContent();
const counts = () => station('overlap').locator('.phases-title b').textContent();

interface Shown {
  readonly output: readonly string[];
  readonly unevenness: number;
  readonly gains: readonly (string | null)[];
  readonly counts: string | null;
}

const shown = async (): Promise<Shown> => ({
  output: await labels('output'),
  unevenness: await unevenness(),
  gains: await gains(),
  counts: await counts(),
});

const panel = (name: string) => station('lab').locator(`[data-panel="${name}"]`);
/** The bytes of a picture of the lab, as one text. */
const picture = (name: string) =>
  panel(name)
    .locator('.picture .pixel-canvas')
    .evaluate((element) => {
      const shown = element as HTMLCanvasElement;
      const copy = new OffscreenCanvas(shown.width, shown.height).getContext('2d');
      if (!copy) throw new Error('no 2D canvas');
      copy.drawImage(shown, 0, 0);
      return copy.getImageData(0, 0, shown.width, shown.height).data.join();
    });
const panelUnevenness = async (name: string) =>
  Number(await panel(name).locator('[data-unevenness]').getAttribute('data-unevenness'));
const panelTitle = (name: string) => panel(name).locator('figcaption b').textContent();

/** A way of a person to choose: with the mouse, a finger or the keys. */
type Choose = (radio: Locator) => Promise<void>;

const ways: Record<string, { readonly options: BrowserContextOptions; readonly choose: Choose }> = {
  'by mouse': { options: {}, choose: (radio) => radio.click() },
  'by keyboard': {
    options: {},
    async choose(radio) {
      // One tab stop: the one that is chosen. Arrows go on from there, and round at the end.
      const group = radio.locator('xpath=ancestor::fieldset[1]');
      await group.getByRole('radio', { checked: true }).focus();
      for (let i = 0; i < 3 && !(await radio.isChecked()); i++) await page.keyboard.press('ArrowRight');
      await eventually(() => radio.evaluate((element) => element === document.activeElement)).toBe(true);
    },
  },
  'by touch at 360 px': {
    options: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
    choose: (radio) => radio.tap(),
  },
};

describe.each(Object.keys(ways))('(k) %s', (way) => {
  const { options, choose } = ways[way] as (typeof ways)[string];
  onePage({ reducedMotion: 'reduce', ...options }, (opened) => {
    open = opened;
    page = open.page;
  });
  beforeEach(() => open.again());
  afterEach(() => open.expectSilence());

  it('random weights give the same output and the same U to the last digit as a sub-pixel convolution', async () => {
    await open.again('#v1&k=4&f=random');
    const before = await shown();
    expect(before.unevenness).toBeGreaterThan(0.5);
    expect(await looked()).toMatch(/^Transposed convolution of weight \[1, 1, 4, 4\]/);

    await choose(kind('stamp', 'Sub-pixel'));
    await eventually(looked).toMatch(/^Sub-pixel convolution of weight \[4, 1, 2, 2\]/);
    await eventually(() => station('stamp').locator('.channels-figure').count()).toBe(1);
    expect(await shown()).toEqual(before);
    expect(await station('stamp').locator('.family-sentence').textContent()).toContain(
      'Interleaved they are the stamp of the transposed convolution with kernel 4',
    );
    // Every station says so, and any of them changes it.
    for (const where of ['overlap', 'phases']) expect(await kind(where, 'Sub-pixel').isChecked()).toBe(true);
    await choose(kind('phases', 'Transposed'));
    await eventually(looked).toMatch(/^Transposed convolution/);
    expect(await shown()).toEqual(before);
  });

  it('weights that a resize-convolution has are the same in all three', async () => {
    await open.again('#v1&k=4&f=bilinear');
    const before = await shown();
    expect(before.unevenness).toBe(0);
    for (const [name, words] of [
      ['Sub-pixel', /^Sub-pixel convolution/],
      ['Resize + conv', /^Nearest resize and convolution of weight \[1, 1, 3, 3\]/],
    ] as const) {
      await choose(kind('overlap', name));
      await eventually(looked).toMatch(words);
      await eventually(() => labels('output')).toEqual(before.output);
      expect(await shown()).toEqual(before);
    }
  });

  it('shows how the channels interleave into the stamp', async () => {
    await open.again('#v1&f=own&w=1,2,3,4,5,6,7,8,9');
    await choose(kind('stamp', 'Sub-pixel'));
    const zero = (name: string) => `channel ${name}: stays 0, the stamp has no tap there`;
    await eventually(() => labels('kernel')).toEqual([
      ...['1, channel A', '3, channel A', '2, channel B', zero('B')],
      ...['7, channel A', '9, channel A', '8, channel B', zero('B')],
      ...['4, channel C', '6, channel C', '5, channel D', zero('D')],
      ...[zero('C'), zero('C'), zero('D'), zero('D')],
    ]);
    expect(await labels('stamp')).toEqual(
      ['1A', '2B', '3A', '4C', '5D', '6C', '7A', '8B', '9A'].map(
        ([value, name]) => `${value}, channel ${name}`,
      ),
    );
    // The stamp alone, around the middle of the output.
    await station('stamp').getByRole('button', { name: 'One cell' }).click();
    const middle = async () =>
      (await labels('output'))
        .map((label) => Number.parseFloat(label))
        .filter((_, at) => [2, 3, 4].includes(at % 7) && [2, 3, 4].includes(Math.floor(at / 7)));
    await eventually(middle).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('makes the same picture in the lab, of the same U', async () => {
    await open.again('#v1&Lf=random&Lg=1&Li=zone');
    await eventually(() => panelTitle('raw')).toBe('Transposed convolution');
    const [before, beforeU] = [await picture('raw'), await panelUnevenness('raw')];
    await choose(kind('lab', 'Sub-pixel'));
    await eventually(() => panelTitle('raw')).toBe('Sub-pixel convolution');
    expect(await panel('raw').locator('.layer-name').textContent()).toMatch(
      /^Conv2d\(3, 12, kernel_size=\(2, 2\).*, then PixelShuffle\(upscale_factor=2\)$/,
    );
    expect(await picture('raw')).toBe(before);
    expect(await panelUnevenness('raw')).toBe(beforeU);
    await choose(kind('lab', 'Resize + conv'));
    await eventually(() => panelTitle('raw')).toBe('The nearest resize-convolution');
    expect(await panelUnevenness('raw')).toBe(0);
    expect(await picture('raw')).not.toBe(before);
  });

  it('keeps a flat flat behind a resize, whatever the weights, and undo brings the others back', async () => {
    await open.again('#v1&f=random');
    const before = await shown();
    // Changes that follow each other closely are undone at once; one behind an undo stands alone.
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+Shift+z');
    await eventually(shown).toEqual(before);
    await choose(kind('phases', 'Resize + conv'));
    await eventually(unevenness).toBe(0);
    await page.keyboard.press('Control+z');
    await eventually(shown).toEqual(before);
    await choose(kind('phases', 'Resize + conv'));
    await eventually(unevenness).toBe(0);
    await station('stamp').locator('.verdict', { hasText: 'No pattern, whatever the weights.' }).waitFor();
    expect(await station('overlap').locator('.explanation').textContent()).toContain('it does not matter');
    expect(await station('phases').getByRole('button', { name: 'Repair' }).isDisabled()).toBe(true);
    for (let i = 0; i < 3; i++) {
      await station('phases').getByRole('button', { name: 'Other weights at random' }).click();
      expect(await unevenness()).toBe(0);
    }
    expect(await slider('overlap', 'Dilation').isDisabled()).toBe(true);
    expect(await slider('stamp', 'Stamp').getAttribute('min')).toBe('2');
  });
});

it('(k) has cells at 360 px that a finger finds, however many channels there are', async () => {
  open = await visit(served, {
    reducedMotion: 'reduce',
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
  });
  page = open.page;
  for (const hash of ['#v1&k=9&s=4&m=subpixel', '#v1&a=1&g=3&k=16&s=8&m=subpixel', '#v1&k=9&s=4&m=resize']) {
    await open.again(hash);
    const small = await station('stamp')
      .locator('.sources [role="gridcell"]')
      .evaluateAll((cells) =>
        cells
          .map((cell) => cell.getBoundingClientRect())
          .filter(({ width, height }) => width < 43.5 || height < 43.5)
          .map(({ width, height }) => [width, height]),
      );
    expect(small, hash).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  }
  await open.leave();
});

describe('the kinds of layers', () => {
  onePage({ reducedMotion: 'reduce' }, (opened) => {
    open = opened;
    page = open.page;
  });

  it.each([
    'k=3&s=2&p=1&o=1&f=random',
    'k=5&s=3&d=2&f=random',
    'k=2&s=4&f=random',
    'a=1&g=3&n=4&k=7&s=3&p=2&o=1&f=random',
    'a=1&n=5&k=16&s=8&p=4&f=random',
  ])('show the transposed layer\u2019s own output: %s', async (hash) => {
    await open.again(`#v1&${hash}`);
    const before = await shown();
    await open.again(`#v1&${hash}&m=subpixel`);
    await eventually(looked).toMatch(/^Sub-pixel/);
    expect(await shown()).toEqual(before);
  });

  it('changes a tap in its channel by keyboard, and the stamp with it', async () => {
    await open.again('#v1&m=subpixel');
    await station('stamp').locator('.channels-figure [data-cell="2,0"]').focus();
    await page.keyboard.type('5');
    await page.keyboard.press('Enter');
    await eventually(() => labels('stamp')).toEqual(
      [...'ABACDCABA'].map((name, at) => `${at === 3 ? 5 : 1}, channel ${name}`),
    );
    // What has no tap in the stamp has none to edit.
    await station('stamp').locator('.channels-figure [data-cell="3,3"]').focus();
    await page.keyboard.press('Enter');
    await eventually(() => station('stamp').locator('.cell-input').count()).toBe(0);
  });

  it('are exported as what they are', async () => {
    await open.again('#v1&m=subpixel');
    await page.getByRole('button', { name: 'Export' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('torch.nn.functional.pixel_shuffle(y, 2)').waitFor();
    await dialog.getByRole('radio', { name: 'JAX' }).check({ force: true });
    await dialog.getByText('JAX has no pixel shuffle').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    await open.again('#v1&m=resize');
    await page.getByRole('button', { name: 'Export' }).click();
    await dialog.getByText('torch.nn.functional.interpolate(x, scale_factor=2, mode="nearest")').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
  });

  it.each(['#v1&m=subpixel&f=random', '#v1&m=resize&k=4&f=random'])('axe finds nothing: %s', async (hash) => {
    await open.again(hash);
    await expectAccessible(page);
  });
});
