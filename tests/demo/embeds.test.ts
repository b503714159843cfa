// Stations in pages of other origins, as docs/embedding.md tells to put them there.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, FrameLocator, Page } from 'playwright';
import { PNG } from 'pngjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf } from '../../scripts/documents.mjs';
import { PATIENCE_MS } from '../support/patience';
import { expectAccessible } from './accessible';
import { type PlainHost, plainHost } from './plain-host';
import { python } from './programs';
import { eventually, keepNothing, type Served, serve } from './serve';

const root = fileURLToPath(new URL('../../', import.meta.url));
const guide = readFileSync(new URL('../../docs/embedding.md', import.meta.url), 'utf8');
/** The page of the guide's examples. */
const EXAMPLE = 'https://example.org/stamp/';
const STATIONS = [...guide.matchAll(/^\| [^|]+ \| `(\w+)` \|/gm)].map(([, id = '']) => id).slice(0, 8);

let host: PlainHost;
let own: PlainHost;
let served: Served;
let context: BrowserContext | undefined;
let said: string[] = [];
const folder = mkdtempSync(path.join(tmpdir(), 'embeds-'));

beforeAll(async () => {
  host = await plainHost(path.join(root, 'build', 'page'));
  own = await plainHost(folder);
  served = await serve();
});
afterAll(async () => {
  await served?.close();
  await Promise.all([host?.close(), own?.close()]);
  rmSync(folder, { recursive: true });
});
afterEach(async () => {
  // Not all tests open a page.
  await context?.close();
  context = undefined;
  expect(said).toEqual([]);
});

/** A page of another origin with this in it. */
async function pageWith(html: string, options = {}): Promise<Page> {
  const body = html.replaceAll(EXAMPLE, host.url);
  writeFileSync(
    path.join(folder, 'index.html'),
    `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>A lesson</title>
     <link rel="icon" href="data:,"><main><h1>A lesson</h1>${body}</main></html>`,
  );
  context = await served.browser.newContext({ reducedMotion: 'reduce', ...options });
  await context.addInitScript(keepNothing);
  context.setDefaultTimeout(PATIENCE_MS);
  said = [];
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) said.push(message.text());
  });
  context.on('weberror', (error) => said.push(error.error().message));
  const page = await context.newPage();
  await page.goto(own.url);
  return page;
}

const element = (station: string, more = '') =>
  `<script src="${EXAMPLE}deconv-station.js"></script>
   <deconv-station station="${station}" ${more}><p>Instead</p></deconv-station>`;
const frameOf = (page: Page) => page.frameLocator('iframe');
const computed = (frame: FrameLocator) => eventually(() => frame.locator('.badge').textContent());

describe('the element', () => {
  it.each(STATIONS)('shows %s, as high as it is', async (station) => {
    const page = await pageWith(element(station, 'state="v1&k=4"'));
    const frame = frameOf(page);
    await frame.locator(`#${station}`).waitFor();
    await computed(frame).toMatch(/SIMD/);
    expect(await frame.locator('section.station').count()).toBe(1);
    const inner = page.frames().find((other) => other.url().includes('embed='));
    const heights = async () => [
      await page.locator('iframe').evaluate((each) => each.clientHeight),
      await inner?.evaluate(() => document.documentElement.scrollHeight),
    ];
    await eventually(async () => {
      const [outside, inside] = await heights();
      return outside === inside;
    }).toBe(true);
    expect(await page.getByText('Instead').isVisible()).toBe(false);
    expect(await page.locator('iframe').getAttribute('title')).toBe(`Stamp, sum, see: ${station}`);
  });

  it('follows its attributes, and does not stick out of a narrow page', async () => {
    const page = await pageWith(element('stamp', 'state="v1&k=4" title="Kernel 4"'), {
      viewport: { width: 360, height: 800 },
    });
    const kernel = () => frameOf(page).getByLabel('Kernel', { exact: true }).first().inputValue();
    await eventually(kernel).toBe('4');
    await page.locator('deconv-station').evaluate((each) => each.setAttribute('state', 'v1&k=5'));
    await eventually(kernel).toBe('5');
    await frameOf(page).getByLabel('Kernel', { exact: true }).first().fill('2');
    // Its address tells the browser that there is something to go back from.
    await eventually(() => page.frames().some((frame) => frame.url().endsWith('#v1&k=2'))).toBe(true);
    await page.locator('deconv-station').evaluate((each) => each.setAttribute('state', 'v1&k=5'));
    await eventually(kernel).toBe('5');
    await page.locator('deconv-station').evaluate((each) => each.setAttribute('station', 'overlap'));
    await frameOf(page).locator('#overlap').waitFor();
    await expectAccessible(page);
  });

  it('says what is wrong with a station that there is not', async () => {
    const page = await pageWith(element('stamps'));
    await frameOf(page).getByText('There is no such station').waitFor();
    expect(await frameOf(page).getByRole('alert').textContent()).toContain('stamp, overlap, matrix');
  });

  it.each(['https://', 'javascript:alert(1)'])('says that %s is no address of a page', async (address) => {
    const page = await pageWith(element('stamp', `page="${address}"`));
    await page
      .getByText(`expected the attribute page to be the address of the page, got "${address}"`)
      .waitFor();
    expect(await page.locator('iframe').isVisible()).toBe(false);
    await page.locator('deconv-station').evaluate((each) => each.removeAttribute('page'));
    await frameOf(page).locator('#stamp').waitFor();
    expect(await page.getByText('expected the attribute page').isVisible()).toBe(false);
  });

  it('leaves what stands inside to readers without scripts', async () => {
    const page = await pageWith(element('stamp'), { javaScriptEnabled: false });
    expect(await page.getByText('Instead').isVisible()).toBe(true);
  });
});

