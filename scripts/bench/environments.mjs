// Node and Chromium: each runs a job in a fresh process or page and gives its result.

import { fork } from 'node:child_process';
import path from 'node:path';
import { chromiumOptions } from '../browsers.mjs';
import { folders } from './folders.mjs';
import { serve } from './server.mjs';

const LONGEST_MS = 600_000;

export const ENVIRONMENTS = { node: openNode, chromium: openChromium };

async function openNode() {
  return {
    name: 'Node',
    version: `${process.version} (V8 ${process.versions.v8})`,
    run: (job) => inChild('node-case.mjs', job),
    chains: (options) => inChild('node-chains.mjs', options),
    network: (job) => inChild('node-network.mjs', job),
    close: async () => {},
  };
}

/** Runs one of hosts/ in a process of its own: sends it the job, resolves with its answer. */
export function inChild(script, job) {
  return new Promise((resolve, reject) => {
    const file = path.join(folders.here, 'hosts', script);
    // Libraries print what they like; it is shown only when they fail.
    const child = fork(file, { silent: true, timeout: LONGEST_MS });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output = (output + text).slice(-4000);
      });
    }
    child.once('message', ({ result, error }) => {
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      reject(new Error(`${script} ended with ${code ?? signal}\n${output}`));
    });
    child.send(job);
  });
}

async function openChromium() {
  const { chromium } = await import('playwright');
  const server = await serve();
  const options = chromiumOptions();
  // Sound starts without a press.
  const args = [...options.args, '--autoplay-policy=no-user-gesture-required'];
  const browser = await chromium.launch({ ...options, args });
  /** A context of its own has a renderer process of its own. */
  const inPage = async (use) => {
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(`${server.origin}/bench/hosts/page.html`);
      await page.waitForFunction(() => globalThis.crossOriginIsolated && 'runJob' in globalThis);
      server.requested.length = 0;
      const timer = setTimeout(() => context.close(), LONGEST_MS);
      return await use(page).finally(() => clearTimeout(timer));
    } finally {
      await context.close();
    }
  };
  return {
    name: 'Chromium',
    version: browser.version(),
    run: (job) => inPage((page) => page.evaluate((given) => globalThis.runJob(given), job)),
    chains: (options) => inPage((page) => page.evaluate((given) => globalThis.chains(given), options)),
    network: (job) => inPage((page) => page.evaluate((given) => globalThis.network(given), job)),
    /** The files that a page loads until a candidate's first output of a network. */
    networkFiles: (job) =>
      inPage(async (page) => {
        await page.evaluate((given) => globalThis.network(given), job);
        return [...server.requested];
      }),
    /** A picture through a layer on the page's main thread or in its worker. */
    picture: (place, options) =>
      inPage((page) =>
        page.evaluate((given) => globalThis.picture(given.place, given.options), { place, options }),
      ),
    /** Sound in its AudioWorklet; `bundleVocoder` comes first. */
    vocoder: (options) => inPage((page) => page.evaluate((given) => globalThis.vocoder(given), options)),
    /** The files that a page loads until a candidate's first result. */
    filesOf: (name) =>
      inPage(async (page) => {
        await page.evaluate((given) => globalThis.firstResult(given), name);
        return [...server.requested];
      }),
    close: async () => {
      await browser.close();
      await server.close();
    },
  };
}
