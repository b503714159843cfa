import type { BrowserContextOptions, Locator, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
const verdict = (where: string) => station(where).locator('.verdict').textContent();
const phases = () => station('overlap').locator('.phases-title b').textContent();
const unevenness = async () =>
  Number(await station('phases').locator('[data-unevenness]').getAttribute('data-unevenness'));
const converted = async () =>
  (
    await station('matrix')
      .locator('.convention-figure [role="gridcell"]')
      .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('aria-label') ?? ''))
  ).map((label) => Number(label.replace('\u2212', '-')));

/** Lets the page's own time pass, whatever the machine's does, until something is on it. */
async function timeUntil(there: Locator, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 200) {
    if ((await there.count()) > 0) return;
    await page.clock.runFor(200);
  }
  throw new Error(`${there} is not there after ${milliseconds} ms of the page's time`);
}

const said = (text: string) => station('stamp').locator('.verdict', { hasText: text });

describe('a newcomer', () => {
  it('(a) is shown within 30 seconds why kernel 4 differs from kernel 3', async () => {
    open = await visit(served, { ownClock: 'stopped' });
    page = open.page;
    // Nothing is pressed: the film plays, and ends with what it showed.
    await timeUntil(station('stamp').locator('.flying:visible'), 5000);
    await timeUntil(station('stamp').locator('.kicker', { hasText: 'Stamp 1 of 9' }), 5000);
    await timeUntil(said('A pattern nobody drew.'), 20_000);
    expect(await station('stamp').locator('.explanation').textContent()).toBe(
      '2 stamps here, 1 there, 4 at the crossings, because stride 2 does not divide kernel 3. ' +
        'A flat input came out as a grid.',
    );
    await station('stamp').getByRole('button', { name: 'Kernel 3 \u2192 4' }).click();
    await said('The pattern is gone.').waitFor();
    expect(await station('stamp').locator('.explanation').textContent()).toBe(
      'Away from the border, every cell collects 4 stamps, and they add up to the same sum \u2026 ' +
        'and with random weights it is back. Try it.',
    );
    await open.leave();
  });
});

/** One page for the tests of a suite. */
function onePage(options: BrowserContextOptions): void {
  beforeAll(async () => {
    open = await visit(served, { reducedMotion: 'reduce', ...options });
    page = open.page;
  });
  beforeEach(() => open.again());
  afterEach(() => open.expectSilence());
  afterAll(() => open?.leave());
}

