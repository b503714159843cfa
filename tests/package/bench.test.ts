import path from 'node:path';
import { expect, it } from 'vitest';
import { root, run } from './support.js';

// That it runs, not how fast: a timing is no verdict.
it('npm run bench prints peak, rate and ratio of both builds', () => {
  const node = path.join(root, 'node_modules', '.bin', 'node');
  const printed = run(node, ['scripts/bench/operator-rate.mjs'], root);
  for (const build of ['simd', 'relaxed']) {
    expect(printed).toMatch(
      new RegExp(`^${build}: peak [\\d.]+ GFLOP/s, dcgan3 alone [\\d.]+ GFLOP/s, ratio [\\d.]+ \\(`, 'm'),
    );
  }
});
