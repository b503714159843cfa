import { describe, expect, it } from 'vitest';
import { noHistory, redone, remembered, undone } from '../../web/demo/src/model/history';
import { nextSeed, seedRange } from '../../web/demo/src/model/layer-state';
import { opening, slices, withFill, withLayer, withMove, withTap } from '../../web/demo/src/model/state';
import { decodeState, encodeState } from '../../web/demo/src/model/url-state';
import { change, state, undo } from '../../web/demo/src/store';
import { randomState } from '../support/demo-states';

describe('the link of a state', () => {
  it('brings 200 random states back exactly', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const state = randomState(seed);
      const opened = decodeState(`#${encodeState(state)}`);
      expect(opened.notice, `seed ${seed}`).toBeNull();
      // toStrictEqual tells 0 from -0.
      expect(opened.state, `seed ${seed}`).toStrictEqual(state);
    }
  });

  it('is short: what follows anyway is not said', () => {
    expect(encodeState(opening)).toBe('v1');
    expect(encodeState(withLayer(opening, { kernel: 4 }))).toBe('v1&k=4');
    expect(encodeState(withMove(withLayer(opening, { kernel: 4 }), 'random-weights'))).toBe(
      'v1&k=4&f=random',
    );
    expect(encodeState(withFill(opening, 'random', 7))).toBe('v1&f=random&r=7');
    expect(encodeState(withTap(opening, 1, -0.5))).toBe('v1&f=own&w=1,-.5,1*7');
  });

  it('survives an address, which leaves its characters as they are', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const hash = `#${encodeState(randomState(seed))}`;
      expect(new URL(`https://example.org/a/b/${hash}`).hash).toBe(hash);
    }
  });

  it('survives what writes commas, stars and pluses as an address may', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const state = randomState(seed);
      const hash = encodeState(state).replaceAll(',', '%2C').replaceAll('*', '%2a').replaceAll('+', '%2B');
      expect(decodeState(`#${hash}`)).toEqual({ state, notice: null });
    }
  });

  it('holds every seed that the next button gives', () => {
    expect(nextSeed(1)).toBe(2);
    const last = { ...opening, lab: { ...opening.lab, seed: nextSeed(seedRange.max) } };
    expect(decodeState(`#${encodeState(last)}`)).toEqual({ state: last, notice: null });
  });

  it('has no key twice', () => {
    const keys = slices.flatMap(({ slice }) => slice.fields.map((field) => slice.key + field.key));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('takes no link and the name of a station for the opening', () => {
    for (const hash of ['', '#', '#v1', '#stamp']) {
      expect(decodeState(hash)).toEqual({ state: opening, notice: null });
    }
  });

  it.each([
    '#v0&k=4',
    '#v2',
    '#v99&k=4',
    '#V1',
    '#v1&',
    '#v1&k',
    '#v1&k=',
    '#v1&k=4&k=4',
    '#v1&=4',
    '#v1&k=0',
    '#v1&k=10',
    '#v1&k=4.5',
    '#v1&k=NaN',
    '#v1&k=Infinity',
    '#v1&k=0x4',
    '#v1&k= 4',
    '#v1&k=%34',
    '#v1&k=4&unknown=1',
    '#v1&__proto__=1',
    '#v1&constructor=1',
    '#v1&a=2&g=2',
    '#v1&a=3',
    '#v1&x=1',
    '#v1&x=1*10',
    '#v1&x=1*999999999999',
    '#v1&x=1*-1,1*10',
    '#v1&x=1*9*9',
    '#v1&w=1e999,1*8',
    '#v1&w=,,,,,,,,',
    '#v1&f=constructor',
    '#v1&v=3',
    '#v1&r=-1',
    '#v1&Li=<script>alert(1)</script>',
    `#v1&w=${'1,'.repeat(100_000)}1`,
    `#${'&'.repeat(100_000)}`,
    '#%',
    '#%00%ff',
    '#\ud800',
    '#{"layer":null}',
  ])('says so and opens at the beginning: %.60s', (hash) => {
    const { state, notice } = decodeState(hash);
    expect(notice).toMatch(/The page shows its beginning instead\.$/);
    expect(state).toBe(opening);
  });

  it('never throws, whatever is cut off or changed', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const hash = `#${encodeState(randomState(seed))}`;
      for (let at = 0; at < hash.length; at += 3) {
        for (const broken of [hash.slice(0, at), `${hash.slice(0, at)}*${hash.slice(at + 1)}`]) {
          const { state, notice } = decodeState(broken);
          if (notice !== null) expect(state).toBe(opening);
          // What is taken is a state that a link can be made of again.
          else expect(decodeState(`#${encodeState(state)}`).state).toStrictEqual(state);
        }
      }
    }
  });
});

describe('undo', () => {
  it('goes back over whole drags and forward again', () => {
    let history = remembered<number>(noHistory, 0, 1000);
    history = remembered(history, 1, 1100);
    history = remembered(history, 2, 1200);
    history = remembered(history, 3, 5000);
    const first = undone(history, 4);
    expect(first?.state).toBe(3);
    const second = undone(first?.history ?? noHistory, 3);
    expect(second?.state).toBe(0);
    expect(undone(second?.history ?? noHistory, 0)).toBeNull();
    const again = redone(second?.history ?? noHistory, 0);
    expect(again?.state).toBe(3);
    expect(redone(again?.history ?? noHistory, 3)?.state).toBe(4);
    // A new change leaves nothing to do again.
    expect(redone(remembered(first?.history ?? noHistory, 3, 9000), 9)).toBeNull();
  });

  it('takes back what came by itself, as the end of a training, apart from the changes around it', () => {
    change((s) => withLayer(s, { kernel: 4 }));
    const train = (s: typeof opening) => ({ ...s, learn: { ...s.learn, steps: s.learn.steps + 5 } });
    change(train, train);
    change(train, train);
    change((s) => withLayer(s, { kernel: 5 }));
    const shown = () => [state.peek().layer.kernel, state.peek().learn.steps];
    const seen = [shown()];
    while (shown().join() !== '3,0') {
      undo();
      seen.push(shown());
    }
    expect(seen).toEqual([
      [5, 10],
      [4, 10],
      [4, 5],
      [4, 0],
      [3, 0],
    ]);
  });
});
