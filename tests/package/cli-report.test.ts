// What the command line writes: the report page in a real browser, and repaired models in ONNX Runtime. Its command
// lines run in the process of the tests.

import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { shellOptions } from '../../scripts/browsers.mjs';
import { axeOf } from '../support/axe.js';
import { commandLine, fixture } from './command-line.js';

const { inFolder, fine } = commandLine();

/** Names that would be markup, close an attribute, or load something. */
const HOSTILE = [
  '</h3><script>document.title = "taken"</script>',
  '"><img src="https://example.invalid/x.png" onerror="document.title=\'taken\'">',
  "' onmouseover='document.title=1' <style>body{display:none}</style>",
  '&lt;b&gt; {{name}} ]]> --> \u202e',
  `${'long'.repeat(40)}`,
];
interface Layer {
  readonly shape: readonly number[];
  readonly stride: number | readonly number[];
}

const OTHERS: Readonly<Record<string, Layer>> = {
  'volume.weight': { shape: [2, 2, 3, 3, 3], stride: 2 },
  'line.weight': { shape: [2, 2, 5], stride: 3 },
  'steps.weight': { shape: [1, 1, 320], stride: 160 },
  'gap.weight': { shape: [1, 1, 2, 2], stride: 3 },
  'wide.weight': { shape: [1, 1, 4, 6], stride: [2, 3] },
  'large.weight': { shape: [1, 1, 64, 64], stride: 8 },
  'coarse.weight': { shape: [1, 1, 64, 3], stride: [64, 3] },
  'zero.weight': { shape: [1, 1, 4, 4], stride: 2 },
};

let browser: Browser;
/** The tab of all tests: another one takes longer than what they look at. */
let page: Page;
let url = '';
const said: string[] = [];
const asked: string[] = [];

beforeAll(async () => {
  const hostile = HOSTILE.map((name) => [name, { shape: [2, 2, 4, 4], stride: 2 }] as const);
  const layers: Readonly<Record<string, Layer>> = Object.fromEntries([...Object.entries(OTHERS), ...hostile]);
  writeSafetensors(layers);
  const geometry = Object.entries(layers).map(([name, { stride }]) => [name, { stride }]);
  writeFileSync(inFolder('odd.json'), JSON.stringify(Object.fromEntries(geometry)));
  await fine('inspect', 'odd.safetensors', '--geometry', 'odd.json', '--html', 'odd.html');
  const models = ['unet', 'fsrcnn-x3', 'vocoder', 'not-constant', 'int8'].map((name) =>
    fixture(`${name}.onnx`),
  );
  await fine('inspect', ...models, '--html', 'models.html', '--fail-above', '100', '--allow-unjudged');
  await fine('inspect', '--run', fixture('fsrcnn-x3.onnx'), fixture('vocoder.onnx'), '--html', 'ran.html');
  browser = await chromium.launch(shellOptions());
  page = await browser.newPage();
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.message));
  await page.route('**/*', (route) => {
    const requested = route.request().url().replace(/#.*/, '');
    if (requested === url) return route.continue();
    asked.push(requested);
    return route.abort();
  });
});
afterAll(() => browser?.close());

