import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page, Route } from 'playwright';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectAccessible } from './accessible';
import { onePage } from './one-page';
import { eventually, untilAnswered, type Visit } from './serve';

const fixture = (name: string) => new URL(`../fixtures/models/${name}`, import.meta.url);
const bytes = (name: string) => readFileSync(fixture(name));
/** Computed by numpy, sharing nothing with the package. */
const analysis = JSON.parse(bytes('analysis.json').toString()) as Record<
  string,
  Record<string, { unevenness: number }>
>;

let open: Visit;
let page: Page;

onePage({ reducedMotion: 'reduce' }, (opened) => {
  open = opened;
  page = open.page;
});
beforeEach(async () => {
  await open.again();
  await model().locator('.model-choice').waitFor();
});
afterEach(() => open.expectSilence());

const model = () => page.locator('#model');
const choose = (...names: string[]) =>
  model()
    .locator('.model-choice input[type="file"]')
    .setInputFiles(
      names.map((name) => ({ name, mimeType: 'application/octet-stream', buffer: bytes(name) })),
    );
const chooseBytes = (name: string, buffer: Buffer) =>
  model()
    .locator('.model-choice input[type="file"]')
    .setInputFiles([{ name, mimeType: 'application/octet-stream', buffer }]);
const summary = () => eventually(() => model().locator('.model-summary').textContent());
const layer = (name: string) => model().locator(`[data-layer="${name}"]`);
const verdict = (name: string) => layer(name).locator('.model-verdict').innerText();
const alert = () => model().getByRole('alert');

async function unevenness(name: string): Promise<number> {
  const text = /U (\S+)/.exec((await verdict(name)).replaceAll('\n', ' '))?.[1];
  return Number(text?.replace('\u2212', '-'));
}

