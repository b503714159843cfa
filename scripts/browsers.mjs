// Where the browsers are and how they are started, for every test and benchmark that opens one.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);

/** How Playwright starts Chromium: quiet, and without the sandbox that a container has no rights for. */
export function chromiumOptions() {
  return {
    executablePath: browserPath('CHROMIUM', '/usr/bin/chromium'),
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

/** The one of the environment's <name>_PATH, else the one that scripts/setup.mjs found, else the usual. */
function browserPath(name, usual) {
  const given = process.env[`${name}_PATH`];
  if (given) return given;
  const toolchain = process.env.DECONV_TOOLCHAIN_DIR || path.join(root, '.toolchain');
  const paths = path.join(toolchain, 'paths.json');
  return (existsSync(paths) && JSON.parse(readFileSync(paths, 'utf8'))[name]) || usual;
}
