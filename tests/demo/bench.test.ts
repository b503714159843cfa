import type { Page } from 'playwright';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { expectAccessible } from './accessible';
import { onePage } from './one-page';
import { eventually, type Served, type Visit, visit } from './serve';

let served: Served;
let open: Visit;
let page: Page;

/** What the page asked for in this test. */
let asked: string[] = [];

onePage({ reducedMotion: 'reduce', permissions: ['clipboard-read', 'clipboard-write'] }, (...opened) => {
  [open, served] = opened;
  page = open.page;
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
});
beforeEach(async () => {
  await open.again();
  await bench().locator('.bench-layers').waitFor();
  asked = [];
});
afterEach(() => open.expectSilence());

const bench = () => page.locator('#bench');
const choose = (name: RegExp) => bench().getByRole('radio', { name }).check();
const measure = () => bench().getByRole('button', { name: 'Measure', exact: true }).click();
const row = (layer: string, by: string) => bench().locator(`[data-bench="${layer}"] [data-by="${by}"]`);
/** Until it is there, or trouble, which is told. */
const measured = async (layer: string, by: string) => {
  const trouble = bench().getByRole('alert');
  await row(layer, by).or(trouble).first().waitFor();
  expect(await trouble.allInnerTexts()).toEqual([]);
};
const milliseconds = async (layer: string, by: string) =>
  Number(/([\d.]+) ms/.exec(await row(layer, by).locator('td').first().innerText())?.[1]);
const peer = (name: string) => bench().getByRole('button', { name: new RegExp(`Against ${name}`) });

interface Report {
  unit: string;
  results: {
    layer: string;
    build: string;
    entries: {
      name: string;
      status: string;
      error: number;
      milliseconds: { median: number; count: number };
    }[];
  }[];
}

const json = async (): Promise<Report> =>
  JSON.parse(await bench().getByRole('textbox', { name: 'Results as JSON' }).inputValue());

