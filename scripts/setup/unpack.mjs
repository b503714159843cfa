import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SetupError } from './report.mjs';
import { run, start, tail } from './run.mjs';

/** An empty folder on the same file system as its later place. */
export function temporaryFolder(toolchain, name) {
  const parent = join(toolchain, 'tmp');
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, `${name}-`));
}

/** Puts a finished folder in its place in one step, so that a folder in place is always complete. */
export function publish(folder, destination) {
  mkdirSync(join(destination, '..'), { recursive: true });
  const old = `${folder}.old`;
  if (existsSync(destination)) renameSync(destination, old);
  renameSync(folder, destination);
  rmSync(old, { recursive: true, force: true });
}

const finished = (child, stderr) =>
  new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text) => stderr.push(text));
    child.once('error', reject);
    child.once('close', resolve);
  });

/** Unpacks a .deb as `dpkg -x` does, without what `exclude` (tar patterns) names, and shows how far it is. */
export async function unpackDeb(deb, folder, report, exclude = []) {
  const stderr = [];
  const archive = start('dpkg-deb', ['--fsys-tarfile', deb], { stdio: ['ignore', 'pipe', 'pipe'] });
  const patterns = exclude.map((pattern) => `--exclude=${pattern}`);
  // Without --ignore-zeros tar stops before the padding, and dpkg-deb fails to write the rest.
  const flags = ['-x', '--ignore-zeros', '--no-same-owner', '-C', folder];
  const tar = start('tar', [...flags, ...patterns], { stdio: ['pipe', 'ignore', 'pipe'] });
  let bytes = 0;
  const count = new Transform({
    transform(chunk, _encoding, done) {
      bytes += chunk.length;
      report.note(`unpacking, ${Math.round(bytes / 1e6)} MB`);
      done(null, chunk);
    },
  });
  const [moved, ...codes] = await Promise.all([
    pipeline(archive.stdout, count, tar.stdin).catch((error) => error),
    finished(archive, stderr).catch((error) => error),
    finished(tar, stderr).catch((error) => error),
  ]);
  if (moved || codes.some((code) => code !== 0)) {
    const reasons = [moved, ...codes].filter((reason) => reason instanceof Error);
    throw new SetupError(`${deb} could not be unpacked.`, {
      output: tail([...stderr, ...reasons.map((reason) => reason.message)].join('\n')),
      advice: 'Is there enough room on the disk? Emscripten takes about 1.2 GB.',
    });
  }
}

/** Unpacks a tarball; a single folder at its top is left out. */
export async function unpackTarball(tarball, folder, report) {
  report.note('unpacking');
  await run('tar', ['-x', '--no-same-owner', '-f', tarball, '-C', folder], {
    failure: `${tarball} could not be unpacked.`,
  });
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.length === 1 && entries[0].isDirectory() ? join(folder, entries[0].name) : folder;
}
