import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { blocksOf } from '../../scripts/documents.mjs';

export const root = path.join(import.meta.dirname, '..', '..');

/** Runs a program to its end and gives what it printed; throws with its output when it fails. */
export function run(command: string, args: readonly string[], cwd: string): string {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) {
    throw new Error(`${[command, ...args].join(' ')} ended with ${status}\n${stdout}${stderr}`);
  }
  return stdout;
}

/** What a program of run-programs.mjs printed, by call of console.log, and how it failed. */
export interface Outcome {
  readonly printed: readonly string[];
  readonly failure: string | null;
}

/** Runs programs of a project that has the package, one after the other in one process, which starts much slower than they do. */
export function runPrograms(node: string, programs: readonly string[], folder: string): readonly Outcome[] {
  const runner = 'run-programs.mjs';
  copyFileSync(path.join(import.meta.dirname, runner), path.join(folder, runner));
  return JSON.parse(run(node, [runner, ...programs], folder)) as readonly Outcome[];
}

export interface Tarball {
  readonly file: string;
  /** Paths inside the package. */
  readonly contents: readonly string[];
  /** A project that has installed it. */
  readonly installed: string;
}

/** What `npm publish` would upload, and installed. dist/ is taken as it is: scripts/build.mjs made it. */
export function pack(folder: string): Tarball {
  const printed = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root);
  const [packed] = JSON.parse(printed) as { filename: string; files: { path: string }[] }[];
  if (packed === undefined) throw new Error(`npm pack named no tarball: ${printed}`);
  const file = path.join(folder, packed.filename);
  return {
    file,
    contents: packed.files.map((entry) => entry.path).sort(),
    installed: install(file, path.join(folder, 'installed')),
  };
}

/** A folder of its own for one test file; `remove` it when done. */
export function temporaryFolder(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'deconv-package-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * An empty project that has installed the tarball from no network and run no scripts. What the package
 * depends on comes from our own installation: npm's cache has no index to find versions in.
 */
function install(tarball: string, folder: string): string {
  writeFiles(folder, { 'package.json': '{ "name": "consumer", "private": true, "type": "module" }' });
  const flags = ['--offline', '--no-audit', '--no-fund', '--ignore-scripts', '--install-links'];
  const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const installed = Object.keys(dependencies).map((name) => path.join(root, 'node_modules', name));
  run('npm', ['install', ...flags, ...installed, tarball], folder);
  return folder;
}

/** A project that has installed the tarball: npm did it once, and takes two seconds for each. */
export function makeProject(folder: string, tarball: Tarball, files: Readonly<Record<string, string>>): void {
  cpSync(tarball.installed, folder, { recursive: true, verbatimSymlinks: true });
  writeFiles(folder, files);
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

export interface TenLines {
  readonly code: string;
  /** The line that the README says it prints. */
  readonly prints: string;
}

/** The first program of the README, as a reader would copy it. */
export function tenLines(): TenLines {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const section = readme.split(/^## /m).find((text) => text.startsWith('Ten lines\n'));
  if (section === undefined) throw new Error('README.md has no section "## Ten lines"');
  const [code] = blocksOf(section);
  if (code === undefined) throw new Error('README.md has no ```js block under "## Ten lines"');
  // The last line is what the layer computes.
  const prints = [...code.matchAll(/console\.log\(.*\);? \/\/ (.+)$/gm)].at(-1)?.[1];
  if (prints === undefined) {
    throw new Error('README.md: no console.log under "## Ten lines" says in a comment what it prints');
  }
  return { code, prints };
}

/** Of a Node binary; undefined if it is none. */
export function versionOf(node: string): string | undefined {
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return /^v(\d+\.\d+\.\d+)/.exec(stdout ?? '')?.[1];
}

/** The oldest Node that the package promises: NODE20, one on PATH, or npm's copy in .toolchain. */
export function findNode20(): string {
  const given = process.env.NODE20;
  const onPath = (process.env.PATH ?? '').split(path.delimiter).map((place) => path.join(place, 'node'));
  for (const node of given === undefined ? onPath : [given]) {
    if (existsSync(node) && versionOf(node)?.startsWith('20.')) return node;
  }
  if (given !== undefined) throw new Error(`NODE20=${given} is no Node 20`);
  // The binary itself: the package `node` would fetch this one by an install script.
  const name = `node-${process.platform}-${process.arch}`;
  const cache = path.join(root, '.toolchain', 'node20');
  const node = path.join(cache, 'node_modules', name, 'bin', 'node');
  if (!existsSync(node)) {
    // Test files run side by side: each that misses it brings it, and the first puts it there whole.
    mkdirSync(path.dirname(cache), { recursive: true });
    const own = mkdtempSync(`${cache}-`);
    run('npm', ['install', '--prefix', own, '--no-audit', '--no-fund', `${name}@20.19.5`], root);
    if (existsSync(node)) rmSync(own, { recursive: true });
    else {
      rmSync(cache, { recursive: true, force: true });
      renameSync(own, cache);
    }
  }
  return node;
}