describe('the report', () => {
  afterEach(() => expect({ said, asked }).toEqual({ said: [], asked: [] }));

  // Media queries and the width are all that a page without scripts knows of either: it stays loaded.
  describe.each(['models.html', 'odd.html', 'ran.html'])('%s', (file) => {
    beforeAll(() => visit(file));

    it.each([
      ['light', 1280],
      ['light', 360],
      ['dark', 1280],
      ['dark', 360],
    ] as const)(
      'in the %s theme at %i px asks for nothing, says nothing, fits, and axe finds nothing',
      async (colorScheme, width) => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        const { findings, looked } = await axeOf(page);
        expect(looked).toBeGreaterThan(5);
        expect(findings).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
        const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        expect(dark === 'rgb(22, 24, 28)').toBe(colorScheme === 'dark');
      },
    );
  });

  it('shows names as they are, whatever they say', async () => {
    await visit('odd.html');
    const shown = HOSTILE.map((name) => name.replace('\u202e', '\\u{202e}'));
    const titles = await page.locator('article h3').allTextContents();
    for (const name of shown) expect(titles).toContain(name);
    const rows = await page.locator('tbody th').allTextContents();
    for (const name of shown) expect(rows).toContain(name);
    expect(await page.title()).toBe('Checkerboard report: odd.safetensors');
    // Nothing of what the names say became an element.
    expect(await page.locator('script, img, body style, [onerror], [onmouseover]').count()).toBe(0);
    expect(await page.evaluate(() => getComputedStyle(document.body).display)).toBe('block');
  });

  it('has three pictures a layer, with things to see in them, and says why one is missing', async () => {
    await visit('odd.html');
    const articles = page.locator('article');
    expect(await articles.count()).toBe(Object.keys(OTHERS).length + HOSTILE.length);
    for (const article of await articles.all()) {
      expect(await article.locator('h4').allTextContents()).toEqual([
        'Kernel',
        'On a flat input',
        'Spectrum',
      ]);
      const pictures = await article.locator('svg').evaluateAll((svgs) =>
        svgs.map((svg) => {
          const { width, height } = svg.getBoundingClientRect();
          return { width, height, label: svg.getAttribute('aria-label'), markup: svg.innerHTML };
        }),
      );
      for (const { width, height, label, markup } of pictures) {
        expect(width).toBeGreaterThan(100);
        expect(height).toBeGreaterThan(50);
        expect(label).toMatch(/^(Heat map|Bar chart|Curve) of /);
        expect(markup).not.toMatch(/NaN|Infinity|undefined/);
      }
    }
    expect(await page.locator('article:has(h3:text-is("wide.weight")) svg').count()).toBe(3);
  });

  it('draws the phases: a flat response has one colour, an uneven one has more', async () => {
    await fine('repair', fixture('raw.onnx'), '-o', 'even.onnx', '--force');
    await fine('inspect', fixture('raw.onnx'), 'even.onnx', '--html', 'two.html');
    await visit('two.html');
    const colours = (layer: number) =>
      page
        .locator('article')
        .nth(layer)
        .locator('figure')
        .nth(1)
        .locator('g g path')
        .evaluateAll((paths) => new Set(paths.map((one) => getComputedStyle(one).fill)).size);
    expect(await colours(0)).toBeGreaterThan(1);
    expect(await colours(1)).toBe(1);
  });

  it('shows the pattern grow step by step, and the output before and after, as pictures and as waves', async () => {
    await visit('ran.html');
    const [picture, sound] = await page.locator('section').all();
    const tableOf = (section = picture) => section?.locator('table[aria-label^="What each layer"] tbody tr');
    expect(await tableOf()?.allTextContents()).toHaveLength(1);
    expect(await tableOf(sound)?.first().textContent()).toContain('/up/ConvTranspose');
    // One step that is the output, and the output as it is and repaired, which is another picture.
    const sources = await picture
      ?.locator('img.values')
      .evaluateAll((images) =>
        images.map((image) => [(image as HTMLImageElement).naturalWidth, (image as HTMLImageElement).src]),
      );
    expect(sources?.map(([width]) => width)).toEqual([18, 18, 18]);
    expect(sources?.[0]?.[1]).toBe(sources?.[2]?.[1]);
    expect(sources?.[0]?.[1]).not.toBe(sources?.[1]?.[1]);
    expect(await sound?.locator('svg .curve').count()).toBeGreaterThanOrEqual(3);
    expect(await sound?.textContent()).toContain('tones at multiples of 1/10 of the sampling rate');
  });

  it('leads from the table to the layer', async () => {
    await visit('models.html', { width: 1280, height: 500 });
    await page.getByRole('link', { name: '/up1/ConvTranspose' }).click();
    const top = await page
      .locator('article:has(h3:text-is("/up1/ConvTranspose"))')
      .evaluate((one) => one.getBoundingClientRect().top);
    expect(Math.abs(top)).toBeLessThan(5);
    expect(await page.getByText('its weight "given" is an input of the model').count()).toBe(1);
  });
});

