#!/usr/bin/env node
// npm run bench: measures, prints and writes what options.mjs says.

import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { JUDGED } from './cases.mjs';
import { folders } from './folders.mjs';
import { describe, geometryOf } from './geometry.mjs';
import { installPeers } from './install.mjs';
import { HELP, OptionError, readOptions } from './options.mjs';
import { failures, ratiosOf } from './verdicts.mjs';

const START_UP_ROUNDS = 9;
const START_UP_ROUNDS_QUICK = 3;
const SOUND_SECONDS = 60;
const SOUND_SECONDS_QUICK = 5;

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) console.log(HELP);
  else process.exitCode = await bench(options);
} catch (error) {
  const known = error instanceof OptionError || error.name === 'SetupError';
  console.error(
    known ? ['bench:', error.message, error.output, error.advice ?? `\n${HELP}`].join(' ') : error,
  );
  process.exitCode = 1;
}

/** The exit code: 1 when a result of ours was wrong or missing. */
async function bench(options) {
  if (!existsSync(path.join(folders.dist, 'index.js'))) {
    console.error('bench: there is no dist/. Run: npm run build');
    return 1;
  }
  await installPeers();
  // These load what was just installed.
  if (options.networks) return (await import('./networks/bench.mjs')).benchNetworks(options);
  const { prepare } = await import('./prepare.mjs');
  const { ENVIRONMENTS } = await import('./environments.mjs');
  const { SMALL_LAYER } = await import('./first-result.mjs');
  await prepare([...options.layers, SMALL_LAYER]);
  const environments = [];
  try {
    for (const name of options.environments) environments.push(await ENVIRONMENTS[name]());
    const report = await measureAll(options, environments);
    return await writeReport(report, options.out ?? folders.work);
  } finally {
    for (const environment of environments) await environment.close();
  }
}

async function measureAll(options, environments) {
  const { machine, versions } = await import('./machine.mjs');
  const runs = [];
  for (const [index, layer] of options.layers.entries()) {
    for (const environment of environments) {
      for (const threads of options.threads) {
        const run = await measureOne({ ...options, layer, threads }, environment);
        runs.push(run);
        console.log(`${index + 1}/${options.layers.length} ${progress(run)}`);
      }
    }
  }
  return {
    date: new Date().toISOString(),
    machine: machine(),
    versions: Object.assign(
      await versions(),
      ...environments.map(({ name, version }) => ({ [name]: version })),
    ),
    options: { rounds: options.rounds, milliseconds: options.milliseconds },
    cases: Object.fromEntries(options.layers.map((layer) => [layer.name, factsOf(layer)])),
    runs,
    ...(options.extras ? await extras(options, environments) : {}),
  };
}

async function measureOne({ layer, threads, rounds, milliseconds }, environment) {
  const started = performance.now();
  const job = { layer, threads, rounds, milliseconds };
  const textOf = (error) => (error instanceof Error ? error.message : String(error));
  // A peer that brings the whole process down must not take our result with it.
  const result = await environment.run(job).catch((lost) =>
    environment.run({ ...job, oursOnly: true }).then(
      (own) => ({ ...own, lost: textOf(lost) }),
      (error) => ({ error: textOf(error) }),
    ),
  );
  const seconds = (performance.now() - started) / 1000;
  return { case: layer.name, environment: environment.name, threads, seconds, ...result };
}

function progress(run) {
  const where = `${run.case}, ${run.environment}, ${run.threads} thread${run.threads === 1 ? '' : 's'}`;
  if (run.error !== undefined) return `${where}: ${run.error}`;
  const times = run.results
    .filter(({ status }) => status === 'ok')
    .map(({ name, milliseconds }) => `${name} ${milliseconds.median.toFixed(2)}`);
  return `${where}: ${ratiosOf(run).relaxed?.toFixed(2) ?? '-'}x (ms: ${times.join(', ')}; ${run.seconds.toFixed(1)} s)`;
}

function factsOf(layer) {
  const geometry = geometryOf(layer);
  return {
    description: describe(geometry),
    flop: geometry.flop,
    judged: JUDGED.includes(layer),
    of: layer.of,
  };
}

async function extras({ environments: names, threads, quick, rounds, milliseconds }, environments) {
  const { startUp } = await import('./start-up.mjs');
  const { download } = await import('./download.mjs');
  const chromium = environments[names.indexOf('chromium')];
  console.log('chains, start-up, download, pictures and sound');
  const chains = [];
  for (const environment of environments) {
    for (const count of threads) {
      const results = await environment.chains({ threads: count, rounds, milliseconds });
      chains.push(...results.map((result) => ({ environment: environment.name, ...result })));
    }
  }
  return {
    chains,
    ...(names.includes('node')
      ? { startUp: await startUp(quick ? START_UP_ROUNDS_QUICK : START_UP_ROUNDS) }
      : {}),
    ...(chromium === undefined
      ? {}
      : {
          download: await download(chromium),
          pictures: await pictures(chromium, { rounds, milliseconds }),
          vocoders: await vocoders(chromium, quick ? SOUND_SECONDS_QUICK : SOUND_SECONDS),
        }),
  };
}

async function pictures(chromium, options) {
  const places = ['main thread', 'worker'];
  const results = [];
  for (const place of places) {
    for (const result of await chromium.picture(place, options)) results.push({ place, ...result });
  }
  return results;
}

async function vocoders(chromium, seconds) {
  const { bundleVocoder } = await import('./vocoder.mjs');
  await bundleVocoder(folders.vocoder);
  return [await chromium.vocoder({ build: 'relaxed', seconds })];
}

async function writeReport(report, out) {
  const { markdown } = await import('./report/markdown.mjs');
  const { chart } = await import('./report/chart.mjs');
  const text = markdown(report);
  await mkdir(out, { recursive: true });
  await writeFile(path.join(out, 'results.json'), `${JSON.stringify(report, null, 1)}\n`);
  await writeFile(path.join(out, 'results.md'), text);
  await writeFile(path.join(out, 'ratios.svg'), await chart(report));
  console.log(`\n${text}\nWritten to ${path.join(out, 'results.{json,md}')} and ratios.svg`);
  const failed = failures(report.runs);
  for (const failure of failed) console.error(`bench: ${failure}`);
  return failed.length > 0 ? 1 : 0;
}