describe('a measurement', () => {
  it('asks for nothing of the peers, and checks both that it has', async () => {
    await choose(/^FSRCNN x2/);
    await measure();
    await measured('fsrcnn_x2', 'naive JS');
    for (const by of ['deconv-wasm', 'naive JS']) {
      expect(await milliseconds('fsrcnn_x2', by)).toBeGreaterThan(0);
      expect(await row('fsrcnn_x2', by).innerText()).toMatch(/right to \de\u2212[5-9]/);
    }
    expect(await row('fsrcnn_x2', 'naive JS').innerText()).toMatch(/× (slower|faster)|as fast/);
    expect(asked.filter((path) => path.includes('/peers/'))).toEqual([]);

    await bench().getByText('The JSON').click();
    const { unit, results } = await json();
    expect(unit).toBe('milliseconds of one run, one thread');
    // Beside the one that was measured when the station came into view, of which the reader is told.
    expect(await bench().locator('.standfirst').textContent()).toContain('measured once as you come here');
    const result = results.find(({ layer }) => layer === 'fsrcnn_x2');
    expect(result).toMatchObject({ entries: [{ name: 'deconv-wasm', status: 'ok' }, {}] });
    expect(result?.entries[0]?.error).toBeLessThan(1e-4);
    expect(result?.entries[0]?.milliseconds.count).toBeGreaterThanOrEqual(3);
  });

  it('takes peers in on the press of their button, from the page itself', async () => {
    const there: string[] = [];
    for (const name of ['onnxruntime-web', 'tfjs-wasm']) {
      // The page is built without those that are not installed, and says so.
      if ((await peer(name).count()) === 0) {
        await bench().getByText(`${name} was not installed when this page was built`).waitFor();
        continue;
      }
      there.push(name);
      await peer(name).click();
      await eventually(() => peer(name).getAttribute('aria-pressed')).toBe('true');
    }
    expect(there).toContain('onnxruntime-web');
    await choose(/^FCN-8s/);
    await measure();
    await measured('fcn8_depthwise', 'naive JS');
    expect(await milliseconds('fcn8_depthwise', 'onnxruntime-web')).toBeGreaterThan(0);
    expect(await row('fcn8_depthwise', 'onnxruntime-web').innerText()).toMatch(/right to/);
    expect(asked.some((path) => path.endsWith('/peers/onnxruntime/ort.wasm.min.mjs'))).toBe(true);
    if (there.includes('tfjs-wasm')) {
      expect(await row('fcn8_depthwise', 'tfjs-wasm').innerText()).toMatch(/not supported: no groups/);
      await choose(/^FSRCNN x4/);
      await measure();
      await measured('fsrcnn_x4', 'tfjs-wasm');
      expect(await row('fsrcnn_x4', 'tfjs-wasm').innerText()).toMatch(/right to/);
    }
  });

  it('says what failed when a peer does not load, and measures the others', async () => {
    const other = await visit(served, { reducedMotion: 'reduce' });
    const shared = page;
    page = other.page;
    onTestFinished(() => {
      page = shared;
    });
    await bench().locator('.bench-layers').waitFor();
    await page.route('**/peers/onnxruntime/**', (route) => route.fulfill({ status: 404, body: '' }));
    await peer('onnxruntime-web').click();
    await choose(/^FSRCNN x2/);
    await measure();
    await measured('fsrcnn_x2', 'onnxruntime-web');
    expect(await row('fsrcnn_x2', 'onnxruntime-web').innerText()).toMatch(
      /failed: it could not be loaded from this page\u2019s own server/,
    );
    expect(await milliseconds('fsrcnn_x2', 'deconv-wasm')).toBeGreaterThan(0);
    await other.leave();
  });

  it('says what failed when a peer stops while it is timed, and goes on with the others', async () => {
    const other = await visit(served, { reducedMotion: 'reduce' });
    const shared = page;
    page = other.page;
    onTestFinished(() => {
      page = shared;
    });
    await bench().locator('.bench-layers').waitFor();
    // The peer itself, whose sessions compute right at first, and neither run nor go after the third time.
    const body = `
      import { InferenceSession } from './ort.wasm.min.mjs?itself';
      export * from './ort.wasm.min.mjs?itself';
      const { run } = InferenceSession.prototype;
      InferenceSession.prototype.run = function (...given) {
        this.runs = (this.runs ?? 0) + 1;
        if (this.runs > 3) throw new Error('the session is lost');
        return run.apply(this, given);
      };
      InferenceSession.prototype.release = () => Promise.reject(new Error('there is no session'));`;
    await page.route('**/peers/onnxruntime/ort.wasm.min.mjs', (route) =>
      route.fulfill({ contentType: 'text/javascript', body }),
    );
    await peer('onnxruntime-web').click();
    await choose(/^FSRCNN x2/);
    await measure();
    await measured('fsrcnn_x2', 'onnxruntime-web');
    expect(await row('fsrcnn_x2', 'onnxruntime-web').innerText()).toMatch(/failed: the session is lost$/);
    for (const by of ['deconv-wasm', 'naive JS'])
      expect(await milliseconds('fsrcnn_x2', by)).toBeGreaterThan(0);
    await other.leave(/there is no session/);
  });

  it('keeps nobody waiting: the lab answers while it runs', async () => {
    await choose(/^HiFi-GAN/);
    await measure();
    await page.locator('#lab').getByRole('slider', { name: 'Kernel', exact: true }).fill('5');
    await page.locator('[data-panel="raw"] .layer-name', { hasText: 'kernel_size=(5, 5)' }).waitFor();
    // Still at it: the lab did not wait for its end.
    expect(await bench().locator('.bench-progress').first().textContent()).toMatch(/Measuring .*HiFi-GAN/);
    await measured('hifigan', 'naive JS');
  });

  it('copies its numbers', async () => {
    await choose(/^FSRCNN x3/);
    await measure();
    await measured('fsrcnn', 'naive JS');
    await bench().getByRole('button', { name: 'Copy JSON' }).click();
    await bench().getByText('Copied.').waitFor();
    const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as Report;
    expect(copied.results.map(({ layer }) => layer)).toContain('fsrcnn');
    await bench().getByText('The JSON').click();
    expect(copied).toEqual(await json());
  });
});

it('what computes is asked for again where it did not load, as in a moment without a network', async () => {
  const other = await visit(served, { reducedMotion: 'reduce' });
  const away = '**/assets/worker-*.js';
  await other.page.route(away, (route) => route.abort());
  const [timed, network, lab] = ['#bench', '#model', '#lab'].map((id) => other.page.locator(id));
  if (!timed || !network || !lab) throw new Error('a station is missing');
  const sentence = 'What computes this did not load. Try again.';
  for (const [station, within] of [
    [timed, timed.locator('.bench-layers')],
    [network, network.locator('h3')],
    [lab, lab.locator('[data-panel]').first()],
  ] as const) {
    await within.waitFor();
    await station.scrollIntoViewIfNeeded();
    await station.getByText(sentence).first().waitFor();
  }

  await other.page.unroute(away);
  await lab.getByRole('slider', { name: 'Kernel', exact: true }).fill('5');
  await lab
    .getByText(/over their surroundings/)
    .first()
    .waitFor();
  await network.getByRole('button', { name: 'DCGAN', exact: true }).click();
  await network.getByText(/steps, .* ms in all/).waitFor();
  await timed.getByRole('radio', { name: /^FSRCNN x2/ }).check();
  await timed.getByRole('button', { name: 'Measure', exact: true }).click();
  await timed.locator('[data-bench="fsrcnn_x2"] [data-by="naive JS"]').waitFor();
  for (const station of [timed, network]) expect(await station.getByText(sentence).count()).toBe(0);
  await other.leave();
});

it('axe finds nothing, and nothing sticks out', async () => {
  await choose(/^FSRCNN x2/);
  await measure();
  await measured('fsrcnn_x2', 'naive JS');
  await bench().getByText('The JSON').click();
  await expectAccessible(page, '#bench');
});
