// Prints what a page downloads and fails when it grows over the limits.
//
//   node scripts/check-size.mjs       after scripts/build.mjs

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'vite';

/** Gzipped kilobytes of 1000 bytes. */
const LIMITS = {
  // The binaries that init takes by itself, with all routes and precisions in.
  wasm: 90,
  // Asked for with { threads }: the same, POSIX threads and the pool that XNNPACK shares with us.
  threadedWasm: 100,
  // All of the root entry's API and the one glue that a page without threads loads, minified.
  script: 25,
};
const BINARIES = ['simd', 'relaxed', 'simd-threads', 'relaxed-threads'];

const dist = path.join(path.dirname(import.meta.dirname), 'dist');
if (!existsSync(path.join(dist, 'index.js'))) {
  console.error('check-size: there is no dist/. Run: node scripts/build.mjs');
  process.exit(1);
}

const binaries = BINARIES.map((name) => measure(`${name}.wasm`, read(name)));
const chunks = await bundle();
const api = measure('API', join(chunks, 'API'));
const glues = BINARIES.map((name) => measure(`glue ${name}`, join(chunks, name)));
// Two files; the two glues without threads differ by a name only.
const script = sum('API and one glue', api, glues[0]);
const rows = [...binaries, api, ...glues, script];

console.log(
  `${'bytes'.padEnd(24)}${['plain', 'gzip -9', 'brotli'].map((word) => word.padStart(10)).join('')}`,
);
for (const { name, plain, gzip, brotli } of rows) {
  console.log(
    `${name.padEnd(24)}${[plain, gzip, brotli].map((bytes) => String(bytes).padStart(10)).join('')}`,
  );
}

const over = [
  ...binaries.map(({ name, gzip }) => [
    name,
    gzip,
    name.includes('threads') ? LIMITS.threadedWasm : LIMITS.wasm,
  ]),
  ['API with its glue', script.gzip, LIMITS.script],
].filter(([, bytes, limit]) => bytes > limit * 1000);
for (const [name, bytes, limit] of over) {
  console.error(`check-size: ${name} is ${bytes} bytes gzipped, over the limit of ${limit} KB`);
}
process.exitCode = over.length > 0 ? 1 : 0;

function read(name) {
  return readFileSync(path.join(dist, 'wasm', name, 'deconv.wasm'));
}

function measure(name, bytes) {
  return {
    name,
    plain: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes).length,
  };
}

function sum(name, one, other) {
  return {
    name,
    plain: one.plain + other.plain,
    gzip: one.gzip + other.gzip,
    brotli: one.brotli + other.brotli,
  };
}

function join(chunks, part) {
  const found = chunks.filter((chunk) => chunk.part === part);
  if (found.length === 0) throw new Error(`check-size: the bundle has no chunk for ${part}`);
  return Buffer.concat(found.map(({ code }) => Buffer.from(code)));
}

/** The root entry as a web app's bundler makes it, nothing written to disk. */
async function bundle() {
  const { output } = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      modulePreload: false,
      rollupOptions: { input: path.join(dist, 'index.js'), preserveEntrySignatures: 'strict' },
    },
  });
  return output
    .filter(({ type }) => type === 'chunk')
    .map(({ code, moduleIds }) => ({
      code,
      part: BINARIES.find((name) => moduleIds.some((id) => id.endsWith(`/wasm/${name}/web.mjs`))) ?? 'API',
    }));
}
