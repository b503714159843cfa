import { defineConfig } from 'vite';

// The worker is a module, and the network a file beside the scripts.
// biome-ignore lint/style/noDefaultExport: Vite asks for it
export default defineConfig({
  worker: { format: 'es' },
  assetsInclude: ['**/*.tflite'],
});
