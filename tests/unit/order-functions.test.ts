// What the release's links are ordered by: a permutation always, relatives beside each other.

import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { orderOf } from '../../scripts/order-functions.mjs';
import { mulberry32 } from '../support/random.js';

function randomBytes(length: number, seed: number): Buffer {
  const random = mulberry32(seed);
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

/** `families` times `members` functions of 2 KB; members of one family differ in one byte of 100. */
function relatives(families: number, members: number): Buffer[] {
  return Array.from({ length: members }, (_, member) =>
    Array.from({ length: families }, (_, family) => {
      const body = randomBytes(2000, family);
      for (let at = member; at < body.length; at += 100) body[at] = member;
      return body;
    }),
  ).flat();
}

describe('the order of functions', () => {
  it('names each function once', () => {
    for (const sizes of [[], [0], [3], [0, 0, 5, 6, 7], [40_000, 1, 0, 90_000, 1]]) {
      const bodies = sizes.map((size, seed) => randomBytes(size, seed));
      expect(orderOf(bodies).toSorted((a, b) => a - b)).toEqual([...sizes.keys()]);
    }
  });

  it('brings relatives together that stood beyond what gzip remembers', () => {
    const bodies = relatives(40, 3);
    const order = orderOf(bodies);
    for (let at = 0; at < order.length; at += 3) {
      expect(new Set(order.slice(at, at + 3).map((index) => index % 40)).size).toBe(1);
    }
    const packed = (indices: Iterable<number>) =>
      gzipSync(Buffer.concat(Array.from(indices, (index) => bodies[index] as Buffer))).length;
    expect(packed(order)).toBeLessThan(packed(bodies.keys()) / 2);
  });
});
