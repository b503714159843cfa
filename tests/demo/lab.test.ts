import type { Page } from 'playwright';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { expectAccessible } from './accessible';
import { onePage } from './one-page';
import { eventually, type Served, serveWhole, stillBox, untilAnswered, type Visit, visit } from './serve';

let served: Served;
let open: Visit;
let page: Page;

onePage({ reducedMotion: 'reduce' }, (...opened) => {
  [open, served] = opened;
  page = open.page;
});
beforeEach(async () => {
  await open.again();
  await panel('raw').waitFor();
});
afterEach(() => open.expectSilence());

const panel = (name: string) => page.locator(`[data-panel="${name}"] .picture .pixel-canvas`);
const slider = (name: string) => page.locator('#lab').getByRole('slider', { name, exact: true });

const size = (name: string) =>
  panel(name).evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    return { width, height };
  });
const width = async (name: string) => (await size(name)).width;

/** Red values that occur away from the border. */
const inner = (name: string) =>
  panel(name).evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    // Read from a copy: reading the page's own canvas again and again would make the browser warn.
    const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (!copy) throw new Error('no 2D canvas');
    copy.drawImage(element as HTMLCanvasElement, 0, 0);
    const { data } = copy.getImageData(12, 12, width - 24, height - 24);
    return [...new Set(data.filter((_, i) => i % 4 === 0))].sort((a, b) => a - b);
  });

/** What pictures are scored for is what can be seen, or nearly. */
const bringPanelsNear = () => page.locator('#lab .panels').scrollIntoViewIfNeeded();

const choose = (name: string) => page.locator('#lab').getByRole('radio', { name, exact: true }).check();

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
    expect(await inner('resize')).toEqual([value]);
  });

  it('has no pattern that float32 can tell once it is resized first, and says one thing about it', async () => {
    const verdict = (name: string) => page.locator(`[data-panel="${name}"] [data-image-verdict]`);
    await bringPanelsNear();
    await eventually(async () => verdict('resize').getAttribute('data-image-verdict')).toBe('none');
    expect(await verdict('resize').innerText()).toBe(
      'In the picture no line; none of its contrast repeats with the stride',
    );
    expect(await page.locator('[data-panel="resize"] .pattern').innerText()).toContain('no pattern');
    expect(await verdict('raw').getAttribute('data-image-verdict')).toBe('pattern');
  });

  it('stays flat with kernel 4, and loses that with random weights', async () => {
    await slider('Kernel').fill('4');
    await eventually(() => inner('raw')).toHaveLength(1);
    expect(await inner('raw')).toEqual(await inner('input'));
    await choose('Random');
    await eventually(async () => (await inner('raw')).length).toBeGreaterThan(2);
    await eventually(() => inner('resize')).toHaveLength(1);
    await choose('Bilinear');
    await eventually(() => inner('raw')).toHaveLength(1);
  });
});

