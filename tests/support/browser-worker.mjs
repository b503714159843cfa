// A worker that runs the module behind the # of its address: see host-browser.ts.

// Vitest has every import() of a page go through here, and a worker is none.
globalThis.__vitest_browser_runner__ = { wrapDynamicImport: (load) => load() };

const AsyncFunction = (async () => {}).constructor;
const code = decodeURIComponent(self.location.hash.slice(1));
const addressOf = (file) => new URL(file, self.location.origin).href;
const run = AsyncFunction('entry', 'workerEntry', code);
// WebKit tells nobody of a module that rejects.
run(addressOf('/dist/index.js'), addressOf('/dist/worker/index.js')).catch(reportError);
