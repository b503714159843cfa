import type { BrowserContextOptions, Locator, Page, Request, Route } from 'playwright';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { madeNetwork } from '../../web/demo/src/engine/made-networks';
import { SAMPLE_RATE } from '../../web/demo/src/model/voice';
import { expectAccessible } from './accessible';
import { onePage } from './one-page';
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

describe.each(hands)('a person, %s,', (hand, options, press) => {
  let open: Visit;
  let page: Page;
  // It looks at both widths itself, and every hand comes to the same states.
  const findNothing = async () => {
    if (hand === hands[0]?.[0]) await expectAccessible(page, '#model');
  };
  const model = () => page.locator('#model');
  const level = async (which: string) =>
    Number((await model().locator(which).getAttribute('data-level')) || Number.NaN);

  onePage({ reducedMotion: 'reduce', ...options }, (opened) => {
    open = opened;
    page = open.page;
  });

  it('(j) brings FSRCNN x3, sees which layer draws the grid, repairs it and sees it gone', async () => {
    await bring(page, 'fsrcnn-x3.onnx', madeNetwork('fsrcnn', 7));
    await press(page, model().getByRole('button', { name: 'Run fsrcnn-x3.onnx' }));
    await eventually(() => model().locator('.network-verdict').textContent()).toMatch(
      /^deconv draws the grid: 100 % of the output's pattern/,
    );
    expect(await model().locator('.is-culprit').getAttribute('data-step')).toBe('deconv');
    const before = await level('.network-verdict');
    expect(before).toBeGreaterThan(-30);
    await press(page, model().getByRole('checkbox', { name: /^deconv/ }));
    await eventually(() => model().locator('.network-after').textContent()).toMatch(/^The pattern/);
    expect(await level('.network-after')).toBeLessThan(before - 20);
    // One magnifier over all three: the third says by how much the first two differ.
    expect(await model().locator('.network-outputs figure').count()).toBe(3);
    const under = () => model().locator('.network-outputs .under-lens').allInnerTexts();
    const [first] = await under();
    await model().getByRole('application').focus();
    await page.keyboard.press('ArrowRight');
    await eventually(async () => (await under())[0]).not.toBe(first);
    const read = (await under()).map((text) => text.replaceAll('\u2212', '-').split(': '));
    expect(new Set(read.map(([pixel]) => pixel)).size).toBe(1);
    const [own, mended, change] = read.map(([, value]) => Number(value)) as [number, number, number];
    expect(change).toBeCloseTo(mended - own, 2);
    await findNothing();
  });

  it('takes another picture, and one of the person\u2019s own', async () => {
    const verdict = () => model().locator('.network-verdict').textContent();
    const first = await verdict();
    await press(page, model().getByRole('radio', { name: 'Flat colour' }));
    await eventually(verdict).not.toBe(first);
    await eventually(() => page.url()).toContain('Np=flat');
    const flat = await verdict();
    const png = new PNG({ width: 20, height: 10 });
    png.data.forEach((_, i) => {
      png.data[i] = i % 4 === 3 ? 255 : (7 * i) % 251;
    });
    const file = { name: 'own.png', mimeType: 'image/png', buffer: PNG.sync.write(png) };
    await model().locator('.network input[type="file"]').setInputFiles(file);
    await model().getByText('own.png').waitFor();
    await eventually(verdict).not.toBe(flat);
    const drop = await page.evaluateHandle(
      (bytes) => {
        const dropped = new DataTransfer();
        dropped.items.add(new File([new Uint8Array(bytes)], 'dropped.png', { type: 'image/png' }));
        return dropped;
      },
      [...file.buffer],
    );
    await model().dispatchEvent('drop', { dataTransfer: drop });
    await model().getByText('dropped.png').waitFor();
    await eventually(() => model().locator('.network').getAttribute('aria-busy')).toBe('false');
    expect(await model().getByRole('alert').count()).toBe(0);
    const none = { name: 'none.png', mimeType: 'image/png', buffer: Buffer.from('none') };
    await model().locator('.network input[type="file"]').setInputFiles(none);
    await model().getByText('none.png is not a picture this browser can read.').waitFor();
    expect(await verdict()).toMatch(/^deconv draws the grid/);
  });

  it("opens a layer of the page's own network, by its kernels, and in the lab", async () => {
    await press(page, model().getByRole('button', { name: 'FSRCNN \u00d73', exact: true }).first());
    // What another network gave is gone at once: these are the steps of the page's own.
    await eventually(() => page.url()).toContain('Nn=fsrcnn');
    const step = model().locator('[data-step="deconv"]');
    // A pattern is drawn pixel by pixel, and so not all of it.
    await step.getByText('Shown: the middle 64 × 64 of 99 × 132').waitFor();
    // Safari keeps nothing in place by itself.
    await page.evaluate(() => {
      document.documentElement.style.overflowAnchor = 'none';
    });
    await press(page, step.getByRole('button', { name: 'Kernels of deconv' }));
    await eventually(() => page.evaluate(() => document.activeElement?.textContent)).toBe('deconv');
    const card = model().locator('[data-layer="deconv"]');
    const top = () => card.locator('h3').evaluate((heading) => heading.getBoundingClientRect().top);
    const before = await top();
    await page.locator('main').evaluate((main) => {
      main.prepend(Object.assign(document.createElement('div'), { style: 'height: 300px' }));
    });
    await eventually(async () => Math.abs((await top()) - before)).toBeLessThan(2);
    await page.evaluate(() => {
      document.documentElement.style.overflowAnchor = '';
      document.querySelector('main > div[style="height: 300px"]')?.remove();
    });
    expect(await card.locator('.model-verdict span b').first().textContent()).toBe(
      await step.locator('i + b').textContent(),
    );
    await press(page, card.getByRole('button', { name: 'Open this kernel in the lab' }));
    const kernel = page.locator('#lab').getByRole('slider', { name: 'Kernel', exact: true });
    await eventually(() => kernel.inputValue()).toBe('9');
  });

  it('sees what a step takes past others, and reads it', async () => {
    await press(page, model().getByRole('button', { name: 'Decoder like TAESD' }));
    const steps = model().locator('.network-steps');
    await steps.locator('[data-step="block1/2"]').getByText('Also takes enter\u2019s output').waitFor();
    // The lane leaves the step that is skipped from, passes the one between, and ends where it is taken.
    const lanes = (step: string) => steps.locator(`[data-step="${step}"] .skip`);
    const bends = async (step: string) => [
      await lanes(step).count(),
      await lanes(step).locator('path').count(),
    ];
    expect(await bends('enter')).toEqual([1, 1]);
    expect(await bends('block1/1')).toEqual([1, 0]);
    expect(await bends('block1/2')).toEqual([1, 1]);
    expect(await bends('block1/out')).toEqual([0, 0]);
    // Where one row ends the next begins: the lane is not broken.
    const gap = await steps.evaluate((element) => {
      // Both in one moment: what is above them may still grow.
      const [above, below] = ['enter', 'block1/1'].map((step) =>
        element.querySelector(`[data-step="${step}"] .lanes`)?.getBoundingClientRect(),
      );
      return { x: (below?.x ?? 0) - (above?.x ?? 0), y: (below?.y ?? 0) - (above?.bottom ?? 0) };
    });
    expect(gap.x).toBe(0);
    expect(gap.y).toBeCloseTo(0, 0);
    await findNothing();
  });

  it('looks at one channel of every step, where it has so many', async () => {
    const steps = model().locator('.network-steps');
    const drawn = (step: string) =>
      steps
        .locator(`[data-step="${step}"] canvas`)
        .evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
    const mean = await drawn('enter');
    const image = await drawn('image');
    await press(page, model().getByRole('radio', { name: 'One channel' }));
    await eventually(() => page.url()).toContain('Nc=0');
    await eventually(() => drawn('enter')).not.toBe(mean);
    const first = await drawn('enter');
    const channel = model().getByRole('slider', { name: 'Channel', exact: true });
    expect(await channel.getAttribute('max')).toBe('7');
    await channel.fill('4');
    await eventually(() => page.url()).toContain('Nc=4');
    await eventually(() => drawn('enter')).not.toBe(first);
    const fifth = await drawn('enter');
    // Three channels have no fifth.
    await steps.locator('[data-step="image"]').getByText('Mean: it has 3 channels').waitFor();
    await eventually(() => drawn('image')).toBe(image);
    await channel.fill('7');
    await eventually(() => page.url()).toContain('Nc=7');
    await eventually(() => drawn('enter')).not.toBe(fifth);
    const last = await drawn('enter');
    await press(page, model().getByRole('radio', { name: 'Mean of channels' }));
    await eventually(() => drawn('enter')).toBe(mean);
    await eventually(() => page.url()).not.toContain('Nc=');
    // As of a network with more channels: what the slider says is what is drawn.
    await open.again(`${new URL(page.url()).hash}&Nc=40`);
    expect(await channel.inputValue()).toBe('7');
    await eventually(() => drawn('enter')).toBe(last);
  });

  it('runs what station 6 has trained, once it is trained', async () => {
    const trained = model().getByRole('button', { name: 'Trained in station 6' });
    const learn = page.locator('#learn');
    expect(await trained.count()).toBe(0);
    await learn.getByRole('radio', { name: 'Eight channels, then a convolution' }).focus();
    await page.keyboard.press('Space');
    const takeStep = async (done: number) => {
      await learn.getByRole('button', { name: 'One step', exact: true }).press('Enter');
      await eventually(() => learn.locator('.learn-step b').textContent()).toBe(String(done));
    };
    await takeStep(1);
    await press(page, trained);
    await eventually(() => page.url()).toContain('Nn=learned');
    const step = model().locator('[data-step="up"]');
    await step.waitFor();
    expect(await model().locator('[data-step="image"]').count()).toBe(1);
    // The layer's U is the one that the other station tells of it.
    const [, last] = await learn
      .locator('[data-chart="U"] tbody tr')
      .evaluateAll((rows) => rows.map((row) => row.children[1]?.textContent ?? ''));
    expect(await step.locator('i + b').textContent()).toBe(last);
    // Further training is another network.
    const verdict = () => model().locator('.network-verdict').textContent();
    const first = await step.locator('i + b').textContent();
    await takeStep(2);
    await takeStep(3);
    await eventually(() => step.locator('i + b').textContent()).not.toBe(first);
    expect(await verdict()).toMatch(/^up draws the grid/);
    await press(page, step.getByRole('button', { name: 'Kernels of up' }));
    await eventually(() => page.evaluate(() => document.activeElement?.textContent)).toBe('up');
  });

  it('compares with onnxruntime-web, which is fetched by the press alone', async () => {
    const asked: string[] = [];
    const note = (request: Request) => void asked.push(new URL(request.url()).pathname);
    page.on('request', note);
    await press(page, model().getByRole('button', { name: 'Decoder like TAESD' }));
    const compare = model().getByRole('button', { name: /^Compare with onnxruntime-web \d/ });
    await compare.waitFor();
    await model().locator('[data-step="image"] canvas').waitFor();
    expect(asked.filter((path) => path.includes('/peers/'))).toEqual([]);
    await press(page, compare);
    const said = model().locator('.network-comparison p').first();
    await eventually(() => said.textContent()).toMatch(
      /^deconv-wasm [<\d].* ms, onnxruntime-web [<\d].* ms, on \d threads? each\. Their outputs differ by /,
    );
    page.off('request', note);
    expect(asked.some((path) => path.endsWith('/peers/onnxruntime/ort.wasm.min.mjs'))).toBe(true);
    const [difference = 1, largest = 0] = [
      ...((await said.textContent()) ?? '').matchAll(/differ by (\S+) at most, of values up to (\S+)\.$/g),
    ].flatMap(([, ...numbers]) => numbers.map((text) => Number(text.replaceAll('\u2212', '-'))));
    expect(largest).toBeGreaterThan(0.5);
    expect(difference).toBeLessThan(1e-4 * largest);
    await findNothing();
  });

  it("(m) hears a vocoder's tones, and that they are gone", async () => {
    await page.evaluate(listen);
    await press(page, model().getByRole('button', { name: 'Vocoder like HiFi-GAN' }));
    await model().locator('.network .tones').waitFor();
    // Each heading stands over its numbers.
    const aligned = await model()
      .locator('.network .tones tr')
      .evaluateAll((rows) =>
        rows.map((row) =>
          [...row.children]
            .slice(1)
            .map((cell) => getComputedStyle(cell).textAlign)
            .join(),
        ),
      );
    expect(new Set(aligned)).toEqual(new Set(['right,right']));
    await press(page, model().getByRole('button', { name: 'Repair all' }));
    // What no longer is shown is no longer heard: the repaired run first.
    await model().getByRole('button', { name: 'Play repaired' }).waitFor();
    await press(page, model().getByRole('button', { name: 'Play as it is' }));
    await model().getByRole('button', { name: 'Stop' }).waitFor();
    await press(page, model().getByRole('button', { name: 'Play repaired' }));
    await eventually(() => page.evaluate(() => globalThis.heard.length)).toBe(2);
    const [before = [], after = []] = await page.evaluate(() => globalThis.heard);
    expect(before.length).toBeGreaterThan(SAMPLE_RATE);
    // The period of 8 samples at 16 kHz: 2, 4, 6 and 8 kHz.
    const loudest = (samples: readonly number[]) =>
      Math.max(...[2000, 4000, 6000, 8000].map((frequency) => toneOf(samples, frequency)));
    expect(loudest(before)).toBeGreaterThan(-45);
    expect(loudest(after)).toBeLessThan(loudest(before) - 25);
    // And the table says what is heard.
    const told = await model()
      .locator('.network .tones td[data-before]')
      .evaluateAll((cells) => cells.map((cell) => Number(cell.getAttribute('data-before'))));
    expect(Math.abs(Math.max(...told) - loudest(before))).toBeLessThan(1);
    await press(page, model().getByRole('button', { name: 'Stop' }));
    await eventually(() => model().getByRole('button', { name: 'Stop' }).count()).toBe(0);
  });

  it('hears a sound of their own in the vocoder, and the page\u2019s voice again', async () => {
    const tones = () => model().locator('.network .tones').innerText();
    const voice = await tones();
    const heard = () => page.evaluate(() => globalThis.heard.at(-1) ?? []);
    const choose = (name: string, buffer: Buffer) =>
      model().locator('.network input[type="file"]').setInputFiles({ name, mimeType: 'audio/wav', buffer });
    await choose('none.wav', Buffer.from('none'));
    await model().getByText('none.wav is not a sound this browser can read.').waitFor();
    await choose(
      'silence.wav',
      wave(44_100, 1, () => 0),
    );
    await model().getByText('silence.wav is silent').waitFor();
    expect(await tones()).toBe(voice);
    // What is as high as half the samples of the input is still kept by it.
    await choose(
      'hum.wav',
      wave(44_100, 2, (time) => 0.2 * Math.sin(2 * Math.PI * 250 * time)),
    );
    await eventually(tones).not.toBe(voice);
    await press(page, model().getByRole('button', { name: /^Play/ }).first());
    await eventually(async () => toneOf(await heard(), 250)).toBeGreaterThan(-25);
    expect(toneOf(await heard(), 130)).toBeLessThan(toneOf(await heard(), 250) - 25);
    await press(page, model().getByRole('button', { name: 'Stop' }));
    await press(page, model().getByRole('radio', { name: 'Generated voice' }));
    await eventually(tones).toBe(voice);
  });
});

