// Builds the package into dist/ and the page into build/page, with what scripts/setup.mjs brought.
// Everything is incremental: an unchanged tree takes seconds.
//
//   node scripts/build.mjs                    the four binaries, the package, the page
//   node scripts/build.mjs --package          without the page
//   node scripts/build.mjs --page             the page alone, and what it needs where that is missing
//   node scripts/build.mjs --program PRESET   a preset's C++ tests, and its fuzzer, alone: tests/native asks for them

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { rolldown } from 'rolldown';
import { bundle } from './bundle.mjs';
import { bundleStandalone } from './standalone.mjs';

const root = path.dirname(import.meta.dirname);
const dist = path.join(root, 'dist');
const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
/** Each makes a module on one thread and one with threads. */
const RELEASE_PRESETS = ['simd', 'relaxed'];

const flag = { type: 'boolean', default: false };
const { values: flags } = parseArgs({
  options: { package: flag, page: flag, program: { type: 'string' } },
});
// Checkouts share what ccache keeps of a file that they compile alike.
process.env.CCACHE_BASEDIR ??= root;
process.env.CCACHE_NOHASHDIR ??= '1';
// What a file includes is known from its compilation: without this, each is preprocessed once more before.
process.env.CCACHE_DEPEND ??= '1';
const children = new Set();
const begun = performance.now();

if (flags.program === undefined) await build();
else await compile(flags.program, [flags.program.startsWith('native') ? 'all' : 'deconv_tests']);
console.log(`build: ${((performance.now() - begun) / 1000).toFixed(0)} s`);

async function build() {
  if (!flags.page || !existsSync(path.join(dist, 'index.js'))) {
    // Two at a time: where one is configured or linked by one core, another keeps the other core busy.
    const inTurn = atMost(2);
    await Promise.all(RELEASE_PRESETS.map((preset) => inTurn(() => compile(preset, ['deconv_modules']))));
    await writeBindings();
    await buildPackage();
  }
  if (!flags.package) {
    await step('page', bin('vite'), ['build', '--config', 'web/demo/vite.config.ts', '--logLevel', 'warn']);
    await step('pictures of its stations', process.execPath, ['scripts/draw-stations.mjs']);
  }
}

async function compile(preset, targets) {
  const folder = path.join('build', preset);
  if (!existsSync(path.join(root, folder, 'build.ninja'))) {
    await step(`configure ${preset}`, 'cmake', ['--preset', preset]);
  }
  const jobs = ['--parallel', String(availableParallelism())];
  await step(`compile ${preset}`, 'cmake', ['--build', folder, ...jobs, '--target', ...targets]);
}

