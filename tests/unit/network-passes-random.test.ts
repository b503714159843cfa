// Drawn networks: whatever the passes make of one, it computes what it did.

import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Constant, NetworkGraph } from '../../web/lib/network/operations.js';
import { runFastPasses, runPasses } from '../../web/lib/network/passes/index.js';
import {
  affine,
  Build,
  binary,
  constant,
  convolution,
  numbers,
  type Of,
  pad,
  pool,
  reshape,
  resize,
  transpose,
  unary,
} from '../support/network-build.js';
import { evaluate } from '../support/network-reference.js';
import { runsOf } from '../support/seed.js';
import { randomTensor, sizeOf } from '../support/tensors.js';

interface Step {
  readonly what: number;
  readonly from: number;
  readonly other: number;
  readonly a: number;
  readonly b: number;
}

const WIDTHS = [1, 2, 3];

/** Constants that several layers share, as tied heads and files without duplicates do. */
const WEIGHTS = new Map<string, Constant>();
const BIASES = new Map<string, Constant>();

function shared(pool: Map<string, Constant>, shape: readonly number[], which: number): Constant {
  const key = `${shape} ${which}`;
  const made = pool.get(key) ?? constant(shape, 11 + which);
  pool.set(key, made);
  return made;
}

/** A constant that broadcasts with `shape`, perhaps to more channels or axes. */
function beside(shape: readonly number[], a: number, b: number): Constant {
  const [, channels = 1, ...rest] = shape;
  const own = [
    [],
    [1],
    [1, channels, 1, 1],
    [channels, 1, 1],
    [1, WIDTHS[b % 3] as number, 1, 1],
    [1, 1, 1, rest.at(-1) ?? 1],
    [1, 1, channels, 1, 1],
    [rest.at(-1) ?? 1],
  ][a % 8] as number[];
  return b % 4 === 3 ? { ...numbers(b), shape: own.map(() => 1) } : constant(own, 20 + b);
}

const FUNCTIONS = ['add', 'multiply', 'subtract', 'divide', 'maximum'] as const;
const UNARIES = ['relu', 'sigmoid', 'tanh', 'abs', 'neg'] as const;

type Make = (net: Build, x: number, shape: readonly number[], step: Step, y: number) => number;

const MAKES: readonly Make[] = [
  (net, x, shape, { a, b, what }) => {
    const name = FUNCTIONS[b % FUNCTIONS.length] as Of<'binary'>['function'];
    const operands = [x, beside(shape, a, b)] as const;
    // A quotient by what may be 0 is infinite, and what is made of that a matter of the order.
    return net.emit(binary(name), ...(name === 'divide' || what % 3 > 0 ? operands : operands.toReversed()));
  },
  (net, x, _shape, { a }, y) => net.emit(binary(FUNCTIONS[a % 3] as Of<'binary'>['function']), x, y),
  (net, x, _shape, { a }) => net.emit(unary(UNARIES[a % UNARIES.length] as Of<'unary'>['function']), x),
  (net, x, shape, { a }) => net.emit(affine(shape[1] as number, a % 2), x),
  (net, x, shape, { a, b }) => {
    const outputs = WIDTHS[a % 3] as number;
    const extent = 1 + 2 * (b % 2);
    const padded = a % 2 > 0 && extent > 1 ? ([1, 1] as const) : ([0, 0] as const);
    return net.emit(
      convolution({
        weight: shared(WEIGHTS, [outputs, shape[1] as number, extent, extent], a % 2),
        bias: b % 3 === 0 ? null : shared(BIASES, [outputs], b % 3),
        pads: [padded, padded],
      }),
      x,
    );
  },
  (net, x, shape, { a, b }) =>
    net.emit(
      resize(
        shape,
        shape.map((_, axis) => (axis < 2 ? 1 : 1 + (a % 2))),
        { interpolation: b % 2 > 0 ? 'linear' : 'nearest' },
      ),
      x,
    ),
  (net, x, _shape, { a, b }) =>
    net.emit(
      pad(
        [
          [0, 0],
          [0, 0],
          [a % 2, b % 2],
          [b % 2, 1],
        ],
        b % 3 === 0 ? 2 : 0,
      ),
      x,
    ),
  (net, x, _shape, { a }) => {
    const ends = [1, a % 2] as const;
    const none = [0, 0] as const;
    const lowest = net.emit(pad([none, none, ends, ends], Number.NEGATIVE_INFINITY), x);
    return net.emit(pool('maximum'), a % 3 > 0 ? lowest : x);
  },
  (net, x, _shape, { a }) => net.emit(a % 2 > 0 ? transpose(0, 2, 3, 1) : transpose(0, 3, 1, 2), x),
  (net, x, shape, { a }) => {
    const whole = sizeOf(shape);
    return net.emit(a % 2 > 0 && whole % 2 === 0 ? reshape(1, 2, 1, whole / 2) : reshape(...shape), x);
  },
  (net, x, _shape, _step, y) => net.emit({ kind: 'concat', axis: 1 }, x, y),
  // A gate of what it is applied to a part of.
  (net, x, _shape, { a }, y) => {
    const mean = {
      kind: 'reduce',
      function: a % 2 > 0 ? 'mean' : 'sum',
      axes: [2, 3],
      keepAxes: true,
    } as const;
    const gated = net.emit(binary('multiply'), x, net.emit(mean, net.emit(binary('add'), x, y)));
    return a % 3 > 0 ? net.emit(binary('add'), y, gated) : gated;
  },
  // Functions as exporters spell them, perhaps of what broadcasts.
  (net, x) => net.emit(binary('multiply'), x, net.emit(unary('sigmoid'), x)),
  (net, x, shape, { a, b }) =>
    net.emit(binary('maximum'), x, net.emit(binary('multiply'), x, beside(shape, a, 4 * b + 3))),
  (net, x, shape, { b }) => {
    const rates = constant([1, WIDTHS[b % 3] as number, 1, 1], 40);
    const sine = net.emit(unary('sin'), net.emit(binary('multiply'), x, rates));
    const square = net.emit(binary('multiply'), sine, sine);
    const inverse = { ...rates, data: rates.data.map((value) => 1 / value) };
    return shape.length < 2 ? x : net.emit(binary('add'), x, net.emit(binary('multiply'), square, inverse));
  },
];

