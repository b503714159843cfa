// Prints what a page downloads and fails when it grows over the limits.
//
//   node scripts/check-size.mjs       after scripts/build.mjs

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'vite';

/** Gzipped kilobytes of 1000 bytes. */
const LIMITS = {
  // The binaries that init takes by itself, with all routes, precisions, modules and steps of networks in.
  wasm: 117,
  // Asked for with { threads }: the same, POSIX threads and the pool that XNNPACK shares with us.
  threadedWasm: 127,
  // All of the root entry's API with the glue of the builds without threads, minified.
  script: 48,
  // The scripts of a page with one layer, to which modules that it does not use add nothing.
  oneLayer: 20,
  // What readModel of an ONNX file loads beside the root entry.
  onnx: 20,
  // All that a page loads to run an ONNX network on the plain build: binary, glue and scripts.
  network: 192,
  // What a page loads whose layers are in a worker.
  workerPage: 5,
};
/** What people import, each with what it then loads by itself when it meets the file. */
const TYPICAL = [
  ['one layer', "export { ConvTranspose2d, init } from 'deconv-wasm';"],
  ['all of the root entry', "export * from 'deconv-wasm';"],
  ['a brainstate layer', "export { ConvTranspose2d, init } from 'deconv-wasm/brainstate';"],
  [
    'a converted layer',
    "export { init } from 'deconv-wasm'; export { fromOnnx } from 'deconv-wasm/convert';",
  ],
  [
    'analyze and repair',
    "export { ConvTranspose2d } from 'deconv-wasm'; export { analyze, repair } from 'deconv-wasm/checkerboard';",
  ],
  [
    'training',
    "export { Conv2d, ConvTranspose2d, init } from 'deconv-wasm'; export { adam, ReLU, Sequential } from 'deconv-wasm/training';",
  ],
  [
    'a picture',
    "export { ConvTranspose2d, init } from 'deconv-wasm'; export { fromImage, toImageData } from 'deconv-wasm/image';",
  ],
  ['a worker, the page', "export { connect, transfer } from 'deconv-wasm/worker';"],
  [
    'a worker with one layer',
    "export { ConvTranspose2d, init } from 'deconv-wasm'; export { serve } from 'deconv-wasm/worker';",
  ],
  [
    'a model file (ONNX)',
    "export * from 'deconv-wasm'; export { readModel } from 'deconv-wasm/models';",
    '/models/onnx/read.js',
  ],
  ['a network (ONNX)', "export { loadNetwork } from 'deconv-wasm/network';", '/network/onnx/read.js'],
  ['a network (TFLite)', "export { loadNetwork } from 'deconv-wasm/network';", '/network/tflite/read.js'],
];
/** Typical imports are measured without it, since all of them that compute need it. */
const GLUE = [/\/wasm\/deconv\.mjs$/];
const BINARIES = ['simd', 'relaxed', 'simd-threads', 'relaxed-threads'];

const dist = path.join(path.dirname(import.meta.dirname), 'dist');
if (!existsSync(path.join(dist, 'index.js'))) {
  console.error('check-size: there is no dist/. Run: node scripts/build.mjs');
  process.exit(1);
}

const binaries = BINARIES.map((name) => measure(`${name}.wasm`, read(name)));
const script = measure('API and glue', await bundle("export * from 'deconv-wasm';"));
const threads = measure('glue with threads', readFileSync(path.join(dist, 'wasm', 'threads.mjs')));
const standalone = measure('the single file', readFileSync(path.join(dist, 'standalone.js')));

table('bytes', [...binaries, script, threads, standalone]);

const typical = [];
for (const [name, code, met] of TYPICAL)
  typical.push(measure(name, await bundle(code, { met, external: GLUE })));
table('import', typical);
const rootOnly = typical.find(({ name }) => name === 'all of the root entry');
const onnx = typical.find(({ name }) => name === 'a model file (ONNX)').gzip - rootOnly.gzip;

const network = [
  binaries[0],
  typical.find(({ name }) => name === 'a network (ONNX)'),
  measure('', readFileSync(path.join(dist, 'wasm', 'deconv.mjs'))),
].reduce((sum, { gzip }) => sum + gzip, 0);
console.log(`${'all for a network'.padEnd(24)}${String(network).padStart(20)}`);

const over = [
  ['readModel of an ONNX file beside the root', onnx, LIMITS.onnx],
  ...binaries.map(({ name, gzip }) => [
    name,
    gzip,
    name.includes('threads') ? LIMITS.threadedWasm : LIMITS.wasm,
  ]),
  ['all for an ONNX network', network, LIMITS.network],
  ['API with its glue', script.gzip, LIMITS.script],
  ['one layer', typical.find(({ name }) => name === 'one layer').gzip, LIMITS.oneLayer],
  ['the page of a worker', typical.find(({ name }) => name === 'a worker, the page').gzip, LIMITS.workerPage],
].filter(([, bytes, limit]) => bytes > limit * 1000);
for (const [name, bytes, limit] of over) {
  console.error(`check-size: ${name} is ${bytes} bytes gzipped, over the limit of ${limit} KB`);
}
process.exitCode = over.length > 0 ? 1 : 0;

function table(title, lines) {
  const row = (name, cells) => `${name.padEnd(24)}${cells.map((cell) => String(cell).padStart(10)).join('')}`;
  console.log(row(title, ['plain', 'gzip -9', 'brotli']));
  for (const { name, plain, gzip, brotli } of lines) console.log(row(name, [plain, gzip, brotli]));
}

/** The scripts that a page with this import loads, minified, with those of modules named `met`. */
async function bundle(code, { met, external = [] } = {}) {
  const id = path.join(dist, 'entry-of-check-size.js');
  const { output } = await build({
    configFile: false,
    logLevel: 'error',
    resolve: {
      alias: [
        { find: /^deconv-wasm$/, replacement: path.join(dist, 'unjoined', 'index.js') },
        { find: /^deconv-wasm\/(.+)$/, replacement: path.join(dist, 'unjoined', '$1', 'index.js') },
      ],
    },
    plugins: [
      {
        name: 'entry',
        resolveId: (source) => (source === id ? id : undefined),
        load: (source) => (source === id ? code : undefined),
      },
    ],
    build: {
      write: false,
      modulePreload: false,
      rollupOptions: { input: id, external, preserveEntrySignatures: 'strict' },
    },
  });
  const chunks = output.filter(({ type }) => type === 'chunk');
  const loaded = new Set();
  const load = (chunk) => {
    if (loaded.has(chunk)) return;
    loaded.add(chunk);
    for (const other of chunks) if (chunk.imports.includes(other.fileName)) load(other);
  };
  for (const chunk of chunks) {
    if (chunk.isEntry || (met !== undefined && chunk.moduleIds.some((module) => module.includes(met))))
      load(chunk);
  }
  return Buffer.concat([...loaded].map((chunk) => Buffer.from(chunk.code)));
}

function read(name) {
  return readFileSync(path.join(dist, 'wasm', `${name}.wasm`));
}

function measure(name, bytes) {
  return {
    name,
    plain: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes).length,
  };
}
