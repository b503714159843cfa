import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright';
import { preview } from 'vite';
import { expect, vi } from 'vitest';
import { chromiumOptions } from '../../scripts/browsers.mjs';

const root = new URL('../../', import.meta.url);
const inRoot = (path: string) => fileURLToPath(new URL(path, root));

// A browser on a busy machine is slower than the defaults expect; what is waited for is a condition.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });
const PATIENCE = 60_000;

/** `expect.poll` with patience. */
export const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: PATIENCE });

export interface Served {
  readonly browser: Browser;
  readonly url: string;
  close(): Promise<void>;
}

/** The built page on a free port, with the headers of `vite preview`, and a browser to look at it. */
export async function serve(flags: readonly string[] = []): Promise<Served> {
  if (!existsSync(inRoot('build/page/index.html'))) {
    throw new Error('build/page is missing: run `vite build -c web/demo/vite.config.ts` first');
  }
  const server = await preview({
    configFile: inRoot('web/demo/vite.config.ts'),
    preview: { port: 0, host: '127.0.0.1', strictPort: false, open: false },
    logLevel: 'silent',
  });
  const url = server.resolvedUrls?.local[0];
  if (!url) throw new Error('vite preview gave no address');
  const { args, ...options } = chromiumOptions();
  // A picture that moves instead of a camera, for the test that grants it.
  const camera = '--use-fake-device-for-media-stream';
  const browser = await chromium.launch({ ...options, args: [...args, camera, ...flags] });
  return {
    browser,
    url,
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** Brings something into view and says where it is, once it moves no more: stations and answers that come later push down what is below. */
export async function stillBox(page: Page, element: Locator): Promise<Box> {
  await eventually(() => page.locator('.is-coming').count()).toBe(0);
  let before = '';
  let box: Box | null = null;
  await eventually(async () => {
    const last = before;
    await element.scrollIntoViewIfNeeded();
    box = await element.boundingBox();
    before = JSON.stringify(box);
    return box !== null && before === last;
  }).toBe(true);
  if (!box) throw new Error('the element is not on screen');
  return box;
}

type Box = NonNullable<Awaited<ReturnType<Locator['boundingBox']>>>;

export interface Visit {
  readonly page: Page;
  /**
   * Closes the page and asserts that it stayed silent and among its own files. What the test itself provoked
   * is `expected`, and has to have been said.
   */
  leave(expected?: RegExp): Promise<void>;
}

/** Opens the page and waits until the first picture is on it. */
export async function visit({ browser, url }: Served, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const said: string[] = [];
  const foreign: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) said.push(message.text());
  });
  page.on('pageerror', (error) => said.push(error.message));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== new URL(url).origin) foreign.push(request.url());
  });
  await page.goto(url);
  await page.locator('.drawn').waitFor();
  return {
    page,
    async leave(expected) {
      await context.close();
      expect(said.filter((text) => !expected?.test(text))).toEqual([]);
      if (expected) expect(said.some((text) => expected.test(text))).toBe(true);
      expect(foreign).toEqual([]);
    },
  };
}
