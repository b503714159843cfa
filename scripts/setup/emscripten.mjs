import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readIfThere, replaceFile } from './files.mjs';
import { compareVersions, pinNamed, pinStamp } from './pins.mjs';
import { SetupError } from './report.mjs';
import { run, which } from './run.mjs';
import { publish, temporaryFolder, unpackDeb } from './unpack.mjs';

const LLVM_ROOT = '/usr/lib/llvm-19/bin';
const STAMP = '.pins';
const EMSCRIPTEN_PINS = ['emscripten', 'node-acorn'];
const BINARYEN_PINS = ['binaryen', 'libc6', 'libstdc++6', 'libgcc-s1'];

const versionOf = (root) =>
  existsSync(join(root, 'emcc')) &&
  readIfThere(join(root, 'emscripten-version.txt'))?.replaceAll(/["\s]/g, '');

/**
 * Where an Emscripten that the user has brought is: EMSCRIPTEN_ROOT, an emsdk, or emcc on PATH.
 *
 * One named by EMSCRIPTEN_ROOT must do; others are passed over, with the reason, if they do not.
 * @returns {{ root: string, version: string } | { unusable: string } | undefined}
 */
export function findEmscripten({ minimum, ours }) {
  const isNewEnough = (version) => version && compareVersions(version, minimum) >= 0;
  const given = process.env.EMSCRIPTEN_ROOT;
  if (given && resolve(given) !== ours) {
    const version = versionOf(given);
    if (isNewEnough(version)) return { root: resolve(given), version };
    throw new SetupError(
      `EMSCRIPTEN_ROOT=${given} ${version ? `is ${version}` : 'holds no Emscripten'}, \
but ${minimum} or newer is needed.`,
      { advice: 'Correct or unset EMSCRIPTEN_ROOT.' },
    );
  }
  const onPath = which('emcc');
  const roots = [
    process.env.EMSDK && join(process.env.EMSDK, 'upstream/emscripten'),
    onPath && dirname(realpathSync(onPath)),
  ];
  let unusable;
  for (const root of roots) {
    if (!root || (existsSync(ours) && root === realpathSync(ours))) continue;
    const version = versionOf(root);
    if (isNewEnough(version)) return { root, version };
    unusable ??= version
      ? `${version} in ${root} is older than ${minimum}`
      : `${root} does not look like Emscripten's own folder (if it lies elsewhere, set EMSCRIPTEN_ROOT)`;
  }
  return unusable ? { unusable } : undefined;
}

/** The node that runs Emscripten's JavaScript parts: npm's if it is installed, so that all use one. */
function nodeFor(root) {
  const ours = join(root, 'node_modules/.bin/node');
  return existsSync(ours) ? realpathSync(ours) : process.execPath;
}

// The config is Python; a JSON string is a Python string too.
const config = ({ toolchain, emscripten, root }) =>
  `LLVM_ROOT = ${JSON.stringify(LLVM_ROOT)}
BINARYEN_ROOT = ${JSON.stringify(join(toolchain, 'binaryen'))}
NODE_JS = ${JSON.stringify(nodeFor(root))}
CACHE = ${JSON.stringify(join(emscripten, 'cache'))}
FROZEN_CACHE = True
`;

async function installEmscripten({ toolchain, pins, archive, report, emscripten }) {
  const folder = temporaryFolder(toolchain, 'emscripten');
  // Position-independent libraries are for dynamic linking only, and half of the whole.
  const exclude = ['*/wasm32-emscripten/pic', '*/wasm32-emscripten/lto-pic', '*/emscripten/test'];
  for (const name of EMSCRIPTEN_PINS) {
    await unpackDeb(await archive.fetch(pinNamed(pins, name)), folder, report, exclude);
  }
  const root = join(folder, 'usr/share/emscripten');
  mkdirSync(join(root, 'node_modules'));
  renameSync(join(folder, 'usr/share/nodejs/acorn'), join(root, 'node_modules/acorn'));
  // Its .js files are CommonJS, but "type": "module" of the project above would count for them.
  writeFileSync(join(root, 'package.json'), '{ "type": "commonjs" }\n');
  cpSync(join(folder, 'usr/share/doc/emscripten/copyright'), join(root, 'copyright'));
  writeFileSync(join(root, STAMP), pinStamp(pins, EMSCRIPTEN_PINS));
  report.note('moving into place');
  publish(root, emscripten);
}

async function installBinaryen({ toolchain, pins, archive, report }) {
  const folder = temporaryFolder(toolchain, 'binaryen');
  for (const name of BINARYEN_PINS) {
    await unpackDeb(await archive.fetch(pinNamed(pins, name)), folder, report);
  }
  const result = temporaryFolder(toolchain, 'binaryen-wrapped');
  const library = readdirSync(join(folder, 'usr/lib')).find((name) => name.endsWith('-linux-gnu'));
  renameSync(join(folder, 'usr/lib', library), join(result, 'lib'));
  renameSync(join(folder, 'usr/bin'), join(result, 'programs'));
  const loader = readdirSync(join(result, 'lib')).find((name) => /^ld-linux.*\.so/.test(name));
  mkdirSync(join(result, 'bin'));
  for (const name of readdirSync(join(result, 'programs'))) {
    const wrapper = join(result, 'bin', name);
    // These programs need a newer C library than this machine may have; theirs lies beside them.
    writeFileSync(
      wrapper,
      `#!/bin/sh
here="\${0%/*}/.."
exec "$here/lib/${loader}" --library-path "$here/lib" "$here/programs/${name}" "$@"
`,
    );
    chmodSync(wrapper, 0o755);
  }
  writeFileSync(join(result, STAMP), pinStamp(pins, BINARYEN_PINS));
  publish(result, join(toolchain, 'binaryen'));
}

const SAMPLE = `#include <emscripten/bind.h>
static int twice(int x) { return 2 * x; }
EMSCRIPTEN_BINDINGS(sample) { emscripten::function("twice", &twice); }
`;

/** Compiles, optimizes and runs a few lines: the only proof that all the parts fit together. */
async function tryOut(root, node, { toolchain, report, advice }) {
  report.note('trying it out');
  const folder = temporaryFolder(toolchain, 'sample');
  const source = join(folder, 'sample.cpp');
  const module = join(folder, 'sample.mjs');
  writeFileSync(source, SAMPLE);
  const options = {
    cwd: folder,
    failure: `Emscripten in ${root} does not work: a sample program could not be built and run.`,
    advice,
  };
  const flags = ['-O3', '-lembind', '-sMODULARIZE', '-sEXPORT_ES6'];
  await run(join(root, 'em++'), [...flags, source, '-o', module], options);
  const check = `const { default: load } = await import(${JSON.stringify(pathToFileURL(module))});
if ((await load()).twice(21) !== 42) throw new Error('wrong result');`;
  await run(node, ['--input-type=module', '-e', check], options);
  rmSync(folder, { recursive: true });
}

export function emscriptenStep(context) {
  const { toolchain, pins, root } = context;
  const emscripten = join(toolchain, 'emscripten');
  const tried = join(toolchain, 'emscripten-works.txt');
  const { minimum } = pins.emscripten;
  const found = findEmscripten({ minimum, ours: emscripten });
  const brought = found?.root ? found : undefined;
  const configFile = join(emscripten, '.emscripten');
  const otherConfig = process.env.EM_CONFIG;
  if (!brought && otherConfig && resolve(otherConfig) !== configFile) {
    throw new SetupError(`EM_CONFIG=${otherConfig} would override the configuration written here.`, {
      advice: 'Unset EM_CONFIG (it belongs to another Emscripten), or put that one on PATH.',
    });
  }
  const isInstalled = () => readIfThere(join(emscripten, STAMP)) === pinStamp(pins, EMSCRIPTEN_PINS);
  const hasBinaryen = () => readIfThere(join(toolchain, 'binaryen', STAMP)) === pinStamp(pins, BINARYEN_PINS);
  const wantedConfig = () => config({ toolchain, emscripten, root });
  const proof = () =>
    brought
      ? `${brought.root} ${brought.version}\n`
      : [EMSCRIPTEN_PINS, BINARYEN_PINS].map((names) => pinStamp(pins, names)).join('') + wantedConfig();

  return {
    name: 'Emscripten',
    /** What of it is fetched and unpacked, which needs no other step. */
    parts: {
      name: 'parts of Emscripten',
      isCurrent: () => Boolean(brought) || (isInstalled() && hasBinaryen()),
      async run(report) {
        if (found) report.say(`Emscripten: ${found.unusable}; setting up our own`);
        if (!isInstalled()) await installEmscripten({ ...context, report, emscripten });
        if (!hasBinaryen()) await installBinaryen({ ...context, report });
      },
    },
    isBrought: Boolean(brought),
    root: brought?.root ?? emscripten,
    version: () => brought?.version ?? versionOf(emscripten),
    isCurrent() {
      const isThere =
        brought || (isInstalled() && hasBinaryen() && readIfThere(configFile) === wantedConfig());
      return Boolean(isThere) && readIfThere(tried) === proof();
    },
    async run(report) {
      if (brought) report.say(`Emscripten: using ${brought.version} in ${brought.root}`);
      else replaceFile(configFile, wantedConfig());
      const advice = brought
        ? 'Repair it, or take it off PATH (and unset EMSDK) to have a fitting one set up here.'
        : `Delete ${emscripten} and ${join(toolchain, 'binaryen')}, then run this again.`;
      await tryOut(brought?.root ?? emscripten, nodeFor(root), { toolchain, report, advice });
      replaceFile(tried, proof());
    },
  };
}
