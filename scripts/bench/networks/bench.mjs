// npm run bench -- --networks: whole networks of files, in turns against everybody who can run them.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { copyLitert, copyPackages } from '../copies.mjs';
import { SizeCache } from '../download.mjs';
import { ENVIRONMENTS, inChild } from '../environments.mjs';
import { folders } from '../folders.mjs';
import { machine, versions } from '../machine.mjs';
import { median } from '../statistics.mjs';
import { NETWORK_CANDIDATES } from './candidates.mjs';
import { prepareNetworks } from './list.mjs';
import { networkLine, networksMarkdown } from './report.mjs';

const START_UP_ROUNDS = 5;
const START_UP_ROUNDS_QUICK = 1;

/** The exit code: 1 where a result of ours was wrong or missing. */
export async function benchNetworks(options) {
  await copyPackages();
  await copyLitert();
  const networks = await prepareNetworks({ zoo: options.zoo, wanted: options.networkNames });
  const environments = [];
  try {
    for (const name of options.environments) environments.push(await ENVIRONMENTS[name]());
    const runs = [];
    for (const [index, network] of networks.entries()) {
      for (const environment of environments) {
        for (const threads of options.threads) {
          runs.push(await runOne(network, threads, options, environment));
          console.log(`${index + 1}/${networks.length} ${networkLine(runs.at(-1))}`);
        }
      }
    }
    const report = {
      date: new Date().toISOString(),
      machine: machine(),
      versions: Object.assign(
        await versions(),
        ...environments.map(({ name, version }) => ({ [name]: version })),
      ),
      options: { rounds: options.rounds, milliseconds: options.milliseconds },
      networks: networks.map(({ name, kind, of, macs, bytes, inputs }) => ({
        name,
        kind,
        of,
        macs,
        bytes,
        inputs,
      })),
      runs,
      ...(options.extras ? await startUps(networks, options) : {}),
      ...(options.extras ? await downloads(networks, environments) : {}),
    };
    return await write(report, options.out ?? folders.work);
  } finally {
    for (const environment of environments) await environment.close();
  }
}

async function runOne(network, threads, { rounds, milliseconds }, environment) {
  const job = { network, threads, rounds, milliseconds };
  const textOf = (error) => (error instanceof Error ? error.message : String(error));
  // A peer that brings the whole process down must not take our result with it.
  const result = await environment.network(job).catch((lost) =>
    environment.network({ ...job, oursOnly: true }).then(
      (own) => ({ ...own, lost: textOf(lost) }),
      (error) => ({ error: textOf(error) }),
    ),
  );
  return { network: network.name, environment: environment.name, threads, ...result };
}

/** Of fresh Node processes in turns: first outputs after import, and heaps. */
async function startUps(networks, { quick }) {
  const rounds = quick ? START_UP_ROUNDS_QUICK : START_UP_ROUNDS;
  const rows = [];
  for (const network of networks) {
    const names = NETWORK_CANDIDATES.filter(
      ({ kinds, name }) => kinds.includes(network.kind) && name !== 'ours simd',
    ).map(({ name }) => name);
    const results = new Map(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        const one = await inChild('node-network.mjs', { network, name }).catch(() => null);
        if (one !== null) results.get(name).push(one);
      }
    }
    for (const [name, taken] of results) {
      if (taken.length === 0) continue;
      rows.push({
        network: network.name,
        name,
        milliseconds: median(taken.map((one) => one.milliseconds)),
        withImport: median(taken.map((one) => one.withImport)),
        heapBytes: taken.at(-1).heapBytes,
      });
    }
  }
  return { startUp: rows };
}

/** What a page loads of each library until its first output, by kind of file. */
async function downloads(networks, environments) {
  const chromium = environments.find(({ name }) => name === 'Chromium');
  if (chromium === undefined) return {};
  const sizes = await SizeCache.open(path.join(folders.work, 'sizes.json'));
  const rows = [];
  for (const kind of ['onnx', 'tflite']) {
    const network = networks.filter((one) => one.kind === kind).toSorted((a, b) => a.bytes - b.bytes)[0];
    if (network === undefined) continue;
    for (const { name, kinds, yardstick } of NETWORK_CANDIDATES) {
      if (!kinds.includes(kind) || yardstick || name === 'ours simd') continue;
      const files = await chromium.networkFiles({ network, name }).catch(() => null);
      if (files === null) continue;
      const own = files.filter((file) =>
        [folders.dist, folders.peers].some((folder) => file.startsWith(folder)),
      );
      const total = { kind, name, files: own.length, plain: 0, gzip: 0, brotli: 0 };
      for (const size of await Promise.all(own.map((file) => sizes.of(file)))) {
        for (const [form, bytes] of Object.entries(size)) total[form] += bytes;
      }
      rows.push(total);
    }
  }
  await sizes.save();
  return { download: rows };
}

async function write(report, out) {
  const text = networksMarkdown(report);
  await mkdir(out, { recursive: true });
  await writeFile(path.join(out, 'networks.json'), `${JSON.stringify(report, null, 1)}\n`);
  await writeFile(path.join(out, 'networks.md'), text);
  console.log(`\n${text}\nWritten to ${path.join(out, 'networks.{json,md}')}`);
  const failed = report.runs.flatMap(({ network, environment, threads, error, results }) => {
    const where = `${network} in ${environment} with ${threads}`;
    if (error !== undefined) return [`${where}: ${error}`];
    return results
      .filter(({ ours, status }) => ours && status !== 'ok')
      .map(
        ({ name, status, note, error: off }) => `${where}: ${name}: ${status} ${note || `(off by ${off})`}`,
      );
  });
  for (const failure of failed) console.error(`bench: ${failure}`);
  return failed.length > 0 ? 1 : 0;
}