it('stops a network that takes long, and runs it again when asked', async () => {
  const { page, leave } = await visit(served, { reducedMotion: 'reduce' });
  const model = page.locator('#model');
  const button = model.getByRole('button', { name: 'DCGAN', exact: true }).first();
  const waiting: Route[] = [];
  await page.route('**/trace-*.js', (route) => void waiting.push(route));
  await button.click();
  await eventually(() => waiting.length).toBe(1);
  await model.getByRole('button', { name: 'Stop it' }).click();
  await model.getByText('Stopped. Press its button to run it again.').waitFor();
  expect(await model.getByRole('button', { name: 'Stop it' }).count()).toBe(0);
  await page.unroute('**/trace-*.js');
  await button.click();
  await model.locator('.network-verdict').waitFor();
  expect(await model.getByRole('alert').count()).toBe(0);

  // A repair that is stopped, as soon as it can be, leaves what was there.
  const verdict = await model.locator('.network-verdict').textContent();
  await page.evaluate(() => {
    const seen = new MutationObserver(() => {
      const stop = [...document.querySelectorAll('#model button')].find(
        (one) => one.textContent === 'Stop it',
      );
      if (!(stop instanceof HTMLElement)) return;
      seen.disconnect();
      stop.click();
    });
    seen.observe(document.querySelector('#model') as Element, { childList: true, subtree: true });
    document.querySelector<HTMLElement>('#model .network-repair input')?.click();
  });
  await eventually(() => page.url()).not.toContain('Nr=');
  const first = model.locator('.network-repair input').first();
  await eventually(() => first.isChecked()).toBe(false);
  expect(await model.locator('.network-verdict').textContent()).toBe(verdict);
  expect(await model.locator('.network-after').textContent()).toBe('Nothing is repaired yet.');
  expect(await model.getByRole('alert').count()).toBe(0);
  // Its steps can still be asked for, though what ran them is gone.
  const picture = () =>
    model.locator('[data-step="up3"] canvas').evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  const mean = await picture();
  await model.getByRole('radio', { name: 'One channel' }).click();
  await eventually(picture).not.toBe(mean);
  await first.click();
  await eventually(() => model.locator('.network-after').textContent()).toMatch(/^The pattern/);
  await leave();
});

