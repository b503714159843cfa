// Into which parts a file of a fixed size goes, before anything is computed: what its slices are taken to mean.

import { describe, expect, it } from 'vitest';
import { fault } from '../../web/lib/core/checks.js';
import type { NetworkGraph } from '../../web/lib/network/operations.js';
import { runPasses } from '../../web/lib/network/passes/index.js';
import type { Shape } from '../../web/lib/network/shapes.js';
import { type LoweredNetwork, layOut, type Parts } from '../../web/lib/network/tile-parts.js';
import { Build, binary, pad, reshape, unary } from '../support/network-build.js';

type Layers = (build: Build, x: number) => number;

/** The last axis from its first value to before another, behind the last one where that is below 0. */
function cut(build: Build, x: number, end: number): number {
  const shape = build.shapeOf(x);
  const last = shape.length - 1;
  const extent = shape[last] as number;
  const count = shape.with(last, end < 0 ? extent + end : Math.min(end, extent));
  return build.emit({ kind: 'slice', start: shape.map(() => 0), step: shape.map(() => 1), count }, x);
}

const DECLARED = [1, 2, 32];

/** Parts of a longer input, and how often the network was lowered to know what its slices mean. */
function laidOut(layers: Layers, length: number, spoil: (shape: Shape) => void = () => {}) {
  const lowered = (build: Build, shape: Shape): NetworkGraph =>
    build.graph(layers(build, build.input(...shape)));
  let lowerings = 0;
  const net: LoweredNetwork = {
    declared: DECLARED,
    lower: (shape) => runPasses(lowered(new Build(), shape)),
    lowerOther: (shape, changeSlice) => {
      lowerings += 1;
      spoil(shape);
      lowered(new Build(changeSlice), shape);
    },
  };
  const layOutNow = (): Parts => layOut('test', net, DECLARED.with(2, length), undefined, null);
  return { layOutNow, lowerings: () => lowerings };
}

describe('slices of a file of a fixed size', () => {
  it('are told apart where a value between is larger than any heap', () => {
    const many: Layers = (build, x) => {
      const shape = build.shapeOf(x);
      const wide = build.emit({ kind: 'expand', shape: [1024, ...shape.slice(1)] }, x);
      const both = build.emit({ kind: 'concat', axis: 1 }, wide, wide);
      return build.emit(
        { kind: 'reduce', function: 'mean', axes: [0], keepAxes: true },
        cut(build, both, -2),
      );
    };
    const { layOutNow } = laidOut(many, 1 << 20);
    expect(layOutNow().outputShape).toEqual([1, 4, (1 << 20) - 2]);
  });

  it('are not told of where constants of the longer input are too large', () => {
    const { layOutNow } = laidOut(
      (build, x) => cut(build, x, 20),
      48,
      (shape) => {
        if (shape[2] === 48) throw fault('TOO_LARGE', 'network', 'a constant that fits', 'a larger one');
      },
    );
    expect(layOutNow).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  });

  const REFUSED = expect.objectContaining({
    code: 'UNSUPPORTED',
    message: expect.stringMatching(/the node "slice \d", which takes values from or to a fixed place/),
  });

  it.each<readonly [string, Layers]>([
    ['to a fixed place', (build, x) => build.emit(reshape(1, 2, 20), cut(build, x, 20))],
    ['behind it', (build, x) => cut(build, build.emit(reshape(1, 2, 32), x), 20)],
    ['behind it of all that there are', (build, x) => cut(build, build.emit(reshape(1, 2, 32), x), 32)],
  ])('are refused beside a shape of constants: %s', (_, layers) => {
    expect(laidOut(layers, 48).layOutNow).toThrow(REFUSED);
  });

  it.each<readonly [string, number, Layers]>([
    ['that has none', 48, (build, x) => build.emit(reshape(1, 2, 32), x)],
    ['behind one that follows', 46, (build, x) => build.emit(reshape(1, 2, 30), cut(build, x, -2))],
  ])('are no reason to refuse a shape of constants %s', (_, results, layers) => {
    expect(laidOut(layers, 48).layOutNow().outputShape).toEqual([1, 2, results]);
  });

  // Padded and cropped again, which meets what was padded in a sum.
  const framed = (build: Build, x: number, end: number): number => {
    const wide = build.emit(
      pad([
        [0, 0],
        [0, 0],
        [0, 2],
      ]),
      x,
    );
    return build.emit(binary('add'), cut(build, wide, end), x);
  };

  it.each([64, 65, 150])('%d crops that fit no other size cost one look each', (count) => {
    const layers: Layers = (build, x) => {
      let y = x;
      for (let index = 0; index < count; index += 1) y = framed(build, y, 32);
      return y;
    };
    const { layOutNow, lowerings } = laidOut(layers, 48);
    expect(layOutNow().outputShape).toEqual([1, 2, 48]);
    // The declared size, and all that follow, besides.
    expect(lowerings()).toBe(count + 2);
  });

  it('are refused with the one that fits, however many fit no other size', () => {
    const layers: Layers = (build, x) => {
      let y = build.emit(unary('tanh'), cut(build, x, 20));
      for (let index = 0; index < 100; index += 1) y = framed(build, y, 20);
      return y;
    };
    const detail = { where: 'test', node: 'slice 2' };
    const error = expect.objectContaining({ code: 'UNSUPPORTED', detail });
    expect(laidOut(layers, 48).layOutNow).toThrow(error);
  });

  it('are refused where they could be told apart in too many ways, by no name', () => {
    // None of ten crops fits by itself or with others, and what tells is behind them all.
    const layers: Layers = (build, x) => {
      const wide = build.emit(
        pad([
          [0, 0],
          [0, 0],
          [0, 2],
        ]),
        x,
      );
      const crops = Array.from({ length: 10 }, () => cut(build, wide, 32));
      return build.emit({ kind: 'concat', axis: 1 }, ...crops, x);
    };
    const { layOutNow, lowerings } = laidOut(layers, 48);
    const message = expect.stringContaining(
      'got 10 slices that may take values from or to a fixed place, in more ways than the 74 that are tried.',
    );
    const error = expect.objectContaining({ code: 'UNSUPPORTED', message, detail: { where: 'test' } });
    expect(layOutNow).toThrow(error);
    expect(lowerings()).toBe(2 + 10 + 64);
  });
});
