// Everything that guards the project beside its tests: formatting, lint, folder rules, types, sizes.
// Each line runs one tool; all of them run, and the exit code says whether all were content.

import { spawnSync } from 'node:child_process';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const CHECKS = [
  ['lint and format', 'biome', ['check', '--error-on-warnings', '.']],
  ['types of the package', 'tsc', ['--noEmit', '-p', 'tsconfig.lib.json']],
  ['types of the command line', 'tsc', ['--noEmit', '-p', 'web/cli/tsconfig.json']],
  ['types of the page', 'tsc', ['--noEmit', '-p', 'web/demo/tsconfig.json']],
  ['types as users see them', 'tsc', ['--noEmit', '-p', 'tests/types/tsconfig.json']],
  ['types of the tests', 'tsc', ['--noEmit', '-p', 'tests/tsconfig.json']],
  ['C++ format', 'clang-format-19', ['--dry-run', '--Werror', ...cppFiles()]],
  ['the house', 'node', ['scripts/house.mjs', '--check']],
  // The build writes it: unlike what is staged, it was not committed with the bindings that changed.
  ['types of the bindings', 'git', ['diff', '--exit-code', '--', 'web/lib/runtime/bindings.ts']],
  ['pictures of docs/', 'node', ['scripts/draw-checkerboard.mjs', '--check']],
  ['public names', 'node', ['scripts/public-names.mjs', '--check']],
  ['download size', 'node', ['scripts/check-size.mjs']],
];

let failed = 0;
for (const [name, command, args] of CHECKS) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: `${path.join(root, 'node_modules', '.bin')}${path.delimiter}${process.env.PATH}`,
    },
  });
  const passed = status === 0;
  console.log(`${passed ? 'ok' : 'FAILED'}  ${name}`);
  if (error !== undefined) console.log(`${error.message}. Run: node scripts/setup.mjs`);
  if (!passed || name === 'download size') process.stdout.write(`${stdout ?? ''}${stderr ?? ''}`);
  if (!passed) failed += 1;
}
if (failed > 0) {
  console.error(`check: ${failed} of ${CHECKS.length} failed`);
  process.exit(1);
}

function cppFiles() {
  const { stdout } = spawnSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '*.h', '*.cpp'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  return stdout.trim().split('\n');
}