/** What a station says that its picture has to say, too. */
const FACTS: Readonly<Record<string, (page: Page) => Promise<readonly string[]>>> = {
  // Every number of the output, in order.
  stamp: async (page) => [
    (await page.getByLabel(/^Output, 7 by 7/).innerText()).replaceAll(/\D+/g, ' ').trim(),
  ],
  overlap: async (page) => {
    const label =
      (await page.locator('[aria-label*="Counts along an axis"]').getAttribute('aria-label')) ?? '';
    const [verdict = '', line = ''] = label.split(/ Counts along an axis: |\.$/);
    return [verdict, line.replaceAll(', ', ' ')];
  },
  matrix: async (page) => {
    const label = await page.locator('canvas[aria-label^="K, "]').getAttribute('aria-label');
    const [, rows, columns, entries] = /^K, (\d+) by (\d+), with (\d+) entries/.exec(label ?? '') ?? [];
    return [`${rows} × ${columns}: ${entries} taps`];
  },
  phases: async (page) => [
    `U = ${await page.locator('.phase-verdict .reading-value').innerText()}`,
    await page.locator('.phase-verdict .reading-level').innerText(),
  ],
  lab: (page) => page.locator('.panel-notes .pattern').allInnerTexts(),
  learn: async (page) => {
    const label = await page.locator('svg[aria-label^="U after 40"]').getAttribute('aria-label');
    return [/random: (from [\d.]+ to [\d.]+);/.exec(label ?? '')?.[1] ?? 'no numbers'];
  },
  model: async (page) => [await page.locator('.network-verdict').innerText()],
  bench: async (page) => {
    const lines = (await page.locator('#bench').innerText()).split('\n').filter((line) => line.includes('→'));
    return lines.map((line) => line.replace(/ \d.*$/, ''));
  },
};

describe('the picture', () => {
  it.each(STATIONS)('of %s says what the station says', async (station) => {
    const text = readFileSync(path.join(root, 'build', 'page', 'pictures', `${station}.svg`), 'utf8');
    const state = new RegExp(`^\\| \`${station}\\.svg\` \\| \`([^\`]+)\``, 'm').exec(guide)?.[1] ?? 'v1';
    const page = await pageWith('<p>A picture</p>');
    const drawn = await page.evaluate((source) => {
      const { documentElement: svg } = new DOMParser().parseFromString(source, 'image/svg+xml');
      const words = [...svg.querySelectorAll('text')].map((each) => each.textContent).join(' ');
      const told = (name: string) => svg.querySelector(name)?.textContent ?? '';
      return { name: svg.nodeName, title: told('title'), description: told('desc'), words };
    }, text);
    await page.goto(`${host.url}?embed=${station}#${state}`);
    const facts = FACTS[station] as (page: Page) => Promise<readonly string[]>;
    await eventually(() => page.locator('.badge').textContent()).toMatch(/SIMD/);
    expect(drawn.name).toBe('svg');
    expect(drawn.title).toMatch(/\w{4}/);
    expect(drawn.description).toMatch(/\S.{20,}\.$/);
    const all = `${drawn.words} ${drawn.description}`.replaceAll(/\s+/g, ' ').toLowerCase();
    const unsaid = async () => {
      const told = await facts(page);
      if (told.length === 0) return 'nothing is told yet';
      return told.filter((fact) => !all.includes(fact.replaceAll(/\s+/g, ' ').toLowerCase()));
    };
    await eventually(unsaid).toEqual([]);
    const outside = [...text.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, target = '']) => target);
    expect(outside.filter((target) => !target.startsWith('data:image/png;'))).toEqual([]);
  });

  it.each([
    ['light', 255],
    ['dark', 22],
  ] as const)('is %s where the page is', async (colorScheme, shade) => {
    const page = await pageWith(`<img src="${EXAMPLE}pictures/overlap.svg" alt="Overlap">`, { colorScheme });
    await page.locator('img').evaluate((image: HTMLImageElement) => image.decode());
    const { data, width } = PNG.sync.read(await page.locator('img').screenshot());
    // Inside the card's corner, left of all that is drawn.
    expect(data[4 * (12 * width + 12)]).toBe(shade);
  });
});