it('stops a comparison, and says that onnxruntime-web did not load', async () => {
  const { page, leave } = await visit(served, { reducedMotion: 'reduce' });
  const model = page.locator('#model');
  // By keyboard: see the camera's test in lab.test.ts.
  await model.getByRole('button', { name: 'Decoder like TAESD' }).press('Enter');
  await model.locator('[data-step="image"] canvas').waitFor();
  const compare = model.getByRole('button', { name: /^Compare with onnxruntime-web/ });
  const said = model.locator('.network-comparison p').first();
  const before = await said.textContent();
  const waiting: Route[] = [];
  await page.route('**/peers/onnxruntime/**', (route) => void waiting.push(route));
  await compare.click();
  await eventually(() => waiting.length).toBeGreaterThan(0);
  await model.getByRole('button', { name: 'Stop comparing' }).click();
  await eventually(() => said.textContent()).toBe(before);
  expect(await model.getByRole('button', { name: 'Stop comparing' }).count()).toBe(0);
  await page.unroute('**/peers/onnxruntime/**');
  await page.route('**/peers/onnxruntime/**', (route) => route.fulfill({ status: 404, body: '' }));
  await compare.click();
  await eventually(() => said.textContent()).toContain('it could not be loaded from this page');
  // What it was compared with is still there.
  expect(await model.locator('[data-step="image"] canvas').count()).toBe(1);
  await leave();
});