describe('stations 1 to 4', () => {
  onePage({});

  it('(d) say of kernel 4, stride 2, dilation 2: holes, no weights can fix this', async () => {
    await slider('overlap', 'Kernel').fill('4');
    await eventually(() => verdict('overlap')).toBe('Even: 4 on every cell.');
    await slider('overlap', 'Dilation').fill('2');
    await eventually(() => verdict('overlap')).toBe('Holes: no weights can fix this.');
    expect(await phases()).toBe('4/0');
    await station('overlap').getByText('gcd(2, 2) = 2').waitFor();
    expect(await station('overlap').locator('.figures').textContent()).toContain('no number: holes');
    await slider('overlap', 'Dilation').fill('3');
    await eventually(() => verdict('overlap')).toBe('Even: 4 on every cell.');
    await station('overlap').getByText('gcd(2, 3) = 1').waitFor();
  });

  it.each([
    ['FSRCNN \u00d72: k9 s2', '5/4', '1.563 : 1', '0.1111', '0.1576'],
    ['FSRCNN \u00d73: k9 s3', '3/3/3', '1 : 1', '0', '0'],
    ['FSRCNN \u00d74: k9 s4', '3/2/2/2', '2.25 : 1', '0.1925', '0.2747'],
  ])('(e) show %s as %s', async (name, counts, ratio, axis, layer) => {
    await station('overlap').getByRole('combobox', { name: 'Layer of a network' }).selectOption(name);
    await eventually(phases).toBe(counts);
    expect(await station('overlap').locator('.figures dd').allTextContents()).toEqual([
      expect.anything(),
      ratio,
      axis,
      layer,
    ]);
  });

  it('(f) give 14 for the D2L example by the rules of JAX, and 4 by those of PyTorch', async () => {
    await page.getByRole('button', { name: /Dive into Deep Learning/ }).click();
    await eventually(converted).toEqual([4]);
    for (const [name, values] of [
      ['JAX', [14]],
      ['JAX, transpose_kernel', [4]],
      ['Keras', [4]],
      ['ONNX', [4]],
      ['WebNN', [4]],
      ['PyTorch', [4]],
    ] as const) {
      await station('matrix').getByRole('radio', { name, exact: true }).check({ force: true });
      await eventually(converted).toEqual(values);
    }
    await station('matrix').getByRole('radio', { name: 'JAX', exact: true }).check({ force: true });
    await station('matrix').getByText('1 cell of 1 differs from station 1.').waitFor();
  });

  it('refuse in a system what it does not have, in its own words', async () => {
    await slider('stamp', 'Dilation').fill('2');
    await station('matrix').getByRole('radio', { name: 'Keras' }).check({ force: true });
    await station('matrix').getByText('Keras has no such layer.').waitFor();
  });

  it('show K and its transpose with the row of the step, and that they belong together', async () => {
    const figures = () =>
      station('matrix')
        .locator('canvas')
        .evaluateAll((canvases) => canvases.map((canvas) => canvas.getAttribute('aria-label')));
    await eventually(figures).toEqual([
      'K, 9 by 49, with 81 entries. Row 9 is lit.',
      'K transposed, 49 by 9, with 81 entries. Column 9 is lit.',
    ]);
    await station('stamp').getByRole('button', { name: 'One stamp back' }).click();
    await eventually(async () => (await figures())[0]).toContain('Row 8 is lit.');
    await station('stamp').getByRole('radio', { name: 'Gather' }).check({ force: true });
    await station('stamp').getByRole('slider', { name: 'Outputs gathered' }).fill('17');
    await eventually(async () => (await figures())[1]).toContain('Row 17 is lit.');
    await station('matrix').locator('.matrix-notes summary').click();
    // Row 3, column 3 of the output: four stamps cross there.
    await eventually(() => station('matrix').locator('.matrix-notes tbody tr').allInnerTexts()).toEqual([
      expect.stringMatching(/^1\s+1$/),
      expect.stringMatching(/^2\s+1$/),
      expect.stringMatching(/^4\s+1$/),
      expect.stringMatching(/^5\s+1$/),
    ]);
    for (let i = 0; i < 3; i++) {
      const text = (await station('matrix').locator('.adjoint-numbers').textContent()) ?? '';
      const [left, right] = text.replaceAll('\u2212', '-').split('=').map(Number);
      expect(left).toBeCloseTo(right ?? Number.NaN, 3);
      await page.getByRole('button', { name: 'Another x' }).click();
    }
    await station('stamp').getByRole('radio', { name: '1-D' }).check({ force: true });
    await slider('stamp', 'Groups').fill('2');
    // Two lanes, two blocks: 6 inputs with 3 taps each.
    await eventually(async () => (await figures())[0]).toContain('K, 6 by 14, with 18 entries.');
  });

  it('gather an output from the inputs that reach it', async () => {
    await station('stamp').getByRole('radio', { name: 'Gather' }).check({ force: true });
    await station('stamp').getByRole('slider', { name: 'Outputs gathered' }).fill('16');
    await page.keyboard.press('.');
    await station('stamp').locator('.kicker', { hasText: 'Output 17 of 49' }).waitFor();
    expect(await station('stamp').locator('.explanation').textContent()).toBe(
      'Output row 3, column 3 gathers 4 products, one from each input cell that reaches it: 4.',
    );
    expect(await station('stamp').locator('.sum-line').innerText()).toMatch(
      /1 · 1 \+ 1 · 1 \+ 1 · 1 \+ 1 · 1\s+= 4/,
    );
    expect(await station('stamp').locator('.input-figure .is-lit').count()).toBe(4);
    // What was not gathered yet is empty.
    expect(await station('stamp').locator('.output-figure .is-empty').count()).toBe(49 - 17);
  });

  it('keep lanes apart on one axis', async () => {
    await station('stamp').getByRole('radio', { name: '1-D' }).check({ force: true });
    await slider('stamp', 'Groups').fill('2');
    await eventually(() => station('stamp').locator('.output-figure [role="gridcell"]').count()).toBe(14);
    await station('stamp').locator('.kernel-figure [data-cell="1,0"]').click();
    await page.keyboard.type('5');
    await page.keyboard.press('Enter');
    const output = () =>
      station('stamp')
        .locator('.output-figure [role="gridcell"]')
        .evaluateAll((cells) => cells.map((cell) => Number(cell.getAttribute('aria-label')?.split(',')[0])));
    await eventually(output).toEqual([1, 1, 2, 1, 2, 1, 1, 5, 1, 6, 1, 6, 1, 1]);
    expect(await station('stamp').locator('.lane-2').count()).toBe(3 + 3 + 7);
  });

  it('(h) are worked by keyboard alone', async () => {
    await tabTo(page.getByRole('link', { name: 'Skip to the first station' }));
    await page.keyboard.press('Enter');
    await eventually(() => page.evaluate(() => document.activeElement?.id)).toBe('stamp-title');

    // Station 1: change an input cell, pin an output, step, gather, widen the kernel.
    await tabTo(station('stamp').locator('.input-figure [data-cell="0,0"]'));
    await page.keyboard.press('ArrowDown');
    await page.keyboard.type('3');
    await page.keyboard.press('Enter');
    await tabTo(station('stamp').locator('.output-figure [data-cell="0,0"]'));
    for (const key of ['ArrowDown', 'ArrowDown', 'Enter']) await page.keyboard.press(key);
    await eventually(() => station('stamp').locator('.sum-line').innerText()).toMatch(/1 · 1 \+ 3 · 1\s+= 4/);
    await page.keyboard.press(',');
    await station('stamp').locator('.kicker', { hasText: 'Stamp 8 of 9' }).waitFor();
    await page.keyboard.press('Escape');
    await tabTo(station('stamp').getByRole('radio', { name: 'Scatter' }));
    await page.keyboard.press('ArrowRight');
    await eventually(() => station('stamp').locator('.kicker').textContent()).toMatch(/^Output \d+ of 49$/);
    await tabTo(slider('stamp', 'Kernel'));
    await page.keyboard.press('ArrowRight');
    await eventually(() => slider('stamp', 'Kernel').inputValue()).toBe('4');

    // Station 2: a layer from the list, then dilation until there are holes.
    await tabTo(station('overlap').getByRole('combobox'));
    await page.keyboard.type('DCGAN');
    await page.keyboard.press('Tab');
    await eventually(phases).toBe('2/2');
    await tabTo(slider('overlap', 'Dilation'));
    await page.keyboard.press('ArrowRight');
    await eventually(() => verdict('overlap')).toBe('Holes: no weights can fix this.');

    // Station 3: the next line, the table of it, the chapter's example by the rules of JAX.
    await tabTo(station('matrix').getByRole('button', { name: 'Next line' }));
    await page.keyboard.press('Enter');
    await station('matrix').getByText('Row 1 of Kᵀ', { exact: true }).waitFor();
    await tabTo(station('matrix').locator('.matrix-notes summary'), 'Shift+Tab');
    await page.keyboard.press('Enter');
    await station('matrix').locator('.matrix-notes table').waitFor();
    await tabTo(station('matrix').getByRole('radio', { name: 'PyTorch' }));
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await tabTo(page.getByRole('button', { name: /Dive into Deep Learning/ }));
    await page.keyboard.press('Enter');
    await eventually(converted).toEqual([14]);

    // Station 4: kernel 4 at stride 2, weights at random, one tap changed in hand, repair.
    await tabTo(slider('phases', 'Stride'), 'Tab');
    await page.keyboard.press('ArrowRight');
    await eventually(() => station('phases').locator('[data-gain]').count()).toBe(4);
    await tabTo(slider('phases', 'Kernel'), 'Shift+Tab');
    for (let i = 0; i < 2; i++) await page.keyboard.press('ArrowRight');
    await eventually(() => station('phases').locator('[data-tap]').count()).toBe(16);
    await tabTo(station('phases').getByRole('button', { name: 'Weights at random' }), 'Shift+Tab');
    await page.keyboard.press('Enter');
    await eventually(unevenness).toBeGreaterThan(0.5);
    await tabTo(station('phases').locator('[data-tap="0,0"]'), 'Shift+Tab');
    await page.keyboard.press('Enter');
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await eventually(unevenness).toBeGreaterThan(0.1);
    await tabTo(station('phases').getByRole('button', { name: 'Repair' }));
    await page.keyboard.press('Enter');
    await eventually(unevenness).toBeLessThan(1e-10);
    await station('phases').getByText('Flat picture now').waitFor();

    // And the code of it.
    await page.keyboard.press('Control+Home');
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await tabTo(page.getByRole('button', { name: 'Export' }));
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByText('torch.nn.ConvTranspose2d').waitFor();
    await page.keyboard.press('Escape');
    await eventually(() => page.getByRole('dialog').count()).toBe(0);
  });
});

