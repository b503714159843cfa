import { existsSync } from 'node:fs';
import { compareVersions, versionIn } from './pins.mjs';
import { SetupError } from './report.mjs';
import { attempt, run, tail, which } from './run.mjs';

const again = 'Then run this again: node scripts/setup.mjs';

/** Path of the command that proves a package, from the environment if the package allows that. */
export function commandOf({ environment, commands }) {
  const given = environment && process.env[environment];
  if (!given) return which(...commands);
  const path = which(given);
  if (path) return path;
  throw new SetupError(`${environment}=${given} is not an executable file.`, {
    advice: `Correct or unset ${environment}.`,
  });
}

async function isMissing(entry) {
  if (entry.file) return !existsSync(entry.file);
  const command = commandOf(entry);
  if (!command) return true;
  if (!entry.minimum) return false;
  const { code, output } = await attempt(command, ['--version']);
  const version = code === 0 ? versionIn(output) : undefined;
  return version === undefined || compareVersions(version, entry.minimum) < 0;
}

async function missing(entries) {
  const answers = await Promise.all(entries.map(isMissing));
  return entries.filter((_, i) => answers[i]);
}

const describe = ({ package: name, commands, file, minimum }) =>
  `  ${name} (${file ?? commands[0]}${minimum ? `, ${minimum} or newer` : ''})`;

export function aptPackages({ pins, groups, name = 'apt packages' }) {
  const wanted = pins.apt.filter(({ group }) => groups.includes(group));
  return {
    name,
    async isCurrent() {
      return (await missing(wanted)).length === 0;
    },
    async run(report) {
      const lacking = await missing(wanted);
      const names = lacking.map((entry) => entry.package);
      const install = ['install', '-y', '--no-install-recommends', ...names];
      const list = `\n${lacking.map(describe).join('\n')}`;
      if (!which('apt-get')) {
        throw new SetupError(`These tools are missing, and there is no apt-get here:${list}`, {
          advice: `Install them with this system's package manager, by their Debian names above or \
similar ones. clang-19, lld-19 and llvm-19 are not needed --without native and with an emsdk (emcc \
on PATH). ${again}`,
        });
      }
      if (process.getuid?.() !== 0) {
        throw new SetupError(`These tools are missing, and installing them needs root:${list}`, {
          advice: `sudo apt-get update && sudo apt-get ${install.join(' ')}\n${again}`,
        });
      }
      await installAsRoot(names, install, report);
      const still = await missing(lacking);
      if (still.length > 0) {
        throw new SetupError(
          `apt-get installed ${names.join(', ')}, but these are still missing or too old:\n${still
            .map(describe)
            .join('\n')}`,
          { advice: 'Install a newer version yourself and put it first on PATH.' },
        );
      }
    },
  };
}

async function installAsRoot(names, install, report) {
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const network = ['-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=30'];
  report.note('apt-get update');
  // Its failure is not ours: one broken third-party source fails it, and the packages may still come.
  const update = await attempt('apt-get', ['-q', ...network, 'update'], options);
  const aptGet = () =>
    attempt('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...network, ...install], options);
  report.note(`installing ${names.join(', ')}`);
  let result = await aptGet();
  if (result.code !== 0 && result.output.includes('dpkg --configure -a')) {
    report.say('apt packages: an earlier installation was interrupted, finishing it first');
    await run('dpkg', ['--configure', '-a'], {
      ...options,
      failure: 'dpkg --configure -a failed.',
      advice: 'Repair the package database by hand, then run this again.',
    });
    result = await aptGet();
  }
  if (result.code !== 0) {
    throw new SetupError(`apt-get could not install ${names.join(', ')}.`, {
      output: tail(update.code === 0 ? result.output : update.output + result.output),
      advice: `Check the network and the apt sources of this machine, or install them by hand: \
apt-get ${install.join(' ')}`,
    });
  }
}
