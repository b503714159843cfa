// Which test files have passed with everything that they read as it is now: these are not run again, because most
// changes reach few of them. What a file reads is what it names: imports, and paths from its own place, through all
// files that it comes to, those of dist/ among them; and what its project takes whole. A fresh checkout has no notes of
// what has passed; where CI is set, they are not believed.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { chromiumOptions, enginePaths, shellOptions } from '../../scripts/browsers.mjs';

const root = path.join(import.meta.dirname, '..', '..');
const notes = path.join(root, 'build', 'passed');

/** What has passed in all builds needs no quick run, but not the other way round. */
const QUICKLY = process.env.DECONV_TEST_QUICK === '1' ? ' quickly' : '';

const ROOT_FILES = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name !== '.git')
  .map(({ name }) => name);
const ALWAYS = ['package-lock.json', 'vitest.config.ts', 'tests/support/equality.ts'];
const CASES = ['tests/fixtures', '../shared/cases', '../shared/networks'];
const ENGINE = ['tests/support/engine-provider.ts', 'tests/support/engines.ts', 'scripts/browsers.mjs'];
/** What the files of a project may read beside what they name. */
const WHOLE: Readonly<Record<string, readonly string[]>> = {
  node: [...CASES, 'tests/support/afresh.ts'],
  memory: CASES,
  chromium: CASES,
  firefox: [...CASES, ...ENGINE],
  webkit: [...CASES, ...ENGINE],
  demo: [
    'build/page',
    'web/demo/vite.config.ts',
    'tests/demo/serve-once.ts',
    'tests/demo/serve-page.ts',
    'scripts/browsers.mjs',
    'tests/fixtures',
  ],
  consumers: [...ROOT_FILES, 'dist'],
  package: [
    ...ROOT_FILES,
    ...['dist', 'examples', 'scripts', 'web/lib', 'web/cli'],
    ...['tests/fixtures', 'tests/package', 'tests/public-names.txt', 'tests/types'],
  ],
};

const NO_SOURCES = ['.git', '.toolchain', 'build', 'node_modules'];
/** A text that is a path from its own file or a name of the package, up to where it is put together. */
const NAMED = /["'`]((?:\.{1,2}\/|deconv-wasm|@host)[^"'`$\s]*)/g;
/** The same in parts, also from the root: `path.join(import.meta.dirname, '..', 'fixtures', name)`. */
const JOINED = /\b(root|import\.meta\.dirname)((?:,\s*'[^']*')+)/g;
const TEXT = /\.(?:[cm]?[jt]s|tsx)$/;

const { exports: entries } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
};
/** What decides about every file. */
const machine = JSON.stringify([
  [process.version, process.platform, process.arch, cpus()[0]?.model],
  Object.entries(process.env)
    .filter(([name]) => /^DECONV_|_PATH$/.test(name) && name !== 'DECONV_TEST_QUICK')
    .sort(),
  [chromiumOptions().executablePath, shellOptions().executablePath, ...Object.values(enginePaths)].map(
    (file) => (existsSync(file) ? [file, statSync(file).size, statSync(file).mtimeMs] : file),
  ),
]);
const keys = new Map<string, string>();
const hashes = new Map<string, string>();
const named = new Map<string, readonly string[]>();

export function hasPassed(project: string, file: string): boolean {
  const key = keyOf(project, file);
  return (
    key !== undefined &&
    !process.env.CI &&
    ['', QUICKLY].some((how) => existsSync(path.join(notes, key + how)))
  );
}

export function noteOutcome(project: string, file: string, passed: boolean): void {
  const key = keyOf(project, file);
  if (key === undefined) return;
  mkdirSync(notes, { recursive: true });
  if (passed) writeFileSync(path.join(notes, key + QUICKLY), '');
  else for (const how of ['', QUICKLY]) rmSync(path.join(notes, key + how), { force: true });
}

/**
 * A digest of all that decides whether a test file passes, as it was when that was first asked for: before the tests
 * run. Undefined for projects that are always run.
 */
function keyOf(project: string, file: string): string | undefined {
  const about = `${project} ${file}`;
  const known = keys.get(about);
  if (known !== undefined) return known;
  const read = readBy(project, file);
  if (read === undefined) return undefined;
  const hash = createHash('sha256').update(`${about}\n${machine}\n`);
  for (const each of [...read].sort()) hash.update(`${path.relative(root, each)} ${hashOf(each)}\n`);
  const key = hash.digest('hex');
  keys.set(about, key);
  return key;
}

/** All files that a test file may read; undefined for projects that are always run. */
export function readBy(project: string, file: string): ReadonlySet<string> | undefined {
  // A browser's second project (`webkit alone`) reads what its first does.
  const whole = WHOLE[project.replace(' alone', '')];
  if (whole === undefined) return undefined;
  const read = new Set([...ALWAYS, ...whole].flatMap((place) => filesIn(path.join(root, place))));
  const waiting = [file];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (read.has(next)) continue;
    read.add(next);
    waiting.push(...namedBy(next));
  }
  return read;
}

/** All files of a folder but tests, which read none of each other. */
function filesIn(place: string): string[] {
  const about = statSync(place, { throwIfNoEntry: false });
  if (about === undefined) return [];
  if (!about.isDirectory()) return [place];
  return readdirSync(place, { withFileTypes: true })
    .filter(({ name }) => !NO_SOURCES.includes(name) && !name.endsWith('.test.ts'))
    .flatMap((entry) => filesIn(path.join(place, entry.name)));
}

function hashOf(file: string): string {
  const known = hashes.get(file) ?? createHash('sha256').update(readFileSync(file)).digest('hex');
  hashes.set(file, known);
  return known;
}

function namedBy(file: string): readonly string[] {
  if (!TEXT.test(file)) return [];
  const known = named.get(file);
  if (known !== undefined) return known;
  const folder = path.dirname(file);
  const text = readFileSync(file, 'utf8');
  const places = [...text.matchAll(NAMED)].flatMap(([, name]) => placesOf(name as string, folder));
  for (const [, from, parts = ''] of text.matchAll(JOINED)) {
    const names = [...parts.matchAll(/'([^']*)'/g)].map(([, name = '']) => name);
    places.push(path.join(from === 'root' ? root : folder, ...names));
  }
  const found = [...new Set(places)].filter(isSource).flatMap(withEndings);
  named.set(file, found);
  return found;
}

function placesOf(name: string, folder: string): readonly string[] {
  if (name.startsWith('.')) return [path.join(folder, name)];
  const inRoot = (...places: string[]) => places.map((place) => path.join(root, place));
  if (name === '@host') return inRoot('tests/support/host-browser.ts', 'tests/support/host-node.ts');
  const entry = entries[name.replace('deconv-wasm', '.')];
  if (entry === undefined) return inRoot('dist/wasm');
  return inRoot(typeof entry === 'string' ? entry : entry.default);
}

/** Not the root itself, from where files go on to what their project takes whole, and not what is installed. */
function isSource(place: string): boolean {
  const [first = '', ...others] = path.relative(root, place).split(path.sep);
  return !['', '..', ...NO_SOURCES].includes(first) && !others.includes('node_modules');
}

function withEndings(place: string): readonly string[] {
  const stem = place.replace(/\.js$/, '');
  for (const each of [place, `${stem}.ts`, `${stem}.tsx`, `${place}.js`]) {
    const files = filesIn(each);
    if (files.length > 0) return files;
  }
  return [];
}