/** By the mouse it is dropped; a finger and the keys choose it. */
async function bring(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  await page.locator('#model .model-choice').waitFor();
  if ((page.viewportSize()?.width ?? 0) < 1000) {
    const file = { name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) };
    await page.locator('#model .model-choice input[type="file"]').setInputFiles(file);
    return;
  }
  await page.evaluate(
    ([name, data]) => {
      const dropped = new DataTransfer();
      dropped.items.add(new File([new Uint8Array(data)], name));
      const drop = new DragEvent('drop', { dataTransfer: dropped, bubbles: true, cancelable: true });
      document.querySelector('#model')?.dispatchEvent(drop);
    },
    [name, [...bytes]] as const,
  );
}

declare global {
  /** What the page has played, each from its beginning. */
  var heard: number[][];
}

/** In the page: keeps what is played, which goes on until it is stopped: on a busy machine it would be over before one looks. */
function listen(): void {
  globalThis.heard = [];
  const { start } = AudioBufferSourceNode.prototype;
  AudioBufferSourceNode.prototype.start = function (...given) {
    heard.push([...(this.buffer?.getChannelData(0) ?? [])]);
    this.loop = true;
    start.apply(this, given);
  };
}

/** A WAV file of one channel, 16 bits a sample. */
function wave(rate: number, seconds: number, at: (time: number) => number): Buffer {
  const count = Math.floor(rate * seconds);
  const file = Buffer.alloc(44 + 2 * count);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + 2 * count, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(2 * rate, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(2 * count, 40);
  for (let n = 0; n < count; n++) file.writeInt16LE(Math.round(32_767 * at(n / rate)), 44 + 2 * n);
  return file;
}

/** How loud a tone is in dB of a full sine, under a Hann window away from the ends, which are faded. */
function toneOf(samples: readonly number[], frequency: number): number {
  const inner = samples.slice(400, -400);
  let [real, imaginary] = [0, 0];
  for (const [n, value] of inner.entries()) {
    const angle = (2 * Math.PI * frequency * n) / SAMPLE_RATE;
    const weight = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / inner.length);
    real += weight * value * Math.cos(angle);
    imaginary += weight * value * Math.sin(angle);
  }
  return 20 * Math.log10((4 * Math.hypot(real, imaginary)) / inner.length + 1e-12);
}
