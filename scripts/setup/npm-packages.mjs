import { delimiter, join } from 'node:path';
import { readIfThere } from './files.mjs';
import { SetupError } from './report.mjs';
import { attempt, tail, which } from './run.mjs';

/**
 * True if npm's own record of what it installed (written last into node_modules) says the same as
 * the lock file. Compared entry by entry, because the record omits packages for other platforms.
 */
export function installedMatchesLock(lock, installed) {
  const wanted = Object.entries(lock.packages ?? {}).filter(([path]) => path !== '');
  const present = installed.packages ?? {};
  const known = new Set(wanted.map(([path]) => path));
  return (
    Object.keys(present).every((path) => known.has(path)) &&
    wanted.every(([path, { version, integrity, optional }]) =>
      present[path]
        ? present[path].version === version && present[path].integrity === integrity
        : optional === true,
    )
  );
}

const readJson = (path) => JSON.parse(readIfThere(path) ?? 'null');

// npm says first what is wrong, and then, at length, how to use it.
function complaint(output) {
  const errors = output.split('\n').filter((line) => /^npm (error|ERR!)/.test(line));
  return errors.length > 0 ? errors.slice(0, 12).join('\n') : tail(output);
}

export function npmPackages({ root }) {
  return {
    name: 'npm packages',
    isCurrent() {
      const lock = readJson(join(root, 'package-lock.json'));
      const installed = readJson(join(root, 'node_modules/.package-lock.json'));
      return Boolean(lock && installed && installedMatchesLock(lock, installed));
    },
    async run(report) {
      if (!which('npm')) {
        throw new SetupError('npm is not on PATH.', {
          advice: 'Install it together with Node (20.19 or newer).',
        });
      }
      report.note('npm ci');
      // Started by `npm run`, PATH begins with the very node that npm ci is about to replace.
      const path = (process.env.PATH ?? '')
        .split(delimiter)
        .filter((folder) => !folder.endsWith(join('node_modules', '.bin')))
        .join(delimiter);
      // npm's own waits between retries would hide a missing network for five minutes.
      const retries = ['--fetch-retry-mintimeout=2000', '--fetch-retry-maxtimeout=5000'];
      const flags = ['--no-audit', '--no-fund', '--prefer-offline', ...retries];
      const result = await attempt('npm', ['ci', ...flags], {
        cwd: root,
        env: { ...process.env, PATH: path },
      });
      if (result.code !== 0) {
        throw new SetupError('npm ci failed.', {
          output: complaint(result.output),
          advice: 'Check the network, the registry that npm is configured for, and the lock file.',
        });
      }
    },
  };
}
