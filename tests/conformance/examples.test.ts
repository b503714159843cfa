// The networks of examples/train: each is short, and learns what the head of its file says, again and again.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { init, memoryUsage, shutdown } from 'deconv-wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const folder = path.join(import.meta.dirname, '../../examples/train');
const names = readdirSync(folder).filter((name) => name !== 'data.mjs');

type Losses = Readonly<Record<string, readonly number[]>>;

// The build whose numbers are the same on every processor.
beforeAll(() => init({ build: 'simd' }));
afterAll(shutdown);

it('there are the six that docs name', () => {
  expect(names).toEqual([
    'dcgan.mjs',
    'pix2pix.mjs',
    'super-resolution.mjs',
    'unet-3d.mjs',
    'unet.mjs',
    'vae.mjs',
  ]);
});

describe.each(names)('%s', (name) => {
  const text = readFileSync(path.join(folder, name), 'utf8');

  it('has less than 80 lines', () => {
    expect(text.trimEnd().split('\n').length).toBeLessThan(80);
  });

  it('learns what it says, and the same again', async () => {
    const { train } = (await import(path.join(folder, name))) as { train(options: object): Losses };
    const losses = train({});
    expect(train({})).toEqual(losses);
    expect(train({ seed: 2, steps: 2 })).not.toEqual(train({ steps: 2 }));
    expect(memoryUsage().liveLayers).toBe(0);
    const stated = [...text.matchAll(/(\w+) (\d+\.\d+) to (\d+\.\d+)/g)];
    expect(stated.map(([, key]) => key)).toEqual(Object.keys(losses));
    for (const [, key = '', first, last] of stated) {
      const values = losses[key] ?? [];
      for (const [got, said] of [
        [values[0], first],
        [values.at(-1), last],
      ] as const) {
        expect(Math.abs(Number(got) / Number(said) - 1), `${key}: ${got}, not ${said}`).toBeLessThan(0.02);
      }
    }
  });
});