describe('a model file', () => {
  it('shows geometry, verdict and U of every transposed convolution', async () => {
    await choose('generator.onnx');
    await summary().toMatch(/^generator\.onnx has 4 transposed convolutions/);
    expect(await model().locator('.model-layer').count()).toBe(4);
    expect(await layer('/up0/ConvTranspose').locator('.layer-name').textContent()).toBe(
      'ConvTranspose 12 → 10, kernel 4×4, stride 2×2, padding 1×1',
    );
    for (const name of ['up0', 'up1', 'image']) {
      const expected = analysis.generator?.[`${name}.weight`]?.unevenness ?? 0;
      expect(await unevenness(`/${name}/ConvTranspose`)).toBeCloseTo(expected, 3);
      expect(await verdict(`/${name}/ConvTranspose`)).toMatch(/Pattern from the weights/);
    }
    expect(await verdict('/project/ConvTranspose')).toMatch(/No pattern/);
  });

  it.each([
    ['fsrcnn-x2', '5/4 × 5/4'],
    ['fsrcnn-x3', '3/3/3 × 3/3/3'],
    ['fsrcnn-x4', '3/2/2/2 × 3/2/2/2'],
  ])('tells the stamps of %s', async (name, stamps) => {
    await choose(`${name}.onnx`);
    await summary().toMatch(new RegExp(`^${name}.onnx has 1 transposed convolution\\.`));
    const [found] = await model().locator('.model-verdict').allInnerTexts();
    expect(found).toContain(`Stamps ${stamps}`);
    expect(await unevenness('/up/ConvTranspose')).toBeCloseTo(
      analysis[name]?.['up.weight']?.unevenness ?? 0,
      3,
    );
  });

  it('shows strided convolutions by what they do to gradients', async () => {
    await choose('unet.onnx');
    await model().getByRole('heading', { name: 'Strided convolutions' }).waitFor();
    expect(await unevenness('/down1/Conv')).toBeCloseTo(analysis.unet?.['down1.weight']?.unevenness ?? 0, 3);
  });

  it('is read as TFLite, and as npy with a geometry', async () => {
    await choose('layers.tflite');
    await summary().toMatch(/^layers\.tflite has \d+ transposed convolution/);
    await choose('array.npy');
    await model().locator('.tensor-form').waitFor();
    // By keyboard: stations that answer late on a busy machine move the button away under a pressed mouse.
    await model().getByRole('button', { name: 'Read 1 layer' }).press('Enter');
    await eventually(() => model().locator('.model-verdict').count()).toBe(1);
  });

  it('comes with its data when both files are chosen, and says so when not', async () => {
    await choose('external.onnx');
    await eventually(() => alert().textContent()).toMatch(/external\.bin.*choose both files together/);
    await choose('external.bin', 'external.onnx');
    await summary().toMatch(/^external\.onnx has 1 transposed convolution/);
    expect(await alert().count()).toBe(0);
  });

  it('opens when dropped', async () => {
    const transfer = await page.evaluateHandle(
      (data) => {
        const dropped = new DataTransfer();
        dropped.items.add(new File([new Uint8Array(data)], 'vocoder.onnx'));
        return dropped;
      },
      [...bytes('vocoder.onnx')],
    );
    await model().dispatchEvent('drop', { dataTransfer: transfer });
    await summary().toMatch(/^vocoder\.onnx has 1 transposed convolution/);
    expect(await verdict('/up/ConvTranspose')).toMatch(/2\/2\/2\/2\/2\/2\/1\/1\/1\/1/);
  });

  it('is none in a folder or a sound that are dropped, and each is refused for what it is', async () => {
    const { x, y } = (await model().locator('.model-choice').boundingBox()) ?? { x: 0, y: 0 };
    const pointer = await page.context().newCDPSession(page);
    await page.evaluate((top) => scrollTo({ top: top - 300, behavior: 'instant' }), y);
    const at = { x: x + 20, y: (await model().locator('.model-choice').boundingBox())?.y ?? 0 };
    const data = { items: [], files: [fileURLToPath(fixture(''))], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
      await pointer.send('Input.dispatchDragEvent', { type, ...at, data });
    await eventually(() => alert().allTextContents()).toEqual([
      expect.stringMatching(/^models: the browser could not read it\. Perhaps it is a folder/),
    ]);
    const sound = await page.evaluateHandle(() => {
      const dropped = new DataTransfer();
      dropped.items.add(new File(['RIFF'], 'a.wav', { type: 'audio/wav' }));
      return dropped;
    });
    await model().dispatchEvent('drop', { dataTransfer: sound });
    await model().getByText('a.wav is a sound, and no network is shown that takes one.').waitFor();
  });

  it.each([
    ['a.wav', 'a.wav is a sound, and no network is shown that takes one.'],
    ['', 'Only a file can be dropped here.'],
  ])('that is none (%s) is refused once more where it is seen', async (name, sentence) => {
    for (let time = 1; time <= 2; time++) {
      await page.evaluate(() => scrollTo(0, 0));
      await model().evaluate((element, file) => {
        const dataTransfer = new DataTransfer();
        if (file !== '') dataTransfer.items.add(new File(['RIFF'], file, { type: 'audio/wav' }));
        element.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      }, name);
      await eventually(() =>
        model()
          .getByText(sentence)
          .evaluate((element) => {
            const { top, bottom } = element.getBoundingClientRect();
            // Pages scroll by whole pixels.
            return top >= 0 && bottom < innerHeight + 1;
          }),
      ).toBe(true);
    }
  });

  it('of the person\u2019s own is no part of a link, of which whoever shares one is told', async () => {
    await choose('raw.onnx');
    await summary().toMatch(/^raw\.onnx/);
    const share = page.getByRole('button', { name: 'Share' });
    const said = page.locator('.share [role="status"]');
    await page.evaluate(() => {
      const writeText = () => Promise.resolve();
      Object.defineProperty(navigator.clipboard, 'writeText', { configurable: true, value: writeText });
    });
    await share.click();
    await eventually(() => said.textContent()).toBe('Link copied. Not part of it: raw.onnx.');
    await page.evaluate(() => {
      const writeText = () => Promise.reject(new Error('not allowed'));
      Object.defineProperty(navigator.clipboard, 'writeText', { configurable: true, value: writeText });
    });
    await share.click();
    await eventually(() => said.textContent()).toBe('Copy this link: Not part of it: raw.onnx.');
    await page.evaluate(() => Reflect.deleteProperty(navigator.clipboard, 'writeText'));
  });

  it('is chosen by keyboard', async () => {
    // The browser is told to hand its dialog over before the key is pressed.
    page.on('filechooser', () => {});
    await model().locator('.model-choice input[type="file"]').focus();
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Space')]);
    await chooser.setFiles({ name: 'raw.onnx', mimeType: '', buffer: bytes('raw.onnx') });
    await summary().toMatch(/^raw\.onnx has 1 transposed convolution/);
  });

  it('is there as an example, from the page itself', async () => {
    await model().locator('.model-examples').getByRole('button', { name: 'FSRCNN ×3' }).click();
    await summary().toMatch(/^fsrcnn-x3\.onnx has 1 transposed convolution/);
  });

  it.each(['vocoder.onnx', 'depthwise.onnx'])('runs though it gives a few samples only: %s', async (name) => {
    await choose(name);
    await model()
      .getByRole('button', { name: `Run ${name}` })
      .click();
    await model().locator('.network-verdict', { hasText: 'draws the grid' }).waitFor();
    await model().locator('.network .tones').waitFor();
    expect(await model().locator('.network').innerText()).not.toContain('NaN');
    expect(await alert().count()).toBe(0);
  });

  it('says what it reads, and of two that are pressed the last one stays, whichever comes first', async () => {
    const press = (name: string) => model().locator('.model-examples').getByRole('button', { name }).click();
    const waiting: Route[] = [];
    await page.route('**/unet*.onnx', (route) => void waiting.push(route));
    await press('U-Net');
    await model().locator('.open-file', { hasText: 'Reading unet.onnx' }).waitFor();
    await press('Vocoder');
    await summary().toMatch(/^vocoder\.onnx/);
    await eventually(() =>
      model()
        .getByText(/^Reading/)
        .count(),
    ).toBe(0);
    const late = page.waitForResponse('**/unet*.onnx');
    await waiting[0]?.continue();
    await (await late).finished();
    await page.evaluate(untilAnswered);
    await summary().toMatch(/^vocoder\.onnx/);
    await page.unroute('**/unet*.onnx');
  });
});

describe('a safetensors file', () => {
  it('is asked for stride and padding of each tensor', async () => {
    await choose('generator.safetensors');
    await summary().toMatch(/holds 7 tensors that could be the weight of a convolution, but no geometry/);
    for (const name of ['project', 'half', 'brain', 'double']) {
      await model()
        .getByRole('checkbox', { name: new RegExp(`^${name}\\.weight \\d`) })
        .uncheck();
    }
    await model().getByRole('button', { name: 'Read 3 layers' }).click();
    await eventually(() => model().locator('.model-layer').count()).toBe(3);
    expect(await unevenness('up0.weight')).toBeCloseTo(
      analysis.generator?.['up0.weight']?.unevenness ?? 0,
      3,
    );

    // Another stride is another verdict.
    await model().getByRole('spinbutton', { name: 'Stride of up0.weight' }).fill('3');
    await model().getByRole('button', { name: 'Read again 3 layers' }).click();
    await eventually(() => verdict('up0.weight')).toMatch(/Uneven overlap[\s\S]*2\/1\/1 × 2\/1\/1/);
    expect(await verdict('up1.weight')).toMatch(/Pattern from the weights/);
  });
});

describe('a damaged or hostile file', () => {
  const whole = () => bytes('generator.onnx');
  it.each([
    ['cut.onnx', () => whole().subarray(0, 9000)],
    ['text.onnx', () => Buffer.from('this is no model')],
    ['empty.onnx', () => Buffer.alloc(0)],
    ['circle.safetensors', () => Buffer.from([255, 255, 255, 255, 255, 255, 255, 127, 123, 125])],
    [
      'flipped.tflite',
      () => bytes('layers.tflite').map((byte, i) => (i > 60 && i % 5 === 0 ? byte ^ 0xff : byte)),
    ],
  ])("%s ends in the package's sentence, and the page goes on", async (name, make) => {
    await choose('raw.onnx');
    await summary().toMatch(/^raw\.onnx has 1/);
    await chooseBytes(name, Buffer.from(make()));
    await eventually(() => alert().textContent()).toMatch(new RegExp(`^${name}: .*expected`));
    // What was open stays open, and the next file opens.
    await summary().toMatch(/^raw\.onnx has 1/);
    await choose('vocoder.onnx');
    await summary().toMatch(/^vocoder\.onnx has 1/);
    expect(await alert().count()).toBe(0);
  });

  it('leaves the readable layers of a model with others', async () => {
    await choose('not-constant.onnx');
    await summary().toMatch(/^not-constant\.onnx/);
    expect(await model().locator('.model-problem').count()).toBeGreaterThan(0);
  });
});

describe('a kernel', () => {
  const cells = () =>
    page
      .locator('.kernel-figure [role="gridcell"]')
      .evaluateAll((found) =>
        found.map((cell) =>
          Number((cell.getAttribute('aria-label') ?? '').replace('\u2212', '-').split(',')[0]),
        ),
      );

  it('is chosen by arrow keys, read as a table and opened in station 1', async () => {
    await choose('generator.onnx');
    const up = layer('/up0/ConvTranspose');
    await up.getByRole('radio').first().focus();
    await page.keyboard.press('ArrowRight');
    const chosen = await up.getByRole('radio').nth(1).getAttribute('aria-label');
    await up.getByText(`Chosen: ${chosen}`).waitFor();
    await up.getByText('As a table').click();
    await up.locator('tbody td').first().waitFor();
    const table = await up
      .locator('tbody td')
      .evaluateAll((found) => found.map((cell) => Number((cell.textContent ?? '').replace('\u2212', '-'))));
    expect(table).toHaveLength(16);

    await up.getByRole('button', { name: 'Open this kernel in station 1' }).click();
    // Station 1 may show a kernel of this size already.
    await eventually(async () =>
      Math.max(...(await cells()).map((value, i) => Math.abs(value - (table[i] ?? Number.NaN)))),
    ).toBeLessThan(0.006);
    expect(await cells()).toHaveLength(16);
    const slider = (name: string) => page.locator('#stamp').getByRole('slider', { name, exact: true });
    expect(await slider('Kernel').inputValue()).toBe('4');
    expect(await slider('Stride').inputValue()).toBe('2');
    expect(await slider('Padding').inputValue()).toBe('1');
  });

  it('goes to the lab with its geometry and weights, where its U is the same', async () => {
    const lab = () => page.locator('#lab');
    const slider = (name: string) => lab().getByRole('slider', { name, exact: true });
    const shown = async () => ({
      kernel: await slider('Kernel').inputValue(),
      stride: await slider('Stride').inputValue(),
      padding: await slider('Padding').inputValue(),
      outputPadding: await slider('Output padding').inputValue(),
    });
    const unevenness = async () =>
      Number(await lab().locator('[data-panel="raw"] [data-unevenness]').getAttribute('data-unevenness'));
    for (const [file, name, which, expected] of [
      ['generator.onnx', '/up0/ConvTranspose', 2, { kernel: '4', stride: '2', padding: '1' }],
      ['fsrcnn-x4.onnx', '/up/ConvTranspose', 1, { kernel: '9', stride: '4', padding: '4' }],
    ] as const) {
      await choose(file);
      const up = layer(name);
      await up.getByRole('radio').nth(which).focus();
      await page.keyboard.press('Space');
      const pair = await up.getByRole('radio').nth(which).getAttribute('aria-label');
      await up.getByText(`Chosen: ${pair}`).waitFor();
      const own = Number(await up.locator('[data-kernel-unevenness]').getAttribute('data-kernel-unevenness'));
      expect(own).toBeGreaterThan(0);
      await up.getByRole('button', { name: 'Open this kernel in the lab' }).click();
      await eventually(shown).toMatchObject(expected);
      await eventually(unevenness).toBeCloseTo(own, 9);
      expect(await lab().getByRole('radio', { name: 'From your model' }).isChecked()).toBe(true);
      const told = await lab().locator('.taken').innerText();
      expect(told).toContain(`From ${file}, ${name}: ${pair}`);
      expect(told).toMatch(/The layer's other \d+ kernels? and its bias are left out/);
    }

    // Nor can the panel of a larger kernel show it.
    await lab().getByRole('checkbox', { name: 'Kernel a multiple of the stride' }).check();
    await lab()
      .locator('[data-panel="even"]')
      .getByText('needs a kernel of 12 × 12 taps; the one that came here has 9 × 9')
      .waitFor();

    // Another kernel size cannot be this kernel, and the lab says so instead of showing another.
    await slider('Kernel').fill('8');
    await lab().getByText('with kernel 8 the panels show ones').waitFor();
    await lab().getByRole('button', { name: 'Kernel 9' }).click();
    await eventually(() => slider('Kernel').inputValue()).toBe('9');
  });

  it('stays where there is no room for it, and that is said', async () => {
    await choose('vocoder.onnx');
    await summary().toMatch(/^vocoder/);
    await eventually(() => layer('/up/ConvTranspose').innerText()).toMatch(
      /Neither station 1 nor the lab has room for this geometry/,
    );
  });
});

it('axe finds nothing, and nothing sticks out', async () => {
  await choose('unet.onnx');
  await summary().toMatch(/^unet/);
  for (const name of ['As a table', 'What that means']) {
    for (const summaryLine of await model().getByText(name).all()) await summaryLine.click();
  }
  await expectAccessible(page, '#model');
  await choose('generator.safetensors');
  await model().locator('.tensor-form').waitFor();
  await chooseBytes('x.onnx', Buffer.from('no'));
  await alert().waitFor();
  await expectAccessible(page, '#model');
});
