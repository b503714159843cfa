import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from './files.mjs';

const quoted = (text) => `"${text.replaceAll(/[\\"$]/g, '\\$&')}"`;

/** Tells CMake and the other scripts where things are: paths.cmake and paths.json say the same. */
export function writePaths(toolchain, paths) {
  mkdirSync(toolchain, { recursive: true });
  replaceFile(join(toolchain, 'paths.json'), `${JSON.stringify(paths, null, 2)}\n`);
  const lines = Object.entries(paths).map(
    ([name, path]) => `if(NOT DEFINED ${name})\n  set(${name} ${quoted(path)})\nendif()\n`,
  );
  replaceFile(
    join(toolchain, 'paths.cmake'),
    `# Written by scripts/setup.mjs. What is given with -D goes first.\n${lines.join('')}`,
  );
}
