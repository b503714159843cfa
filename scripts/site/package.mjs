// The package as a folder of modules that a browser imports as they are, for the examples of the documentation.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'vite';

export async function writePackage(root, folder) {
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const entries = Object.entries(exports).filter(([, target]) => target.types !== undefined);
  const input = Object.fromEntries(
    entries.map(([entry, target]) => [
      entry === '.' ? 'index' : entry.slice(2),
      path.join(root, target.default),
    ]),
  );
  await build({
    configFile: false,
    root,
    base: './',
    logLevel: 'warn',
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: 'es2023',
      assetsInlineLimit: 0,
      // The single file has its binary inside.
      chunkSizeWarningLimit: 2000,
      modulePreload: false,
      rollupOptions: {
        input,
        preserveEntrySignatures: 'strict',
        output: { entryFileNames: '[name].js' },
      },
    },
    worker: { format: 'es' },
  });
}
