// What a test file reads decides whether it is run again: nothing of it may be overlooked.

import path from 'node:path';
import { expect, it } from 'vitest';
import { readBy } from '../support/passed-files.js';

const root = path.join(import.meta.dirname, '..', '..');

it.each([
  // Itself, what it imports, and what that imports.
  ['node', 'conformance/layers.test.ts', ['tests/conformance/layers.test.ts', 'tests/support/builds.ts']],
  ['node', 'conformance/relu.test.ts', ['tests/support/expected-skips.ts', 'tests/support/host-node.ts']],
  // The package: its entries, what they import, and binaries.
  [
    'memory',
    'memory/leaks.test.ts',
    ['dist/index.js', 'dist/shared/core.js', 'dist/wasm/relaxed-threads.wasm'],
  ],
  ['chromium alone', 'conformance/worker.test.ts', ['dist/worker/index.js', 'tests/support/host-browser.ts']],
  // Files by name, in folders that are joined, and of folders that its project takes whole.
  ['node', 'conformance/graph.test.ts', ['tests/fixtures/modules/graph.json']],
  ['node', 'fuzz/api.test.ts', ['tests/fuzz/apply.ts', 'tests/fuzz/linear-maps.ts']],
  ['package', 'package/docs.test.ts', ['docs/onnx.md', 'README.md', 'tests/fixtures/models/unet.onnx']],
  ['package', 'package/docstrings.test.ts', ['web/lib/modules/dropout.ts', 'scripts/docstrings.mjs']],
  [
    'consumers',
    'package/consumers/next.test.ts',
    ['tests/package/consumers/package-lock.json', 'dist/index.d.ts'],
  ],
  [
    'demo',
    'demo/shell.test.ts',
    ['tests/demo/serve.ts', 'web/demo/src/model/url-state.ts', 'web/demo/vite.config.ts'],
  ],
])('%s, %s', (project, file, wanted) => {
  const read = readBy(project, path.join(root, 'tests', file));
  for (const each of wanted) expect(read?.has(path.join(root, each)), each).toBe(true);
});

it('a file reads no other test, nothing that is installed, and less than everything', () => {
  const read = [...(readBy('node', path.join(root, 'tests', 'conformance', 'layers.test.ts')) ?? [])];
  expect(read.filter((file) => file.endsWith('.test.ts'))).toHaveLength(1);
  expect(read.filter((file) => file.includes('node_modules'))).toEqual([]);
  expect(read).not.toContain(path.join(root, 'dist', 'network', 'index.js'));
  expect(readBy('unit', import.meta.filename)).toBeUndefined();
});