describe('the guide', () => {
  const blocks = blocksOf(guide, 'html|jsx');

  it('has frames and elements for every place', () => {
    expect(blocks.length).toBe(4);
    expect(STATIONS).toEqual(['stamp', 'overlap', 'matrix', 'phases', 'lab', 'learn', 'model', 'bench']);
  });

  it.each(blocks.map((code, index) => [index + 1, code] as const))(
    'block %i shows its stations',
    async (_, code) => {
      // As reveal.js does when a slide is near, and React with a style.
      const html = code
        .replaceAll('data-src=', 'src=')
        .replace(
          /<section data-background-iframe="([^"]+)"[^>]*>/,
          '<section><iframe src="$1" title="Background"></iframe>',
        )
        .replace(/style=\{\{[^}]*\}\}/, '')
        .replace(/\/>\s*$/, '></iframe>');
      const page = await pageWith(html);
      const asked = [...code.matchAll(/(?:embed|station)="?=?"?(\w+)[#"]/g)].map(([, id]) => id);
      expect(asked.length).toBeGreaterThan(0);
      for (const station of asked) {
        const inner = () => page.frames().find((each) => each.url().includes(`embed=${station}`));
        await eventually(() => inner()?.locator(`#${station}`).count()).toBe(1);
        await eventually(() => inner()?.locator('.badge').textContent()).toMatch(/SIMD/);
      }
    },
  );
});

/** What the cells of a notebook show, and its kernel, which goes on until it is ended. */
async function ranCells(cells: readonly string[]) {
  // Where there is no IPython its words are put in its place.
  const words = path.join(folder, 'words');
  mkdirSync(path.join(words, 'IPython'), { recursive: true });
  writeFileSync(path.join(words, 'IPython', '__init__.py'), '');
  writeFileSync(path.join(words, 'IPython', 'display.py'), IPYTHON);
  const kernel = spawn(python, ['-c', KERNEL, words, ...cells], { cwd: root });
  const errors: string[] = [];
  kernel.stderr.on('data', (text) => errors.push(String(text)));
  const end = once(kernel, 'close');
  let told = '';
  for await (const text of kernel.stdout) {
    told += text;
    if (told.endsWith('\n')) break;
  }
  const [name = '', ...shown] = JSON.parse(told || '[]') as string[];
  return {
    name,
    shown,
    async end() {
      kernel.stdin.end();
      await end;
      return errors.join('');
    },
  };
}

/** As a notebook does it: the value of a cell's last line is shown. */
const KERNEL = `
import ast, json, sys
words, *cells = sys.argv[1:]
sys.path.append(words)
import IPython
shown = [getattr(IPython, "__version__", "words alone")]
for cell in cells:
    *before, last = ast.parse(cell).body
    names = {}
    exec(compile(ast.Module(before, []), "cell", "exec"), names)
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    shown.append(value._repr_svg_() if hasattr(value, "_repr_svg_") else value._repr_html_())
print(json.dumps(shown), flush=True)
sys.stdin.read()
`;

const IPYTHON = `
class HTML:
    def __init__(self, data):
        self.data = data
    def _repr_html_(self):
        return self.data

class SVG:
    def __init__(self, filename):
        self.data = open(filename, encoding="utf-8").read()
    def _repr_svg_(self):
        return self.data

class IFrame:
    def __init__(self, src, width, height, extras=()):
        self.text = f'<iframe width="{width}" height="{height}" src="{src}" {" ".join(extras)}></iframe>'
    def _repr_html_(self):
        return self.text
`;

describe('in a notebook', () => {
  const cells = blocksOf(guide, 'python');
  let kernel: Awaited<ReturnType<typeof ranCells>>;
  beforeAll(async () => {
    kernel = await ranCells(cells);
    console.log(`notebook: ${cells.length} cells ran, IPython: ${kernel.name}`);
  });
  afterAll(async () => {
    // A server of files says every request, if it is let.
    expect(await kernel.end()).toBe('');
  });

  it.each([
    ['a frame from an address', 0, 'phases'],
    ['an element', 1, 'overlap'],
    ['a frame from a folder of this machine', 2, 'stamp'],
  ])('%s shows its station', async (_, index, station) => {
    const shown = kernel.shown[index] ?? '';
    const page = await pageWith(shown);
    const inner = () => page.frames().find((each) => each.url().includes(`embed=${station}`));
    await eventually(() => inner()?.locator(`#${station}`).count()).toBe(1);
    await eventually(() => inner()?.locator('.badge').textContent()).toMatch(/SIMD/);
    const isLocal = /src="http:\/\/127\.0\.0\.1:\d+\//.test(shown);
    expect([isLocal, shown.includes(EXAMPLE)]).toEqual(index === 2 ? [true, false] : [false, true]);
  });

  it('a picture is in the notebook, with all that it needs', async () => {
    expect(cells.length).toBe(4);
    const shown = kernel.shown[3] ?? '';
    const asked: string[] = [];
    const page = await pageWith('<p>A notebook</p>');
    page.on('request', (request) => asked.push(request.url()));
    await page.locator('main').evaluate((main, svg) => {
      main.innerHTML = svg;
    }, shown);
    expect(await page.locator('svg').first().isVisible()).toBe(true);
    expect(await page.locator('svg title').first().textContent()).toMatch(/overlap|stamps/i);
    expect(asked).toEqual([]);
  });
});
