// The single file of the package, dist/standalone.js: all entries and the simd binary in one ES module,
// for sandboxes and lessons. It is dist/standalone.js of the compiler, bundled, with embedded-files.js in
// the place of package-files.js.

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'vite';

export async function bundleStandalone(dist) {
  const entry = path.join(dist, 'standalone.js');
  const { output } = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      minify: true,
      modulePreload: false,
      target: 'es2022',
      rollupOptions: {
        input: entry,
        preserveEntrySignatures: 'strict',
        output: { format: 'es', codeSplitting: false },
      },
    },
    plugins: [embed(dist)],
  });
  const [file, ...more] = output;
  if (more.length > 0) throw new Error(`standalone: ${output.length} files instead of one`);
  await writeFile(entry, file.code);
}

function embed(dist) {
  const binary = path.join(dist, 'wasm', 'simd.wasm');
  return {
    name: 'embed',
    enforce: 'pre',
    resolveId(source) {
      if (source.endsWith('/package-files.js')) return path.join(dist, 'runtime', 'embedded-files.js');
      // Another name, or Vite's own handling of .wasm files would take it.
      return source.endsWith('/simd.wasm') ? '\0simd' : undefined;
    },
    async load(id) {
      return id === '\0simd' ? `export default '${(await readFile(binary)).toString('base64')}';` : undefined;
    },
  };
}