function drawn(channels: number, steps: readonly Step[]): NetworkGraph {
  const net = new Build();
  const values = [net.input(1, channels, 4, 5), net.input(1, 1, 4, 5)];
  for (const step of steps) {
    // Mostly the last one, so that chains are long.
    const [x, y] = [step.from, step.other].map((which) =>
      values.at(which % 3 > 0 ? -1 : -1 - (which % values.length)),
    ) as [number, number];
    const make = MAKES[step.what % MAKES.length] as Make;
    try {
      const made = make(net, x, net.shapeOf(x), step, y);
      if (sizeOf(net.shapeOf(made)) <= 4000) values.push(made);
    } catch (error) {
      // What the operation does not take.
      if ((error as { code?: string }).code !== 'BAD_SHAPE') throw error;
    }
  }
  return net.graph(values.at(-1) as number);
}

const number = fc.nat({ max: 1000 });

describe('drawn networks', () => {
  it('compute the same behind all passes', () => {
    const passes = [runPasses, (graph: NetworkGraph) => runFastPasses(runPasses(graph))];
    fc.assert(
      fc.property(
        fc.constantFrom(...WIDTHS),
        fc.array(fc.record({ what: number, from: number, other: number, a: number, b: number }), {
          minLength: 1,
          maxLength: 12,
        }),
        (channels, steps) => {
          const graph = drawn(channels, steps);
          const inputs = graph.inputs.map(
            (value, index) => randomTensor(graph.values[value]?.shape ?? [], index + 1).data,
          );
          const expected = evaluate(graph, inputs);
          for (const pass of passes) {
            for (const [index, { data, shape }] of evaluate(pass(graph), inputs).entries()) {
              const wanted = expected[index] as (typeof expected)[number];
              if (String(shape) !== String(wanted.shape)) throw new Error(`${shape}, not ${wanted.shape}`);
              const most = Math.max(1, ...wanted.data.filter(Number.isFinite).map(Math.abs));
              for (const [place, value] of data.entries()) {
                const said = wanted.data[place] as number;
                if (Object.is(value, said) || Math.abs(value - said) <= 1e-4 * most) continue;
                throw new Error(`${place}: ${value}, not ${said}`);
              }
            }
          }
        },
      ),
      runsOf(2000, 'network passes'),
    );
  });
});
