// Networks of files as they run: against what they are lowered to, computed by plain loops in double precision.

import { DeconvError, HeapTensor, memoryUsage, type Tensor } from 'deconv-wasm';
import { readModel } from 'deconv-wasm/models';
import { loadNetwork, type Network } from 'deconv-wasm/network';
import { describe, expect, it } from 'vitest';
import { bytesSource, ModelFile } from '../../web/lib/models/source.js';
import { readOnnxNetwork } from '../../web/lib/network/onnx/read.js';
import { describeEachBuild } from '../support/builds.js';
import { compareWith, within } from '../support/compare.js';
import { caught, expectError, rejection } from '../support/errors.js';
import { bytesOf, NETWORK_CASES, type NetworkCase, valuesFor } from '../support/network-onnx-cases/index.js';
import { evaluate } from '../support/network-reference.js';
import { NETWORKS } from '../support/networks.js';
import { node } from '../support/onnx-writer.js';
import { seed } from '../support/seed.js';

type Inputs = Readonly<Record<string, Tensor<ArrayBuffer>>>;

const inputsOf = (one: NetworkCase, from = seed): Inputs =>
  Object.fromEntries(valuesFor(one, from).map(({ name, ...tensor }) => [name, tensor]));

/** By plain loops. */
async function expectedOf(one: NetworkCase, inputs: Inputs) {
  const file = new ModelFile(bytesSource(bytesOf(one)), null);
  const network = await readOnnxNetwork(file, () => Promise.reject(new Error('no external data')));
  const names = one.outputs ?? ['y'];
  const shapes = new Map(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const results = evaluate(
    network.lower(shapes, names),
    network.inputs.map(({ name }) => inputs[name]?.data ?? []),
  );
  return new Map(names.map((name, index) => [name, results[index] as (typeof results)[number]]));
}

function expectClose(
  got: Readonly<Record<string, Tensor>>,
  expected: Awaited<ReturnType<typeof expectedOf>>,
  tolerance: number,
): void {
  expect(Object.keys(got)).toEqual([...expected.keys()]);
  for (const [name, { shape, data }] of expected) {
    expect([name, got[name]?.shape]).toEqual([name, shape]);
    const finite = data.filter((value) => Number.isFinite(value));
    const rms = Math.sqrt(finite.reduce((sum, value) => sum + value ** 2, 0) / finite.length);
    const allowed = within(tolerance, 1e-6 + rms, data);
    expect(compareWith(got[name] as Tensor, shape, data, allowed), name).toBeUndefined();
  }
}

async function withNetwork(
  one: NetworkCase,
  act: (net: Network) => void | Promise<void>,
  options?: Parameters<typeof loadNetwork>[1],
): Promise<void> {
  const net = await loadNetwork(bytesOf(one), options);
  try {
    await act(net);
  } finally {
    net.dispose();
  }
}

describeEachBuild(() => {
  describe('every operator', () => {
    it.each(Object.entries(NETWORK_CASES))('%s', async (_, one) => {
      const inputs = inputsOf(one);
      await withNetwork(one, async (net) => {
        expectClose(net.run(inputs), await expectedOf(one, inputs), one.tolerance ?? 2e-5);
      });
    });
  });

  describe('networks', () => {
    it.each(Object.entries(NETWORKS))('%s, as fast as may be and exact', async (_, { net: one, steps }) => {
      const inputs = inputsOf(one);
      const expected = await expectedOf(one, inputs);
      await withNetwork(one, (net) => {
        expectClose(net.run(inputs), expected, 1e-4);
        const told = net.steps.map(({ operation, fused }) => [operation, ...fused].join('+'));
        expect(told).toEqual(steps);
        // Again, with what is packed and placed already.
        expectClose(net.run(inputs), expected, 1e-4);
      });
      await withNetwork(one, (net) => expectClose(net.run(inputs), expected, 1e-5), { precision: 'exact' });
    });
  });

  it('exact, the mean of a sum whose summands nearly cancel is as exact as the sum', async () => {
    const inputs = { x: [1, 2, 30, 40], other: [1, 2, 30, 40] };
    const outputs = ['y', 'gate'];
    const parts = [
      node('Add', ['x', 'other'], ['sum']),
      node('GlobalAveragePool', ['sum'], ['y']),
      node('Mul', ['x', 'other'], ['gate']),
    ];
    const one = { parts, inputs, outputs };
    const offsets = { x: 1e5, other: 1 - 1e5 };
    const given = Object.entries(inputsOf(one)).map(([name, { data, shape }]) => {
      return [name, { shape, data: data.map((value) => value + offsets[name as 'x' | 'other']) }] as const;
    });
    const far = Object.fromEntries(given);
    const expected = await expectedOf(one, far);
    await withNetwork(one, (net) => expectClose(net.run(far), expected, 1e-5), { precision: 'exact' });
  });

  describe('calls', () => {
    const one = NETWORKS['an enlarger'].net;

    it('of other sizes, and back, give what each gives alone', async () => {
      await withNetwork(one, async (net) => {
        const sizes = [12, 5, 9, 6, 16, 12].map((height) => ({ ...one, inputs: { x: [2, 3, height, 10] } }));
        for (const size of sizes) {
          const inputs = inputsOf(size);
          expectClose(net.run(inputs), await expectedOf(size, inputs), 1e-4);
        }
      });
    });

    it('take and fill tensors wherever they lie, and leave inputs as they are', async () => {
      await withNetwork(one, async (net) => {
        const { x } = inputsOf(one) as { readonly x: Tensor<ArrayBuffer> };
        const expected = await expectedOf(one, { x });
        const heap = new HeapTensor(x.shape);
        heap.data.set(x.data);
        const y = new HeapTensor([1, 3, 24, 20]);
        const out = { y };
        expect(net.run({ x: heap }, { out })).toBe(out);
        expectClose(out, expected, 1e-4);
        expect(heap.data).toEqual(x.data);
        const z = { data: new Float32Array(1440), shape: [1, 3, 24, 20] };
        expect(net.forward(heap, { out: z })).toBe(z);
        expect(z.data).toEqual(y.data);
        expect(net.forward(x).data).toEqual(z.data);
        heap.dispose();
        y.dispose();
      });
    });

    it('give any value inside', async () => {
      const inner = NETWORKS['a segmenter'].net;
      const net = await loadNetwork(bytesOf(inner));
      const inputs = inputsOf(inner);
      const whole = net.run(inputs);
      // A value that a convolution and its epilogue give, and one that no step of the whole does.
      const names = net.steps
        .flatMap((step) => step.names.filter((name) => /^(Relu|Conv)_/.test(name)))
        .slice(0, 2);
      expect(names).toHaveLength(2);
      const outputs = [...names, 'y'];
      const expected = await expectedOf({ ...inner, outputs }, inputs);
      const both = net.run(inputs, { outputs });
      expectClose(both, expected, 1e-4);
      expectClose(whole, await expectedOf(inner, inputs), 1e-4);
      expectClose(
        net.run(inputs, { outputs: ['x'] }),
        await expectedOf({ ...inner, outputs: ['x'] }, inputs),
        0,
      );
      net.dispose();
    });

    it('tell what they are made of and what it takes', async () => {
      await withNetwork(one, (net) => {
        expect(String(net)).toBe('Network(x [batch, 3, height, width] -> y)');
        expect(net.steps).toEqual([]);
        const plan = net.prepare({ x: [1, 3, 8, 6] });
        expect(plan.outputShapes).toEqual({ y: [1, 3, 16, 12] });
        // 5 convolutions of 3 x 3 taps on 48 points; the last one has 12 channels.
        expect(plan.multiplyAdds).toBe(48 * 9 * (3 * 16 + 4 * 16 * 16 + 16 * 12));
        // Two values of 16 channels stand at a time, and one beside them before a sum: not the enlarged picture as well.
        expect(plan.arenaBytes).toBeLessThan(4 * (3 * 48 * 16 + 3 * 16 * 12));
        expect(net.steps).toEqual(plan.steps);
        expect(plan.steps.find(({ fused }) => fused.includes('add'))).toMatchObject({
          names: ['Conv_13', 'Add_14'],
          types: ['Conv', 'Add'],
          operation: 'convolution',
          fused: ['add'],
          outputShapes: [[1, 16, 8, 6]],
          outputNames: ['Add_14'],
          multiplyAdds: 48 * 9 * 256,
        });
        const profile = net.profile(inputsOf(one), { repeats: 2 });
        expect(profile.map(({ milliseconds, ...step }) => [milliseconds >= 0, step])).toEqual(
          net.steps.map((step) => [true, step]),
        );
      });
    });

    it.each(Object.entries(NETWORKS))(
      '%s: tell where each step takes its inputs from',
      async (_, { net: own }) => {
        await withNetwork(own, (net) => {
          const inputs = inputsOf(own);
          net.run(inputs);
          const { steps } = net;
          for (const [index, step] of steps.entries()) {
            expect(step.inputSources).toHaveLength(step.inputShapes.length);
            for (const [at, source] of step.inputSources.entries()) {
              if (typeof source === 'string') expect(inputs[source]?.shape).toEqual(step.inputShapes[at]);
              if (typeof source !== 'number') continue;
              expect(source).toBeLessThan(index);
              expect(steps[source]?.outputShapes).toContainEqual(step.inputShapes[at]);
            }
          }
          // Whatever has a name can be asked for by it, and every step but the last is taken by one behind it.
          const named = steps.flatMap(({ outputNames, outputShapes }) =>
            outputNames.flatMap((name, at) => (name === null ? [] : ([[name, outputShapes[at]]] as const))),
          );
          const names = named.map(([name]) => name);
          expect(new Set(names).size).toBe(names.length);
          const made = net.run(inputs, { outputs: names });
          expect(names.map((name) => [name, made[name]?.shape])).toEqual(named);
          const taken = new Set(steps.flatMap(({ inputSources }) => inputSources));
          for (const { name } of net.inputs) expect(taken.has(name)).toBe(true);
          const last = steps.flatMap(({ outputNames }, at) =>
            outputNames.some((name) => net.outputs.some((output) => output.name === name)) ? at : [],
          );
          for (const at of steps.keys()) expect(taken.has(at) || last.includes(at)).toBe(true);
        });
      },
    );

    it('refuse what does not fit in words', async () => {
      await withNetwork(one, (net) => {
        const { x } = inputsOf(one) as { readonly x: Tensor<ArrayBuffer> };
        const flat = { data: x.data, shape: [3, 12, 10] };
        expectError(
          caught(() => net.run({ x: flat })),
          'BAD_SHAPE',
          'Network.run',
        );
        expectError(
          caught(() => net.run({} as Inputs)),
          'BAD_TYPE',
          'Network.run',
        );
        expectError(
          caught(() => net.run({ x, z: x })),
          'BAD_OPTION',
          'Network.run',
        );
        expectError(
          caught(() => net.run({ x }, { out: { y: x } })),
          'BAD_SHAPE',
          'Network.run',
        );
        expectError(
          caught(() => net.run({ x }, { outputs: ['nothing'] })),
          'BAD_OPTION',
          'Network',
        );
        expectError(
          caught(() => net.run({ x }, { outputs: [] })),
          'BAD_TYPE',
          'Network.run',
        );
        // As is what has the names of a run before, and is no list of them.
        net.run({ x }, { outputs: ['y'] });
        for (const outputs of ['y', { 0: 'y', length: 1 }, new Set(['y']), [['y']], null]) {
          const options = { outputs } as unknown as NonNullable<Parameters<typeof net.run>[1]>;
          expectError(
            caught(() => net.run({ x }, options)),
            'BAD_TYPE',
            'Network.run',
          );
        }
        expectError(
          caught(() => net.run({ x }, { into: 1 } as object)),
          'BAD_OPTION',
          'Network.run',
        );
        // And works again.
        expect(net.run({ x }).y?.shape).toEqual([1, 3, 24, 20]);
        net.dispose();
        net.dispose();
        expectError(
          caught(() => net.run({ x })),
          'DISPOSED',
          'Network.run',
        );
      });
    });

    it('leave nothing behind', async () => {
      const before = memoryUsage();
      for (const { net: each } of Object.values(NETWORKS)) {
        await withNetwork(each, (net) => void net.run(inputsOf(each)));
      }
      const { liveLayers, liveTensors, usedBytes } = memoryUsage();
      expect({ liveLayers, liveTensors }).toEqual({
        liveLayers: before.liveLayers,
        liveTensors: before.liveTensors,
      });
      // What all operators share stays: rooms that grew with the largest of them.
      expect(usedBytes - before.usedBytes).toBeLessThan(2 ** 20);
    });
  });

  describe('loading', () => {
    const one = NETWORKS['a vocoder'].net;
    const bytes = bytesOf(one);

    it.each([
      ['format', 'onnx'],
      ['external', {}],
    ])('of a model that is read there is no %s to choose', async (name, given) => {
      const model = await readModel(bytes);
      const error = await rejection(() => loadNetwork(model, { [name]: given }));
      expectError(error, 'BAD_OPTION', 'loadNetwork');
      expect(error.message).toMatch(`expected no ${name} beside a model that is read`);
      (await loadNetwork(model)).dispose();
      await model.close();
    });

    it('from wherever a file is, with progress', async () => {
      const expected = await expectedOf(one, inputsOf(one));
      const model = await readModel(bytes);
      const sources = [
        bytes,
        bytes.buffer,
        new Blob([bytes]),
        new Response(bytes),
        bytesSource(bytes),
        model,
      ];
      for (const source of sources) {
        const told: number[] = [];
        const net = await loadNetwork(source, {
          onProgress: ({ loaded, total }) => {
            expect(total).toBe(bytes.length);
            told.push(loaded);
          },
        });
        expect(told).toEqual([...told].sort((first, second) => first - second));
        expect(told.at(-1) ?? 0).toBeLessThanOrEqual(bytes.length);
        expect(told.length > 0).toBe(source !== model);
        expectClose(net.run(inputsOf(one)), expected, 1e-4);
        net.dispose();
      }
      await model.close();
    });

    it('for values that are named, in place of the outputs', async () => {
      const whole = await loadNetwork(bytes);
      const { steps } = whole;
      const [, name] = steps.flatMap(({ names }) => names) as [string, string];
      const inputs = inputsOf(one);
      const { [name]: wanted } = whole.run(inputs, { outputs: [name] });
      const part = await loadNetwork(bytes, { outputs: [name] });
      expect(part.outputs.map((port) => port.name)).toEqual([name]);
      expect(part.run(inputs)).toEqual({ [name]: wanted });
      expect(part.steps.length).toBeLessThan(steps.length);
      part.dispose();
      whole.dispose();
    });

    it('fails as what was called, and with what its listener throws', async () => {
      const missing = new Response('', { status: 404 });
      expectError(await rejection(() => loadNetwork(missing)), 'LOAD_FAILED', 'loadNetwork');
      expectError(await rejection(() => loadNetwork(bytes.subarray(0, 100))), 'BAD_MODEL', 'loadNetwork');
      expectError(await rejection(() => loadNetwork(5 as never)), 'BAD_TYPE', 'loadNetwork');
      const reason = new Error('not wanted');
      const onProgress = () => {
        throw reason;
      };
      await expect(loadNetwork(bytes, { onProgress })).rejects.toBe(reason);
    });

    it('is given up with its signal', async () => {
      const reason = new Error('not wanted');
      await expect(loadNetwork(bytes, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });

    it('reads nothing more of a model that is open once its signal is aborted', async () => {
      const stop = new AbortController();
      let [reads, last] = [0, Number.POSITIVE_INFINITY];
      const read = async (offset: number, length: number) => {
        reads += 1;
        if (reads === last) stop.abort(new Error('not wanted'));
        return bytes.subarray(offset, offset + length);
      };
      const model = await readModel({ size: bytes.length, read });
      reads = 0;
      const { signal } = stop;
      (await loadNetwork(model, { signal })).dispose();
      expect(reads).toBeGreaterThan(2);
      [reads, last] = [0, 2];
      await expect(loadNetwork(model, { signal })).rejects.toThrow('not wanted');
      expect(reads).toBe(2);
      // The model is the caller's, who did not stop it.
      reads = 2;
      (await loadNetwork(model)).dispose();
    });

    it('refuses what is no network', async () => {
      const options = { colour: 'red' } as object;
      expectError(await rejection(() => loadNetwork(bytes, options)), 'BAD_OPTION', 'loadNetwork');
      const bad = { format: 'npz' } as object;
      expectError(await rejection(() => loadNetwork(bytes, bad)), 'BAD_OPTION', 'loadNetwork');
      const empty = await rejection(() => loadNetwork(new Uint8Array(100)));
      expect(empty).toBeInstanceOf(DeconvError);
      const outputs = ['nothing'];
      expectError(await rejection(() => loadNetwork(bytes, { outputs })), 'BAD_OPTION', 'loadNetwork');
    });
  });
});
