import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readIfThere } from './files.mjs';
import { pinNamed, pinStamp } from './pins.mjs';
import { SetupError } from './report.mjs';
import { publish, temporaryFolder, unpackDeb, unpackTarball } from './unpack.mjs';

const STAMP = '.pins';
const HEADER_PINS = ['libfp16-dev', 'libfxdiv-dev', 'doctest-dev', 'libsimde-dev'];

/** A folder that the user has named in the environment, once a file in it shows that it is the right one. */
function given(variable, witness) {
  const folder = process.env[variable];
  if (!folder) return undefined;
  if (existsSync(join(folder, witness))) return resolve(folder);
  throw new SetupError(`${variable}=${folder} has no ${witness}.`, {
    advice: `Correct or unset ${variable}.`,
  });
}

async function installTarball({ toolchain, pins, archive }, name, destination, report) {
  const folder = temporaryFolder(toolchain, name);
  const top = await unpackTarball(await archive.fetch(pinNamed(pins, name)), folder, report);
  writeFileSync(join(top, STAMP), pinStamp(pins, [name]));
  publish(top, destination);
}

async function installHeaders({ toolchain, pins, archive }, destination, report) {
  const folder = temporaryFolder(toolchain, 'headers');
  for (const name of HEADER_PINS) {
    await unpackDeb(await archive.fetch(pinNamed(pins, name)), folder, report);
  }
  const include = join(folder, 'usr/include');
  mkdirSync(join(include, 'copyright'));
  for (const name of HEADER_PINS) {
    cpSync(join(folder, 'usr/share/doc', name, 'copyright'), join(include, 'copyright', name));
  }
  writeFileSync(join(include, STAMP), pinStamp(pins, HEADER_PINS));
  publish(include, destination);
}

/** XNNPACK, pthreadpool and the headers: `variable` names a folder that the user may give instead. */
export function sourcesStep(context) {
  const { toolchain, pins } = context;
  const parts = [
    {
      variable: 'XNNPACK_SOURCE_DIR',
      witness: 'include/xnnpack.h',
      folder: 'src/xnnpack',
      pinned: ['xnnpack'],
    },
    {
      variable: 'PTHREADPOOL_SOURCE_DIR',
      witness: 'include/pthreadpool.h',
      folder: 'src/pthreadpool',
      pinned: ['pthreadpool'],
    },
    {
      variable: 'THIRD_PARTY_INCLUDE_DIR',
      witness: 'fxdiv.h',
      folder: 'include',
      pinned: HEADER_PINS,
    },
  ].map(({ variable, witness, folder, pinned }) => {
    const own = given(variable, witness);
    const path = own ?? join(toolchain, folder);
    const isCurrent = () => Boolean(own) || readIfThere(join(path, STAMP)) === pinStamp(pins, pinned);
    return { variable, own, path, pinned, isCurrent };
  });
  return {
    name: 'sources',
    paths: Object.fromEntries(parts.map(({ variable, path }) => [variable, path])),
    given: parts.filter(({ own }) => own),
    isCurrent: () => parts.every((part) => part.isCurrent()),
    async run(report) {
      for (const { pinned, path, isCurrent } of parts) {
        if (isCurrent()) continue;
        if (pinned === HEADER_PINS) await installHeaders(context, path, report);
        else await installTarball(context, pinned[0], path, report);
      }
    },
  };
}