describe('the panels', () => {
  it('grow with the stride and name what ran', async () => {
    await slider('Stride').fill('3');
    await eventually(() => width('raw')).toBe(3 * 176);
    expect(await width('resize')).toBe(3 * 176);
    const notes = page.locator('[data-panel="raw"] .panel-notes');
    expect(await notes.textContent()).toMatch(/ConvTranspose2d\(3, 3, kernel_size=\(3, 3\)/);
    expect(await notes.textContent()).toMatch(/ms, (relaxed|simd), \d+ thread/);
    const second = page.locator('[data-panel="resize"] .panel-notes');
    expect(await second.textContent()).toMatch(/ResizeConv2d\(3, 3, kernel_size=\(3, 3\)/);
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
    const box = await stillBox(page, panel('raw'));
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5);
    await eventually(() => page.locator('[data-panel="raw"] .under-lens').textContent()).toMatch(
      /Pixel 17[5-7], 13[1-3]/,
    );
    // One magnifier: it is at the same place of the others.
    expect(await page.locator('[data-panel="input"] .under-lens').textContent()).toMatch(
      /Pixel 8[78], 6[56]/,
    );
    expect(await page.locator('[data-panel="resize"] .under-lens').textContent()).toMatch(
      /Pixel 17[5-7], 13[1-3]/,
    );
  });
});

describe('the sliders', () => {
  const layer = () => page.locator('[data-panel="raw"] .layer-name').first().textContent();

  it('all act on the layer that runs', async () => {
    await slider('Kernel').fill('5');
    await eventually(layer).toMatch(/kernel_size=\(5, 5\)/);
    await slider('Dilation').fill('2');
    await eventually(layer).toMatch(/dilation=\(2, 2\)/);
    await slider('Padding').fill('2');
    await slider('Output padding').fill('1');
    await eventually(layer).toMatch(/padding=\(2, 2\).*output_padding=\(1, 1\)/);
    // (176 - 1) 2 - 2 * 2 + 2 (5 - 1) + 1 + 1.
    await eventually(() => width('raw')).toBe(356);
    await choose('mixed (groups 1)');
    await eventually(layer).not.toMatch(/groups=3/);
    await choose('apart (groups 3)');
    await eventually(layer).toMatch(/groups=3/);
  });
});

describe('learned weights', () => {
  const unevenness = async () =>
    Number(await page.locator('[data-panel="raw"] [data-unevenness]').getAttribute('data-unevenness'));

  it('say that nothing is trained yet, train, and are what station 6 shows', async () => {
    await choose('Learned');
    await eventually(() => page.locator('.taken').innerText()).toMatch(/Nothing is trained yet/);
    expect(await slider('Kernel').inputValue()).toBe('4');
    await page.locator('#lab').getByRole('button', { name: 'Train 300 steps' }).click();
    await eventually(() => page.locator('.taken').innerText()).toMatch(
      /Trained in station 6 for 300 steps: seed 1, learning rate 0\.01/,
    );
    const shown = async (side: string) =>
      Number(
        (await page.locator(`[data-side="${side}"] .learn-numbers b`).first().innerText()).replace(
          '\u2212',
          '-',
        ),
      );
    // Station 6 tells two digits of so small a number.
    const near = (value: number) => (found: number) => Math.abs(found / value - 1) < 0.06;
    for (const side of ['random', 'icnr']) {
      await choose(`${side === 'icnr' ? 'ICNR' : 'random'} weights`);
      const told = await shown(side);
      expect(told).toBeGreaterThan(0);
      await eventually(async () => near(told)(await unevenness())).toBe(true);
    }

    // The link trains them again, to the same weights.
    const there = await unevenness();
    await eventually(() => page.url()).toMatch(/Lf=learned&Lt=icnr&.*Tt=300/);
    const link = page.url();
    await page.goto('about:blank');
    await page.goto(link);
    await eventually(() => page.locator('.taken').innerText()).toMatch(/Trained in station 6 for 300 steps/);
    await eventually(unevenness).toBe(there);
  });

  it('are no single kernel of the small network, and one layer is offered', async () => {
    await page.locator('#learn').getByRole('radio', { name: 'Eight channels, then a convolution' }).check();
    await choose('Learned');
    await eventually(() => page.locator('.taken').innerText()).toMatch(/no single kernel/);
    await page.locator('#lab').getByRole('button', { name: 'Train one layer' }).click();
    await eventually(() => page.locator('.taken').innerText()).toMatch(/Trained in station 6 for 300 steps/);
  });
});

describe('what is under the panels', () => {
  const check = (name: string) => page.locator('#lab').getByRole('checkbox', { name, exact: true }).check();
  const uncheck = (name: string) =>
    page.locator('#lab').getByRole('checkbox', { name, exact: true }).uncheck();
  const unevenness = async (name: string) =>
    Number(await page.locator(`[data-panel="${name}"] [data-unevenness]`).getAttribute('data-unevenness'));
  const line = async (name: string) =>
    Number(await page.locator(`[data-panel="${name}"] [data-line]`).getAttribute('data-line'));

  it('is U from the weights and the lines from the picture: only the raw layer has them', async () => {
    await check('Repaired weights');
    await eventually(() => page.locator('[data-panel]').count()).toBe(4);
    expect(await unevenness('raw')).toBeCloseTo(0.19, 6);
    for (const cure of ['resize', 'repaired']) expect(await unevenness(cure)).toBeLessThan(1e-10);
    await bringPanelsNear();
    await page.locator('[data-panel="repaired"] [data-line]').waitFor();
    expect(await line('raw')).toBeGreaterThan(20);
    for (const cure of ['resize', 'repaired']) expect(await line(cure)).toBeLessThan(20);
  });

  it('is without a pattern for every cure, whatever the random weights are', async () => {
    await choose('Random');
    await uncheck('Input');
    await check('Kernel a multiple of the stride');
    await check('ICNR weights');
    await eventually(() => page.locator('[data-panel]').count()).toBe(4);
    // An even overlap alone cures nothing once the weights are random.
    await eventually(() => unevenness('even')).toBeGreaterThan(0.001);
    // Four are enough: the others wait until one is taken away.
    const smooth = page.locator('#lab').getByRole('checkbox', { name: 'Smooth layer behind it' });
    expect(await smooth.isDisabled()).toBe(true);
    await uncheck('Kernel a multiple of the stride');
    await smooth.check();
    await page.locator('[data-panel="smooth"] [data-unevenness]').waitFor();
    for (const cure of ['icnr', 'smooth', 'resize']) {
      expect(await unevenness(cure)).toBeLessThan(1e-10);
    }
    expect(await unevenness('raw')).toBeGreaterThan(0.001);
  });

  it('is none with ICNR weights for whatever kernel is chosen: they need a multiple of the stride, and take it', async () => {
    await choose('ICNR');
    await eventually(() => page.locator('[data-panel="raw"] [data-unevenness]').count()).toBe(1);
    await eventually(() => unevenness('raw')).toBeLessThan(1e-10);
    expect(await page.locator('#lab .refusal').count()).toBe(0);
    expect(await page.locator('#lab .rules').first().innerText()).toMatch(/no dilation: it is 4 here/);
  });

  it('is of the whole stack', async () => {
    await choose('Flat colour');
    await slider('Layers stacked').fill('3');
    await eventually(() => width('raw')).toBe(8 * 88);
    // One axis: ones of three layers, spread by 4, 2 and 1, and their sums over the 8 phases.
    const sums = new Array<number>(8).fill(0);
    for (const a of [0, 4, 8]) {
      for (const b of [0, 2, 4]) {
        for (const c of [0, 1, 2]) sums[(a + b + c) % 8] = (sums[(a + b + c) % 8] ?? 0) + 1;
      }
    }
    // What is not pattern on both axes is the product of what is not on each.
    const constant = 27 ** 2 / 8 / sums.reduce((energy, sum) => energy + sum * sum, 0);
    expect(await unevenness('raw')).toBeCloseTo(1 - constant ** 2, 6);
    expect(await unevenness('resize')).toBeLessThan(1e-10);
  });

  it("is the package's own sentence where it refuses", async () => {
    await choose('Bilinear');
    await slider('Kernel').fill('7');
    await page.locator('[data-panel="raw"]').getByText('2 * stride or 2 * stride - 1').waitFor();
    await slider('Kernel').fill('4');
    await panel('raw').waitFor();
  });

  it('can be read as tables', async () => {
    await page.locator('#lab').getByText('As a table').first().click();
    const cells = page.locator('#lab .tables-beside table').first().locator('td');
    await eventually(() => cells.count()).toBe(49);
    const texts = await page.locator('[data-panel="input"] .under-lens b').textContent();
    expect(await cells.nth(24).textContent()).toBe(texts?.split(' ')[0]);
  });

  it('can be read as tables for a stack, too: a table for every picture and every spectrum', async () => {
    await slider('Layers stacked').fill('3');
    await eventually(() => width('raw')).toBe(8 * 88);
    await bringPanelsNear();
    await page.locator('[data-panel="resize"] [data-line]').waitFor();
    await page.locator('#lab').getByText('As a table').first().click();
    const captions = () => page.locator('#lab .tables-beside caption').allInnerTexts();
    for (const title of ['Input', 'Transposed convolution', 'Resize, then convolution']) {
      await eventually(captions).toContain(`${title}: first colour around the magnifier`);
      await eventually(captions).toContain(`${title}: the loudest 15 of 63 lines of the spectrum`);
    }
    const pictures = page.locator('#lab .panels canvas[role="img"]');
    expect(await pictures.count()).toBe((await captions()).length);
  });

  it('follows own padding and goes back to the fit', async () => {
    await slider('Padding').fill('3');
    await eventually(() => width('raw')).toBe(2 * 176 - 4);
    await page.getByRole('button', { name: 'Crop to 2 times the input' }).click();
    await eventually(() => width('raw')).toBe(2 * 176);
  });
});

describe('sound', () => {
  const levels = (which: 'before' | 'after') =>
    page
      .locator(`.tones [data-${which}]`)
      .evaluateAll((cells, name) => cells.map((cell) => Number(cell.getAttribute(`data-${name}`))), which);

  it('has tones at the sampling rate times m/s that repair takes away', async () => {
    await page.locator('#sound').scrollIntoViewIfNeeded();
    for (const [name, tones] of [
      ['k16 s8', 4],
      ['k15 s10', 5],
      ['k11 s5', 2],
    ] as const) {
      await choose(name);
      await eventually(async () => (await levels('before')).length).toBe(tones);
      const [raw, repaired] = [await levels('before'), await levels('after')];
      console.log(
        `Tones of ${name} in dB: ${raw.map((level) => level.toFixed(1)).join(', ')}; ` +
          `repaired ${repaired.map((level) => level.toFixed(1)).join(', ')}`,
      );
      // Audible as they are, and at least 40 dB lower after repair.
      expect(Math.max(...raw)).toBeGreaterThan(-45);
      raw.forEach((level, m) => {
        if (level > -70) expect(level - (repaired[m] ?? 0)).toBeGreaterThan(40);
        expect(repaired[m]).toBeLessThan(-100);
      });
    }
  });

  it('is computed, as the scores are, where no slider waits for it, and once it comes near', async () => {
    const own = await visit(served, { ownClock: true, reducedMotion: 'reduce' });
    const shared = page;
    page = own.page;
    onTestFinished(() => {
      page = shared;
    });
    await panel('raw').waitFor();
    const names = () => page.evaluate(() => globalThis.asked.map((each) => [...each]));
    await page.clock.runFor(1000);
    expect((await names()).flat()).toContain('lab');
    expect((await names()).flat()).not.toContain('labScore');
    await bringPanelsNear();
    await page.locator('[data-panel="resize"] [data-line]').waitFor();
    await page.locator('#sound').scrollIntoViewIfNeeded();
    await eventually(async () => (await levels('before')).length).toBe(4);
    const withSound = (await names()).filter((of) => of.includes('sound'));
    expect(withSound).toHaveLength(1);
    expect(withSound[0]).toContain('labScore');
    expect(withSound[0]).not.toContain('lab');
    await own.leave();
  });

  it('is played by a press of a button and stopped by another', async () => {
    await page.locator('#sound').scrollIntoViewIfNeeded();
    await page.getByRole('button', { name: 'Play as it is' }).click();
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await page.getByRole('button', { name: 'Play repaired' }).click();
    await page.getByRole('button', { name: 'Play as it is' }).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Play repaired' }).waitFor();
  });

  it('is not heard once it was stopped, however late the sound comes on', async () => {
    await page.locator('#sound').scrollIntoViewIfNeeded();
    await page.getByRole('button', { name: 'Play as it is' }).waitFor();
    await page.evaluate(() => {
      const { resume } = AudioContext.prototype;
      const { start, stop } = AudioBufferSourceNode.prototype;
      const sounding = new Set<AudioBufferSourceNode>();
      const late: (() => void)[] = [];
      AudioContext.prototype.resume = () => new Promise((resolve) => late.push(resolve));
      AudioBufferSourceNode.prototype.start = function (...when) {
        sounding.add(this);
        start.apply(this, when);
      };
      AudioBufferSourceNode.prototype.stop = function (...when) {
        sounding.delete(this);
        stop.apply(this, when);
      };
      const comesOn = async () => {
        Object.assign(AudioContext.prototype, { resume });
        for (const resolve of late) resolve();
        await new Promise((resolve) => setTimeout(resolve));
        Object.assign(AudioBufferSourceNode.prototype, { start, stop });
        return sounding.size;
      };
      Object.assign(globalThis, { comesOn });
    });
    await page.getByRole('button', { name: 'Play as it is' }).click();
    await page.getByRole('button', { name: 'Play repaired' }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Play as it is' }).click();
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    const sounding = await page.evaluate(() =>
      (globalThis as unknown as { comesOn(): Promise<number> }).comesOn(),
    );
    expect(sounding).toBe(1);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Play as it is' }).waitFor();
  });

  it('is played and stopped by keyboard', async () => {
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
    // What is focused comes near, and only then is it computed.
    await page.locator('#sound').getByRole('radio', { name: 'k16 s8' }).focus();
    await page.getByRole('button', { name: 'Play as it is' }).waitFor();
    for (const name of [/^Seed/, /^Play as it is$/]) {
      await page.keyboard.press('Tab');
      await eventually(() => focused()).toMatch(name);
    }
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    expect(await focused()).toBe('Stop');
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Play as it is' }).waitFor();
    await page.keyboard.press('Tab');
    await eventually(() => focused()).toBe('Play repaired');
    await page.keyboard.press('Enter');
    await eventually(focused).toBe('Stop');
    await page.keyboard.press('Enter');
    await eventually(focused).toBe('Play repaired');
  });
});

declare global {
  var readSlowOne: () => void;
  var restoreDecoding: () => void;
}

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
      .locator('#lab input[type="file"]')
      .setInputFiles({ name: 'own.png', mimeType: 'image/png', buffer: png(600, 300) });
    await eventually(() => width('input')).toBe(256);
    expect((await size('input')).height).toBe(128);
    await eventually(() => width('raw')).toBe(512);
  });

  it('is the last of two that are chosen, whichever is read first', async () => {
    const choose = (name: string, width: number) =>
      page
        .locator('#lab input[type="file"]')
        .setInputFiles({ name, mimeType: 'image/png', buffer: png(width, 10) });
    await page.evaluate(() => {
      const decode = globalThis.createImageBitmap;
      const slow = new Promise<void>((resolve) => {
        globalThis.readSlowOne = resolve;
      });
      globalThis.createImageBitmap = (async (file: File) => {
        if (file.name === 'slow.png') await slow;
        return decode(file);
      }) as typeof decode;
      globalThis.restoreDecoding = () => {
        globalThis.createImageBitmap = decode;
      };
    });
    await choose('slow.png', 50);
    await choose('quick.png', 30);
    await eventually(() => width('input')).toBe(30);
    await page.evaluate(() => globalThis.readSlowOne());
    await page.evaluate(() => globalThis.restoreDecoding());
    await page.evaluate(untilAnswered);
    expect(await width('input')).toBe(30);
    expect(await page.locator('[data-panel="input"]').textContent()).toContain('quick.png');
  });

  it('opens from a drawing, too', async () => {
    const drawing =
      '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><rect width="30" height="20"/></svg>';
    await page
      .locator('#lab input[type="file"]')
      .setInputFiles({ name: 'own.svg', mimeType: 'image/svg+xml', buffer: Buffer.from(drawing) });
    await eventually(() => width('input')).toBe(30);
    await eventually(() => width('raw')).toBe(60);
  });

  it('is sent nowhere, and is no part of the link', async () => {
    await bringPanelsNear();
    await page.locator('[data-panel="raw"] [data-line]').waitFor();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(`${request.method()} ${request.url()}`));
    await page
      .locator('#lab input[type="file"]')
      .setInputFiles({ name: 'own.png', mimeType: 'image/png', buffer: png(40, 30) });
    await eventually(() => width('raw')).toBe(80);
    await eventually(() => page.url()).toMatch(/Li=own/);
    expect(page.url().length).toBeLessThan(served.url.length + 40);
    // The icon is looked at again when the address changes; a file of the page carries nothing away.
    const own = (one: string) => one.startsWith(`GET ${served.url}assets/`) && !one.includes('?');
    expect(asked.filter((one) => !own(one))).toEqual([]);
  });

  it('opens when dropped', async () => {
    const bytes = [...png(20, 10)];
    const transfer = await page.evaluateHandle((data) => {
      const dropped = new DataTransfer();
      dropped.items.add(new File([new Uint8Array(data)], 'drop.png', { type: 'image/png' }));
      return dropped;
    }, bytes);
    await page.locator('#lab').dispatchEvent('drop', { dataTransfer: transfer });
    await eventually(() => width('input')).toBe(20);
  });

  it('leaves the page where it is, let go beside the places for files', async () => {
    const refused = await page.evaluate(() => {
      const dropped = new DataTransfer();
      dropped.items.add(new File(['x'], 'drop.png', { type: 'image/png' }));
      const prevented = (kind: string, target: Element, dataTransfer: DataTransfer) =>
        !target.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }));
      return [document.body, ...document.querySelectorAll('#stamp, .masthead')].map((target) => [
        prevented('dragover', target, dropped),
        prevented('drop', target, dropped),
        // Text is dragged into fields.
        prevented('drop', target, new DataTransfer()),
      ]);
    });
    expect(refused).toEqual(Array(3).fill([true, true, false]));
  });

  it('opens when pasted', async () => {
    await page.evaluate(
      (data) => {
        const pasted = new DataTransfer();
        pasted.items.add(new File([new Uint8Array(data)], 'paste.png', { type: 'image/png' }));
        document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: pasted, bubbles: true }));
      },
      [...png(24, 12)],
    );
    await eventually(() => width('input')).toBe(24);
    expect(await page.locator('[data-panel="input"]').textContent()).toContain('paste.png');
    await eventually(() => width('raw')).toBe(48);
  });

  it('is taken with the camera once it is granted, and refused in a plain sentence until then', async () => {
    const whole = await serveWhole();
    onTestFinished(() => whole.close());
    const { page, leave } = await visit(whole, { reducedMotion: 'reduce' });
    // By keyboard: on a page that has just opened, stations that answer late move the button away under a pressed mouse.
    await page.getByRole('button', { name: 'Camera' }).press('Enter');
    await page.getByText('No camera can be used here').waitFor();
    await page.context().grantPermissions(['camera']);
    await page.getByRole('button', { name: 'Camera' }).click();
    const take = page.getByRole('button', { name: 'Take the picture' });
    await take.waitFor();
    await page.waitForFunction(() => (document.querySelector('video')?.videoWidth ?? 0) > 0);
    await take.click();
    await eventually(() => page.locator('[data-panel="input"]').textContent()).toContain('Camera');
    expect(await page.locator('video').count()).toBe(0);
    // What is chosen while a picture is still being made of what the camera has seen stays.
    await page.evaluate(() => {
      const { convertToBlob } = OffscreenCanvas.prototype;
      const slow = new Promise<void>((resolve) => {
        globalThis.readSlowOne = resolve;
      });
      OffscreenCanvas.prototype.convertToBlob = async function () {
        await slow;
        return convertToBlob.call(this);
      };
    });
    await page.getByRole('button', { name: 'Camera' }).press('Enter');
    await page.waitForFunction(() => (document.querySelector('video')?.videoWidth ?? 0) > 0);
    await take.press('Enter');
    const ramp = page.locator('#lab').getByRole('radio', { name: 'Ramp' });
    await ramp.check();
    await page.evaluate(() => globalThis.readSlowOne());
    await page.evaluate(untilAnswered);
    expect(await ramp.isChecked()).toBe(true);
    await leave();
  });

  it('that a link cannot carry is missed in a plain sentence', async () => {
    await page.goto(`${served.url}?missed#v1&Li=own`);
    await page.getByText('The picture that was here is not part of a link').waitFor();
    await eventually(() => width('input')).toBe(176);
    await page
      .locator('#lab input[type="file"]')
      .setInputFiles({ name: 'own.png', mimeType: 'image/png', buffer: png(40, 30) });
    await eventually(() => width('input')).toBe(40);
    expect(await page.getByText('The picture that was here').count()).toBe(0);
  });

  it('that is none gets a plain sentence, where pictures are chosen and where it is seen', async () => {
    const bytes = Buffer.from('not a png');
    await page
      .locator('#lab input[type="file"]')
      .setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer: bytes });
    const sentence = page.locator('#lab .picture-choice').getByRole('alert');
    await eventually(() => sentence.textContent()).toBe('x.png is not a picture this browser can read.');
    expect(await width('input')).toBe(176);
    // Browsers read it, and would draw nothing.
    const empty = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="0"></svg>');
    await page
      .locator('#lab input[type="file"]')
      .setInputFiles({ name: 'empty.svg', mimeType: 'image/svg+xml', buffer: empty });
    await eventually(() => sentence.textContent()).toBe('empty.svg is not a picture this browser can read.');
    expect(await width('input')).toBe(176);
    await page.locator('#sound').scrollIntoViewIfNeeded();
    const dropped = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['none'], 'y.png', { type: 'image/png' }));
      return transfer;
    });
    await page.locator('#sound').dispatchEvent('drop', { dataTransfer: dropped });
    await eventually(() => sentence.textContent()).toBe('y.png is not a picture this browser can read.');
    await eventually(() =>
      sentence.evaluate((element) => {
        const { top, bottom } = element.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      }),
    ).toBe(true);
  });

  it('that is none is refused once more where it is seen, and no refusal takes no room', async () => {
    const choice = page.locator('#lab .picture-choice');
    /** What is left below the last thing in there. */
    const gap = () =>
      choice.evaluate((grid) => {
        const last = Math.max(...Array.from(grid.children, (child) => child.getBoundingClientRect().bottom));
        const inner = [...grid.children].filter((child) => child.getBoundingClientRect().height > 0);
        return last - Math.max(...inner.map((child) => child.getBoundingClientRect().bottom));
      });
    expect(await gap()).toBe(0);
    const refusal = choice.getByRole('alert');
    for (let time = 1; time <= 2; time++) {
      await page.evaluate(() => scrollTo(0, 0));
      await page.locator('#lab').evaluate((lab) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(['words'], 'words.txt', { type: 'text/plain' }));
        lab.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      });
      await eventually(() =>
        refusal.evaluate((element) => {
          const { top, bottom } = element.getBoundingClientRect();
          // Pages scroll by whole pixels.
          return top >= 0 && bottom < innerHeight + 1;
        }),
      ).toBe(true);
    }
    await choose('Ramp');
    await eventually(() => refusal.count()).toBe(0);
    expect(await gap()).toBe(0);
  });

  it('that is none is refused for longer than an answer takes that was asked for before', async () => {
    const refusal = page.getByText('Only a picture file can be dropped here.');
    await page.locator('#lab').evaluate((lab) => {
      const slider = [...lab.querySelectorAll<HTMLInputElement>('input[type="range"]')].find(
        ({ labels }) => labels?.[0]?.textContent === 'Kernel',
      );
      if (!slider) throw new Error('no slider of the kernel');
      slider.value = slider.value === '3' ? '4' : '3';
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['words'], 'words.txt', { type: 'text/plain' }));
      lab.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      if (unanswered.size === 0) throw new Error('nothing was asked');
    });
    await refusal.waitFor();
    await page.evaluate(untilAnswered);
    expect(await refusal.count()).toBe(1);
    await page.locator('#lab').getByRole('radio', { name: 'Ramp' }).check();
    await eventually(() => refusal.count()).toBe(0);
  });
});

it('axe finds nothing, and nothing sticks out', async () => {
  const lab = page.locator('#lab');
  await lab.getByRole('checkbox', { name: 'Repaired weights' }).check();
  await choose('Learned');
  await lab.getByText('Nothing is trained yet').waitFor();
  await page.locator('#sound').scrollIntoViewIfNeeded();
  await page.locator('.spectrograms').waitFor();
  await bringPanelsNear();
  await page.locator('[data-panel="repaired"] [data-line]').waitFor();
  for (const text of ['As a table', 'Why it ran this way']) {
    for (const summary of await lab.getByText(text).all()) await summary.click();
  }
  await page.locator('#lab .tables-beside table').first().waitFor();
  await expectAccessible(page, '#lab');
});