/** Runs tasks in the order in which they come, `free` of them at a time. */
function atMost(free) {
  const waiting = [];
  return async (task) => {
    if (free === 0) await new Promise((resolve) => waiting.push(resolve));
    else free -= 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

/**
 * The types of the module, from what cpp/bindings registers: the only ones there are. They are committed, so
 * that types can be checked in a fresh tree; scripts/check.mjs tells when that copy is not the built one.
 */
async function writeBindings() {
  const [preset] = RELEASE_PRESETS;
  await compile(preset, ['deconv_types']);
  const emitted = await readFile(path.join(root, 'build', preset, 'types', 'types.d.ts'), 'utf8');
  // What is left is types only: a .ts file, which comes through tsc into dist/ as a .d.ts would not.
  const types = emitted.replace(/^export default function .*\n?/m, '');
  const file = path.join(root, 'web', 'lib', 'runtime', 'bindings.ts');
  if ((await readFile(file, 'utf8')) !== types) await writeFile(file, types);
}

/** dist/ is made anew, so that nothing stale is ever published. */
async function buildPackage() {
  await rm(dist, { recursive: true, force: true });
  await writeVersion();
  await step('TypeScript', bin('tsc'), ['-p', 'tsconfig.lib.json']);
  // It imports the package by its name, as users do, so the package comes first.
  await step('command line', bin('tsc'), ['-p', 'web/cli/tsconfig.json']);
  await mkdir(path.join(dist, 'wasm'));
  for (const preset of RELEASE_PRESETS) {
    await writeBinary(preset, path.join(preset, 'single'));
    await writeBinary(`${preset}-threads`, path.join(preset, 'threads'));
  }
  await writeGlue('deconv.mjs', await sharedGlue('single'));
  await writeGlue('threads.mjs', nameless(await sharedGlue('threads')));
  await bundleStandalone(dist);
  await rm(path.join(dist, 'runtime', 'embedded-files.js'));
  await rm(path.join(dist, 'runtime', 'embedded-files.d.ts'));
  await bundle(dist);
}

async function writeVersion() {
  const file = path.join(root, 'web', 'lib', 'core', 'version.ts');
  const text = `/** Written by scripts/build.mjs from package.json; the binaries carry it too. */
export const VERSION = '${version}';
`;
  if ((await readFile(file, 'utf8')) !== text) await writeFile(file, text);
}

async function writeBinary(name, module) {
  const binary = await readFile(path.join(root, 'build', module, 'deconv.wasm'));
  await writeFile(
    path.join(dist, 'wasm', `${name}.wasm`),
    Buffer.concat([binary, identity(`${name} ${version}`)]),
  );
}

/** The glue that the binaries of one threading have in common. */
async function sharedGlue(threading) {
  const [one, ...others] = await Promise.all(
    RELEASE_PRESETS.map((preset) =>
      readFile(path.join(root, 'build', preset, threading, 'deconv.mjs'), 'utf8'),
    ),
  );
  if (others.some((other) => other !== one)) {
    throw new Error(
      `build: the links of ${RELEASE_PRESETS.join(' and ')}, ${threading}, gave different glues`,
    );
  }
  return one;
}

/**
 * Its workers start from the glue's own file; the link fixes a name for it, which a bundler changes. In Node the link
 * would make their constructor a global of the whole program, which may have one of its own.
 */
function nameless(glue) {
  const parts = glue
    .replace('global.Worker=worker_threads.Worker;', 'var NodeWorker=worker_threads.Worker;')
    .split('new Worker(new URL("deconv.mjs",import.meta.url)');
  if (parts.length !== 2 || !parts[0].includes('NodeWorker')) {
    throw new Error('build: the glue with threads starts its workers in another way');
  }
  // The loader hands in the binary; nothing that serves this file shall look for another.
  return parts
    .join('new(NodeWorker??Worker)(new URL(import.meta.url)')
    .replace('new URL("deconv.wasm",import.meta.url).href', '"deconv.wasm"');
}

/** Minified, unlike our own modules: nobody reads it in a stack trace, and pages without a bundler load it as it is. */
async function writeGlue(name, glue) {
  const id = path.join(dist, 'wasm', name);
  const built = await rolldown({
    input: id,
    external: /^(node:)?(module|worker_threads)$/,
    plugins: [{ name: 'glue', resolveId: (source) => (source === id ? id : null), load: () => glue }],
  });
  await built.write({ dir: path.dirname(id), entryFileNames: name, format: 'es', minify: true });
  await built.close();
}

/** A custom section that says which binary this is; the loader refuses any other before it runs. */
function identity(text) {
  const name = Buffer.from('deconv-wasm');
  const content = Buffer.concat([Buffer.from([name.length]), name, Buffer.from(text)]);
  return Buffer.concat([Buffer.from([0, content.length]), content]);
}

function bin(name) {
  return path.join(root, 'node_modules', '.bin', name);
}

/** Runs one tool; shows its output only when it fails, and a sign of life while it runs. */
async function step(name, command, args) {
  const started = performance.now();
  const output = [];
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let last = started;
  const listen = (chunk) => {
    output.push(chunk);
    const now = performance.now();
    const progress = /\[(\d+\/\d+)\]/.exec(String(chunk));
    if (progress !== null && now - last > 5000) {
      last = now;
      console.log(`  ${name}: ${progress[1]}`);
    }
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const code = await new Promise((resolve, reject) => {
    child.on('error', (error) =>
      reject(new Error(`build: cannot run ${command} (${error.message}). Run: node scripts/setup.mjs`)),
    );
    child.on('close', resolve);
  });
  children.delete(child);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (code !== 0) {
    process.stderr.write(Buffer.concat(output));
    console.error(`build: ${name} failed after ${seconds} s`);
    for (const other of children) other.kill();
    process.exit(1);
  }
  console.log(`${name}: ${seconds} s`);
}
