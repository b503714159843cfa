import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

/** The module as it is where these variables are set. */
async function browsersWith(variables: Readonly<Record<string, string>>) {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  return import('../../scripts/browsers.mjs');
}

// Node itself stands for programs that are there.
const THERE = {
  FIREFOX_PATH: process.execPath,
  WEBKIT_DRIVER_PATH: process.execPath,
  XVFB_PATH: process.execPath,
};

it.each([
  [{}, ['firefox', 'webkit']],
  [{ FIREFOX_PATH: '/nowhere' }, ['webkit']],
  [{ WEBKIT_DRIVER_PATH: '/nowhere' }, ['firefox']],
  [{ XVFB_PATH: '/nowhere' }, ['firefox']],
])('an engine that is not there is left out, and fails where CI is set: %o', async (missing, engines) => {
  const { enginesHere, missingEngines } = await browsersWith({ ...THERE, ...missing, CI: '' });
  expect(enginesHere()).toEqual(engines);
  expect([...engines, ...missingEngines()].sort()).toEqual(['firefox', 'webkit']);
  vi.resetModules();
  const inCi = await browsersWith({ CI: 'true' });
  if (engines.length === 2) expect(inCi.enginesHere()).toEqual(engines);
  else expect(() => inCi.enginesHere()).toThrow(missingEngines().join(', '));
});

it('Chromium is the one that CHROMIUM_PATH names', async () => {
  const { chromiumOptions } = await browsersWith({ CHROMIUM_PATH: '/a/chromium' });
  expect(chromiumOptions().executablePath).toBe('/a/chromium');
});

it('the shell is the one that HEADLESS_SHELL_PATH names, and Chromium itself where there is none', async () => {
  const there = await browsersWith({ HEADLESS_SHELL_PATH: process.execPath, CHROMIUM_PATH: '/a/chromium' });
  expect(there.shellOptions()).toEqual({ ...there.chromiumOptions(), executablePath: process.execPath });
  vi.resetModules();
  const missing = await browsersWith({ HEADLESS_SHELL_PATH: '/nowhere' });
  expect(missing.shellOptions()).toEqual(missing.chromiumOptions());
});
