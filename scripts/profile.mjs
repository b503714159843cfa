// Runs a program that imports deconv-wasm, on the relaxed build with one thread and the names of its functions, and
// prints where its time went: which kernels of the core, which functions of JavaScript.
//
//   node scripts/profile.mjs PROGRAM.mjs [ITS ARGUMENTS]       after scripts/build.mjs --package

import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const SHOWN = 40;

const root = path.dirname(import.meta.dirname);
const folder = path.join(root, 'build', 'profile');
const [program, ...args] = process.argv.slice(2);
if (program === undefined) {
  console.error('profile: expected a program. Usage: node scripts/profile.mjs PROGRAM.mjs [ITS ARGUMENTS]');
  process.exit(2);
}

run('cmake', ['--build', path.join('build', 'relaxed'), '--target', 'deconv_named'], { stdio: 'ignore' });
rmSync(folder, { recursive: true, force: true });
writePackage();
run(process.execPath, [
  ...['--cpu-prof', `--cpu-prof-dir=${folder}`, '--import', writeHooks()],
  ...[path.resolve(program), ...args],
]);
const [profile] = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
print(JSON.parse(readFileSync(path.join(folder, profile), 'utf8')));

/** dist/ with the module that has names, and says as scripts/build.mjs did which it is. */
function writePackage() {
  const wasm = path.join(folder, 'dist', 'wasm');
  cpSync(path.join(root, 'dist'), path.join(folder, 'dist'), { recursive: true });
  cpSync(path.join(root, 'package.json'), path.join(folder, 'package.json'));
  const built = (module) => path.join(root, 'build', 'relaxed', module);
  const identity = readFileSync(path.join(wasm, 'relaxed.wasm')).subarray(
    statSync(built('single/deconv.wasm')).size,
  );
  cpSync(built('named/deconv.mjs'), path.join(wasm, 'deconv.mjs'));
  cpSync(built('named/deconv.wasm'), path.join(wasm, 'relaxed.wasm'));
  appendFileSync(path.join(wasm, 'relaxed.wasm'), identity);
}

/** A module that leads imports of the package to that copy, and takes its relaxed build on one thread. */
function writeHooks() {
  const { exports: entries } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const files = Object.fromEntries(
    Object.entries(entries)
      .map(([entry, target]) => [entry, typeof target === 'string' ? target : target.default])
      .map(([entry, target]) => [
        `deconv-wasm${entry.slice(1)}`,
        pathToFileURL(path.join(folder, target)).href,
      ]),
  );
  const hooks = path.join(folder, 'hooks.mjs');
  writeFileSync(
    hooks,
    `import { registerHooks } from 'node:module';
const files = ${JSON.stringify(files)};
registerHooks({
  resolve: (name, context, next) => (name in files ? { url: files[name], shortCircuit: true } : next(name, context)),
});
const { init } = await import('deconv-wasm');
await init({ build: 'relaxed', threads: 1 });
`,
  );
  return pathToFileURL(hooks).href;
}

function print({ nodes, samples, timeDeltas }) {
  const nameOf = new Map(nodes.map(({ id, callFrame }) => [id, describe(callFrame)]));
  const times = new Map();
  let whole = 0;
  for (const [index, id] of samples.entries()) {
    const name = nameOf.get(id);
    if (name === '(idle)' || name === '(program)') continue;
    const milliseconds = timeDeltas[index] / 1000;
    times.set(name, (times.get(name) ?? 0) + milliseconds);
    whole += milliseconds;
  }
  console.log(`\n${whole.toFixed(0)} ms of computing, by the function whose own time it was:`);
  for (const [name, time] of [...times].sort(([, one], [, other]) => other - one).slice(0, SHOWN)) {
    console.log(
      `${((100 * time) / whole).toFixed(1).padStart(5)} %  ${time.toFixed(0).padStart(7)} ms  ${name}`,
    );
  }
}

/** C++ without what it answers and takes; JavaScript with its file. */
function describe({ functionName, url }) {
  if (url.startsWith('wasm:')) {
    return functionName.replaceAll('(anonymous namespace)::', '').replace(/^void |\(.*$/g, '');
  }
  const place = path.relative(root, url.replace(/^file:\/\//, ''));
  return url === '' ? functionName : `${functionName || '(anonymous)'} ${place}`;
}

function run(command, args, options = { stdio: 'inherit' }) {
  const { status } = spawnSync(command, args, { cwd: root, ...options });
  if (status !== 0) {
    console.error(
      `profile: ${path.basename(command)} ended with ${status}. Is there a dist/? Run: node scripts/build.mjs --package`,
    );
    process.exit(1);
  }
}
