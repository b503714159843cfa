import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Served, serve, visit } from './serve';

let served: Served;

beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.close());

describe.each(['light', 'dark'] as const)('in the %s theme', (colorScheme) => {
  it.each([1280, 360])(
    'axe finds nothing at %i px and nothing sticks out',
    { timeout: 180_000 },
    async (width) => {
      const { page, leave } = await visit(served, {
        viewport: { width, height: 800 },
        colorScheme,
        reducedMotion: 'reduce',
      });
      await page.locator('[data-panel="raw"]').waitFor();
      const problems = async () =>
        (await new AxeBuilder({ page }).analyze()).violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`,
        );
      expect(await problems()).toEqual([]);
      await page.locator('#stamp').getByRole('slider', { name: 'Stamps landed' }).fill('9');
      await page.getByRole('button', { name: 'Kernel 3 \u2192 4' }).click();
      await page.getByRole('button', { name: 'Random weights' }).click();
      await page.locator('.verdict', { hasText: 'And it is back.' }).waitFor();
      await page.locator('#stamp').getByRole('slider', { name: 'Padding', exact: true }).fill('1');
      await page.getByText('cropped by padding').waitFor();
      expect(await problems()).toEqual([]);
      // Holes, other rules, gathering, an opened table.
      await page.locator('#overlap').getByRole('slider', { name: 'Dilation' }).fill('2');
      await page
        .locator('#overlap')
        .locator('.verdict', { hasText: 'Holes: no weights can fix this.' })
        .waitFor();
      await page.locator('#overlap summary').click();
      await page.locator('#matrix').getByRole('radio', { name: 'Keras' }).check({ force: true });
      await page.locator('#matrix').getByText('Keras has no such layer.').waitFor();
      await page.locator('#stamp').getByRole('radio', { name: 'Gather' }).check({ force: true });
      await page.locator('#stamp').getByRole('slider', { name: 'Outputs gathered' }).fill('20');
      expect(await problems()).toEqual([]);
      // Lanes, then the dialog.
      await page.locator('#stamp').getByRole('radio', { name: '1-D' }).check({ force: true });
      await page.locator('#stamp').getByRole('slider', { name: 'Groups' }).fill('3');
      await page.locator('.lane-3').first().waitFor();
      expect(await problems()).toEqual([]);
      await page.getByRole('button', { name: 'Export' }).click();
      await page.getByRole('dialog').locator('pre').waitFor();
      expect(await problems()).toEqual([]);
      await page.keyboard.press('Escape');
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      await leave();
    },
  );
});

describe('the page', () => {
  it('runs isolated, under a policy without unsafe-eval and inline script', async () => {
    const response = await fetch(served.url);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(policy).not.toMatch(/'unsafe-(eval|inline)'/);
    expect(await response.text()).toContain('http-equiv="Content-Security-Policy"');
    const { page, leave } = await visit(served);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await leave();
  });

  it('names build, threads and time', async () => {
    const { page, leave } = await visit(served);
    await eventually(() => page.locator('.badge').textContent()).toMatch(/SIMD\d+ threads?[\d.< ]+ms/);
    await leave();
  });

  it('changes its theme by a button', async () => {
    const { page, leave } = await visit(served, { colorScheme: 'light' });
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await paper();
    await page.getByRole('button', { name: 'Use the dark theme' }).click();
    expect(await paper()).not.toBe(light);
    await leave();
  });

  it('needs at most 60 KB of script, compressed, beside the wasm and its glue, until its first step', async () => {
    const context = await served.browser.newContext();
    const page = await context.newPage();
    // The other stations wait until the browser has nothing to do. Here it always has.
    await page.addInitScript(() => {
      globalThis.requestIdleCallback = () => 0;
    });
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(served.url);
    await page.locator('.flying:visible').waitFor();
    const names = asked.filter((name) => name.endsWith('.js')).map((name) => name.replace(/^.*\//, ''));
    await context.close();
    expect(names).toEqual(
      expect.arrayContaining([expect.stringMatching(/^index-/), expect.stringMatching(/^worker-/)]),
    );
    const assets = new URL('../../build/page/assets/', import.meta.url);
    const size = (file: URL) => gzipSync(readFileSync(file)).length;
    const bytes = [...new Set(names)].map((name) => size(new URL(name, assets)));
    // The worker has the glue in it.
    const glue = size(new URL('../../dist/wasm/deconv.mjs', import.meta.url));
    expect(bytes.reduce((a, b) => a + b, 0) - glue).toBeLessThan(60 * 1024);
  });
});

describe('without what it needs', () => {
  it.each(['**/*.wasm', '**/worker-*.js'])('says so plainly when %s does not load', async (files) => {
    const context = await served.browser.newContext();
    const page = await context.newPage();
    await page.route(files, (route) => route.abort());
    await page.goto(served.url);
    await page.getByRole('heading', { name: 'The page cannot compute' }).waitFor();
    expect(await page.getByRole('alert').textContent()).toMatch(/WebAssembly/);
    await context.close();
  });

  it('says so without JavaScript', async () => {
    const context = await served.browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(served.url);
    expect(await page.locator('body').allInnerTexts()).toEqual([
      expect.stringContaining('needs JavaScript and WebAssembly'),
    ]);
    await context.close();
  });
});
