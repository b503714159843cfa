// The generator of examples/vocoder in an AudioWorklet of Chromium: whether it streams without a gap, and what it takes of the
// audio thread.
//
//   node scripts/bench/vocoder.mjs [seconds]     (after node scripts/build.mjs)

import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { folders } from './folders.mjs';

export const VOCODER = 'HiFi-GAN V2 (80 mel bands, 128 channels, 22050 samples a second) in an AudioWorklet';

/** The processor as one file, and the binaries that a page hands over to it, in a folder. */
export async function bundleVocoder(folder) {
  const { build } = await import('vite');
  const { output } = await build({
    configFile: false,
    logLevel: 'error',
    resolve: {
      alias: [
        { find: /^deconv-wasm$/, replacement: path.join(folders.dist, 'index.js') },
        { find: /^deconv-wasm\/sound$/, replacement: path.join(folders.dist, 'sound', 'index.js') },
      ],
    },
    build: {
      write: false,
      modulePreload: false,
      target: 'es2022',
      rollupOptions: {
        input: path.join(folders.root, 'examples', 'vocoder', 'processor.mjs'),
        output: { format: 'es', codeSplitting: false },
      },
    },
  });
  const [{ code }, ...more] = output.filter(({ type }) => type === 'chunk');
  if (more.length > 0) throw new Error('the processor is more than one file');
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'processor.js'), code);
  for (const name of ['simd.wasm', 'relaxed.wasm']) {
    await copyFile(path.join(folders.dist, 'wasm', name), path.join(folder, name));
  }
}

/** Lines for people. */
export function vocoderText({ build: name, seconds, share, longest, gaps, gapMilliseconds, samples }) {
  return `${name}: ${(100 * share).toFixed(1)} % of the audio thread, its longest call ${longest} ms; ${gaps} gaps (${gapMilliseconds.toFixed(0)} ms) in ${seconds.toFixed(1)} s, ${samples} samples`;
}

if (process.argv[1] === import.meta.filename) {
  const { ENVIRONMENTS } = await import('./environments.mjs');
  const chromium = await ENVIRONMENTS.chromium();
  try {
    await bundleVocoder(folders.vocoder);
    console.log(VOCODER);
    for (const name of ['relaxed', 'simd']) {
      console.log(
        vocoderText(await chromium.vocoder({ build: name, seconds: Number(process.argv[2] ?? 60) })),
      );
    }
  } finally {
    await chromium.close();
  }
}
