// Firefox and WebKit as Debian has them, each by the protocol it speaks: WebDriver BiDi and WebDriver.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import puppeteer, { type KeyInput } from 'puppeteer-core';
import webdriver from 'selenium-webdriver';
import { DriverService } from 'selenium-webdriver/remote';
import { type EngineName, enginePaths } from '../../scripts/browsers.mjs';

/** One window of a browser. Mouse and keyboard are the real ones: the page cannot tell them from a person's. */
export interface Engine {
  readonly version: string;
  open(url: string): Promise<void>;
  /** The value of an expression in the page, awaited there. */
  evaluate<Value>(expression: string): Promise<Value>;
  /** The middle of what an XPath leads to, which is in view. */
  click(path: string): Promise<void>;
  press(key: KeyInput & keyof typeof KEYS): Promise<void>;
  close(): Promise<void>;
}

const { Key } = webdriver;
const KEYS = {
  ArrowDown: Key.ARROW_DOWN,
  ArrowRight: Key.ARROW_RIGHT,
  End: Key.END,
  Enter: Key.ENTER,
  Home: Key.HOME,
};
const VIEW = { width: 1280, height: 900 };

export const launchEngine = (name: EngineName): Promise<Engine> =>
  name === 'firefox' ? launchFirefox() : launchWebKit();

async function launchFirefox(): Promise<Engine> {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: enginePaths.firefox,
    defaultViewport: VIEW,
    protocolTimeout: 0,
  });
  const page = await browser.newPage();
  return {
    version: await browser.version(),
    open: async (url) => void (await page.goto(url)),
    evaluate: (expression) => page.evaluate(expression) as Promise<never>,
    click: (path) => page.locator(`::-p-xpath(${path})`).click(),
    press: (key) => page.keyboard.press(key),
    close: () => browser.close(),
  };
}

/** WebKitGTK has no headless mode: a display of its own is where its window opens. */
async function launchWebKit(): Promise<Engine> {
  const display = await startDisplay();
  const service = new DriverService.Builder(enginePaths.webkit)
    .setLoopback(true)
    .setEnvironment({
      ...process.env,
      DISPLAY: display.name,
      GDK_BACKEND: 'x11',
      // Safari has it on isolated pages; WebKitGTK has it on none, unless it is told to.
      JSC_useSharedArrayBuffer: '1',
      // While its other threads compile, 2.50 now and then runs a function wrongly, once, or waits for ever: in 1 of some
      // 500 modules that just started, and in none of 1,700 that were compiled by the thread that calls.
      JSC_useConcurrentJIT: '0',
      // With its optimizing compiler, 2.50 now and then ends at an assertion of its own where a function that several
      // threads run for the first time has just been compiled (jitCompileSIMDFunction in WasmIPIntSlowPaths.cpp): in 1
      // of some 6 runs of the tests with threads on a busy machine.
      JSC_useOMGJIT: '0',
    })
    .build();
  const end = async () => {
    await service.kill();
    display.process.kill();
  };
  try {
    const driver = await new webdriver.Builder()
      .usingServer(await service.start())
      .withCapabilities({ browserName: 'MiniBrowser' })
      .build();
    await driver
      .manage()
      .window()
      .setRect({ x: 0, y: 0, ...VIEW });
    const capabilities = await driver.getCapabilities();
    return {
      version: `${capabilities.getBrowserName()}/${capabilities.getBrowserVersion()}`,
      open: (url) => driver.get(url),
      evaluate: (expression) => driver.executeScript(`return (${expression})`),
      click: async (path) => driver.findElement(webdriver.By.xpath(path)).click(),
      press: (key) => driver.actions().sendKeys(KEYS[key]).perform(),
      async close() {
        await driver.quit();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function startDisplay(): Promise<{ readonly name: string; readonly process: ChildProcess }> {
  const screen = ['-screen', '0', `${VIEW.width}x${VIEW.height}x24`, '-nolisten', 'tcp'];
  const xvfb = spawn(enginePaths.display, ['-displayfd', '3', ...screen], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  process.once('exit', () => xvfb.kill());
  const number = await new Promise<string>((resolve, reject) => {
    (xvfb.stdio[3] as Readable).once('data', (text) => resolve(String(text).trim()));
    xvfb.once('error', reject).once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)));
  });
  return { name: `:${number}`, process: xvfb };
}
