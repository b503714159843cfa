import type { Page } from 'playwright';
import { PNG } from 'pngjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type Served, serve, type Visit, visit } from './serve';

let served: Served;
let open: Visit;
let page: Page;

beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.close());
beforeEach(async () => {
  open = await visit(served, { reducedMotion: 'reduce' });
  page = open.page;
  await panel('raw').waitFor();
});
afterEach(() => open.leave());

const panel = (name: string) => page.locator(`[data-panel="${name}"] .pixel-canvas`);
const slider = (name: string) => page.locator('#lab').getByRole('slider', { name, exact: true });

interface Pixels {
  width: number;
  height: number;
  red: number[];
}

async function pixels(name: string): Promise<Pixels> {
  return panel(name).evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const { width, height } = canvas;
    // Read from a copy: reading the page's own canvas again and again would make the browser warn.
    const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (!copy) throw new Error('no 2D canvas');
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    return { width, height, red: Array.from({ length: width * height }, (_, i) => data[4 * i] ?? 0) };
  });
}

/** Red values that occur away from the border. */
async function inner(name: string): Promise<number[]> {
  const { width, height, red } = await pixels(name);
  const seen = new Set<number>();
  for (let y = 12; y < height - 12; y++) {
    for (let x = 12; x < width - 12; x++) seen.add(red[y * width + x] ?? -1);
  }
  return [...seen].sort((a, b) => a - b);
}

const choose = (name: string) => page.getByRole('radio', { name, exact: true }).check();

describe('a flat picture', () => {
  beforeEach(() => choose('Flat colour'));

  it('comes out as a grid with kernel 3, stride 2, and flat after resizing first', async () => {
    await eventually(() => inner('input')).toHaveLength(1);
    const [value] = (await inner('input')) as [number];
    expect(Math.abs(value - 0.86 * 255)).toBeLessThan(1);
    // Ones scaled by 4/9: 1, 2 or 4 of them meet on a pixel.
    const expected = [1, 2, 4].map((met) => Math.min((met * 4 * 0.86 * 255) / 9, 255));
    await eventually(() => inner('raw')).toHaveLength(3);
    // Bytes are whole numbers.
    const distances = (await inner('raw')).map((red, i) => Math.abs(red - (expected[i] ?? 0)));
    expect(Math.max(...distances)).toBeLessThan(1);
    expect(await inner('resized')).toEqual([value]);
  });

  it('stays flat with kernel 4, and loses that with random weights', async () => {
    await slider('Kernel').fill('4');
    await eventually(() => inner('raw')).toHaveLength(1);
    expect(await inner('raw')).toEqual(await inner('input'));
    await choose('Random');
    await eventually(async () => (await inner('raw')).length).toBeGreaterThan(2);
    await eventually(() => inner('resized')).toHaveLength(1);
    await choose('Bilinear');
    await eventually(() => inner('raw')).toHaveLength(1);
  });
});

describe('the panels', () => {
  it('grow with the stride and name what ran', async () => {
    await slider('Stride').fill('3');
    await eventually(async () => (await pixels('raw')).width).toBe(3 * 176);
    expect((await pixels('resized')).width).toBe(3 * 176);
    const notes = page.locator('[data-panel="raw"] .panel-notes');
    expect(await notes.textContent()).toMatch(/ConvTranspose2d\(1, 1, kernel_size=\(3, 3\)/);
    expect(await notes.textContent()).toMatch(/ms, (relaxed|simd), \d+ thread/);
    const second = page.locator('[data-panel="resized"] .panel-notes');
    expect(await second.textContent()).toMatch(/Conv2d\(1, 1, kernel_size=\(3, 3\)/);
  });

  it('share one magnifier that arrow keys move', async () => {
    const under = () => page.locator('.under-lens').allInnerTexts();
    const place = (texts: string[]) => texts.map((text) => text.split(':')[0]);
    await page.getByRole('application').focus();
    const before = place(await under());
    await page.keyboard.press('ArrowRight');
    const after = place(await under());
    expect(after).toHaveLength(3);
    const column = (text = '') => Number(/Pixel (\d+)/.exec(text)?.[1]);
    expect(column(after[0])).toBe(column(before[0]) + 1);
    expect(column(after[1])).toBe(column(before[1]) + 2);
    expect(column(after[2])).toBe(column(after[1]));
  });

  it('move the magnifier under the pointer', async () => {
    await panel('raw').scrollIntoViewIfNeeded();
    const box = await panel('raw').boundingBox();
    if (!box) throw new Error('the panel is not on screen');
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5);
    await eventually(() => page.locator('[data-panel="raw"] .under-lens').textContent()).toMatch(
      /Pixel 17[5-7], 13[1-3]/,
    );
  });
});

describe('an own picture', () => {
  const png = (width: number, height: number) => {
    const image = new PNG({ width, height });
    for (let i = 0; i < width * height; i++) {
      image.data.set([200, i % 256, 40, 255], 4 * i);
    }
    return PNG.sync.write(image);
  };

  it('opens from a file and is made smaller if it is large', async () => {
    await page
      .locator('input[type="file"]')
      .setInputFiles({ name: 'own.png', mimeType: 'image/png', buffer: png(600, 300) });
    await eventually(async () => (await pixels('input')).width).toBe(256);
    expect((await pixels('input')).height).toBe(128);
    await eventually(async () => (await pixels('raw')).width).toBe(512);
  });

  it('opens when dropped', async () => {
    const bytes = [...png(20, 10)];
    const transfer = await page.evaluateHandle((data) => {
      const dropped = new DataTransfer();
      dropped.items.add(new File([new Uint8Array(data)], 'drop.png', { type: 'image/png' }));
      return dropped;
    }, bytes);
    await page.locator('#lab').dispatchEvent('drop', { dataTransfer: transfer });
    await eventually(async () => (await pixels('input')).width).toBe(20);
  });

  it('that is none gets a plain sentence', async () => {
    await page
      .locator('input[type="file"]')
      .setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer: Buffer.from('not a png') });
    await page.getByText('x.png is not a picture this browser can read.').waitFor();
    expect((await pixels('input')).width).toBe(176);
  });
});
