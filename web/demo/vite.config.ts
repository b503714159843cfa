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

export default defineConfig({
  root: here('.'),
  base: './',
  plugins: [policyAsMeta()],
  resolve: {
    alias: [
      { find: /^deconv-wasm$/, replacement: here('../../dist/index.js') },
      { find: /^deconv-wasm\/(\w+)$/, replacement: here('../../dist/$1/index.js') },
    ],
  },
  worker: { format: 'es' },
  build: {
    outDir: here('../../build/page'),
    emptyOutDir: true,
    target: 'es2023',
    // The policy allows files of this origin, so nothing may be inlined as a data: script or module.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // The package lies beside the page, not below it.
  server: { headers: isolation, fs: { allow: [here('../..')] } },
  preview: {
    headers: {
      ...isolation,
      'Content-Security-Policy': `${policy}; frame-ancestors 'none'`,
      'X-Content-Type-Options': 'nosniff',
      // The camera for this page alone, and nothing else that listens or locates.
      'Permissions-Policy': 'camera=(self), microphone=(), geolocation=()',
    },
  },
});
