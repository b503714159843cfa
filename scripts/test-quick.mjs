// The tests for while one works: those that need no build, and the conformance tests in one build of the four.
// What is given goes to Vitest: npm run test:quick -- tests/conformance/layers.test.ts

import { spawnSync } from 'node:child_process';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const started = performance.now();
const vitest = path.join(root, 'node_modules', '.bin', 'vitest');
const args = ['run', '--project', 'unit', '--project', 'node', ...process.argv.slice(2)];
const { status } = spawnSync(vitest, args, {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, DECONV_TEST_QUICK: '1' },
});
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(
  `quick, ${seconds} s. Left out: the builds relaxed, simd-threads and relaxed-threads, and the projects of npm test ` +
    'that are not unit and node (C++, browsers, memory, package, page), random programs and values, and whole networks ' +
    'against ONNX Runtime and by their patterns',
);
process.exitCode = status ?? 1;