/** Presses Tab until something has the focus, as a person would. */
async function tabTo(target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  let element = await target.elementHandle();
  for (let i = 0; i < 160; i++) {
    // Found by its role it is looked for in all of the page, which takes far longer than the press.
    const there = await element?.evaluate((each) =>
      each.isConnected ? each === document.activeElement : 'no more',
    );
    if (there === true) return;
    if (there === 'no more') element = await target.elementHandle();
    else await page.keyboard.press(key);
  }
  throw new Error(`${key} does not reach ${target}`);
}

const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true } as const;

describe('on a phone, as the page opens', () => {
  it('(i) plays the film once it can be seen, and not before', async () => {
    open = await visit(served, { ...phone, ownClock: true });
    page = open.page;
    await page.clock.runFor(5000);
    expect(await station('stamp').locator('.kicker').textContent()).toBe('Stamp 0 of 9');
    await station('stamp').locator('.output-figure').scrollIntoViewIfNeeded();
    await station('stamp').locator('.flying:visible').waitFor();
    await timeUntil(said('A pattern nobody drew.'), 20_000);
    await open.leave();
  });
});

describe('on a phone', () => {
  onePage({ ...phone, permissions: ['clipboard-read', 'clipboard-write'] });

  it('(i) stations 1 to 4 show by touch what they show by mouse', async () => {
    // (a)
    await station('stamp').getByRole('button', { name: 'Kernel 3 \u2192 4' }).tap();
    await station('stamp').locator('.verdict', { hasText: 'The pattern is gone.' }).waitFor();
    await station('stamp').getByRole('button', { name: 'Random weights' }).tap();
    await station('stamp').locator('.verdict', { hasText: 'And it is back.' }).waitFor();
    await station('stamp').locator('.output-figure [data-cell="3,3"]').tap();
    await station('stamp').getByText('Output, row 4, column 4.').waitFor();
    // The cells of the output may be narrower than a finger: its neighbours are one press away.
    await station('stamp').getByRole('button', { name: 'The cell on the right' }).tap();
    await station('stamp').getByText('Output, row 4, column 5.').waitFor();
    await station('stamp').getByRole('button', { name: 'The cell below' }).tap();
    await station('stamp').getByText('Output, row 5, column 5.').waitFor();
    // The first touch selects, the second edits.
    const cell = station('stamp').locator('.input-figure [data-cell="1,1"]');
    await cell.tap();
    await station('stamp').locator('.in-hand', { hasText: 'lands on rows' }).waitFor();
    expect(await page.locator('.cell-input').count()).toBe(0);
    await cell.tap();
    await page.locator('.cell-input').waitFor();
    await page.keyboard.type('2');
    await page.keyboard.press('Enter');
    await eventually(() => cell.getAttribute('aria-label')).toBe('2');

    // (b) and (c)
    await eventually(unevenness).toBeGreaterThan(0.7);
    expect(await unevenness()).toBeLessThan(0.8);
    await station('phases').getByRole('button', { name: 'Repair' }).tap();
    await eventually(unevenness).toBeLessThan(1e-10);
    await eventually(() => station('phases').locator('[data-flat="after"] b').textContent()).toBe(
      '1 grey level',
    );

    // (e) and (d): the end of the track is the widest dilation.
    for (const [name, counts] of [
      ['FSRCNN \u00d72: k9 s2', '5/4'],
      ['FSRCNN \u00d73: k9 s3', '3/3/3'],
      ['FSRCNN \u00d74: k9 s4', '3/2/2/2'],
      ['DCGAN: k4 s2', '2/2'],
    ] as const) {
      await station('overlap').getByRole('combobox').selectOption(name);
      await eventually(phases).toBe(counts);
    }
    const box = await slider('overlap', 'Dilation').boundingBox();
    if (!box) throw new Error('no slider');
    await slider('overlap', 'Dilation').tap({ position: { x: box.width - 4, y: box.height / 2 } });
    await eventually(() => verdict('overlap')).toBe('Holes: no weights can fix this.');

    // (f)
    await page.getByRole('button', { name: /Dive into Deep Learning/ }).tap();
    await eventually(converted).toEqual([4]);
    await station('matrix').getByRole('radio', { name: 'JAX', exact: true }).tap();
    await eventually(converted).toEqual([14]);

    await page.getByRole('button', { name: 'Export' }).tap();
    await page.getByRole('dialog').getByRole('radio', { name: 'flax' }).tap();
    await page.getByRole('dialog').getByText('nn.ConvTranspose(').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).tap();

    // (g)
    await page.getByRole('button', { name: 'Share' }).tap();
    await page.getByText('Link copied.').waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const other = await visit({ ...served, url: link }, { ...phone, reducedMotion: 'reduce' });
    const first = page;
    page = other.page;
    await eventually(converted).toEqual([14]);
    await other.leave();
    page = first;
  });

  it.each(['#v1', '#v1&k=4&d=2', '#v1&k=9&s=4&f=random', '#v1&a=1&g=3&n=8&k=16&s=2'])(
    '(i) has targets that a finger finds, and nothing that sticks out: %s',
    async (hash) => {
      await open.again(hash);
      await station('phases').locator('.gains').waitFor();
      await station('matrix').locator('.convention-figure').waitFor();
      await station('stamp').locator('.output-figure [data-cell="0,0"]').tap();
      await station('stamp').getByRole('button', { name: 'The cell on the right' }).waitFor();
      const small = await page.evaluate(() =>
        [...document.querySelectorAll('.masthead, #stamp, #overlap, #matrix, #phases')]
          .flatMap((part) => [
            ...part.querySelectorAll(
              'button, a, select, input, summary, .sources [role="gridcell"], [data-tap]',
            ),
          ])
          .map((element) => {
            // A radio is as large as its label, which it fills.
            const { width, height } = element.getBoundingClientRect();
            return {
              name: element.textContent || element.getAttribute('aria-label') || element.id,
              width,
              height,
            };
          })
          .filter(({ width, height }) => height < 43.5 || width < 43.5),
      );
      expect(small).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    },
  );

  it('(i) brings the far cells of a wide kernel under the finger', async () => {
    await open.again('#v1&k=9&s=2');
    const last = station('stamp').locator('.kernel-figure [data-cell="0,8"]');
    await last.scrollIntoViewIfNeeded();
    await last.tap();
    await last.tap();
    await page.keyboard.type('5');
    await page.keyboard.press('Enter');
    await eventually(() => last.getAttribute('aria-label')).toBe('5');
    await eventually(() =>
      station('phases').locator('[data-tap="0,8"] .tap-handle').getAttribute('aria-valuenow'),
    ).toBe('5');
  });
});
