// Into which parts a file of a fixed size goes, before anything is computed: what its slices are taken to mean.

import { describe, expect, it } from 'vitest';
import { fault } from '../../web/lib/core/checks.js';
import type { NetworkGraph } from '../../web/lib/network/operations.js';
import { runPasses } from '../../web/lib/network/passes/index.js';
import type { Shape } from '../../web/lib/network/shapes.js';
import { type LoweredNetwork, layOut, type Parts } from '../../web/lib/network/tile-parts.js';
import { Build, reshape } from '../support/network-build.js';

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
});
