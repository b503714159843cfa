import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** The text of a file, or undefined if it cannot be read. */
export function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Writes a file in one step, and only if that changes it. */
export function replaceFile(path, text) {
  if (readIfThere(path) === text) return;
  const next = `${path}.${process.pid}`;
  writeFileSync(next, text);
  renameSync(next, path);
}
