// Convolutions of what a resize repeats, as transposed convolutions of what is repeated.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Constant, NetworkGraph, Operation } from '../../web/lib/network/operations.js';
import { runFastPasses, runPasses } from '../../web/lib/network/passes/index.js';
import { convolveUnrepeated } from '../../web/lib/network/passes/repeated-values.js';
import { Build, constant, convolution, type Of, pad, resize, unary } from '../support/network-build.js';
import { expectPass, namesOf } from '../support/network-pass.js';
import { evaluate } from '../support/network-reference.js';
import { runsOf } from '../support/seed.js';
import { randomTensor, sizeOf } from '../support/tensors.js';

const SHAPE = [1, 3, 16, 17];

const repeated = (shape = SHAPE, scale = [1, 1, 2, 2], more: Partial<Of<'resize'>> = {}): Operation =>
  resize(shape, scale, { interpolation: 'nearest', coordinates: 'asymmetric', rounding: 'floor', ...more });

const none = [0, 0] as const;
const around = (ends: Of<'pad'>['pads'][number], mode: Of<'pad'>['mode'] = 'reflect'): Operation =>
  pad([none, none, ends, ends], 0, mode);

const unpadded: Partial<Of<'convolution'>> = { pads: [none, none] };

/** A convolution behind a resize, with a step between them or without. */
function network(
  enlarge: Operation,
  between: Operation | null,
  convolve: Operation,
  shape: readonly number[] = SHAPE,
): NetworkGraph {
  const net = new Build();
  const large = net.emit(enlarge, net.input(...shape));
  return net.graph(net.emit(convolve, between === null ? large : net.emit(between, large)));
}

const only = (graph: NetworkGraph): Of<'convolution'> => graph.nodes.at(-1)?.operation as Of<'convolution'>;

