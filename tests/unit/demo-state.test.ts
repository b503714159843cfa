import { describe, expect, it } from 'vitest';
import { seedRange } from '../../web/demo/src/model/layer-state';
import {
  opening,
  type State,
  withDrawn,
  withFill,
  withInput,
  withInputCell,
  withKind,
  withLayer,
  withMove,
  withRandom,
  withTap,
} from '../../web/demo/src/model/state';
import { innerCounts, innerIsFlat, story } from '../../web/demo/src/model/story';

/** Scatter on a square, without any of the page's own arithmetic. */
function output({ layer, input, weights }: State): Float32Array {
  const { size, kernel, stride, padding, outputPadding, dilation } = layer;
  const side = (size - 1) * stride + dilation * (kernel - 1) + 1 + outputPadding - 2 * padding;
  const sums = new Float32Array(side * side);
  input.forEach((x, i) => {
    weights.forEach((w, t) => {
      const row = Math.floor(i / size) * stride + Math.floor(t / kernel) * dilation - padding;
      const column = (i % size) * stride + (t % kernel) * dilation - padding;
      if (row < 0 || column < 0 || row >= side || column >= side) return;
      sums[row * side + column] = (sums[row * side + column] ?? 0) + x * w;
    });
  });
  return sums;
}

const tell = (state: State, sawItGo = false) =>
  story({ spec: state.layer, kind: state.kind, input: state.input, output: output(state), sawItGo });

describe('the state', () => {
  it('is plain data', () => {
    expect(JSON.parse(JSON.stringify(opening))).toEqual(opening);
  });

  it('keeps input and kernel as large as the layer says', () => {
    const changed = withLayer(opening, { size: 5, kernel: 4 });
    expect(changed.input).toHaveLength(25);
    expect(changed.weights).toHaveLength(16);
    expect(opening.input).toHaveLength(9);
  });

  it('keeps what a person typed when the size changes', () => {
    const typed = withInputCell(withTap(opening, 4, 0.5), 0, 7);
    const larger = withLayer(typed, { size: 4, kernel: 4 });
    expect(larger.input[0]).toBe(7);
    expect(larger.weights[5]).toBe(0.5);
    expect(larger.fill).toBe('own');
  });

  it('takes an edit of what is drawn, unless the layer is another one by then', () => {
    const drawn = { spec: opening.layer, kind: opening.kind };
    const type = (state: State) => withInputCell(state, 8, 7);
    expect(withDrawn(opening, drawn, type).input[8]).toBe(7);
    // A layer that is the same need not be the same object, as a link reads it.
    expect(withDrawn({ ...opening, layer: { ...opening.layer } }, drawn, type).input[8]).toBe(7);
    const smaller = withLayer(opening, { size: 2 });
    expect(withDrawn(smaller, drawn, type)).toBe(smaller);
    const made = withKind(opening, 'subpixel');
    expect(withDrawn(made, drawn, type)).toBe(made);
  });

  it('draws the seed first and another at every further press, none that a link cannot hold', () => {
    const once = withRandom(opening);
    expect([once.fill, once.seed]).toEqual(['random', opening.seed]);
    expect(withRandom(once).seed).toBe(opening.seed + 1);
    expect(withRandom({ ...once, seed: seedRange.max }).seed).toBe(seedRange.min);
  });

  it('draws the same random weights for the same seed, none zero, within one', () => {
    const first = withFill(opening, 'random', 7).weights;
    expect(withFill(opening, 'random', 7).weights).toEqual(first);
    expect(withFill(opening, 'random', 8).weights).not.toEqual(first);
    for (let seed = 0; seed < 50; seed++) {
      for (const tap of withFill(opening, 'random', seed).weights) {
        expect(Math.abs(tap)).toBeGreaterThanOrEqual(0.1);
        expect(Math.abs(tap)).toBeLessThanOrEqual(1);
      }
    }
  });
});

describe('the story', () => {
  it('runs from the pattern to its cure, to the catch, and back', () => {
    expect(tell(opening)).toMatchObject({ move: 'even-kernel', label: 'Kernel 3 \u2192 4' });
    expect(tell(opening).text).toMatch(/^2 stamps here, 1 there, 4 at the crossings/);

    const even = withMove(opening, tell(opening).move);
    expect(tell(even)).toMatchObject({ verdict: 'The pattern is gone.', move: 'random-weights' });
    expect(tell(even).text).toMatch(/with random weights it is back\. Try it\.$/);

    const random = withMove(even, tell(even).move);
    expect(tell(random, true)).toMatchObject({ verdict: 'And it is back.', move: 'start-over' });
    // Nothing is back for who comes by a link and has seen nothing go.
    const told = { ...tell(random, true), verdict: 'Equal counts, unequal sums.' };
    expect(tell(random)).toEqual(told);
    expect(withMove(random, 'start-over')).toEqual(opening);
  });

  it('says holes where no stamp can land', () => {
    expect(tell(withLayer(opening, { kernel: 4, dilation: 2 })).verdict).toBe('Holes.');
    expect(tell(withLayer(opening, { kernel: 2, stride: 3 })).verdict).toBe('Holes.');
  });

  it('does not blame the weights for a picture that is not flat', () => {
    const ramp = withInput(withLayer(opening, { kernel: 4 }), 'ramp');
    expect(tell(ramp).move).toBe('flat-input');
    expect(tell(withMove(ramp, 'flat-input')).verdict).toBe('The pattern is gone.');
  });

  it('finds bilinear weights flat, though no two rows of them are alike', () => {
    const bilinear = withFill(withLayer(opening, { kernel: 4 }), 'bilinear');
    expect(innerIsFlat(bilinear.layer, output(bilinear))).toBe(true);
    expect(tell(bilinear).verdict).toBe('The pattern is gone.');
  });

  it('has an inside only if the input is large enough', () => {
    expect(innerCounts(opening.layer)).toEqual([1, 2, 4]);
    expect(tell(withLayer(opening, { size: 1, kernel: 4 })).verdict).toBe('All border.');
  });
});
