import { isDeconvError } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { expect } from 'vitest';
import { fuzzModels } from '../../scripts/fuzz-models.mjs';
import { seed } from './seed.js';

interface Garbage {
  readonly count: number;
  readonly seeds: readonly { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[];
  /** By its number, instead of a mutation of the seeds. */
  readonly make?: (index: number) => Uint8Array<ArrayBuffer>;
  /** The name of what is made, by which its format may be told. */
  readonly name?: string;
  /** More than so many run. */
  readonly run: number;
}

/** Expects that all of them run, or are refused soon and in words, in little memory. */
export async function expectRunOrRefused(
  what: string,
  { count, seeds, make, name = 'made', run }: Garbage,
): Promise<void> {
  const { outcomes, failures, slowest, memory } = await fuzzModels({
    count,
    seed,
    seeds: [...seeds],
    use: runAnything,
    ...(make && { make: (_: unknown, __: number, index: number) => ({ name, bytes: make(index) }) }),
  });
  console.log(`${count} ${what}: ${JSON.stringify(outcomes)}, slowest ${slowest.ms.toFixed(0)} ms`);
  expect(failures.map(({ index, error }) => `${index}: ${error}`)).toEqual([]);
  expect(memory).toBeLessThan(500e6);
  expect(outcomes.run).toBeGreaterThan(run);
}

function product(extents: readonly number[]): number {
  return extents.reduce((all, extent) => all * extent, 1);
}

/** Loads a network and makes it ready; and runs it, where its values are few enough. */
async function runAnything(bytes: Uint8Array): Promise<string> {
  try {
    using net = await loadNetwork(bytes);
    const inputs = net.inputs.map(({ name, shape }) => {
      const extents = shape.map((extent) => (typeof extent === 'number' ? extent : 3));
      const count = product(extents);
      const data = new Float32Array(count <= 1e5 ? count : 0).fill(0.5);
      return [name, { data, shape: count <= 1e5 ? extents : [0] }] as const;
    });
    const { steps } = net.prepare(Object.fromEntries(inputs.map(([name, { shape }]) => [name, shape])));
    const values = steps.flatMap(({ outputShapes }) => outputShapes.map(product));
    if (Math.max(0, ...values) > 1e7) return 'made ready';
    net.run(Object.fromEntries(inputs));
    return 'run';
  } catch (error) {
    if (!isDeconvError(error) || error.code === 'INTERNAL') throw error;
    if (error.message.length > 1200) throw new Error(`a long message: ${error.message.slice(0, 300)}`);
    return error.code;
  }
}
