// What stands in a row is worked into one step where no digit is lost that the steps by themselves keep.

import { init } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { beforeAll, describe, expect, it } from 'vitest';
import { floats, initializer, input, node, onnx, output, type Write } from '../support/onnx-writer.js';

beforeAll(async () => {
  await init();
});

const number = (name: string, value: number): Write => floats(name, [], [value]);

async function run(parts: readonly Write[], x: readonly number[], exact: boolean) {
  const bytes = onnx([input('x', [1, 1, x.length]), ...parts, output('y')]);
  using net = await loadNetwork(bytes, { precision: exact ? 'exact' : 'fast' });
  const data = Float32Array.from(x);
  return { y: [...(net.run({ x: { data, shape: [1, 1, x.length] } }).y?.data ?? [])], steps: net.steps };
}

describe.each([false, true])('factors and summands in a row, exact: %s', (exact) => {
  it.each([
    [1e6, 0.1],
    [-273.15, 0.01],
    [2 ** 21, 0.3],
  ])('(x - %f) * %f takes off first, in one step', async (mean, factor) => {
    const parts = [
      number('m', mean),
      number('f', factor),
      node('Sub', ['x', 'm'], ['a']),
      node('Mul', ['a', 'f'], ['y']),
    ];
    const x = [0, 1, 2, -3].map((value) => Math.fround(mean + value));
    const { y, steps } = await run(parts, x, exact);
    const exactly = x.map((value) => Math.fround((value - Math.fround(mean)) * Math.fround(factor)));
    expect(y).toEqual(exactly);
    expect(steps).toHaveLength(1);
  });

  it.each<[string, readonly Write[], (x: number) => number]>([
    ['x + c', [node('Add', ['m', 'x'], ['a'])], (x) => (x + 1e5) * 0.3],
    ['c - x', [node('Sub', ['m', 'x'], ['a'])], (x) => (1e5 - x) * 0.3],
    ['2 * x - c', [node('Add', ['x', 'x'], ['d']), node('Sub', ['d', 'm'], ['a'])], (x) => (2 * x - 1e5) * 0.3],
    ['(x - c) - 1/4', [number('q', 0.25), node('Sub', ['x', 'm'], ['d']), node('Sub', ['d', 'q'], ['a'])], (x) => (x - 1e5 - 0.25) * 0.3],
  ])('(%s) * 0.3', async (_, parts, wanted) => {
    const all = [number('m', 1e5), number('f', 0.3), ...parts, node('Mul', ['a', 'f'], ['y'])];
    const x = [1e5 + 0.5, 1e5 - 0.25, -1e5 + 0.125, 5e4 + 0.25];
    const { y } = await run(all, x, exact);
    for (const [place, value] of x.entries()) expect(y[place]).toBeCloseTo(wanted(value), 1);
    for (const [place, value] of x.entries()) {
      const expected = wanted(value);
      if (Math.abs(expected) < 1) expect(y[place]).toBeCloseTo(expected, 6);
    }
  }); // biome-ignore format: a table

  it('what is quantized lies on its grid', async () => {
    const parts = [
      number('s', 0.0123),
      initializer('z', 'uint16', [], Uint16Array.of(40000)),
      node('QuantizeLinear', ['x', 's', 'z'], ['q']),
      node('DequantizeLinear', ['q', 's', 'z'], ['y']),
    ];
    const s = Math.fround(0.0123);
    const { y } = await run(parts, [0, s, -s, 5 * s, 100 * s], exact);
    expect(y).toEqual([0, s, -s, 5 * s, 100 * s].map(Math.fround));
  });

  it('a batch norm takes its mean off first', async () => {
    const parts = [
      floats('w', [1], [1]),
      floats('b', [1], [0]),
      floats('m', [1], [1e4]),
      floats('v', [1], [1]),
      node('BatchNormalization', ['x', 'w', 'b', 'm', 'v'], ['y']),
    ];
    const { y } = await run(parts, [1e4, 1e4 + 0.25, 1e4 + 1, 1e4 - 2], exact);
    for (const [place, value] of [0, 0.25, 1, -2].entries()) {
      expect(y[place]).toBeCloseTo(value / Math.sqrt(1 + 1e-5), 6);
    }
  });

  it('a mean of many deviations stays in front of a convolution, one of few goes into it', async () => {
    for (const [mean, steps] of [
      [1e6, 2],
      [0.5, exact ? 2 : 1],
    ] as const) {
      const parts = [
        number('m', mean),
        number('f', 0.1),
        floats('w', [1, 1, 1], [1]),
        node('Sub', ['x', 'm'], ['a']),
        node('Mul', ['a', 'f'], ['b']),
        node('Conv', ['b', 'w'], ['y']),
      ];
      const result = await run(
        parts,
        [0, 1, 2, -3].map((value) => mean + value),
        exact,
      );
      for (const [place, value] of [0, 0.1, 0.2, -0.3].entries())
        expect(result.y[place]).toBeCloseTo(value, 6);
      expect(result.steps).toHaveLength(steps);
    }
  });

  it.each<[string, readonly [string, number][], readonly number[], readonly number[]]>([
    ['x * 1e20 * 1e20', [['Mul', 1e20], ['Mul', 1e20]], [0, 1e-30, -1e-25], [0, 1e10, -1e15]],
    ['x / 1e-39 * 0.5', [['Div', 1e-39], ['Mul', 0.5]], [0, 1e-5, -1e-6], [0, 5e33, -5e32]],
    ['x * 1e-30 * 1e-30', [['Mul', 1e-30], ['Mul', 1e-30]], [0, 1e30, 3e38], [0, 1e-30, 3e-22]],
    ['(x + 1e20) * 1e20', [['Add', 1e20], ['Mul', 1e20]], [-1e20], [0]],
  ])('%s is in two steps', async (_, chain, x, wanted) => {
    const names = ['x', 'a', 'y'];
    const parts = chain.flatMap(([type, value], place) => [
      number(`c${place}`, value),
      node(type, [names[place] as string, `c${place}`], [names[place + 1] as string]),
    ]);
    const { y } = await run(parts, x, exact);
    for (const [place, value] of wanted.entries()) {
      expect(Math.abs((y[place] as number) - value)).toBeLessThanOrEqual(1e-5 * Math.abs(value));
    }
  }); // biome-ignore format: a table
});
