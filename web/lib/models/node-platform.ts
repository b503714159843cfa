import { type FileHandle, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { refuse } from '../core/checks.js';
import { DeconvError, isDeconvError } from '../core/errors.js';
import { isUrl } from '../core/realms.js';
import type { ModelsPlatform } from './platform.js';
import type { ModelSource } from './source.js';

export const platform: ModelsPlatform = {
  async openPath(given) {
    return openFile('readModel', pathOf(given));
  },

  async writeFiles(given, files, signal) {
    const target = path.resolve(pathOf(given));
    const targets = files.map(({ location }) =>
      location === null ? target : path.join(path.dirname(target), ...location.split('/')),
    );
    if (new Set(targets).size < targets.length) {
      refuse('BAD_OPTION', 'writeModel', 'a path that is not that of its external data', target);
    }
    // The originals are still being read from, and are the caller's: nothing that exists but the model's
    // own old output is replaced.
    for (const [index, { location }] of files.entries()) {
      if (location !== null && (await exists(targets[index] as string))) {
        refuse(
          'BAD_OPTION',
          'writeModel',
          `no file yet at ${JSON.stringify(location)} beside the output, where external data go`,
          targets[index],
          'Write into another folder.',
        );
      }
    }
    const written: [temporary: string, final: string][] = [];
    try {
      for (const [index, file] of files.entries()) {
        const final = targets[index] as string;
        await mkdir(path.dirname(final), { recursive: true });
        const temporary = `${final}.${process.pid}.part`;
        written.push([temporary, final]);
        const handle = await open(temporary, 'wx');
        try {
          for await (const bytes of file.stream()) {
            signal?.throwIfAborted();
            await handle.writeFile(bytes);
          }
        } finally {
          await handle.close();
        }
      }
      signal?.throwIfAborted();
      for (const [temporary, final] of written) await rename(temporary, final);
    } catch (cause) {
      for (const [temporary] of written) await rm(temporary, { force: true });
      if (signal?.aborted === true) throw signal.reason;
      throw failure('writeModel', target, cause);
    }
  },
};

async function openFile(where: string, file: string): Promise<ModelSource> {
  let handle: FileHandle;
  let size: number;
  try {
    // Before it is opened, because opening a pipe waits for whoever writes to it.
    const facts = await stat(file);
    if (!facts.isFile()) refuse('LOAD_FAILED', where, 'the path of a regular file', file);
    handle = await open(file, 'r');
    size = facts.size;
  } catch (cause) {
    throw failure(where, file, cause);
  }
  return {
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    },
    async beside(location) {
      const folder = await realpath(path.dirname(file));
      const wanted = path.join(folder, ...location.split('/'));
      let real: string;
      try {
        real = await realpath(wanted);
      } catch (cause) {
        throw failure(where, wanted, cause);
      }
      // A link may lead out of the folder, whatever its name says.
      if (!real.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep)) {
        refuse(
          'BAD_MODEL',
          where,
          "external data below the model's folder",
          location,
          'It is a link out of it.',
        );
      }
      return openFile(where, real);
    },
    close: () => handle.close(),
  };
}

function pathOf(given: string | URL): string {
  return isUrl(given) ? fileURLToPath(given.href) : given;
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

function failure(where: string, file: string, cause: unknown): DeconvError {
  if (isDeconvError(cause)) return cause;
  const reason = (cause as { code?: string }).code ?? String(cause);
  return new DeconvError(
    'LOAD_FAILED',
    `${where}: expected a file at ${JSON.stringify(file)}, got ${reason}. Check the path and its permissions.`,
    { where, file },
    cause,
  );
}
