// What has passed is not run again while its bytes, arguments and environment are the same: the C++ tests take
// minutes under sanitizers, and most changes are not of C++. A fresh checkout has no notes of what has passed;
// where CI is set, they are not believed.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const notes = path.join(import.meta.dirname, '..', '..', 'build', 'passed');

/** Does `work`, which throws where it fails, unless it has passed with the same inputs. */
export async function oncePassed(
  name: string,
  inputs: readonly (string | Uint8Array)[],
  work: () => Promise<void>,
): Promise<void> {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(`${input.length}:`).update(input);
  const key = hash.digest('hex');
  const note = path.join(notes, name);
  if (!process.env.CI && existsSync(note) && readFileSync(note, 'utf8') === key) {
    console.log(`${name}: has passed with the same bytes, and is not run again (CI=true runs it, too)`);
    return;
  }
  await work();
  mkdirSync(notes, { recursive: true });
  writeFileSync(note, key);
}
