import { describe, expect, it } from 'vitest';
import { type LaneCell, lanesOf, skippedTo } from '../../web/demo/src/model/lanes';

const letter = (cell: LaneCell | null) => {
  if (cell === null) return '.';
  if (!cell.meets) return '|';
  return cell.up ? (cell.down ? '+' : 'J') : 'T';
};
/** Every row in a line: what leaves for a lane, passes, is taken on the way, is taken last. */
const drawn = (takes: readonly (readonly number[])[], most = 8) =>
  lanesOf(takes, most).map(({ cells }) => cells.map(letter).join(''));

describe('lanes beside the steps', () => {
  it('are not there for steps that each take the one before', () => {
    const rows = lanesOf([[], [0], [1]], 8);
    expect(rows.map(({ up, down }) => [up, down])).toEqual([
      [false, true],
      [true, true],
      [true, false],
    ]);
    expect(rows.every(({ cells }) => cells.length === 0)).toBe(true);
  });

  it('go past the rows of a residual, and are used again behind it', () => {
    expect(drawn([[], [0], [1], [2, 0], [3], [4, 3]])).toEqual(['T.', '|.', '|.', 'JT', '.|', '.J']);
    expect(drawn([[], [0], [1, 0], [2], [3], [4, 3]])).toEqual(['T', '|', 'J', 'T', '|', 'J']);
  });

  it('lie in each other for a U', () => {
    expect(drawn([[], [0], [1], [2], [3, 1], [4, 0]])).toEqual(['T.', '|T', '||', '||', '|J', 'J.']);
  });

  it('branch where several take the same, and leave the line where a step does not take the one before', () => {
    const takes = [[], [0], [0], [0, 1, 2]];
    expect(drawn(takes)).toEqual(['T.', '|T', '+|', 'JJ']);
    const rows = lanesOf(takes, 8);
    expect(rows.map(({ up }) => up)).toEqual([false, true, false, true]);
    expect(rows.map(({ down }) => down)).toEqual([true, false, true, false]);
    expect(skippedTo(takes[3] as number[], 3)).toEqual([0, 1]);
  });

  it('leave out what finds none free', () => {
    expect(drawn([[], [0], [1], [2], [3, 1], [4, 0]], 1)).toEqual(['T', '|', '|', '|', '|', 'J']);
  });
});
