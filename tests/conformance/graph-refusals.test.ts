// What Sequential and Graph refuse: with the node, and before anything computes.

import {
  BatchNorm1d,
  BatchNorm2d,
  Graph,
  type GraphValue,
  init,
  type Module,
  memoryUsage,
  ReLU,
  Sequential,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import { readModel, writeSafetensors } from 'deconv-wasm/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import { caught, expectError } from '../support/errors.js';
import { conv, unet } from '../support/graphs.js';
import { expectNothingLeft } from '../support/memory.js';
import { zeros } from '../support/tensors.js';

describe('what is wrong is said with the node', () => {
  const tensor = zeros(1, 2, 4, 4);
  const value = (): { net: Graph; x: GraphValue } => {
    const net = new Graph();
    return { net, x: net.input('x') };
  };

  it.each<[string, string, string, () => unknown]>([
    ['BAD_OPTION', 'Sequential', 'at least one module', () => new Sequential()],
    ['BAD_OPTION', 'Sequential', 'a name without points', () => new Sequential({ 'a.b': new ReLU() })],
    ['BAD_TYPE', 'Sequential', 'a module "a"', () => new Sequential({ a: 1 } as never)],
    ['BAD_TYPE', 'Sequential', 'argument 1', () => new Sequential(new ReLU(), null as never)],
    ['BAD_OPTION', 'Graph', 'at least one input', () => new Graph().layers],
    ['BAD_OPTION', 'Graph', 'at least one output', () => value().net.layers],
    ['BAD_OPTION', 'Graph.input', 'every name once', () => value().net.input('x')],
    ['BAD_TYPE', 'Graph.apply', 'another module', () => value().net.apply(1 as never, value().x)],
    ['BAD_TYPE', 'Graph.apply', 'a value of this graph', () => value().net.apply(new ReLU(), value().x)],
    ['BAD_TYPE', 'Graph.input', 'a name to be a string', () => new Graph().input(5 as never)],
    ['BAD_TYPE', 'Graph.output', 'a name to be a string', () => value().net.output(value().x, 5 as never)],
    ['BAD_TYPE', 'Graph.concat', 'a value of this graph', () => value().net.concat(new Array(1))],
    [
      'BAD_TYPE',
      'Graph.apply',
      'another module',
      () => {
        const { net, x } = value();
        return net.output(x).apply(net, x);
      },
    ],
    [
      'BAD_TYPE',
      'Graph.split',
      'sizes[1]',
      () => {
        const { net, x } = value();
        return net.split(x, Object.assign(new Array(3), { 0: 2, 2: 2 }));
      },
    ],
    ['BAD_TYPE', 'Graph.concat', 'a list of values', () => value().net.concat(1 as never)],
    ['BAD_OPTION', 'Graph.concat', 'options among', () => value().net.concat([], { dim: 1 } as never)],
    [
      'BAD_OPTION',
      'Graph.split',
      'sizes[0]',
      () => {
        const { net, x } = value();
        return net.split(x, [0]);
      },
    ],
    [
      'BAD_OPTION',
      'Graph.apply',
      'a graph of one input and one output',
      () => {
        const { net, x } = value();
        net.output(x, 'one').output(x, 'other');
        const outer = value();
        return outer.net.apply(net, outer.x);
      },
    ],
    [
      'BAD_OPTION',
      'Graph.output',
      'a graph that is being built',
      () => {
        const { net, x } = value();
        return net.output(x).layers.length === 0 && net.output(x, 'more');
      },
    ],
  ])('%s %s: %s', (code, where, words, act) => {
    const error = caught(act);
    expectError(error, code as never, where);
    expect(error.message).toContain(words);
  });

  it.each([undefined, 'up'])('and what is refused changes nothing: name %s', (name) => {
    const { net, x } = value();
    const inner = value();
    expectError(
      caught(() => net.apply(inner.net, {} as never, name)),
      'BAD_TYPE',
      'Graph.apply',
    );
    inner.net.output(inner.net.apply(conv(2, 3, 1), inner.x, 'in'));
    const up = net.apply(inner.net, x, name);
    net.output(net.apply(conv(3, 1, 1), up));
    expect(Object.keys(net.stateDict())).toContain(`${name ?? 0}.in.weight`);
  });

  it('and a state that does not fit with a word for every name', async () => {
    const [net, other] = [unet(), unet()];
    const state = net.stateDict();
    const model = await readModel(writeSafetensors(state), { format: 'safetensors' });
    expect(other.loadStateDict(await model.stateDict())).toEqual({ missing: [], unexpected: [] });
    expect(other.stateDict()).toEqual(state);
    const { 'up.bias': left, ...rest } = state;
    const error = caught(() =>
      other.loadStateDict({ ...rest, 'mix.weight': left as Tensor, gain: left as Tensor }),
    );
    expectError(error, 'BAD_SHAPE', 'Graph.loadStateDict');
    for (const words of [
      '"mix.weight" has shape [4] instead of [4, 4, 1, 1]',
      '"up.bias" is missing',
      '"gain" is',
    ]) {
      expect(error.message).toContain(words);
    }
    expect(error.detail).toMatchObject({ missing: ['up.bias'], unexpected: ['gain'] });
    expect(other.stateDict()).toEqual(state);
    expect(other.loadStateDict({ ...rest, gain: left as Tensor }, { strict: false })).toEqual({
      missing: ['up.bias'],
      unexpected: ['gain'],
    });
    for (const chain of [net, other]) chain.dispose();
    expect(caught(() => net.stateDict()).code).toBe('DISPOSED');
  });

  describeEachBuild(() => {
    it('when it is called', () => {
      using net = new Sequential({ first: conv(2, 3), second: conv(4, 2) });
      const start = memoryUsage();
      const error = caught(() => net.forward(tensor));
      expectError(error, 'BAD_SHAPE', 'Sequential.forward');
      expect(error.message).toMatch(/^Sequential\.forward: at "second", Conv2d\.forward: expected input/);
      expect(error.detail).toMatchObject({ where: 'Sequential.forward', node: 'second' });
      // Nothing was computed, and nothing is held.
      expectNothingLeft(start);
      expect(caught(() => net.trace(tensor)).detail.node).toBe('second');

      const { net: graph, x } = value();
      graph.output(graph.concat([x, graph.apply(conv(2, 2, 3, { stride: 2 }), x)], { name: 'both' }));
      expect(caught(() => graph.forward(tensor)).message).toMatch(
        /^Graph\.forward: at "both", concat: expected values of one shape but for axis 1, got/,
      );
      for (const [act, code] of [
        [() => graph.forward(null as never), 'BAD_TYPE'],
        [() => graph.forward({}), 'BAD_TYPE'],
        [() => graph.forward({ x: tensor, y: tensor }), 'BAD_OPTION'],
        [() => graph.forward(tensor, { activation: 'relu' } as never), 'BAD_OPTION'],
        [() => net.forward({ data: new Float32Array(3), shape: [1, 2, 4, 4] }), 'BAD_SHAPE'],
      ] as const) {
        expectError(caught(act), code, '(Graph|Sequential).forward');
      }
      graph.dispose();
    });

    it('with results that would lie in each other, or by other names than the inputs, whoever computes it', () => {
      const users: Module = {
        forward: ({ data, shape }) => ({ data: data.map((value) => 2 * value), shape }),
        backward: (_, gradOutput) => ({ input: gradOutput }),
      };
      for (const module of [new ReLU(), users]) {
        using graph = new Graph();
        const x = graph.input('x');
        graph.output(graph.apply(module, x), 'one').output(graph.apply(conv(2, 2, 1), x), 'other');
        const whole = zeros(48);
        const part = (begin: number) => ({
          data: whole.data.subarray(begin, begin + 32),
          shape: tensor.shape,
        });
        const overlapping = caught(() =>
          graph.forward({ x: tensor }, { out: { one: part(0), other: part(16) } }),
        );
        expectError(overlapping, 'BAD_BUFFER', 'Graph.forward');
        expect(overlapping.message).toContain('one and other that overlap');
        using net = new Sequential(module, conv(2, 2, 1));
        const out = zeros(...tensor.shape);
        expectError(
          caught(() => net.forward({ input: tensor }, { out } as never)),
          'BAD_TYPE',
          'Sequential.forward',
        );
        expectError(
          caught(() => net.forward(tensor, { out: { output: out } } as never)),
          'BAD_TYPE',
          'Sequential.forward',
        );
        expect(caught(() => net.forward(tensor.data as never)).message).toContain(
          'expected the input to be { data: Float32Array, shape: number[] }, got a value of type Float32Array',
        );
        expect(caught(() => net.forward(Promise.resolve(tensor) as never)).message).toContain(
          'expected the input to be { data: Float32Array, shape: number[] }, got a value of type Promise',
        );
      }
    });

    it('where inputs and outputs by names that every object inherits are missing', () => {
      using graph = new Graph();
      const [one, other] = [graph.input('constructor'), graph.input('toString')];
      graph.output(graph.add(graph.apply(conv(2, 2, 1), one), other), 'valueOf');
      const told = (act: () => unknown) => caught(act).message;
      expect(told(() => graph.forward({}))).toMatch(/the input "constructor" .*, got undefined/);
      expect(told(() => graph.summary({}))).toMatch(/the input "constructor"'s shape .*, got undefined/);
      expect(told(() => graph.summary(null as never))).toMatch(/, got undefined/);
      const inputs = { constructor: tensor, toString: tensor };
      expect(told(() => graph.forward(inputs, { out: {} }))).toMatch(/expected out .*, got undefined/);
    });
  });
});

describe('what does not fit is refused before anything computes', () => {
  beforeAll(async () => {
    await init();
  });
  afterAll(shutdown);

  describe('a sum takes values of one shape', () => {
    it.each([
      [
        [1, 2, 3],
        [1, 2, 4],
      ],
      [
        [1, 2, 4],
        [1, 2, 3],
      ],
      [
        [1, 2, 3],
        [1, 3, 2],
      ],
      [
        [1, 2],
        [1, 2, 1],
      ],
      [[2], [1]],
    ])('not %j and %j, in whatever way it is asked', (one, other) => {
      const build = (between: (net: Graph, value: GraphValue) => GraphValue): Graph => {
        const net = new Graph();
        const [a, b] = [net.input('a'), net.input('b')];
        return net.output(net.add(between(net, a), between(net, b)), 'y');
      };
      const given = { a: zeros(...one), b: zeros(...other) };
      for (const net of [build((_, x) => x), build((graph, x) => graph.apply(new ReLU(), x))]) {
        for (const act of [
          () => net.forward(given),
          () => net.trace(given),
          () => net.backward(given, given),
        ]) {
          const error = caught(act);
          expect(error).toMatchObject({ code: 'BAD_SHAPE' });
          expect(error.message).toContain('expected values of one shape');
        }
        net.dispose();
      }
    });
  });

  describe('objects of the user’s that give what no module gives', () => {
    const own = (wrong: Partial<Module>): Module => ({
      forward: (x) => x,
      backward: (_, input) => ({ input }),
      outputShape: (shape) => shape,
      toString: () => 'Own()',
      ...wrong,
    });
    const x = zeros(1, 2, 3);
    const first = (): BatchNorm1d => new BatchNorm1d({ numFeatures: 2 });

    it.each<[string, unknown]>([
      ['BAD_SHAPE', [Number.NaN]],
      ['BAD_SHAPE', [1.5, 2, 3]],
      ['BAD_SHAPE', [-1, 2, 3]],
      ['BAD_TYPE', ['x']],
      ['BAD_TYPE', 'x'],
      ['BAD_TYPE', null],
      ['BAD_TYPE', 5],
      ['BAD_TYPE', [1n]],
      ['TOO_LARGE', [2 ** 40]],
    ])('%s for the output shape %o, and others go on', (code, shape) => {
      using net = new Sequential(first(), own({ outputShape: () => shape as number[] }));
      expectError(
        caught(() => net.forward(x)),
        code as never,
        'Sequential.forward',
      );
      using other = new Sequential(first(), new ReLU());
      expect(other.forward(x).shape).toEqual([1, 2, 3]);
    });

    it.each<[string, unknown]>([
      ['BAD_TYPE', undefined],
      ['BAD_TYPE', null],
      ['BAD_TYPE', 3],
      ['BAD_TYPE', {}],
      ['BAD_TYPE', zeros(1, 2, 3)],
      ['BAD_TYPE', Promise.resolve({ input: zeros(1, 2, 3) })],
      ['BAD_TYPE', { input: null }],
      ['BAD_SHAPE', { input: zeros(1, 2, 4) }],
    ])('%s for the gradients %o', (code, gradients) => {
      using net = new Sequential(first(), own({ backward: () => gradients as never }));
      const error = caught(() => net.backward(x, x));
      expectError(error, code as never, 'Sequential.backward');
      expect(error.message).toContain('Own(): expected its gradient');
    });

    it.each<[string, unknown]>([
      ['BAD_TYPE', undefined],
      ['BAD_TYPE', Promise.resolve(zeros(1, 2, 3))],
    ])('%s for the output %o', (code, output) => {
      using net = new Sequential(own({ forward: () => output as Tensor }));
      for (const act of [() => net.forward(x), () => net.trace(x)]) {
        const error = caught(act);
        expect(error).toMatchObject({ code });
        expect(error.message).toContain('Own(): expected its output');
      }
    });
  });

  it.each([undefined, null, 3])('a gradient that is %s, of the one output', (gradient) => {
    using net = new Sequential(new ReLU());
    const x = zeros(1, 2);
    for (const act of [
      () => net.backward(x, gradient as never),
      () => net.trace(x).backward(gradient as never),
    ])
      expectError(caught(act), 'BAD_TYPE', 'Sequential.backward');
  });

  it.each([undefined, null, 3])('shapes that are %s', (shape) => {
    using net = new Sequential(new BatchNorm2d({ numFeatures: 2 }));
    expectError(
      caught(() => net.summary(shape as never)),
      'BAD_TYPE',
      'Sequential.summary',
    );
  });
});
