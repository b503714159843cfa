import type { BigIntStats } from 'node:fs';
import { mkdir, open, readlink, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileProblem, isFileError, isSystemError } from './findings.js';
import { printable } from './terminal.js';
import { UsageError } from './usage.js';

export interface FileToWrite {
  readonly file: string;
  readonly bytes: Uint8Array | string;
}

/** Hands `write` a signal by which it takes away what is half there when the user stops the program. */
export async function whileInterruptible<Result>(
  write: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController();
  let caught: NodeJS.Signals | null = null;
  const interrupt = (signal: NodeJS.Signals) => {
    caught = signal;
    stop.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    return await write(stop.signal);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    // Ends as if there had been no handler: a shell tells by it that the user stopped the program.
    if (caught !== null) process.kill(process.pid, caught);
  }
}

interface Whole extends FileToWrite {
  readonly final: string;
  /** As a mode to open with, the umask would take from it. */
  readonly mode: number | null;
}

/** Writes the files of an option, and makes their folders: all beside their places first, so that none is half there or lost. */
export async function writeWhole(option: string, files: readonly FileToWrite[]): Promise<void> {
  const whole: Whole[] = [];
  for (const { file, bytes } of files) {
    try {
      const final = await placeOf(file);
      await makeFolder(path.dirname(final));
      const there = await stat(final).catch(() => null);
      if (there === null || there.isFile()) whole.push({ file, bytes, final, mode: there?.mode ?? null });
      // A pipe or a device is not to be replaced, and may wait for its reader; a folder says here what it is.
      else await writeFile(final, bytes);
    } catch (error) {
      throw inOption(option, file, error);
    }
  }
  await whileInterruptible((signal) => replace(option, whole, signal));
}

/**
 * A folder with those above it. Node's own way goes round in circles where a system has no such file for an answer though
 * the folder above is there, as that of processes does.
 */
async function makeFolder(folder: string): Promise<void> {
  const isThere = (place: string) =>
    stat(place).then(
      () => true,
      () => false,
    );
  try {
    await mkdir(folder);
  } catch (error) {
    if (await isThere(folder)) return;
    const above = path.dirname(folder);
    if (above === folder || (await isThere(above))) throw error;
    await makeFolder(above);
    await makeFolder(folder);
  }
}

async function replace(option: string, files: readonly Whole[], signal: AbortSignal): Promise<void> {
  const made: [temporary: string, final: string, file: string][] = [];
  let current = '';
  try {
    for (const { file, bytes, final, mode } of files) {
      current = file;
      const temporary = `${final}.${process.pid}.part`;
      const handle = await open(temporary, 'wx');
      made.push([temporary, final, file]);
      try {
        if (mode !== null) await handle.chmod(mode);
        await handle.writeFile(bytes, { signal });
      } finally {
        await handle.close();
      }
    }
    for (const [temporary, final, file] of made) {
      current = file;
      await rename(temporary, final);
    }
  } catch (error) {
    for (const [temporary] of made) await rm(temporary, { force: true });
    throw inOption(option, current, error);
  }
}

/**
 * Where a file is or will be: what a link leads to is written, be it there or not, and the link stays. `..` behind a link
 * is the folder above what that leads to, which words alone do not tell, and behind a folder that is not there yet the
 * one above it.
 */
export async function placeOf(file: string): Promise<string> {
  const folder = path.dirname(file);
  try {
    return await realpath(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || folder === file) throw error;
  }
  const place = path.join(await placeOf(folder), path.basename(file));
  const target = await readlink(place).catch(() => null);
  if (target === null) return place;
  return placeOf(path.isAbsolute(target) ? target : path.dirname(place) + path.sep + target);
}

/** What is at the place that will be written; what keeps it from being written is told when it is. */
async function foundAt(file: string): Promise<BigIntStats | null> {
  return stat(await placeOf(file).catch(() => file), { bigint: true }).catch(() => null);
}

/**
 * The rule of every file that is written: what is there is replaced with `--force` only, an input of the same call too.
 * A pipe or a device is written to; a folder says later what it is.
 */
export async function checkFree(option: string, files: readonly string[], force: boolean): Promise<void> {
  for (const file of files) checkNamesFile(option, file);
  if (force) return;
  for (const file of files) {
    if ((await foundAt(file))?.isFile() === true) {
      throw new UsageError(`${option} ${printable(file)} exists. --force replaces it`);
    }
  }
}

/**
 * A name that ends as a folder's does is no file's, though the file would be found without its end. A dash stands for what
 * is printed by many programs, and nobody looks for a file that is so called.
 */
function checkNamesFile(option: string, file: string): void {
  if (file === '-') {
    throw new UsageError(
      `expected ${option} to be the name of a file, got -: nothing is written to stdout. ./- names a file`,
    );
  }
  if (!file.endsWith('/') && !file.endsWith(path.sep)) return;
  throw new UsageError(`expected ${option} to be a file, got the name of a folder: ${printable(file)}`);
}

/** What files of models, of values and of reports end in. */
const ENDINGS = [
  ...['.onnx', '.tflite', '.safetensors', '.npy', '.npz', '.ort', '.pt', '.pth', '.h5', '.keras', '.pb'],
  ...['.png', '.wav', '.html', '.json'],
];

/** Programs go by the ending: one of another format would mislead them, and who gives it expects that format. */
export function checkEnding(option: string, file: string, own: string): void {
  const ending = path.extname(file).toLowerCase();
  if (ending === own || !ENDINGS.includes(ending)) return;
  throw new UsageError(
    `expected ${option} to end in ${own}, which is what is written, got the name of another format's file: ${printable(file)}`,
  );
}

/** For a file that takes the place of what is there, which a pipe or a device would not survive. */
export async function checkRegular(option: string, file: string): Promise<void> {
  const there = await foundAt(file);
  if (there === null || there.isFile()) return;
  const got = there.isDirectory() ? 'a folder' : 'a device or a pipe';
  throw new UsageError(`expected ${option} to be a regular file, got ${got}: ${printable(file)}`);
}

/** Two that go to one place would leave one. */
export async function checkDistinct(option: string, files: readonly string[]): Promise<void> {
  const places = await Promise.all(files.map(identityOf));
  const twice = files.find((_, index) => places.indexOf(places[index] as string) < index);
  if (twice !== undefined)
    throw new UsageError(`expected each ${option} to be another file, got ${printable(twice)} twice`);
}

/** What tells a file from others: itself where it is there, as it has several names, else the place where it will be. */
async function identityOf(file: string): Promise<string> {
  const there = await foundAt(file);
  if (there?.isFile() === true) return `${there.dev}:${there.ino}`;
  return placeOf(file).catch(() => path.resolve(file));
}

/** An error of an option's file, which names it instead of the model; others as they are. */
export function inOption(option: string, file: string, error: unknown): unknown {
  if (!isFileError(error)) return error;
  // What the system said of the file, of which the package gives programs no more than the code.
  const { cause } = error as Error;
  return new UsageError(`${option} ${fileProblem(file, isSystemError(cause) ? cause : error)}`);
}