describe('convolutions of repeated values', () => {
  it('are transposed ones of the values, with sums of taps', () => {
    const graph = network(repeated(), null, convolution());
    const after = expectPass(convolveUnrepeated, graph, ['convolution']);
    expect(only(after)).toMatchObject({
      transposed: true,
      stride: [2, 2],
      pads: [
        [1, 2],
        [2, 1],
      ],
    });
    expect(only(after).weight.shape).toEqual([3, 4, 4, 4]);
    expect(namesOf(after)).toEqual(['resize 2', 'convolution 3']);
    // The corners of a kernel meet one copy of a value alone, the taps amidst all four.
    const [own, made] = [only(graph).weight.data, only(after).weight.data];
    expect(made[0]).toBe(own[8]);
    expect(made[15]).toBe(own[0]);
    const amidst = [0, 1, 3, 4].reduce((sum, tap) => sum + (own[tap] as number), 0);
    expect(made[10]).toBe(Math.fround(amidst));
  });

  it('are so in the runs of a network, and neither in exact ones nor in what is told of it', () => {
    const graph = network(repeated(), null, convolution());
    expectPass(runFastPasses, graph, ['convolution']);
    expectPass(runPasses, graph, ['resize', 'convolution']);
  });

  it('have one weight for all sizes of the input', () => {
    const convolve = convolution();
    const [one, other] = [SHAPE, [1, 3, 20, 20]].map((shape) =>
      only(convolveUnrepeated(network(repeated(shape), null, convolve, shape))),
    );
    expect(one?.weight).toBe(other?.weight);
    const thrice = only(convolveUnrepeated(network(repeated(SHAPE, [1, 1, 3, 3]), null, convolve)));
    expect(thrice.weight.shape).toEqual([3, 4, 5, 5]);
  });

  it.each(['reflect', 'edge'] as const)(
    'of an edge continued by %s are those of a continued edge',
    (mode) => {
      const graph = network(repeated(), around([1, 1], mode), convolution(unpadded));
      const after = expectPass(convolveUnrepeated, graph, ['pad', 'convolution']);
      expect(after.nodes[0]?.operation).toMatchObject({ mode: 'edge', pads: [none, none, [1, 1], [1, 1]] });
      expect(namesOf(after)).toEqual(['pad 3', 'resize 2', 'convolution 4']);
    },
  );

  it.each<[string, Operation, Operation | null, Partial<Of<'convolution'>>]>([
    ['of what is not repeated', resize(SHAPE, [1, 1, 2, 2]), null, {}],
    ['of what is repeated but for its ends', repeated(SHAPE, [1, 1, 2, 2], { rounding: 'ceil' }), null, {}],
    ['of corners that stay', repeated(SHAPE, [1, 1, 2, 2], { coordinates: 'align-corners' }), null, {}],
    ['of broken factors', repeated(SHAPE, [1, 1, 1.5, 2], { size: [1, 3, 24, 34] }), null, {}],
    ['of repeated channels', repeated(SHAPE, [1, 2, 2, 2]), null, { weight: constant([4, 6, 3, 3]) }],
    ['of what has its size', repeated(SHAPE, [1, 1, 1, 1]), null, {}],
    ['with a stride', repeated(), null, { stride: [2, 1] }],
    ['of taps apart', repeated(), null, { dilation: [1, 2] }],
    ['whose pads reach beyond the kernel', repeated(), null, { pads: [[3, 0], none] }],
    ['behind a function', repeated(), unary('relu'), {}],
    ['of more than a value continues', repeated(), around([2, 1]), unpadded],
    ['of what is cropped', repeated(), around([-1, 1]), unpadded],
    ['of what goes on at the other end', repeated(), around([1, 1], 'wrap'), unpadded],
    ['of a frame of ones', repeated(), pad([none, none, [1, 1], [1, 1]], 1), unpadded],
    ['with pads around what is continued', repeated(), around([1, 1]), {}],
  ])('stay %s', (_, enlarge, between, more) => {
    const graph = network(enlarge, between, convolution(more));
    expect(convolveUnrepeated(graph)).toBe(graph);
  });

  it('stay of few points, and where others read what they read', () => {
    const few = [1, 3, 15, 17];
    const graph = network(repeated(few), null, convolution(), few);
    expect(convolveUnrepeated(graph)).toBe(graph);
    const net = new Build();
    const large = net.emit(repeated(), net.input(...SHAPE));
    const read = net.graph(net.emit(convolution(), large), large);
    expect(convolveUnrepeated(read)).toBe(read);
  });

  it('compute the same, whatever the axes, factors, kernels, groups and edges', () => {
    const axis = fc.record({
      times: fc.integer({ min: 1, max: 4 }),
      kernel: fc.integer({ min: 1, max: 5 }),
      pads: fc.tuple(fc.nat(4), fc.nat(4)),
      laid: fc.tuple(fc.nat(3), fc.nat(3)),
    });
    const layer = fc.record({
      axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
      mode: fc.constantFrom(null, 'edge' as const, 'reflect' as const),
      coordinates: fc.constantFrom('asymmetric' as const, 'half-pixel' as const),
      groups: fc.integer({ min: 1, max: 2 }),
      perGroup: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
      layout: fc.constantFrom('channels-first' as const, 'channels-last' as const),
      seed: fc.nat(1000),
    });
    let changed = 0;
    fc.assert(
      fc.property(layer, ({ axes, mode, coordinates, groups, perGroup, layout, seed }) => {
        const arranged = <Entry>(batch: Entry, channels: Entry, spatial: readonly Entry[]): Entry[] =>
          layout === 'channels-first' ? [batch, channels, ...spatial] : [batch, ...spatial, channels];
        const [ins, outs] = perGroup;
        const extents = axes.map(
          (_, index) => [[257], [16, 17], [7, 6, 7]][axes.length - 1]?.[index] as number,
        );
        const shape = arranged(2, ins * groups, extents);
        const scale = arranged(
          1,
          1,
          axes.map(({ times }) => times),
        );
        const weight: Constant = {
          name: 'weight',
          ...randomTensor([outs * groups, ins, ...axes.map(({ kernel }) => kernel)], seed),
        };
        const ends = (pads: readonly [number, number], most: number) =>
          pads.map((end) => Math.min(end, most)) as unknown as readonly [number, number];
        const convolve = convolution({
          weight,
          bias: constant([outs * groups], seed + 1),
          stride: axes.map(() => 1),
          dilation: axes.map(() => 1),
          outputPadding: axes.map(() => 0),
          groups,
          layout,
          pads: axes.map(({ pads, kernel }) => (mode === null ? ends(pads, kernel - 1) : none)),
        });
        const laid = axes.map(({ laid, times }) => ends(laid, times - 1));
        const between =
          mode === null ? null : pad(arranged<readonly [number, number]>(none, none, laid), 0, mode);
        const graph = network(
          repeated(shape, scale, { coordinates, rounding: 'round-prefer-floor' }),
          between,
          convolve,
          shape,
        );
        const after = convolveUnrepeated(graph);
        changed += Number(after !== graph);
        const x = [randomTensor(shape, seed + 2).data];
        const [expected, result] = [evaluate(graph, x)[0], evaluate(after, x)[0]];
        expect(result?.shape).toEqual(expected?.shape);
        const limit = 1e-6 * sizeOf(weight.shape);
        for (const [place, value] of (expected?.data ?? []).entries()) {
          if (!(Math.abs((result?.data[place] as number) - value) <= limit)) {
            expect(result?.data[place]).toBe(value);
          }
        }
      }),
      runsOf(60, 'repeated'),
    );
    expect(changed).toBeGreaterThan(30);
  });
});
