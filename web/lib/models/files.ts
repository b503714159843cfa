import { fault, refuse } from '../core/checks.js';
import { type DeconvError, isDeconvError } from '../core/errors.js';
import { nodeModule } from '../core/node.js';
import type { ModelSource } from './source.js';

/** A file to be written, which is made while it is read. */
export interface OutputFile {
  /** Null for the model itself, else its path relative to the model. */
  readonly location: string | null;
  readonly size: number;
  stream(): AsyncIterable<Uint8Array>;
}

/** What of Node these functions take; a page has none of it. */
function fileSystem(where: string, given: string | URL, advice: string) {
  const files = nodeModule('node:fs/promises');
  const path = nodeModule('node:path');
  const url = nodeModule('node:url');
  if (files === undefined || path === undefined || url === undefined) {
    throw fault(
      'UNSUPPORTED',
      where,
      'no path, as a page has no file system',
      JSON.stringify(String(given)),
      advice,
    );
  }
  const address = typeof given === 'string' ? given : given.href;
  if (typeof given === 'string' && !/^file:\/\//i.test(given)) return { ...files, path, given };
  try {
    return { ...files, path, given: url.fileURLToPath(address) };
  } catch (cause) {
    throw fault(
      'BAD_OPTION',
      where,
      'a path or the URL of a file here',
      JSON.stringify(address),
      'Pass a path.',
      {},
      cause,
    );
  }
}

type FileSystem = ReturnType<typeof fileSystem>;

/** A model by its path, in Node. */
export async function openPath(given: string | URL): Promise<ModelSource> {
  const disk = fileSystem(
    'readModel',
    given,
    'Pass bytes, the Blob or File itself, or a URL: new URL(path, location.href).',
  );
  return openFile(disk, 'readModel', disk.given);
}

/** Writes the files of a patched model: `given` for the model, others beside it. */
export async function writeFiles(
  given: string | URL,
  files: readonly OutputFile[],
  signal?: AbortSignal,
): Promise<void> {
  const disk = fileSystem('writeModel', given, 'Use patchModel and its streams.');
  const { path, open, rename, rm, stat } = disk;
  const whole = path.resolve(disk.given);
  const target = await placeOf(disk, disk.given).catch((cause) => {
    throw failure('writeModel', whole, cause);
  });
  const there = await stat(target).catch(() => null);
  if (there?.isFile() === false) refuse('BAD_OPTION', 'writeModel', 'the path of a regular file', target);
  const folder = path.dirname(target);
  const targets = files.map(({ location }) =>
    location === null ? target : path.join(folder, ...location.split('/')),
  );
  if (files.length > 1 && folder !== (await placeOf(disk, path.dirname(disk.given)))) {
    refuse(
      'BAD_OPTION',
      'writeModel',
      'no link into another folder for a model with external data, which go beside it',
      whole,
      'Write into that folder.',
    );
  }
  if (new Set(targets).size < targets.length) {
    refuse('BAD_OPTION', 'writeModel', 'a path that is not that of its external data', target);
  }
  // The originals are still being read from, and are the caller's: nothing that exists but the model's
  // own old output is replaced.
  for (const [index, { location }] of files.entries()) {
    if (location !== null && (await exists(disk, targets[index] as string))) {
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
      await makeFolder(disk, path.dirname(final));
      const temporary = `${final}.${process.pid}.part`;
      const handle = await open(temporary, 'wx');
      // Only what was made here is taken away again.
      written.push([temporary, final]);
      try {
        // As a mode to open with, the umask would take from it.
        if (file.location === null && there !== null) await handle.chmod(there.mode);
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
    throw failure('writeModel', whole, cause);
  }
}

/**
 * A folder with those above it. Node's own way goes round in circles where a system has no such file for an answer though
 * the folder above is there, as that of processes does.
 */
async function makeFolder(disk: FileSystem, folder: string): Promise<void> {
  const { path, mkdir } = disk;
  try {
    await mkdir(folder);
  } catch (error) {
    if (await exists(disk, folder)) return;
    const above = path.dirname(folder);
    if (above === folder || (await exists(disk, above))) throw error;
    await makeFolder(disk, above);
    await makeFolder(disk, folder);
  }
}

/**
 * Where a file is or will be: what a link leads to is written, be it there or not, and the link stays. `..` behind a link
 * is the folder above what that leads to, which words alone do not tell.
 */
async function placeOf(disk: FileSystem, file: string): Promise<string> {
  const { path, readlink, realpath } = disk;
  const folder = path.dirname(file);
  try {
    return await realpath(file);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT' || folder === file) throw error;
  }
  const place = path.join(await placeOf(disk, folder), path.basename(file));
  const target = await readlink(place).catch(() => null);
  if (target === null) return place;
  return placeOf(disk, path.isAbsolute(target) ? target : path.dirname(place) + path.sep + target);
}

async function openFile(disk: FileSystem, where: string, file: string): Promise<ModelSource> {
  const { path, realpath, stat } = disk;
  let open: OpenFile;
  let size: number;
  try {
    // Before it is opened, because opening a pipe waits for whoever writes to it.
    const facts = await stat(file);
    if (!facts.isFile()) refuse('LOAD_FAILED', where, 'the path of a regular file', file);
    open = await openToRead(file);
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
        const count = await open.read(bytes.subarray(done), offset + done);
        if (count === 0) break;
        done += count;
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
      return openFile(disk, where, real);
    },
    close: () => open.close(),
  };
}

/** A file by its number: Node ends a process in which a FileHandle is collected that nobody has closed. */
interface OpenFile {
  read(target: Uint8Array, offset: number): Promise<number>;
  close(): Promise<void>;
}

/** Closes files that are collected. A function of the file's own would hold it. */
const forgotten = new FinalizationRegistry<number>((descriptor) => nodeModule('node:fs')?.close(descriptor));
/** What is read is not collected. */
const reading = new Set<OpenFile>();

async function openToRead(file: string): Promise<OpenFile> {
  const files = nodeModule('node:fs') as typeof import('node:fs');
  const descriptor = await new Promise<number>((resolve, reject) => {
    files.open(file, 'r', (error, opened) => (error === null ? resolve(opened) : reject(error)));
  });
  let closed: Promise<void> | undefined;
  const open: OpenFile = {
    async read(target, offset) {
      if (closed !== undefined) throw Object.assign(new Error('it is closed'), { code: 'EBADF' });
      reading.add(open);
      try {
        return await new Promise((resolve, reject) => {
          files.read(descriptor, target, 0, target.length, offset, (error, count) =>
            error === null ? resolve(count) : reject(error),
          );
        });
      } finally {
        reading.delete(open);
      }
    },
    close() {
      forgotten.unregister(open);
      closed ??= new Promise((resolve, reject) => {
        files.close(descriptor, (error) => (error ? reject(error) : resolve()));
      });
      return closed;
    },
  };
  forgotten.register(open, descriptor, open);
  return open;
}

/** Whether something has the name, be it a link to nothing. */
async function exists({ lstat }: FileSystem, file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

function failure(where: string, file: string, cause: unknown): DeconvError {
  if (isDeconvError(cause)) return cause;
  const reason = (cause as { code?: string }).code ?? String(cause);
  return fault(
    'LOAD_FAILED',
    where,
    `a file at ${JSON.stringify(file)}`,
    `${reason}`,
    'Check the path and its permissions.',
    { file },
    cause,
  );
}
