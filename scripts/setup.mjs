#!/usr/bin/env node
import { rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ENGINES, ENGINES_ARE_EXPECTED } from './browsers.mjs';
import { aptPackages, commandOf } from './setup/apt-packages.mjs';
import { DebianArchive } from './setup/debian-archive.mjs';
import { emscriptenStep } from './setup/emscripten.mjs';
import { acquireLock } from './setup/lock.mjs';
import { npmPackages } from './setup/npm-packages.mjs';
import { writePaths } from './setup/paths.mjs';
import { compareVersions, loadPins } from './setup/pins.mjs';
import { Reporter, SetupError } from './setup/report.mjs';
import { stopChildren } from './setup/run.mjs';
import { sourcesStep } from './setup/sources.mjs';

const HELP = `Usage: node scripts/setup.mjs [--without browser,shell,firefox,webkit,native,data,lint]

Brings everything that building needs: npm packages, tools from apt, Emscripten, XNNPACK and its
headers. What is good enough already stays as it is; a second run changes nothing.

  --without LIST  leave out groups of apt packages: browser, shell, firefox, webkit (for tests in Chromium,
                  in Chromium without its windows, in Firefox, in WebKit; the shell is done without where it
                  cannot be had, and so are the last two, unless CI is set), native (for C++ tests under
                  sanitizers), data (onnx's own tests), lint
  --help          this text

Environment:
  DECONV_TOOLCHAIN_DIR     where to put it all (default: .toolchain in the project)
  EMSCRIPTEN_ROOT, EMSDK   an Emscripten to use instead; emcc on PATH is found as well
  XNNPACK_SOURCE_DIR, PTHREADPOOL_SOURCE_DIR, THIRD_PARTY_INCLUDE_DIR
                           source folders to use instead, unchecked
  CHROMIUM_PATH, HEADLESS_SHELL_PATH, FIREFOX_PATH, WEBKIT_DRIVER_PATH, XVFB_PATH
                           the browsers to test with, and the display for WebKit
`;
/** What can be done without where apt cannot bring it, and what is said then. */
const DISPENSABLE = {
  shell: 'Its tests run in Chromium itself.',
  ...(!ENGINES_ARE_EXPECTED &&
    Object.fromEntries(ENGINES.map((engine) => [engine, 'Its tests are left out.']))),
};
const OPTIONAL_GROUPS = ['browser', 'native', 'data', 'lint', 'shell', ...ENGINES];
const OLDEST_NODE = '20.19';

function withoutGroups() {
  const options = { without: { type: 'string', multiple: true }, help: { type: 'boolean' } };
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new SetupError(error.message, { advice: 'node scripts/setup.mjs --help tells more.' });
  }
  if (values.help) return undefined;
  const groups = (values.without ?? []).flatMap((list) => list.split(','));
  const unknown = groups.filter((group) => !OPTIONAL_GROUPS.includes(group));
  if (unknown.length > 0) {
    throw new SetupError(`--without ${unknown.join(',')}: there is no such group.`, {
      advice: `Groups: ${OPTIONAL_GROUPS.join(', ')}.`,
    });
  }
  return groups;
}

/** A browser beside Chromium, which may be dispensable. */
function browserStep({ pins, group }) {
  const step = aptPackages({ pins, groups: [group], name: group });
  return {
    ...step,
    async run(report) {
      try {
        await step.run(report);
      } catch (error) {
        if (!(group in DISPENSABLE) || !(error instanceof SetupError)) throw error;
        report.say(`${group}: ${error.message}\n${error.advice}\n${DISPENSABLE[group]}`);
      }
    },
  };
}

async function setUp(without, report) {
  const started = performance.now();
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const toolchain = resolve(process.env.DECONV_TOOLCHAIN_DIR || join(root, '.toolchain'));
  const pins = loadPins(join(root, 'cpp/cmake/pins.json'));
  const archive = new DebianArchive({ toolchain, pins, report });
  const context = { root, toolchain, pins, archive };

  const emscripten = emscriptenStep(context);
  const sources = sourcesStep(context);
  const wanted = OPTIONAL_GROUPS.filter((group) => !without.includes(group));
  const beside = ['shell', ...ENGINES];
  const groups = ['build', ...wanted.filter((group) => !beside.includes(group))];
  if (!emscripten.isBrought || groups.includes('native')) groups.push('llvm');
  const others = wanted.filter((group) => beside.includes(group));
  // Each lane waits for another server or for dpkg, which takes one at a time; the network has room for all.
  const lanes = [
    [npmPackages(context)],
    [aptPackages({ pins, groups }), ...others.map((group) => browserStep({ pins, group }))],
    [emscripten.parts, sources],
  ];
  // It is tried out with what the lanes bring.
  const steps = [...lanes.flat(), emscripten];

  const allCurrent = async () => {
    for (const step of steps) if (!(await step.isCurrent())) return false;
    return true;
  };
  const bring = async (lane) => {
    for (const step of lane) {
      if (!(await step.isCurrent())) await report.step(step.name, () => step.run(report));
    }
  };
  if (sources.given.length > 0) {
    const variables = sources.given.map(({ variable }) => variable).join(', ');
    report.say(`sources: taking ${variables} as given; their versions and checksums are up to you`);
  }
  if (!(await allCurrent())) {
    const release = await acquireLock(join(toolchain, '.lock'), (owner) => {
      report.say(`Another setup (process ${Number.parseInt(owner, 10)}) is running, waiting for it`);
    });
    process.once('exit', release);
    rmSync(join(toolchain, 'tmp'), { recursive: true, force: true });
    // What the others are at is finished, so that the next setup finds it.
    const ends = await Promise.allSettled(lanes.map(bring));
    for (const { reason } of ends) if (reason !== undefined) throw reason;
    await bring([emscripten]);
    archive.forget();
    rmSync(join(toolchain, 'tmp'), { recursive: true, force: true });
  }

  const browsers = pins.apt.filter(({ environment }) => environment?.endsWith('_PATH'));
  writePaths(toolchain, {
    EMSCRIPTEN_ROOT: emscripten.root,
    ...sources.paths,
    ...Object.fromEntries(
      browsers.map((entry) => [entry.environment.replace(/_PATH$/, ''), commandOf(entry) ?? '']),
    ),
  });
  const took = ((performance.now() - started) / 1000).toFixed(1);
  report.say(`toolchain: ready (Emscripten ${emscripten.version()} in ${emscripten.root}, ${took} s)`);
}

function fail(error) {
  const lines = [error instanceof SetupError ? `setup: ${error.message}` : error.stack];
  if (error.output) lines.push(error.output.replaceAll(/^/gm, '  | '));
  if (error.advice) lines.push(error.advice);
  process.stderr.write(`${lines.join('\n')}\n`);
  process.exitCode = 1;
}

for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.once(signal, () => {
    stopChildren(signal);
    process.stderr.write(`\nsetup: stopped by ${signal}; run it again to go on.\n`);
    process.exit(code);
  });
}

try {
  if (compareVersions(process.versions.node, OLDEST_NODE) < 0) {
    throw new SetupError(`Node ${process.versions.node} is too old.`, {
      advice: `Install Node ${OLDEST_NODE} or newer.`,
    });
  }
  const without = withoutGroups();
  if (without) await setUp(without, new Reporter());
  else process.stdout.write(HELP);
} catch (error) {
  fail(error);
}
