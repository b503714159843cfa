// Serves the built page and starts Chromium, once for all files of the page's tests.

import { chromium } from 'playwright';
import type { TestProject } from 'vitest/node';
import { shellOptions } from '../../scripts/browsers.mjs';
import { servePage } from './serve-page';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the page is. */
    servedUrl: string;
    /** Where Playwright finds the browser. */
    browserEndpoint: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const page = await servePage();
  const { args, ...options } = shellOptions();
  const browser = await chromium.launchServer({
    ...options,
    // For the programs that use WebNN.
    args: [...args, '--enable-features=WebMachineLearningNeuralNetwork'],
  });
  project.provide('servedUrl', page.url);
  project.provide('browserEndpoint', browser.wsEndpoint());
  return async () => {
    await browser.close();
    await page.close();
  };
}
