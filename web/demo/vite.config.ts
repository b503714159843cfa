import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// No unsafe-eval and no inline script; 'wasm-unsafe-eval' permits compiling WebAssembly and nothing else.
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

// Threads need SharedArrayBuffer, and that needs a cross-origin isolated page.
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Writes the policy into the built page, for hosts that cannot send headers. */
function policyAsMeta(): Plugin {
  return {
    name: 'policy-as-meta',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: policy },
        injectTo: 'head-prepend',
      },
    ],
  };
}

/** What the first picture waits for, earlier than by the bundler's own means. */
function picturedSoon(): Plugin {
  return {
    name: 'pictured-soon',
    apply: 'build',
    // The engine's script waits neither for the document nor for its style sheet, as the page's does.
    transformIndexHtml: {
      order: 'post',
      handler: (page) => page.replace(/(?= crossorigin src="[^"]*\/engine-)/, ' async'),
    },
    // Most of the page's script is called at once: by these words, where they stand first, Chromium compiles it while it
    // comes, beside the main thread.
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        for (const file of Object.values(bundle)) {
          if (file.type === 'chunk' && file.name === 'index') {
            file.code = `//# allFunctionsCalledOnLoad\n${file.code}`;
          }
        }
      },
    },
  };
}

/** Writes the service worker beside the page, with the names of all files that it keeps from the start. */
function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    async writeBundle({ dir }) {
      if (dir === undefined) return;
      const names = (await readdir(dir, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => relative(dir, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
        .filter((name) => /\.(js|mjs|css|svg|onnx)$/.test(name) && name !== 'service-worker.js')
        // Nothing of the peers is fetched before a person asks for it.
        .filter((name) => !name.startsWith('peers/'))
        .sort();
      const page = await readFile(join(dir, 'index.html'), 'utf8');
      const version = createHash('sha256')
        .update(JSON.stringify([names, page]))
        .digest('hex')
        .slice(0, 12);
      const script = (await readFile(here('service-worker.js'), 'utf8'))
        .replace("['./']", () => JSON.stringify(['./', ...names.map((name) => `./${name}`)]))
        .replace("'development'", () => `'${version}'`);
      await writeFile(join(dir, 'service-worker.js'), script);
    },
  };
}

/**
 * Sends the headers with every answer. Vite leaves them out of "304 Not Modified", and WebKit then takes the
 * worker's script for one without the isolation that its page has, and blocks it.
 */
function headersAlways(): Plugin {
  return {
    name: 'headers-always',
    configurePreviewServer({ middlewares, config }) {
      middlewares.use((_request, response, next) => {
        response.setHeaders(new Map(Object.entries(config.preview.headers as Record<string, string>)));
        next();
      });
    },
  };
}

/** What the Bench measures against, where it is installed: files that are fetched on a press of a button only. */
const peers = [
  {
    name: 'onnxruntime',
    folder: here('../../node_modules/onnxruntime-web'),
    files: ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'],
  },
  {
    name: 'tfjs',
    folder: here('../../scripts/bench/node_modules/@tensorflow/tfjs-backend-wasm'),
    files: [
      '../../tfjs-core/dist/tf-core.min.js',
      'tf-backend-wasm.min.js',
      'tfjs-backend-wasm.wasm',
      'tfjs-backend-wasm-simd.wasm',
    ],
  },
].filter(({ folder, files }) => files.every((file) => existsSync(`${folder}/dist/${file}`)));

/** Copies the peers into the page's own `peers/`, and tells the page which there are. */
function copyPeers(): Plugin {
  return {
    name: 'copy-peers',
    config: (_, { command }) => {
      const there = command === 'build' ? peers : [];
      const found = there.map(({ name, folder, files }) => {
        const { version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
        const bytes = files.reduce((sum, file) => sum + statSync(`${folder}/dist/${file}`).size, 0);
        return [name, { version, bytes }];
      });
      return { define: { __PEERS__: JSON.stringify(Object.fromEntries(found)) } };
    },
    generateBundle() {
      for (const { name, folder, files } of peers) {
        for (const file of files) {
          const fileName = `peers/${name}/${file.slice(file.lastIndexOf('/') + 1)}`;
          this.emitFile({ type: 'asset', fileName, source: readFileSync(`${folder}/dist/${file}`) });
        }
      }
    },
  };
}

/**
 * What the first layer needs, the glue with it, in one file beside the worker's own: the same words compress better
 * together, nothing of it is asked for only once something else has come, and the bundler would divide it by what the
 * worker imports later into a dozen of small ones.
 */
const AT_ONCE = [
  {
    name: 'layer',
    test: /\/dist\/wasm\/deconv\.mjs$|\/dist\/unjoined\/(core\/(?!axis-order|broadcasting|jax-|normal-|numbers|progress|same-padding|upsampling-)|runtime\/(?!pixels|quantized-)|layers\/(?!conv\.|conv-\d|conv-transpose-3d))/,
  },
];

const AT_FIRST = /^assets\/(engine|index)-[\w-]+\.js$/;

export default defineConfig({
  root: here('.'),
  base: './',
  plugins: [policyAsMeta(), picturedSoon(), copyPeers(), serviceWorker(), headersAlways()],
  resolve: {
    alias: [
      { find: /^deconv-wasm$/, replacement: here('../../dist/unjoined/index.js') },
      { find: /^deconv-wasm\/(\w+)$/, replacement: here('../../dist/unjoined/$1/index.js') },
    ],
  },
  // Not joined to one file: WebKit hangs where what a worker imports later takes something of the worker's own file.
  worker: { format: 'es', rollupOptions: { output: { codeSplitting: { groups: AT_ONCE } } } },
  build: {
    outDir: here('../../build/page'),
    emptyOutDir: true,
    target: 'es2023',
    // The policy allows files of this origin, so nothing may be inlined as a data: script or module.
    assetsInlineLimit: 0,
    modulePreload: {
      polyfill: false,
      // The scripts of the page are there before anything else is loaded, and Firefox fails to preload them once more.
      resolveDependencies: (_, dependencies) => dependencies.filter((name) => !AT_FIRST.test(name)),
    },
    rollupOptions: {
      // Other pages name the second, so its name stays.
      input: { index: here('index.html'), 'deconv-station': here('src/embed/deconv-station.ts') },
      output: {
        entryFileNames: ({ name }) => (name === 'deconv-station' ? '[name].js' : 'assets/[name]-[hash].js'),
        codeSplitting: {
          groups: [
            // Of its own and first: its worker starts while the far larger script of the page is on its way.
            { name: 'engine', test: /\/demo\/src\/engine\/engine\.ts$/, priority: 2 },
            { name: 'index', test: /\/demo\/src\/main\.tsx$/, priority: 1 },
            { name: 'shared', minShareCount: 2 },
          ],
        },
      },
    },
  },
  // The package lies beside the page, not below it.
  server: { headers: isolation, fs: { allow: [here('../..')] } },
  preview: {
    headers: {
      ...isolation,
      // Other pages may frame a station: that is what `?embed=` is for.
      'Content-Security-Policy': `${policy}; frame-ancestors *`,
      'X-Content-Type-Options': 'nosniff',
      // The camera for this page alone, and nothing else that listens or locates.
      'Permissions-Policy': 'camera=(self), microphone=(), geolocation=()',
    },
  },
});
