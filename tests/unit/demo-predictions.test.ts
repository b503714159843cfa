import { phaseGains, unevenness } from 'deconv-wasm/checkerboard';
import { describe, expect, it } from 'vitest';
import { signedTaps } from '../../web/demo/src/model/kernels';
import { hasNoOverlap, noOverlap, withNoOverlap } from '../../web/demo/src/model/no-overlap';
import { overlapView } from '../../web/demo/src/model/overlap-view';
import {
  because,
  type Outcome,
  questions,
  readAnswers,
  scoreOf,
  truth,
} from '../../web/demo/src/model/predictions';
import { opening, withKind, withLayer } from '../../web/demo/src/model/state';

function outcome({ kernel, stride }: { kernel: number; stride: number }): Outcome {
  const axis = { kernelSize: kernel, stride };
  const of = (taps: readonly number[]) => unevenness(phaseGains(taps, [axis, axis]), stride ** 2).unevenness;
  return { equal: of(new Array<number>(kernel ** 2).fill(1)), random: of(signedTaps(kernel ** 2, 26)) };
}

describe('the three predictions', () => {
  const outcomes = Object.fromEntries(
    questions.map((question) => [question.id, outcome(question)]),
  ) as Record<(typeof questions)[number]['id'], Outcome>;

  it('are judged by what the package computes', () => {
    expect(questions.map(({ id }) => truth(outcomes[id]))).toEqual(['equal', 'weights', 'weights']);
    expect(truth(outcome({ kernel: 3, stride: 1 }))).toBe('never');
    expect(truth({ equal: 1e-15, random: 0.7 })).toBe('weights');
  });

  it('are counted as they come', () => {
    expect(scoreOf({}, outcomes)).toEqual({ answered: 0, right: 0 });
    expect(scoreOf({ k3s2: 'equal', k2s2: 'never' }, outcomes)).toEqual({ answered: 2, right: 1 });
    expect(scoreOf({ k3s2: 'equal', k4s2: 'weights', k2s2: 'weights' }, outcomes)).toEqual({
      answered: 3,
      right: 3,
    });
  });

  it('have a reason each', () => {
    const [three, four, two] = questions;
    if (!three || !four || !two) throw new Error('three questions');
    expect(because(three, 'equal')).toMatch(/^2 does not divide 3/);
    expect(because(four, 'weights')).toMatch(/collects as many stamps/);
    expect(because(two, 'weights')).toMatch(/^No two stamps touch, and a pattern all the same/);
  });

  it('come back from what was kept, and from nothing else', () => {
    expect(readAnswers('{"k3s2":"equal","k2s2":"never"}')).toEqual({ k3s2: 'equal', k2s2: 'never' });
    for (const text of [null, '', '{', '[]', 'null', '1', '{"k3s2":"maybe","k9s9":"never","__proto__":1}']) {
      expect(readAnswers(text)).toEqual({});
    }
  });
});

describe('kernel 2, stride 2', () => {
  it('is a step of its own: even, no overlap, and random weights', () => {
    const there = withNoOverlap(withKind(withLayer(opening, { axes: 1, groups: 2 }), 'subpixel'));
    expect(there).toMatchObject({ kind: 'transposed', fill: 'random', layer: { axes: 2, ...noOverlap } });
    expect(hasNoOverlap(there.layer)).toBe(true);
    expect(hasNoOverlap(opening.layer)).toBe(false);
    expect(hasNoOverlap({ ...opening.layer, kernel: 1, stride: 1 })).toBe(false);
    expect(overlapView(there.layer)).toMatchObject({
      verdict: 'Even: 1 on every cell.',
      phases: [1, 1],
      text: expect.stringContaining('stamps lie side by side'),
    });
  });
});
