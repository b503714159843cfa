// What calls of a network may do to each other, to their tensors and to memory.

import {
  Graph,
  HeapTensor,
  init,
  LeakyReLU,
  memoryUsage,
  Sequential,
  type Tensor,
  Upsample,
} from 'deconv-wasm';
import { loadNetwork, type Network } from 'deconv-wasm/network';
import { describe, expect, it, vi } from 'vitest';
import { BUILDS_HERE, describeEachBuild, SOME_BUILDS } from '../support/builds.js';
import { caught, expectError, rejection } from '../support/errors.js';
import { growHeap } from '../support/grow-heap.js';
import { bytesOf, type NetworkCase } from '../support/network-onnx-cases/index.js';
import { Writer } from '../support/networks.js';
import { floats, input, int64s, node, onnx, output } from '../support/onnx-writer.js';
import { resizable } from '../support/resizable.js';
import { seed } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';
import { tflite } from '../support/tflite-writer.js';

/** A network of `x` and `z`, of any sizes, with these nodes. */
function networkOf(outputs: readonly string[], build: (net: Writer) => void): NetworkCase {
  const net = new Writer();
  build(net);
  const shape = [1, 1, 2, 2];
  return {
    parts: net.parts,
    inputs: { x: shape, z: shape },
    declared: { x: ['n', 'c', 'h', 'w'], z: ['m', 'd', 'k', 'v'] },
    outputs: [...outputs],
  };
}

async function withNetwork(one: NetworkCase, act: (net: Network) => void | Promise<void>): Promise<void> {
  const net = await loadNetwork(bytesOf(one), one.outputs && { outputs: one.outputs });
  try {
    await act(net);
  } finally {
    net.dispose();
  }
}

const four = (...values: number[]): Tensor => ({ data: Float32Array.from(values), shape: [1, 1, 2, 2] });
const onHeap = (...values: number[]): HeapTensor => {
  const tensor = new HeapTensor([1, 1, 2, 2]);
  tensor.data.set(values);
  return tensor;
};

/** Gives all that lets itself be written to another value, however deep. */
function overwrite(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (value instanceof Float32Array) value.fill(7);
  for (const [key, part] of value instanceof Float32Array ? [] : Object.entries(value)) {
    overwrite(part);
    Reflect.set(value, key, 99);
  }
}

const swapping = networkOf(['a', 'b', 'c'], ({ parts }) => {
  parts.push(node('Identity', ['x'], ['a']), node('Identity', ['z'], ['b']), node('Neg', ['x'], ['c']));
});

const sum = networkOf(['y'], ({ parts }) => {
  parts.push(node('Add', ['x', 'z'], ['y']));
});

