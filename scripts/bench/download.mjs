// What a page without a bundler loads until the first result, file by file as each package ships it.

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import { STARTERS } from './first-result.mjs';
import { folders } from './folders.mjs';

/** `chromium` is an open environment of environments.mjs. */
export async function download(chromium) {
  const sizes = await SizeCache.open(path.join(folders.work, 'sizes.json'));
  const rows = [];
  for (const name of STARTERS) {
    const isOfLibrary = (file) => [folders.dist, folders.peers].some((folder) => file.startsWith(folder));
    const files = (await chromium.filesOf(name)).filter(isOfLibrary);
    const total = { name, files: files.length, plain: 0, gzip: 0, brotli: 0 };
    for (const size of await Promise.all(files.map((file) => sizes.of(file)))) {
      for (const [kind, bytes] of Object.entries(size)) total[kind] += bytes;
    }
    rows.push(total);
  }
  await sizes.save();
  return rows;
}

/** Brotli at its best takes half a minute for the peers' binaries: what was measured once is kept. */
export class SizeCache {
  #file;
  #known;

  static async open(file) {
    const text = await readFile(file, 'utf8').catch(() => '{}');
    return new SizeCache(file, JSON.parse(text));
  }

  constructor(file, known) {
    this.#file = file;
    this.#known = known;
  }

  async of(file) {
    const bytes = await readFile(file);
    const key = createHash('sha256').update(bytes).digest('hex');
    this.#known[key] ??= {
      plain: bytes.length,
      gzip: (await promisify(gzip)(bytes, { level: 9 })).length,
      brotli: (await promisify(brotliCompress)(bytes)).length,
    };
    return this.#known[key];
  }

  save() {
    return writeFile(this.#file, JSON.stringify(this.#known));
  }
}
