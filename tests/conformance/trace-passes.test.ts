// Gradients of a traced pass are those of that pass, whatever its modules do afterwards.

import {
  BatchNorm1d,
  BatchNorm2d,
  Dropout,
  Graph,
  HeapTensor,
  Linear,
  ReLU,
  Sequential,
  type Tensor,
} from 'deconv-wasm';
import { expect, it } from 'vitest';
import { BUILDS_HERE, describeEachBuild } from '../support/builds.js';
import { seed } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';

const ones = (count: number): Tensor<ArrayBuffer> => ({
  data: new Float32Array(count).fill(1),
  shape: [1, count],
});
const kept = ({ data }: Tensor): string => [...data].map((value) => Number(value !== 0)).join('');

describeEachBuild(
  () => {
    const [x, g] = [randomTensor([3, 2, 4, 5], seed), randomTensor([3, 2, 4, 5], seed + 1)];

    it.each([true, false])('a mode that changes, and statistics that move on: training %s', (training) => {
      const norm = new BatchNorm2d({ numFeatures: 2 });
      const net = new Sequential(norm);
      net.forward(randomTensor([3, 2, 4, 5], seed + 2));
      const pass = net.train(training).trace(x);
      const expected = pass.backward(g);
      net.train(!training);
      expect(pass.backward(g)).toEqual(expected);
      net.train().forward(randomTensor([3, 2, 4, 5], seed + 3));
      net.train(training);
      expect(pass.backward(g)).toEqual(expected);
      norm.setWeight([7, 8]);
      expect(pass.backward(g)).toEqual(expected);
      expect(net.trace(x).backward(g)).not.toEqual(expected);
      expect(norm.training).toBe(training);
    });

    it('what a dropout dropped, in its mode', () => {
      const drop = new Dropout({ seed: 1 });
      const net = new Sequential(drop);
      const own = ones(40);
      const passes = [net.trace(own), net.trace(own), net.eval().trace(own)];
      net.train();
      const masks = passes.map(({ output }) => kept(output));
      expect(new Set(masks).size).toBe(3);
      expect(passes.map((pass) => kept(pass.backward(ones(40)).input))).toEqual(masks);
      net.eval();
      expect(passes.map((pass) => kept(pass.backward(ones(40)).input))).toEqual(masks);
    });

    it('one dropout at two places has a mask at each', () => {
      const drop = new Dropout({ seed: 1 });
      const graph = new Graph();
      const value = graph.input('x');
      for (const name of ['p', 'q']) graph.output(graph.apply(drop, value, name), name);
      const { outputs, backward } = graph.trace({ x: ones(40) });
      for (const name of ['p', 'q']) {
        expect(kept(backward({ [name]: ones(40) }).inputs['x'] as Tensor)).toBe(
          kept(outputs[name] as Tensor),
        );
      }
      expect(kept(outputs['p'] as Tensor)).not.toBe(kept(outputs['q'] as Tensor));
    });

    it('backward without a trace drops what was dropped last, and draws nothing', () => {
      const make = () =>
        new Sequential(new Linear({ inFeatures: 40, outFeatures: 40, seed: 1 }), new Dropout({ seed: 1 }));
      const [net, twin] = [make(), make()];
      const mask = kept(net.forward(ones(40)));
      for (let count = 0; count < 2; count += 1) {
        const { layers } = net.backward(ones(40), ones(40));
        expect(kept(layers[0]?.bias as Tensor)).toBe(mask);
      }
      twin.forward(ones(40));
      expect(kept(net.forward(ones(40)))).toBe(kept(twin.forward(ones(40))));
    });

    it('outputs that are inputs, or one value, have memory of their own', () => {
      const through = new Graph();
      through.output(through.input('x'), 'y');
      const place = new HeapTensor([2]);
      place.data.set([1, 2]);
      const y = through.forward(place);
      place.dispose();
      expect([...y.data]).toEqual([1, 2]);
      const twice = new Graph();
      const input = twice.input('a');
      const value = twice.apply(new ReLU(), input);
      twice.output(input, 'same');
      twice.output(value, 'one');
      twice.output(value, 'other');
      const a = { data: Float32Array.of(1, 2), shape: [2] };
      for (const outputs of [twice.trace({ a }).outputs, twice.forward({ a })]) {
        const arrays = [a, ...Object.values(outputs)].map(({ data }) => data.buffer);
        expect(new Set(arrays).size).toBe(4);
      }
    });

    it.each([
      ['lists', [1, 2], 'shape'],
      ['64 bits', Float64Array.of(1, 2), 'shape'],
      ['dims', Float32Array.of(1, 2), 'dims'],
    ] as const)('whatever is taken for a tensor comes out as one: %s', (_, data, name) => {
      const given = { data, [name]: [1, 2] } as unknown as Tensor;
      const graph = new Graph();
      const [a, b] = [graph.input('a'), graph.input('b')];
      graph.output(a, 'a');
      graph.output(graph.add(a, b), 'sum');
      graph.output(graph.apply(new ReLU(), b), 'act');
      const tensor = (...values: number[]) => ({ data: Float32Array.from(values), shape: [1, 2] });
      const wanted = { a: tensor(1, 2), sum: tensor(2, 4), act: tensor(1, 2) };
      const pass = graph.trace({ a: given, b: given });
      expect(graph.forward({ a: given, b: given })).toEqual(wanted);
      expect(pass.outputs).toEqual(wanted);
      expect(pass.backward({}).inputs).toEqual({ a: tensor(0, 0), b: tensor(0, 0) });
      const { inputs } = pass.backward({ a: given, sum: given });
      expect(inputs).toEqual({ a: tensor(2, 4), b: tensor(1, 2) });
      const through = new Graph();
      through.output(through.input('x'), 'y');
      for (const result of [through.forward(given), through.trace(given).backward(given).input]) {
        expect(result).toEqual(tensor(1, 2));
        expect(result.data).not.toBe(data);
      }
    });

    it('batches that were counted are whole numbers, and may be left out', () => {
      const norm = new BatchNorm1d({ numFeatures: 2, momentum: null });
      const net = new Sequential({ norm });
      const { 'norm.num_batches_tracked': count, ...others } = net.stateDict();
      expect(net.loadStateDict(others)).toEqual({ missing: [], unexpected: [] });
      const before = JSON.stringify(net.stateDict());
      for (const value of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const state = { ...others, 'norm.num_batches_tracked': { data: Float32Array.of(value), shape: [] } };
        expect(() => net.loadStateDict(state)).toThrow(/num_batches_tracked" to be an integer from 0/);
      }
      expect(JSON.stringify(net.stateDict())).toBe(before);
      net.loadStateDict({ ...others, 'norm.num_batches_tracked': count as Tensor });
    });
  },
  BUILDS_HERE.slice(0, 1),
);
