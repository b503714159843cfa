// TensorFlow.js's gradients, which its bundle for Node leaves out: bundled from the package's modules. They find the
// engine of that bundle by its global name.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';
import { folders } from '../folders.mjs';

export async function registerGradients() {
  const outDir = path.join(folders.work, 'tfjs-gradients');
  await build({
    configFile: false,
    logLevel: 'error',
    root: folders.here,
    build: {
      outDir,
      emptyOutDir: true,
      minify: false,
      lib: {
        entry: path.join(folders.peers, '@tensorflow', 'tfjs-core', 'dist', 'register_all_gradients.js'),
        formats: ['es'],
        fileName: () => 'gradients.mjs',
      },
    },
  });
  await import(pathToFileURL(path.join(outDir, 'gradients.mjs')).href);
}
