import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright';
import { expect, inject } from 'vitest';
import { chromiumOptions } from '../../scripts/browsers.mjs';
import { PATIENCE_MS } from '../support/patience';
import type { ServedPage } from './serve-page';

/** `expect.poll`: what is waited for is a condition, for as long as a busy machine may take to fulfil it. */
export const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: PATIENCE_MS });

export interface Served extends ServedPage {
  readonly browser: Browser;
}

/** The page, and the browser of all these tests (serve-once.ts) to look at it. */
export async function serve(): Promise<Served> {
  const browser = await chromium.connect(inject('browserEndpoint'));
  return { browser, url: inject('servedUrl'), close: () => browser.close() };
}

/** The page, and the whole of Chromium, as people have it: the browser of the other tests has no permissions to give. */
export async function serveWhole(): Promise<Served> {
  const { args, ...options } = chromiumOptions();
  // A picture that moves instead of a camera.
  const browser = await chromium.launch({
    ...options,
    args: [...args, '--use-fake-device-for-media-stream'],
  });
  return { browser, url: inject('servedUrl'), close: () => browser.close() };
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
   * Brings the page back to how it opens, or to the state of an address, without loading it: the state, and
   * what a person has opened, pinned, focused or scrolled. A test that asks for more than that loads it anew.
   */
  again(hash?: string): Promise<void>;
  /**
   * Asserts that the page stayed silent and among its own files since the last time. What the test itself
   * provoked is `expected`, and has to have been said.
   */
  expectSilence(expected?: RegExp): void;
  /** Closes the page, and asserts the same. */
  leave(expected?: RegExp): Promise<void>;
}

export interface VisitOptions extends BrowserContextOptions {
  /** Then `page.clock` lets the page's time pass, and the machine's does not matter. */
  readonly ownClock?: boolean | 'stopped';
  /** Keeps the page for readers without a network, which fetches and stores all of it at each visit. */
  readonly keepOffline?: boolean;
}

/** Opens the page and waits until the first picture is on it. */
export async function visit(
  { browser, url }: Served,
  { ownClock = false, keepOffline = false, ...options }: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  if (ownClock) await context.clock.install();
  if (ownClock === 'stopped') await context.clock.pauseAt(Date.now() + PATIENCE_MS);
  await context.addInitScript(noteQuestions);
  if (!keepOffline) await context.addInitScript(keepNothing);
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
  if (ownClock === 'stopped') {
    await eventually(async () => {
      await page.clock.runFor(20);
      return page.locator('.drawn').count();
    }).toBe(1);
  }
  await page.locator('.drawn').waitFor();
  const expectSilence = (expected?: RegExp) => {
    const [texts, addresses] = [said.splice(0), foreign.splice(0)];
    expect(texts.filter((text) => !expected?.test(text))).toEqual([]);
    if (expected) expect(texts.some((text) => expected.test(text))).toBe(true);
    expect(addresses).toEqual([]);
  };
  return {
    page,
    async again(hash = '#v1') {
      await page.mouse.move(0, 0);
      await page.keyboard.press('Escape');
      await page.evaluate(reopen, hash);
      await page.evaluate(untilAnswered);
      // The film of station 1 is no part of the state. At its end it is where it opens without motion.
      const film = page.locator('#stamp .transport input[type="range"]');
      if ((await film.count()) === 1) await film.fill((await film.getAttribute('max')) ?? '');
      await page.evaluate(letGo);
    },
    expectSilence,
    async leave(expected) {
      await context.close();
      expectSilence(expected);
    },
  };
}

declare global {
  /** Questions to the page's workers that have no answer yet. */
  var unanswered: Set<unknown>;
  /** The names of all questions so far, worker by worker. */
  var asked: string[][];
}

/**
 * Runs before a page's own scripts: no service worker fetches and stores all of it. A registration never comes to an
 * end; Playwright's own way to block it warns in the console.
 */
export function keepNothing(): void {
  // Where a page is no secure context, there is none.
  if ('ServiceWorkerContainer' in globalThis) {
    ServiceWorkerContainer.prototype.register = () => new Promise(() => {});
  }
}

/** Runs before the page's own scripts. */
function noteQuestions(): void {
  globalThis.unanswered = new Set();
  globalThis.asked = [];
  const { postMessage } = Worker.prototype;
  const known = new WeakMap<Worker, { names: string[]; of: string }>();
  Worker.prototype.postMessage = function (
    this: Worker,
    message: { id?: unknown; name: string },
    ...rest: never[]
  ) {
    let worker = known.get(this);
    if (!worker) {
      // Each counts its questions from 1.
      const of = `worker ${asked.length}, question `;
      worker = { names: [], of };
      known.set(this, worker);
      asked.push(worker.names);
      this.addEventListener('message', ({ data }) => {
        if (!('progress' in data)) unanswered.delete(of + data.id);
      });
      this.addEventListener('error', () => unanswered.clear());
    }
    worker.names.push(message.name);
    unanswered.add(worker.of + message.id);
    postMessage.call(this, message, ...rest);
  };
}

/** In the page: the state of an address, and nothing left open or focused. */
export function reopen(hash: string): void {
  for (const details of document.querySelectorAll('details')) details.open = false;
  (document.activeElement as HTMLElement | null)?.blur();
  // Written and told, because the page may not have written its own state there yet.
  history.replaceState(history.state, '', location.pathname + hash);
  dispatchEvent(new HashChangeEvent('hashchange'));
  scrollTo(0, 0);
}

/** In the page: nothing has the focus, and Tab gives it to what comes first. */
function letGo(): void {
  const { body } = document;
  body.tabIndex = -1;
  body.focus();
  body.blur();
  body.removeAttribute('tabindex');
}

/** In the page: until all stations are there, and no question is open for some frames. */
export function untilAnswered(): Promise<void> {
  return new Promise((resolve) => {
    let quiet = 0;
    const look = () => {
      quiet = unanswered.size === 0 && document.querySelector('.is-coming') === null ? quiet + 1 : 0;
      if (quiet > 3) resolve();
      else requestAnimationFrame(look);
    };
    look();
  });
}
