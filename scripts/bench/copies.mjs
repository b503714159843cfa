// Copies that Node loads candidates from, made afresh for every run.

import { cp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { folders } from './folders.mjs';

/** One of the package for each build: a copy of it loads one build per process. */
export async function copyPackages() {
  for (const build of ['relaxed', 'simd']) {
    const to = folders.package(build);
    await rm(to, { recursive: true, force: true });
    await cp(folders.dist, path.join(to, 'dist'), { recursive: true });
    await cp(path.join(folders.root, 'package.json'), path.join(to, 'package.json'));
  }
}

/** LiteRT.js's scripts are CommonJS in a package that says it is not. */
export async function copyLitert() {
  await rm(folders.litert, { recursive: true, force: true });
  await cp(path.join(folders.peers, '@litertjs', 'core', 'wasm'), folders.litert, { recursive: true });
  await writeFile(path.join(folders.litert, 'package.json'), '{ "type": "commonjs" }\n');
}
