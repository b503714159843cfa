// Builds the package into dist/ and the page into build/page, with what scripts/setup.mjs brought.
// Everything is incremental: an unchanged tree takes seconds.
//
//   node scripts/build.mjs            the four binaries, the package, the page
//   node scripts/build.mjs --page     the page alone, and what it needs where that is missing
//   node scripts/build.mjs --tests    the C++ test programs (debug and sanitizers) as well

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.dirname(import.meta.dirname);
const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
const RELEASE_PRESETS = ['simd', 'relaxed', 'simd-threads', 'relaxed-threads'];
const TEST_PRESETS = ['debug', 'sanitize'];

const { values: flags } = parseArgs({
  options: { tests: { type: 'boolean', default: false }, page: { type: 'boolean', default: false } },
});

if (!flags.page || !existsSync(path.join(root, 'dist', 'index.js'))) {
  for (const preset of RELEASE_PRESETS) await compile(preset, ['deconv_web', 'deconv_node']);
  await buildPackage();
}
if (flags.tests) {
  for (const preset of TEST_PRESETS) await compile(preset, ['deconv_tests']);
}
await step('page', bin('vite'), ['build', '--config', 'web/demo/vite.config.ts', '--logLevel', 'warn']);

async function compile(preset, targets) {
  const folder = path.join('build', preset);
  if (!existsSync(path.join(root, folder, 'build.ninja'))) {
    await step(`configure ${preset}`, 'cmake', ['--preset', preset]);
  }
  await step(`compile ${preset}`, 'cmake', ['--build', folder, '--target', ...targets]);
}

/** dist/ is made anew, so that nothing stale is ever published. */
async function buildPackage() {
  await rm(path.join(root, 'dist'), { recursive: true, force: true });
  await step('TypeScript', bin('tsc'), ['-p', 'tsconfig.lib.json']);
  // It imports the package by its name, as users do, so the package comes first.
  await step('command line', bin('tsc'), ['-p', 'web/cli/tsconfig.json']);
  for (const preset of RELEASE_PRESETS) {
    const from = path.join(root, 'build', preset);
    const to = path.join(root, 'dist', 'wasm', preset);
    const [web, node] = await Promise.all(
      ['web', 'node'].map((environment) => readFile(path.join(from, environment, `${environment}.wasm`))),
    );
    // One binary serves both glues: this is the proof.
    if (digest(web) !== digest(node)) {
      throw new Error(`build: the web and node links of ${preset} gave different .wasm files`);
    }
    await mkdir(to, { recursive: true });
    await writeFile(path.join(to, 'deconv.wasm'), Buffer.concat([web, identity(`${preset} ${version}`)]));
    await cp(path.join(from, 'web', 'web.mjs'), path.join(to, 'web.mjs'));
    await cp(path.join(from, 'node', 'node.mjs'), path.join(to, 'node.mjs'));
  }
}

/** A custom section that says which binary this is; the loader refuses any other before it runs. */
function identity(text) {
  const name = Buffer.from('deconv-wasm');
  const content = Buffer.concat([Buffer.from([name.length]), name, Buffer.from(text)]);
  return Buffer.concat([Buffer.from([0, content.length]), content]);
}

function digest(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function bin(name) {
  return path.join(root, 'node_modules', '.bin', name);
}

/** Runs one tool; shows its output only when it fails, and a sign of life while it runs. */
async function step(name, command, args) {
  const started = performance.now();
  const output = [];
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
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
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (code !== 0) {
    process.stderr.write(Buffer.concat(output));
    console.error(`build: ${name} failed after ${seconds} s`);
    process.exit(1);
  }
  console.log(`${name}: ${seconds} s`);
}
