// The service worker of the documentation: all of it can be read again without a network. The page below has its own.

import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** What is kept from the start; a page of the API is kept once it has been read. */
const KEPT = /^(index\.html|(docs|assets|files|media)\/.+)$/;

export async function writeServiceWorker(site) {
  const names = (await readdir(site, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(site, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((name) => KEPT.test(name))
    .sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(await readFile(path.join(site, name)));
  const source = await readFile(path.join(import.meta.dirname, 'service-worker.js'), 'utf8');
  const script = source
    .replace("['./']", () => JSON.stringify(['./', ...names.map((name) => `./${name}`)]))
    .replace("'development'", () => `'${hash.digest('hex').slice(0, 12)}'`);
  await writeFile(path.join(site, 'service-worker.js'), script);
}
