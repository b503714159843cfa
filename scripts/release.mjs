// What must be true before a version is published; npm runs it by itself (prepublishOnly).
//
//   node scripts/release.mjs

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const read = (name) => readFileSync(path.join(root, name), 'utf8');
const manifest = JSON.parse(read('package.json'));
const { version } = manifest;

const CHECKLIST = [
  [
    'package.json names repository, homepage and bugs, which only the owner knows',
    () => missing(['repository', 'homepage', 'bugs'].filter((field) => !manifest[field])),
  ],
  ['package.json names an author', () => missing(['author'].filter((field) => !manifest[field]))],
  [
    'SECURITY.md names where to report',
    () => (/\bTo be named\b/.test(read('SECURITY.md')) ? 'it still says "To be named"' : undefined),
  ],
  [
    `CHANGELOG.md has a dated section for ${version}`,
    () =>
      new RegExp(`^## ${version.replaceAll('.', '\\.')} \\(\\d{4}-\\d\\d-\\d\\d\\)$`, 'm').test(
        read('CHANGELOG.md'),
      )
        ? undefined
        : `expected a line "## ${version} (year-month-day)"`,
  ],
  ['the lock file has this version', () => same(JSON.parse(read('package-lock.json')).version, version)],
  ['nothing is uncommitted', () => git('status', '--porcelain') || undefined],
  [
    `the tag v${version} is on this commit`,
    () =>
      same(
        git('tag', '--points-at', 'HEAD')
          .split('\n')
          .find((tag) => tag === `v${version}`),
        `v${version}`,
      ),
  ],
  [
    'dist/ is built',
    () => (existsSync(path.join(root, 'dist', 'index.js')) ? undefined : 'run npm run build'),
  ],
];

let open = 0;
for (const [line, check] of CHECKLIST) {
  const fault = check();
  console.log(`${fault === undefined ? '[x]' : '[ ]'} ${line}${fault === undefined ? '' : `: ${fault}`}`);
  if (fault !== undefined) open += 1;
}
if (open > 0) {
  console.error(`release: ${open} of ${CHECKLIST.length} lines are open. See CONTRIBUTING.md, "Releasing".`);
  process.exit(1);
}

function missing(fields) {
  return fields.length === 0 ? undefined : `missing ${fields.join(', ')}`;
}

function same(got, expected) {
  return got === expected ? undefined : `expected ${expected}, got ${got ?? 'none'}`;
}

function git(...args) {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : `git failed: ${stderr.trim()}`;
}