describeEachBuild(
  () => {
    describe('tensors of a call', () => {
      it.each([['arrays', four] as const, ['the heap', onHeap] as const])(
        'outputs that are inputs may be written over each other: %s',
        async (_, place) => {
          await withNetwork(swapping, (net) => {
            const [x, z, other] = [place(1, 2, 3, 4), place(5, 6, 7, 8), place(0, 0, 0, 0)];
            net.run({ x, z }, { out: { a: z, b: x, c: other } });
            expect([...x.data]).toEqual([5, 6, 7, 8]);
            expect([...z.data]).toEqual([1, 2, 3, 4]);
            expect([...other.data]).toEqual([-1, -2, -3, -4]);
            net.run({ x, z }, { out: { a: other, b: z, c: x } });
            expect([...x.data]).toEqual([-5, -6, -7, -8]);
            expect([...z.data]).toEqual([1, 2, 3, 4]);
            expect([...other.data]).toEqual([5, 6, 7, 8]);
          });
        },
      );

      it.each([['arrays', new Float32Array(6)] as const, ['the heap', null] as const])(
        'two outputs in one memory are refused: %s',
        async (_, array) => {
          await withNetwork(swapping, (net) => {
            const data = array ?? new HeapTensor([6]).data;
            const part = (from: number): Tensor => ({ ...four(), data: data.subarray(from, from + 4) });
            const out = { a: part(0), b: four(9, 9, 9, 9), c: part(2) };
            const error = caught(() => net.run({ x: four(1, 2, 3, 4), z: four(5, 6, 7, 8) }, { out }));
            expectError(error, 'BAD_BUFFER', 'Network.run');
            expect(error.message).toContain('a and c that overlap');
            expect([...out.b.data]).toEqual([9, 9, 9, 9]);
          });
        },
      );
    });

    describe('calls within calls', () => {
      it('are refused, and the call that they stand in goes on', async () => {
        await withNetwork(sum, (net) => {
          const z = {
            ...four(),
            get data() {
              for (const [method, call] of [
                ['run', () => net.run({ x: four(10, 10, 10, 10), z: four(0, 0, 0, 0) })],
                ['prepare', () => net.prepare({ x: [1, 1, 3, 3], z: [1, 1, 3, 3] })],
              ] as const) {
                const error = caught(call);
                expectError(error, 'UNSUPPORTED', `Network.${method}`);
                expect(error.message).toContain('one within another');
              }
              return Float32Array.of(1, 1, 1, 1);
            },
          };
          expect([...(net.run({ x: four(1, 2, 3, 4), z }).y as Tensor).data]).toEqual([2, 3, 4, 5]);
        });
      });

      it('a network that is disposed of within one ends behind it, and leaves nothing', async () => {
        const before = memoryUsage();
        await withNetwork(sum, (net) => {
          const inputs = {
            x: four(1, 2, 3, 4),
            get z() {
              net.dispose();
              return four(1, 1, 1, 1);
            },
          };
          expect([...(net.run(inputs).y as Tensor).data]).toEqual([2, 3, 4, 5]);
          expectError(
            caught(() => net.run(inputs)),
            'DISPOSED',
            'Network.run',
          );
        });
        expect(memoryUsage().liveLayers).toBe(before.liveLayers);
        expect(memoryUsage().usedBytes).toBeLessThanOrEqual(before.usedBytes);
      });

      it('a chain that a module of its own disposes of or calls', () => {
        const own = {
          act: (): unknown => null,
          outputShape: (shape: readonly number[]) => shape,
          forward: (x: Tensor) => {
            own.act();
            return { data: x.data.map((value) => value + 1), shape: x.shape };
          },
          backward: (_: Tensor, gradient: Tensor) => ({ input: gradient }),
        };
        const chain = new Sequential(own, new Upsample({ scaleFactor: 2 }));
        own.act = () => {
          const error = caught(() => chain.forward(four(0, 0, 0, 0)));
          expectError(error, 'UNSUPPORTED', 'Sequential.forward');
        };
        const twice = [2, 2, 3, 3, 2, 2, 3, 3, 4, 4, 5, 5, 4, 4, 5, 5];
        expect([...chain.forward(four(1, 2, 3, 4)).data]).toEqual(twice);
        own.act = () => chain.dispose();
        expect([...chain.forward(four(1, 2, 3, 4)).data]).toEqual(twice);
        expectError(
          caught(() => chain.forward(four(1, 2, 3, 4))),
          'DISPOSED',
          'Sequential.forward',
        );
      });
    });

    describe('memory', () => {
      it('sizes that do not fit are no burden on those that do', async () => {
        await withNetwork(sum, (net) => {
          const run = () => [...(net.run({ x: four(1, 2, 3, 4), z: four(1, 1, 1, 1) }).y as Tensor).data];
          expect(run()).toEqual([2, 3, 4, 5]);
          const large = [1, 4, 11_000, 11_000];
          expect(net.prepare({ x: large, z: large }).arenaBytes).toBeGreaterThan(2 ** 31);
          expect(run()).toEqual([2, 3, 4, 5]);
          expect(run()).toEqual([2, 3, 4, 5]);
        });
      });

      it('constants that are made of sizes go with the programs that read them', async () => {
        const one = networkOf(['y'], (net) => {
          const ones = net.node('ConstantOfShape', [net.node('Shape', ['x'])]);
          net.parts.push(node('Sub', [net.node('Cos', [ones]), 'x'], ['y']));
        });
        await withNetwork(one, (net) => {
          const bytes = Array.from({ length: 24 }, (_, index) => {
            const shape = [1, 1, 64, 64 + index];
            const x = { data: new Float32Array(64 * (64 + index)).fill(2), shape };
            expect((net.run({ x, z: four(0, 0, 0, 0) }).y as Tensor).data[1]).toBe(-1);
            return memoryUsage().usedBytes;
          });
          // Four programs are kept, each with some 20 KB.
          expect((bytes.at(-1) as number) - (bytes[5] as number)).toBeLessThan(30_000);
        });
      });
    });

    describe('options', () => {
      it.each([
        ['y', 'BAD_TYPE'],
        [{}, 'BAD_TYPE'],
        [new Set(['y']), 'BAD_TYPE'],
        [[], 'BAD_TYPE'],
        [['y', 1], 'BAD_TYPE'],
        [Object.assign(new Array(2), ['y']), 'BAD_TYPE'],
        [['y', 'y'], 'BAD_OPTION'],
      ] as const)('outputs to load: %j', async (outputs, code) => {
        const error = await rejection(() => loadNetwork(bytesOf(sum), { outputs: outputs as never }));
        expectError(error, code, 'loadNetwork');
      });

      it('names that every object inherits are missing where nobody gives them', async () => {
        const one = {
          parts: [node('Add', ['constructor', 'toString'], ['valueOf'])],
          inputs: { constructor: [1, 1, 2, 2], toString: [1, 1, 2, 2] },
          outputs: ['valueOf'],
        };
        await withNetwork(one, (net) => {
          const told = (act: () => unknown) => caught(act).message;
          const half = { toString: four(1, 2, 3, 4) } as never;
          expect(told(() => net.run({}))).toMatch(/the input "constructor" .*, got undefined/);
          expect(told(() => net.run(half))).toMatch(/the input "constructor" .*, got undefined/);
          expect(told(() => net.prepare({}))).toMatch(/the input "constructor"'s shape .*, got undefined/);
          const inputs = { constructor: four(1, 2, 3, 4), toString: four(4, 3, 2, 1) };
          expect(told(() => net.run(inputs, { out: {} }))).toMatch(/expected out .*, got undefined/);
          const y = four(0, 0, 0, 0);
          net.run(inputs, { out: { valueOf: y } as never });
          expect([...y.data]).toEqual([5, 5, 5, 5]);
        });
      });

      it.each([[5], ['x'], [[]], [null]])('files beside one that needs none: %j', async (external) => {
        const error = await rejection(() => loadNetwork(bytesOf(sum), { external: external as never }));
        expectError(error, 'BAD_TYPE', 'loadNetwork');
      });

      it.each([Number.POSITIVE_INFINITY, Number.NaN, 0, -1, 2.5, '3', null])(
        'repeats of a profile: %s',
        async (repeats) => {
          await withNetwork(sum, (net) => {
            const inputs = { x: four(1, 2, 3, 4), z: four(1, 1, 1, 1) };
            const error = caught(() => net.profile(inputs, { repeats: repeats as number }));
            expect(['BAD_OPTION', 'BAD_TYPE']).toContain((error as { readonly code?: string }).code);
            expect(net.profile(inputs, { repeats: 1 })).toHaveLength(1);
          });
        },
      );
    });

    it('need neither a clock nor timers, which an AudioWorklet lacks', async () => {
      const one = networkOf(['y'], ({ parts }) => {
        parts.push(node('Neg', ['x'], ['y']));
      });
      await withNetwork(
        { ...one, declared: { x: ['n', 'c', 'h', 'w'] }, inputs: { x: [1, 1, 2, 2] } },
        async (net) => {
          try {
            vi.stubGlobal('performance', undefined);
            vi.stubGlobal('setTimeout', undefined);
            const [step] = net.profile({ x: four(1, 2, 3, 4) });
            expect(step?.milliseconds).toBeGreaterThanOrEqual(0);
            const { data } = await net.tiled(four(1, 2, 3, 4), { tile: 1 });
            expect([...data]).toEqual([-1, -2, -3, -4]);
          } finally {
            vi.unstubAllGlobals();
          }
        },
      );
    });

    it('a file of thousands of products is prepared in no time that grows with their square', async () => {
      const one = networkOf(['y'], (net) => {
        let x = 'x';
        for (let index = 0; index < 4000; index += 1) x = net.node('Mul', [x, net.number(1)]);
        net.parts.push(node('Neg', [x], ['y']));
      });
      await withNetwork(one, (net) => {
        expect([...(net.run({ x: four(1, 2, 3, 4), z: four(0, 0, 0, 0) }).y as Tensor).data]).toEqual([
          -1, -2, -3, -4,
        ]);
      });
    });
  },
  BUILDS_HERE.slice(0, 1),
);

describeEachBuild((build) => {
  const twice = [node('Conv', ['0.5', 'w'], ['c']), node('Mean', ['c', 'c'], ['y'])];

  it.each([
    // The factor of a Selu and the half of a mean are worked into the weight: nothing gives their results.
    ['Selu', 'fast', [node('Conv', ['0.5', 'w'], ['y'])], [null, 'y']],
    ['Selu', 'exact', [node('Conv', ['0.5', 'w'], ['y'])], [null, '0.5', 'y']],
    ['Mean', 'fast', twice, [null, 'c', null, 'y']],
    // The half is a constant of the same name.
    ['Mean', 'exact', twice, [null, '0.5', 'c', null, 'y']],
    // Before opset 13 it is one of a matrix, which is brought to the shape of `y` at once.
    ['Softmax', 'fast', [node('Reshape', ['0.5', 'flat'], ['y'])], [null, null, 'y']],
  ] as const)(
    'steps are called as the values that they give: %s, %s',
    async (type, precision, behind, wanted) => {
      const parts = [
        input('x', [1, 2, 3, 1]),
        floats('w', [1, 2, 1, 1], [3, 4]),
        int64s('flat', [3, 2]),
        node(type, type === 'Mean' ? ['x', 'x'] : ['x'], ['0.5']),
        ...behind,
        output('y'),
      ];
      const net = await loadNetwork(onnx(parts, { opset: 12 }), { precision });
      try {
        expect(net.steps.flatMap(({ outputNames }) => outputNames)).toEqual(wanted);
      } finally {
        net.dispose();
      }
    },
  );

  it('what a network tells is not what it computes with', async () => {
    const net = new Writer();
    const up = [net.weights([4, 4, 3, 3], 0.2), net.weights([4], 0.2)];
    const y = net.node('ConvTranspose', [net.node('Relu', ['x']), ...up], { strides: [2, 2] });
    const one = net.done(y, { x: [1, 4, 3, 5] }, { x: ['n', 4, 'h', 'w'] });
    using network = await loadNetwork(bytesOf(one));
    const x = randomTensor([1, 4, 3, 5], seed);
    const tell = async () => ({
      result: network.forward(x),
      plan: network.prepare({ x: x.shape }),
      steps: network.steps,
      nodes: network.nodes,
      inputs: network.inputs,
      outputs: network.outputs,
      upsampling: await network.upsampling({ x: x.shape }),
      name: String(network),
    });
    const told = structuredClone(await tell());
    overwrite(await tell());
    overwrite(network);
    expect(await tell()).toEqual(told);
    using same = network.withWeights([]);
    expect(same.forward(x)).toEqual(told.result);
  });

  it('a tensor of the heap, a part of another and a part of an array receive a result each', async () => {
    await withNetwork(swapping, (net) => {
      const [x, z] = [four(1, 2, 3, 4), four(5, 6, 7, 8)];
      using a = onHeap(9, 9, 9, 9);
      using held = new HeapTensor([7]);
      const array = new Float32Array(6).fill(9);
      for (const from of [0, 1, 3]) {
        held.data.fill(9);
        const out = {
          a,
          b: { ...four(), data: held.data.subarray(from, from + 4) },
          c: { ...four(), data: array.subarray(1, 5) },
        };
        expect(net.run({ x, z }, { out })).toBe(out);
        expect([...a.data]).toEqual([1, 2, 3, 4]);
        const nines = new Array<number>(7).fill(9);
        expect([...held.data]).toEqual([...nines.slice(0, from), 5, 6, 7, 8, ...nines.slice(from + 4)]);
        expect([...array]).toEqual([9, -1, -2, -3, -4, 9]);
      }
    });
  });

  it('a tensor and a part of it are refused, also one of before the heap grew', async () => {
    await withNetwork(swapping, (net) => {
      using b = onHeap(9, 9, 9, 9);
      const part = { ...four(), data: b.data.subarray(0) };
      const refused = (): void => {
        const out = { a: part, b, c: four(0, 0, 0, 0) };
        const error = caught(() => net.run({ x: four(1, 2, 3, 4), z: four(5, 6, 7, 8) }, { out }));
        expectError(error, 'BAD_BUFFER', 'Network.run');
        expect([...b.data]).toEqual([9, 9, 9, 9]);
      };
      refused();
      growHeap();
      refused();
    });
  });

  it.each(['grow', 'transfer', 'shrink', 'dispose'] as const)(
    'none of several is written where one is gone behind the steps: %s',
    (what) => {
      const x = four(1, 2, 3, 4);
      for (const names of [
        ['negative', 'same'],
        ['same', 'negative'],
      ] as const) {
        using held = new HeapTensor([4]);
        const negative = onHeap(9, 9, 9, 9);
        const buffer = resizable(16);
        const data = what === 'grow' ? held.data.subarray(0) : new Float32Array(buffer, 0, 4);
        let looked = negative;
        const acts = {
          grow: growHeap,
          transfer: () => structuredClone(buffer, { transfer: [buffer] }),
          shrink: () => buffer.resize(8),
          dispose: () => {
            negative.dispose();
            looked = onHeap(9, 9, 9, 9);
          },
        };
        const own = {
          outputShape: (shape: readonly number[]) => shape,
          forward: (given: Tensor) => {
            acts[what]();
            return given;
          },
          backward: (_: Tensor, gradient: Tensor) => ({ input: gradient }),
        };
        using graph = new Graph();
        const from = graph.input('x');
        const values = {
          negative: graph.apply(new LeakyReLU({ negativeSlope: -1 }), from),
          same: graph.apply(own, from),
        };
        for (const name of names) graph.output(values[name], name);
        const out = { negative, same: { data, shape: x.shape } };
        if (what === 'grow' && build.options.threads > 1) {
          // An older view of a shared heap is as good as a new one.
          graph.forward({ x }, { out });
          expect([...data]).toEqual([1, 2, 3, 4]);
          negative.dispose();
          continue;
        }
        const error = caught(() => graph.forward({ x }, { out }));
        expect(error.code).toBe(what === 'dispose' ? 'DISPOSED' : 'BAD_BUFFER');
        expect([...looked.data]).toEqual([9, 9, 9, 9]);
        looked.dispose();
        expect([...new LeakyReLU().forward(x).data]).toEqual([1, 2, 3, 4]);
      }
    },
  );
}, SOME_BUILDS);

it.each([
  ['ONNX', bytesOf(networkOf(['y', 'y'], ({ parts }) => void parts.push(node('Relu', ['x'], ['y']))))],
  [
    'TFLite',
    tflite(
      [
        { name: 'x', shape: [1, 1, 2, 2] },
        { name: 'y', shape: [1, 1, 2, 2] },
      ],
      [{ code: 19, inputs: ['x'], outputs: ['y'] }],
      { inputs: ['x', 'x'], outputs: ['y', 'y'] },
    ),
  ],
])('what a file lists twice among its outputs is one: %s', async (format, bytes) => {
  await init();
  const net = await loadNetwork(bytes);
  const x = four(-1, 2, -3, 4);
  expect(net.outputs.map(({ name }) => name)).toEqual(['y']);
  expect(net.inputs.map(({ name }) => name)).toEqual(format === 'ONNX' ? ['x', 'z'] : ['x']);
  const inputs = format === 'ONNX' ? { x, z: four(0, 0, 0, 0) } : { x };
  const out = { y: four(9, 9, 9, 9) };
  expect(net.run(inputs, { out })).toBe(out);
  expect([...out.y.data]).toEqual([0, 2, 0, 4]);
  if (format === 'TFLite') expect([...(await net.tiled(net.forward(x))).data]).toEqual([0, 2, 0, 4]);
  net.dispose();
});

it('graphs of networks keep the names of outputs that are one value', async () => {
  const net = new Writer();
  net.parts.push(node('Relu', ['x'], ['a']), node('Reshape', ['a', net.list(1, 2, 4, 4)], ['b']));
  const loaded = await loadNetwork(bytesOf({ parts: net.parts, inputs: { x: [1, 2, 4, 4] } }), {
    outputs: ['a', 'b'],
  });
  const graph = await loaded.toGraph();
  const x = { data: new Float32Array(32).fill(3), shape: [1, 2, 4, 4] };
  expect(Object.keys(graph.forward({ x }))).toEqual(Object.keys(loaded.run({ x })));
  loaded.dispose();
});
