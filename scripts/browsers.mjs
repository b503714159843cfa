// Where the browsers are and how they are started, for every test and benchmark that opens one.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** How Playwright starts the whole of Chromium: quiet, and without the sandbox that a container has no rights for. */
export function chromiumOptions() {
  return optionsOf(browserPath('CHROMIUM', '/usr/bin/chromium'));
}

/**
 * The same engine without the windows, tabs and menus that nobody sees in a test, which are two fifths of the processor's
 * time of a visit. Where it is not there, it is Chromium itself. It handles no traps of WebAssembly, which end its page:
 * what fails on purpose is tested in Chromium itself.
 */
export function shellOptions() {
  const shell = browserPath('HEADLESS_SHELL', '/usr/bin/chromium-headless-shell');
  return existsSync(shell) ? optionsOf(shell) : chromiumOptions();
}

function optionsOf(executablePath) {
  return {
    executablePath,
    // On a busy machine it takes long to start; whoever waits for it has a limit of their own.
    timeout: 0,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
    ],
  };
}

/** @typedef {'firefox' | 'webkit'} EngineName */

/** What the engines beside Chromium are driven by; tests/support/engines.ts starts them. */
export const enginePaths = {
  firefox: browserPath('FIREFOX', '/usr/bin/firefox-esr'),
  webkit: browserPath('WEBKIT_DRIVER', '/usr/bin/WebKitWebDriver'),
  display: browserPath('XVFB', '/usr/bin/Xvfb'),
};

/** @type {readonly EngineName[]} */
export const ENGINES = ['firefox', 'webkit'];

/** An engine may be missing, and its tests are left out then. Not where this is set: there it is a failure. */
export const ENGINES_ARE_EXPECTED = Boolean(process.env.CI);

/** The engines that can be started here. */
export function enginesHere() {
  const missing = missingEngines();
  if (ENGINES_ARE_EXPECTED && missing.length > 0) {
    throw new Error(`Missing, and CI is set: ${missing.join(', ')}. Run: node scripts/setup.mjs`);
  }
  return ENGINES.filter((engine) => !missing.includes(engine));
}

export function missingEngines() {
  const { firefox, webkit, display } = enginePaths;
  const needed = { firefox: [firefox], webkit: [webkit, display] };
  return ENGINES.filter((engine) => !needed[engine].every((file) => existsSync(file)));
}

/** The one of the environment's <name>_PATH, else the one that scripts/setup.mjs found, else the usual. */
function browserPath(name, usual) {
  const given = process.env[`${name}_PATH`];
  if (given) return given;
  const toolchain = process.env.DECONV_TOOLCHAIN_DIR || path.join(import.meta.dirname, '..', '.toolchain');
  const paths = path.join(toolchain, 'paths.json');
  return (existsSync(paths) && JSON.parse(readFileSync(paths, 'utf8'))[name]) || usual;
}
