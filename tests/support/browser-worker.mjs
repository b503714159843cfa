// A worker that runs the module behind the # of its address: see host-browser.ts.

// Vitest has every import() of a page go through here, and a worker is none.
globalThis.__vitest_browser_runner__ = { wrapDynamicImport: (load) => load() };

const AsyncFunction = (async () => {}).constructor;
const code = decodeURIComponent(self.location.hash.slice(1));
const addressOf = (file) => new URL(file, self.location.origin).href;
await AsyncFunction(
  'entry',
  'workerEntry',
  code,
)(addressOf('/dist/index.js'), addressOf('/dist/worker/index.js'));
