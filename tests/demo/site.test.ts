// The site as a stranger has it: built, on a plain host under a sub-path, with and without a network.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pagesOf } from '../../scripts/documents.mjs';
import { exampleFiles } from '../../scripts/site/example-files.mjs';
import { runsInAPage } from '../../scripts/site/runs-in-a-page.mjs';
import { PATIENCE_MS } from '../support/patience';
import { promisedBy } from '../support/promised';
import { seed } from '../support/seed';
import { expectAccessible } from './accessible';
import { type PlainHost, plainHost } from './plain-host';
import { eventually, keepNothing, type Served, serve } from './serve';

const root = fileURLToPath(new URL('../../', import.meta.url));
const site = path.join(root, 'build', 'site');
/** What the site is made of, beside what a test of the page reads: these decide whether this file runs again. */
const MADE_OF = [
  '../../scripts/site.mjs',
  '../../scripts/site',
  '../../scripts/docstrings.mjs',
  '../../scripts/documents.mjs',
  '../../scripts/setup',
  '../../docs',
  '../../web/lib',
  '../../tests/public-names.txt',
  '../../dist',
  '../../examples/README.md',
  '../../README.md',
  '../../CONTRIBUTING.md',
  '../../CHANGELOG.md',
  '../../SECURITY.md',
  '../../THIRD_PARTY_NOTICES.md',
  '../../package.json',
];

let host: PlainHost;
let served: Served;

beforeAll(async () => {
  // A name that is gone would no longer be looked at.
  for (const name of MADE_OF) statSync(new URL(name, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/site.mjs'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`scripts/site.mjs ended with ${status}\n${stdout}${stderr}`);
  host = await plainHost(site);
  served = await serve();
});
afterAll(async () => {
  await served?.close();
  await host?.close();
});

/** An example of another page, and where that is. */
const LENT = /<p>Of <a href="([^"]+)"/;

const wordsOf = (html: string) =>
  html
    .replaceAll(/<br\s*\/?>/g, '\n')
    .replaceAll(/<[^>]+>/g, '')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/** What a page has between its lists of others. */
const contentOf = (html: string) =>
  html.split('class="col-content"')[1]?.split('class="col-sidebar"')[0] ?? '';

/** The programs of a page. */
const programsOf = (html: string) =>
  [...html.matchAll(/<code class="js">([\s\S]*?)<\/code>/g)].map(([, code = '']) => wordsOf(code));

const hasProgramsOfItsOwn = (html: string) => html.includes('<code class="js">') && !LENT.test(html);

/** Where the site tells of each public name, in each entry that exports it. */
function pagesOfNames(): { entry: string; name: string; file: string | undefined }[] {
  const list = readFileSync(new URL('../public-names.txt', import.meta.url), 'utf8');
  return list
    .trim()
    .split('\n\n')
    .flatMap((section) => {
      const [entry = '', ...lines] = section.split('\n');
      const module = `api/modules/${entry.replaceAll('/', '_')}.html`;
      const rows = contentOf(readFileSync(path.join(site, module), 'utf8')).matchAll(
        /<span class="tsd-member-summary-name">(.*?)<\/dt>/gs,
      );
      const files = new Map(
        Array.from(rows, ([, row = '']) => {
          const name = wordsOf(/<(?:span|a)\b[^>]*>(?!<).*?<\/(?:span|a)>/.exec(row)?.[0] ?? '');
          const target = /<a href="([^"#]+)"/.exec(row)?.[1] ?? '';
          return [name, path.posix.join(path.posix.dirname(module), target)];
        }),
      );
      return lines
        .map((line) => line.trim().split(' '))
        .filter(([kind]) => kind !== 'namespace')
        .map(([, name = '']) => ({ entry, name, file: files.get(name) }));
    });
}

