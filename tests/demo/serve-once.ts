// Serves the built page and starts Chromium, once for all files of the page's tests.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { preview } from 'vite';
import type { TestProject } from 'vitest/node';
import { chromiumOptions } from '../../scripts/browsers.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the page is. */
    servedUrl: string;
    /** Where Playwright finds the browser. */
    browserEndpoint: string;
  }
}

const inRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export async function setup(project: TestProject): Promise<() => Promise<void>> {
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
  const browser = await chromium.launchServer({
    ...options,
    // A picture that moves instead of a camera, for the test that grants it; and WebNN, for the programs that use it.
    args: [
      ...args,
      '--use-fake-device-for-media-stream',
      '--enable-features=WebMachineLearningNeuralNetwork',
    ],
  });
  project.provide('servedUrl', url);
  project.provide('browserEndpoint', browser.wsEndpoint());
  return async () => {
    await browser.close();
    await server.close();
  };
}