describe('repaired models in ONNX Runtime', () => {
  type Runtime = typeof import('onnxruntime-web');
  let ort: Runtime;

  beforeAll(async () => {
    ort = await import('onnxruntime-web');
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = 'error';
  });

  /**
   * The model without its declared extents, so that it takes an input with an interior: the field `dim_value`
   * of each little message becomes one that no reader knows.
   */
  function resizable(bytes: Uint8Array): Uint8Array {
    const copy = Uint8Array.from(bytes);
    let found = 0;
    for (let at = 0; at + 3 < copy.length; at += 1) {
      const isDim = copy[at] === 0x0a && (copy[at + 1] === 2 || copy[at + 1] === 3) && copy[at + 2] === 8;
      if (!isDim) continue;
      copy[at + 2] = 0x20;
      found += 1;
    }
    expect(found).toBeGreaterThanOrEqual(3);
    return copy;
  }

  /** Largest difference from the mean in the middle of each output channel, over the mean's size. */
  async function ripple(bytes: Uint8Array, shape: readonly number[]): Promise<number> {
    const session = await ort.InferenceSession.create(bytes);
    const count = shape.reduce((product, extent) => product * extent, 1);
    const input = new ort.Tensor('float32', new Float32Array(count).fill(1), shape);
    const { y } = await session.run({ x: input });
    if (y === undefined) throw new Error('the model has no output y');
    const values = y.data as Float32Array;
    const [, channels = 1, ...extents] = y.dims as number[];
    const places = extents.reduce((product, extent) => product * extent, 1);
    let worst = 0;
    for (let channel = 0; channel < channels; channel += 1) {
      const middle: number[] = [];
      for (let place = 0; place < places; place += 1) {
        let rest = place;
        let inside = true;
        for (let axis = extents.length - 1; axis >= 0; axis -= 1) {
          const extent = extents[axis] as number;
          const position = rest % extent;
          rest = Math.floor(rest / extent);
          inside &&= position >= extent / 3 && position < (2 * extent) / 3;
        }
        if (inside) middle.push(values[channel * places + place] as number);
      }
      expect(middle.length).toBeGreaterThan(20);
      const mean = middle.reduce((sum, value) => sum + value, 0) / middle.length;
      for (const value of middle) worst = Math.max(worst, Math.abs(value - mean));
    }
    await session.release();
    return worst;
  }

  it.each([
    ['unet', [1, 1, 64, 64]],
    ['fsrcnn-x2', [1, 1, 48, 48]],
    ['fsrcnn-x3', [1, 1, 48, 48]],
    ['fsrcnn-x4', [1, 1, 48, 48]],
    ['vocoder', [1, 5, 48]],
    ['depthwise', [1, 6, 96]],
    ['raw', [1, 3, 48, 48]],
    ['double', [1, 3, 48, 48]],
    ['half', [1, 3, 48, 48]],
    ['bfloat16', [1, 3, 48, 48]],
  ])('%s: a flat input stays flat to 1e-5, and did not before', async (name, input) => {
    const fixed = `${name}-flat.onnx`;
    await fine('repair', fixture(`${name}.onnx`), '-o', fixed);
    const [before, after] = [fixture(`${name}.onnx`), inFolder(fixed)].map((file) =>
      resizable(readFileSync(file)),
    );
    const [ripples, left] = [
      await ripple(before as Uint8Array, input),
      await ripple(after as Uint8Array, input),
    ];
    console.log(
      `${name}: ripple on a flat input ${ripples.toExponential(1)}, repaired ${left.toExponential(1)}`,
    );
    expect(ripples).toBeGreaterThan(1e-3);
    expect(left).toBeLessThan(1e-5);
  });

  it('the generator runs repaired, with other images', async () => {
    await fine('repair', fixture('generator.onnx'), '-o', 'generator-fixed.onnx');
    const images = await Promise.all(
      [fixture('generator.onnx'), inFolder('generator-fixed.onnx')].map(async (file) => {
        const session = await ort.InferenceSession.create(readFileSync(file));
        const x = new ort.Tensor(
          'float32',
          Float32Array.from({ length: 16 }, (_, index) => Math.sin(index)),
          [1, 16, 1, 1],
        );
        const { y } = await session.run({ x });
        await session.release();
        return y?.data as Float32Array;
      }),
    );
    const [one, other] = images as [Float32Array, Float32Array];
    expect(other.length).toBe(one.length);
    expect(other.every(Number.isFinite)).toBe(true);
    expect(
      Math.max(...one.map((value, index) => Math.abs(value - (other[index] as number)))),
    ).toBeGreaterThan(1e-3);
  });
});

/** Loads a page of the folder, which must ask for nothing else and stay silent as long as it is looked at. */
async function visit(file: string, size = { width: 1280, height: 720 }): Promise<void> {
  url = pathToFileURL(inFolder(file)).href;
  said.length = 0;
  asked.length = 0;
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(size);
  await page.goto(url);
}

function writeSafetensors(layers: Readonly<Record<string, { readonly shape: readonly number[] }>>): void {
  const header: Record<string, object> = {};
  const values: number[] = [];
  for (const [name, { shape }] of Object.entries(layers)) {
    const from = values.length;
    const count = shape.reduce((product, size) => product * size, 1);
    for (let index = 0; index < count; index += 1) {
      values.push(name === 'zero.weight' ? 0 : Math.sin(1 + 7 * (from + index)));
    }
    header[name] = { dtype: 'F32', shape, data_offsets: [4 * from, 4 * values.length] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(
    inFolder('odd.safetensors'),
    Buffer.concat([length, text, Buffer.from(Float32Array.from(values).buffer)]),
  );
}
