// Joins what tsc wrote file by file in dist/: a hundred modules take Node longer to import than all that they do,
// and a page without a bundler asks its server for each. Entries and what is loaded on demand keep their paths; what
// they share comes to dist/shared. Declarations stay as tsc made them. Users' bundlers divide a program between what is
// loaded first and what later, and never divide a file: for them (`module` in package.json) the modules lie as they
// were in dist/unjoined.

import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { rolldown } from 'rolldown';

/**
 * The shared files from the ground up, a room of the house or a part of one in each, with the modules that it takes of
 * those left by the ones before it. Rooms are divided where one way into the package needs little of them, and where
 * what is needed at once meets what only some files of users need.
 */
const SHARED = [
  ['core', /^core\/(?!adjoint|array-values|initializers|jax-|normal-|random|upsampling-)/],
  ['runtime', /^runtime\/(?!parameter-gradients|pixels|quantized-)/],
  // What chains and networks run by.
  [
    'programs',
    /^(graph\/(arena|at-node|fold-affine|fuse|joins|named|placement|program)|modules\/normalization-block)/,
  ],
  [
    'layers',
    /^(core\/(adjoint|initializers|normal-|random|upsampling-)|runtime\/parameter-gradients|(layers|functional)\/)/,
  ],
  ['chains', /^(modules|graph)\//],
  ['brainstate', /^(core\/(array-values|jax-)|brainstate\/(?!index))/],
  // Of other systems' operators, what a network of ONNX reads, too.
  ['attributes', /^convert\/(attributes|call|kernel|onnx-geometry|pads)/],
  ['convert', /^convert\/(?!index)/],
  [
    'files',
    /^models\/(by-name|detect|dtypes|limits|open|readers|safetensors-header|source|stored|tensor\.|tensor-content|wire-reader)/,
  ],
  // Paths of Node, which a network opens on demand.
  ['paths', /^models\/files/],
  ['models', /^models\/(layer|model|patch|sounds-like|write-)/],
  ['numpy', /^models\/(npy|python-literal)/],
  ['folding', /^models\/folding\//],
  ['onnx', /^models\/(onnx\/(constants|forms|graph|schema)|wire\.)/],
  ['onnx-folding', /^models\/onnx\/(moving-rules|operands|operators|value-rules)/],
  ['tflite', /^models\/(flat|tflite\/(folding|open|schema|subgraph))/],
  ['network', /^network\/(?!onnx|tflite|reach|tile|to-graph|upsampling)/],
];

export async function bundle(dist) {
  const modules = modulesOf(dist);
  const entries = modules.filter((module) => /^(\w+\/)?index\.js$/.test(module));
  const loaded = new Set([...entries, ...modules.flatMap((module) => loadedBy(dist, module))]);
  const files = await join(dist, loaded);
  for (const module of modules) await move(dist, module);
  await mkdir(path.join(dist, 'shared'));
  for (const { fileName, code } of files) {
    // Nothing is imported for what importing it does.
    await writeFile(path.join(dist, fileName), code.replace(/^import "[^"]+";\n/gm, ''));
  }
}

async function move(dist, module) {
  const to = path.join(dist, 'unjoined', module);
  const code = readFileSync(path.join(dist, module), 'utf8');
  await mkdir(path.dirname(to), { recursive: true });
  await writeFile(to, code.replaceAll("'../wasm/", "'../../wasm/"));
  await rm(path.join(dist, module));
}

function modulesOf(dist) {
  return readdirSync(dist, { recursive: true })
    .map((name) => name.replaceAll(path.sep, '/'))
    .filter((name) => name.endsWith('.js') && !/^cli\/|^standalone\.js$/.test(name));
}

/** What a module imports when it is needed. */
function loadedBy(dist, module) {
  const code = readFileSync(path.join(dist, module), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  return [...code.matchAll(/\bimport\('(\.[^']+)'\)/g)].map(([, target]) =>
    path.posix.join(path.posix.dirname(module), target),
  );
}

async function join(dist, loaded) {
  const built = await rolldown({
    // Each file says in a comment where its parts come from.
    cwd: dist,
    input: Object.fromEntries([...loaded].map((module) => [module.slice(0, -3), path.join(dist, module)])),
    external: [/\/wasm\/deconv\.mjs$/, 'fflate'],
    preserveEntrySignatures: 'strict',
    treeshake: { moduleSideEffects: false },
  });
  const { output } = await built.generate({
    format: 'es',
    comments: { annotation: true, jsdoc: false, legal: true },
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
    // Names that stack traces show.
    minify: false,
    minifyInternalExports: false,
    codeSplitting: {
      groups: SHARED.map(([name, taken], place) => ({
        name,
        priority: SHARED.length - place,
        test: (id) => taken.test(path.relative(dist, id).replaceAll(path.sep, '/')),
      })),
    },
  });
  await built.close();
  checkPlaces(output, loaded);
  return output;
}

/** What some entries share and SHARED does not name would become files without a place. */
function checkPlaces(output, loaded) {
  const places = new Set([...loaded, ...SHARED.map(([name]) => `shared/${name}.js`)]);
  const strange = output.filter(({ fileName }) => !places.has(fileName));
  if (strange.length === 0) return;
  const modules = strange.flatMap(({ moduleIds }) => moduleIds);
  throw new Error(`bundle: give a place in SHARED of scripts/bundle.mjs to ${modules.join(', ')}`);
}