const htmlFiles = () =>
  readdirSync(site, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.html') && !name.startsWith('page/'))
    .sort();

describe('the files', () => {
  it('link to what exists, anchors too, and to nothing of this machine', () => {
    const pages = new Map(htmlFiles().map((name) => [name, readFileSync(path.join(site, name), 'utf8')]));
    const files = new Set(readdirSync(site, { recursive: true, encoding: 'utf8' }));
    const anchors = new Map(
      [...pages].map(([name, text]) => [
        name,
        new Set([...text.matchAll(/\s(?:id|name)="([^"]+)"/g)].map(([, id]) => id)),
      ]),
    );
    const broken: string[] = [];
    let links = 0;
    for (const [name, text] of pages) {
      if (text.includes(root)) broken.push(`${name} names a path of this machine`);
      for (const [, raw = ''] of text.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
        const target = raw.replaceAll('&amp;', '&');
        if (/^(https?:|mailto:|data:)/.test(target)) continue;
        links += 1;
        const [file = '', fragment = ''] = target.split('#');
        const place = path.posix.join(path.posix.dirname(name), decodeURIComponent(file));
        const linked = file === '' ? name : file.endsWith('/') ? path.posix.join(place, 'index.html') : place;
        if (!files.has(linked)) broken.push(`${name}: ${target}`);
        const known = anchors.get(linked);
        // "#" alone is a control of the layout.
        if (fragment !== '' && known !== undefined && !known.has(decodeURIComponent(fragment))) {
          broken.push(`${name}: ${target} (no such anchor)`);
        }
      }
    }
    console.log(`site: ${pages.size} pages, ${links} links within it`);
    expect(broken).toEqual([]);
    expect(links).toBeGreaterThan(10_000);
  });

  it('are a page for each document and for each entry of the package', () => {
    const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
    };
    const modules = Object.entries(exports)
      .filter(([, target]) => typeof target !== 'string')
      .map(([entry]) => `api/modules/${path.posix.join('deconv-wasm', entry).replaceAll('/', '_')}.html`);
    const [, ...documents] = pagesOf(root).map((name) => name.replace(/\.md$/, '.html'));
    expect(htmlFiles()).toEqual(expect.arrayContaining(['index.html', ...documents, ...modules]));
  });

  it('have an example of every public name, on its page', () => {
    const names = pagesOfNames();
    const opened = [...exampleFiles(root).keys()];
    const bare: string[] = [];
    const pages = { own: new Set<string>(), lent: new Set<string>(), elsewhere: new Set<string>() };
    for (const { entry, name, file } of names) {
      const content = file === undefined ? '' : contentOf(readFileSync(path.join(site, file), 'utf8'));
      const programs = programsOf(content);
      if (file === undefined || programs.length === 0) bare.push(`${entry}: ${name}`);
      else {
        (LENT.test(content) ? pages.lent : pages.own).add(file);
        if (!programs.some((program) => runsInAPage(program, opened))) pages.elsewhere.add(file);
      }
    }
    console.log(
      `site: ${names.length} public names of all entries on ${pages.own.size + pages.lent.size} pages: ` +
        `${pages.own.size} have an example of their own, ${pages.lent.size} show one that uses them; ` +
        `not in the page run those of ${[...pages.elsewhere].join(', ')}`,
    );
    expect(bare).toEqual([]);
    expect(names.length).toBeGreaterThan(600);
  });

  it.each([
    ['types/deconv-wasm.RouteName', /route: '\w/],
    ['interfaces/deconv-wasm.InitOptions', /init\(\{ \w+:/],
    ['interfaces/deconv-wasm_checkerboard.Analysis', /\{ verdict, unevenness/],
    ['interfaces/deconv-wasm_training.Loss', /\bgradient\b/],
  ])('%s shows an example that uses it, and whose it is', (place, use) => {
    const content = contentOf(readFileSync(path.join(site, 'api', `${place}.html`), 'utf8'));
    expect(programsOf(content)[0]).toMatch(use);
    const owner = LENT.exec(content)?.[1] ?? '';
    expect(htmlFiles()).toContain(path.posix.join('api', path.dirname(place), owner.split('#')[0] ?? ''));
  });

  it('say the names of a list, not that there is one', () => {
    const content = (name: string) =>
      wordsOf(contentOf(readFileSync(path.join(site, 'api', 'types', `deconv-wasm.${name}.html`), 'utf8')));
    expect(content('RouteName')).toMatch(/"polyphase"[\s\S]*"scalar"/);
    expect(content('DeconvErrorCode')).toContain('"BAD_OPTION"');
  });

  it('have one title each', () => {
    const titles = htmlFiles().map((name) => {
      const text = readFileSync(path.join(site, name), 'utf8');
      return `${name} ${[...text.matchAll(/<h1[\s>]/g)].length}`;
    });
    expect(titles.filter((line) => !line.endsWith(' 1'))).toEqual([]);
  });

  it('have all places to which the search leads', () => {
    const script = readFileSync(path.join(site, 'assets', 'search.js'), 'utf8');
    const packed = Buffer.from(/"(.*)"/.exec(script)?.[1] ?? '', 'base64');
    const { rows } = JSON.parse(inflateSync(packed).toString()) as {
      readonly rows: readonly { readonly url: string }[];
    };
    const missing = rows
      .map(({ url }) => url)
      .filter((url) => {
        const [file = '', anchor] = url.split('#');
        const text = readFileSync(path.join(site, file), 'utf8');
        return anchor !== undefined && !text.includes(`id="${anchor}"`);
      });
    expect(missing).toEqual([]);
    const sections = rows.filter(({ url }) => /^(?:docs\/.*|index)\.html#/.test(url));
    console.log(
      `site: the search leads to ${rows.length} places, ${sections.length} of them sections of documents`,
    );
    expect(sections.length).toBeGreaterThan(100);
  });
});

let context: BrowserContext;
let page: Page;
const said: string[] = [];
const foreign: string[] = [];

async function open(): Promise<void> {
  context = await served.browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(PATIENCE_MS);
  page = await context.newPage();
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.message));
  context.on('request', (request) => {
    const { protocol } = new URL(request.url());
    if (protocol.startsWith('http') && !request.url().startsWith(host.url)) foreign.push(request.url());
  });
}

/** Types into the search of the page that is open, and gives the addresses of what it finds. */
async function found(words: string): Promise<string[]> {
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('combobox').fill(words);
  const results = page.getByRole('option').getByRole('link');
  await results.first().waitFor();
  const addresses = await results.evaluateAll((links) =>
    links.map((link) => (link as HTMLAnchorElement).href),
  );
  await page.keyboard.press('Escape');
  return addresses.map((address) => address.slice(host.url.length));
}

/** Runs in the page: each word, and on how many lines it stands. One with a hyphen or a slash may go on after that. */
function wordsOfTables(): { word: string; lines: number }[] {
  const words: { word: string; lines: number }[] = [];
  for (const cell of document.querySelectorAll('td, th')) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
      for (const { index, 0: word } of (node.nodeValue ?? '').matchAll(/[\p{L}\p{N}_.]+/gu)) {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        words.push({ word, lines: new Set(Array.from(range.getClientRects(), ({ top }) => top)).size });
      }
    }
  }
  return words;
}

describe('under a sub-path', () => {
  beforeAll(async () => {
    await open();
    await context.addInitScript(keepNothing);
  });
  afterEach(() => {
    expect(said.splice(0)).toEqual([]);
    expect(foreign.splice(0)).toEqual([]);
  });
  afterAll(() => context?.close());

  it.each([
    [
      'output padding',
      [
        'docs/pytorch.html#output-padding-in-one-dimension',
        'docs/keras.html#is-not',
        'api/interfaces/deconv-wasm.ConvTranspose.html#outputpadding',
      ],
    ],
    ['checkerboard', ['docs/checkerboard.html', 'index.html#checkerboards-of-a-model-file']],
    ['ConvTranspose2d', ['api/classes/deconv-wasm.ConvTranspose2d.html']],
    ['threads', ['docs/loading.html#threads', 'api/interfaces/deconv-wasm.InitOptions.html#threads']],
  ])('the search finds "%s"', async (words, places) => {
    await page.goto(host.url);
    const addresses = await found(words);
    expect(addresses).toEqual(expect.arrayContaining(places));
  });

  it.each([
    'index.html',
    'docs/checkerboard.html',
    'api/modules/deconv-wasm_checkerboard.html',
    'api/classes/deconv-wasm.ConvTranspose2d.html',
    'api/functions/deconv-wasm_checkerboard.analyze.html',
  ])('%s is accessible in both themes on wide and narrow screens', async (name) => {
    await page.goto(host.url + name);
    await page.getByRole('button', { name: 'Search' }).waitFor();
    await expectAccessible(page);
  });

  it('no word of a table is broken, at 360 pixels and at 1280', async () => {
    const broken: string[] = [];
    const words = { 360: 0, 1280: 0 };
    for (const name of htmlFiles().filter((each) => /^(?:index\.html$|docs\/)/.test(each))) {
      await page.goto(host.url + name);
      await page.getByRole('button', { name: 'Search' }).waitFor();
      for (const width of [360, 1280] as const) {
        await page.setViewportSize({ width, height: 800 });
        const found = await page.evaluate(wordsOfTables);
        words[width] += found.length;
        const parted = found.filter(({ lines }) => lines !== 1);
        broken.push(...parted.map(({ word }) => `${name} at ${width} px: ${word}`));
      }
    }
    expect(broken).toEqual([]);
    for (const count of Object.values(words)) expect(count).toBeGreaterThan(1000);
  });

  it('names in the search are not broken at 360 pixels, and crumbs end with the page', async () => {
    await page.setViewportSize({ width: 360, height: 800 });
    await page.goto(`${host.url}api/types/deconv-wasm.RouteName.html`);
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('combobox').fill('ConvTranspose2d');
    const results = page.getByRole('option').getByRole('link');
    await results.first().waitFor();
    const names = await results.evaluateAll((links) =>
      links.map((link) => {
        const text = link.querySelector('.text') as Element;
        const range = document.createRange();
        range.selectNodeContents(text);
        const parent = text.querySelector('.parent');
        if (parent !== null) range.setStartAfter(parent);
        return {
          name: range.toString().trim(),
          lines: new Set(Array.from(range.getClientRects(), ({ top }) => Math.round(top))).size,
        };
      }),
    );
    expect(names.map(({ name }) => name)).toContain('ConvTranspose2d');
    // Titles of documents have spaces.
    expect(names.filter(({ name, lines }) => lines !== 1 && !name.includes(' '))).toEqual([]);
    await page.keyboard.press('Escape');
    const ends = page.locator('.tsd-breadcrumb li').last();
    expect(await ends.evaluate((item) => getComputedStyle(item, '::after').content)).toBe('none');
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it('shows a document as soon as it is there, and waits for no clock', async () => {
    const still = await context.newPage();
    await still.addInitScript(() => {
      globalThis.setTimeout = (() => 0) as never;
    });
    await still.goto(`${host.url}docs/checkerboard.html`);
    expect(await still.getByRole('heading', { name: 'Checkerboard patterns' }).isVisible()).toBe(true);
    await still.close();
  });

  it('fetches what the search knows once it opens, and then looks for what was typed meanwhile', async () => {
    const own = await context.newPage();
    // TypeDoc looks a while after the last letter; here at once, before there is anything to find.
    await own.addInitScript(() => {
      globalThis.setTimeout = ((then: () => void) => queueMicrotask(then)) as never;
    });
    const asked: string[] = [];
    const known = Promise.withResolvers<void>();
    own.on('request', (request) => asked.push(path.basename(request.url())));
    await own.route('**/search.js', async (route) => {
      await known.promise;
      await route.continue();
    });
    await own.goto(`${host.url}docs/pytorch.html`);
    await own.getByRole('button', { name: 'Search' }).waitFor();
    expect(asked).toContain('navigation.js');
    expect(asked).not.toContain('search.js');
    await own.keyboard.press('/');
    await own.getByRole('combobox').fill('checkerboard');
    await eventually(() => asked).toContain('search.js');
    const found = own.getByRole('option').getByRole('link');
    expect(await found.count()).toBe(0);
    known.resolve();
    await found.first().waitFor();
    await own.close();
  });

  it('leads from the documentation to the page, which runs, and back', async () => {
    await page.goto(`${host.url}docs/checkerboard.html`);
    await page.getByRole('link', { name: 'The page: stamp, sum, see' }).click();
    await page.locator('.drawn').waitFor();
    expect(page.url()).toBe(`${host.url}page/index.html`);
    await page.getByRole('link', { name: 'the documentation of the package' }).click();
    await page.getByRole('heading', { name: 'deconv-wasm', level: 1 }).waitFor();
    expect(page.url()).toBe(`${host.url}index.html`);
  });

  it('examples run where they stand, and print what they say', async () => {
    // A member's example stands in every class that has the member.
    const seen = new Set<string>();
    const ran = { documentation: 0, api: 0 };
    let promised = 0;
    const withExamples = htmlFiles().filter(
      (name) =>
        /^(?:index\.html$|docs\/|api\/)/.test(name) &&
        hasProgramsOfItsOwn(readFileSync(path.join(site, name), 'utf8')),
    );
    // Those of the API have all run in Node (tests/package/docstrings.test.ts): here one page of them in eight, which
    // the seed chooses.
    const api = withExamples.filter((name) => name.startsWith('api/'));
    const chosen = api.filter((_, index) => index % 8 === seed % 8);
    for (const name of withExamples.filter((each) => !api.includes(each) || chosen.includes(each))) {
      await page.goto(host.url + name);
      for (const example of await page.locator('pre:has(> .run-example)').all()) {
        const code = (await example.locator('code').innerText()).replaceAll('\u00a0', ' ');
        if (seen.has(code)) continue;
        seen.add(code);
        await example.getByRole('button', { name: 'Run' }).click();
        const printed = example.locator('xpath=following-sibling::output[1]');
        await eventually(() => printed.getAttribute('data-outcome')).not.toBeNull();
        const text = (await printed.textContent()) ?? '';
        expect(await printed.getAttribute('data-outcome'), `${name}:\n${code}\n${text}`).toBe('ran');
        const lines = text.split('\n');
        let from = 0;
        // Threads need a host that sends headers, and this one sends none.
        if (/threads: [2-9]/.test(code)) expect(text).toContain('not cross-origin isolated');
        else
          for (const promise of promisedBy(code)) {
            const at = lines.indexOf(promise, from);
            expect(at, `${name}: "${promise}" in:\n${text}`).toBeGreaterThanOrEqual(from);
            from = at + 1;
            promised += 1;
          }
        ran[name.startsWith('api/') ? 'api' : 'documentation'] += 1;
      }
    }
    console.log(
      `site: ${ran.documentation} examples of the documentation and ${ran.api} of the API ran in the page, ${promised} promised lines came`,
    );
    expect(ran.documentation).toBeGreaterThan(30);
    expect(api.length).toBeGreaterThan(150);
    expect(ran.api).toBeGreaterThanOrEqual(chosen.length / 2);
  });
});

it('can be read and searched again without a network', async () => {
  const gone = await plainHost(site);
  const before = host;
  host = gone;
  await open();
  await page.goto(gone.url);
  await eventually(() =>
    page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state),
  ).toBe('activated');
  await gone.close();
  await page.goto(`${gone.url}docs/pytorch.html`);
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('PyTorch');
  expect(await found('checkerboard')).toContain('docs/checkerboard.html');
  await context.close();
  host = before;
});
