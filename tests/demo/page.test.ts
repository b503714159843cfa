import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible } from './accessible';
import { eventually, keepNothing, type Served, serve, visit } from './serve';

let served: Served;

beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.close());

it('axe finds nothing, and nothing sticks out', async () => {
  const { page, leave } = await visit(served, { reducedMotion: 'reduce' });
  const station = (id: string) => page.locator(`#${id}`);
  await page.locator('[data-panel="raw"]').waitFor();
  await expectAccessible(page);
  await station('stamp').getByRole('slider', { name: 'Stamps landed' }).fill('9');
  await page.getByRole('button', { name: 'Kernel 3 \u2192 4' }).click();
  await page.getByRole('button', { name: 'Random weights' }).click();
  await page.locator('.verdict', { hasText: 'And it is back.' }).waitFor();
  await station('stamp').getByRole('slider', { name: 'Padding', exact: true }).fill('1');
  await page.getByText('cropped by padding').waitFor();
  await expectAccessible(page, '#stamp');
  // Holes, other rules, gathering, an opened table.
  await station('overlap').getByRole('slider', { name: 'Dilation' }).fill('2');
  await station('overlap').locator('.verdict', { hasText: 'Holes: no weights can fix this.' }).waitFor();
  await station('overlap').locator('summary').click();
  await station('matrix').getByRole('radio', { name: 'Keras' }).check({ force: true });
  await station('matrix').getByText('Keras has no such layer.').waitFor();
  await station('stamp').getByRole('radio', { name: 'Gather' }).check({ force: true });
  await station('stamp').getByRole('slider', { name: 'Outputs gathered' }).fill('20');
  await expectAccessible(page, '#stamp, #overlap, #matrix');
  // Lanes, then the dialog.
  await station('stamp').getByRole('radio', { name: '1-D' }).check({ force: true });
  await station('stamp').getByRole('slider', { name: 'Groups' }).fill('3');
  await page.locator('.lane-3').first().waitFor();
  await expectAccessible(page, '#stamp');
  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByRole('dialog').locator('pre').waitFor();
  await expectAccessible(page, 'dialog');
  await leave();
});

describe('the page', () => {
  it('runs isolated, under a policy without unsafe-eval and inline script, names its build, and changes its theme', async () => {
    const response = await fetch(served.url);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(policy).not.toMatch(/'unsafe-(eval|inline)'/);
    expect(await response.text()).toContain('http-equiv="Content-Security-Policy"');
    const { page, leave } = await visit(served, { colorScheme: 'light' });
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await eventually(() => page.locator('.badge').textContent()).toMatch(/SIMD\d+ threads?[\d.< ]+ms/);
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await paper();
    await page.getByRole('button', { name: 'Use the dark theme' }).click();
    await eventually(() => paper()).not.toBe(light);
    await leave();
  });

  it('keeps its values, marks and choices where the system chooses the colours', async () => {
    const { page, leave } = await visit(served, { reducedMotion: 'reduce', forcedColors: 'active' });
    const look = (selector: string, what: 'backgroundColor' | 'boxShadow' | 'color') =>
      page.locator(selector).evaluateAll((all, name) => all.map((one) => getComputedStyle(one)[name]), what);
    const [paper = ''] = await look('body', 'backgroundColor');
    // One colour for each of the three sums, and none of them that of the paper.
    const cells = new Set(await look('.output-grid .cell', 'backgroundColor'));
    expect(cells.size).toBe(3);
    for (const mark of ['.output-grid [data-cell="0,0"] .pips i', '.tally .bar', '.button.try-it']) {
      expect(await look(mark, 'backgroundColor'), mark).not.toContain(paper);
    }
    expect(cells).not.toContain(paper);
    expect(await look('#stamp .choice input:checked + span', 'boxShadow')).not.toContain('none');
    await page.getByRole('button', { name: 'Next line' }).waitFor();
    for (const [off, on] of [
      ['#matrix .button:disabled', '#matrix .button:enabled'],
      ['#stamp .icon-button:disabled', '#stamp .icon-button:enabled:not(.is-strong)'],
    ] as const)
      expect((await look(off, 'color'))[0]).not.toBe((await look(on, 'color'))[0]);
    await leave();
  });

  it('needs at most 60 KB of script, compressed, with the glue of its wasm, until its first step', async () => {
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
    const scripts = [...new Set(names)].map((name) => readFileSync(new URL(name, assets)));
    // By the name of what only the glue throws.
    expect(scripts.filter((script) => script.includes('BindingError'))).toHaveLength(1);
    const bytes = scripts.map((script) => gzipSync(script).length);
    expect(bytes.reduce((a, b) => a + b, 0)).toBeLessThan(60 * 1024);
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

  it.each([
    { station: 'overlap', part: 'predictions' },
    { station: 'matrix', part: 'conventions' },
    { station: 'phases', part: 'phases' },
    { station: 'lab', part: 'lab' },
    { station: 'lab', part: 'sound' },
    { station: 'learn', part: 'learn' },
  ])(
    'says in station $station, in words of its own, when the worker does not get $part',
    async ({ station, part }) => {
      const context = await served.browser.newContext();
      await context.addInitScript(keepNothing);
      const page = await context.newPage();
      await page.route(new RegExp(`/assets/${part}-(?!(station|score)-)[\\w-]+\\.js$`), (route) =>
        route.abort(),
      );
      await page.goto(`${served.url}?embed=${station}`);
      if (part === 'sound') await page.locator('#sound').scrollIntoViewIfNeeded();
      await eventually(() => page.locator(`#${station} .refusal`).allInnerTexts()).toEqual([
        'This part did not load. Load the page again to have it.',
      ]);
      await context.close();
    },
  );

  it('starts its engine and says that it is loading until its script draws', async () => {
    const context = await served.browser.newContext();
    await context.addInitScript(keepNothing);
    const page = await context.newPage();
    let missing = true;
    await page.route('**/index-*.js', (route) => (missing ? route.abort() : route.continue()));
    const said = () =>
      page.evaluate(() => {
        // The sentence waits for a while, as the script comes mostly at once.
        for (const each of document.getAnimations()) each.finish();
        const { content, visibility } = getComputedStyle(
          document.getElementById('page') as Element,
          '::before',
        );
        return visibility === 'visible' ? content : '';
      });
    const binary = page.waitForRequest('**/*.wasm');
    await page.goto(served.url);
    await binary;
    expect(await said()).toContain('Loading the page\u2026 If this stays, load it again.');
    missing = false;
    await page.goto(served.url);
    await page.locator('.drawn').waitFor();
    expect(await said()).toBe('none');
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
