import type { LaneRow } from '../../model/lanes';

/** Pixels down to where a row's step is; a curve's height and the dot's radius. */
const [MIDDLE, BEND, DOT] = [24, 14, 5];
/** Pixels between two lanes: many take no more of a narrow screen than a few. */
const pitchOf = (lanes: number) => (lanes > 5 ? 8 : 12);

/** A row's part of the line and of the lanes beside it. Rows may be of any height: what is below stretches. */
export function LaneGutter({ row: { up, down, cells } }: { row: LaneRow }) {
  const pitch = pitchOf(cells.length);
  const line = pitch * cells.length + DOT + 2;
  const laneAt = (lane: number) => pitch * (cells.length - lane - 1) + 4;
  return (
    <svg class="lanes" aria-hidden="true" width={line + DOT + 2}>
      {up && <line x1={line} x2={line} y1="0" y2={MIDDLE} />}
      {down && <line x1={line} x2={line} y1={MIDDLE} y2="100%" />}
      {cells.map((cell, lane) => {
        if (cell === null) return null;
        const x = laneAt(lane);
        const bend = (from: number) => `M${x} ${from}C${x} ${MIDDLE} ${x} ${MIDDLE} ${line} ${MIDDLE}`;
        const straightFrom = cell.up ? 0 : MIDDLE + BEND;
        const straightTo = cell.down ? '100%' : MIDDLE - BEND;
        return (
          <g class="skip" key={lane}>
            <line x1={x} x2={x} y1={straightFrom} y2={straightTo} />
            {cell.meets && <path d={bend(cell.up ? MIDDLE - BEND : MIDDLE + BEND)} />}
          </g>
        );
      })}
      <circle cx={line} cy={MIDDLE} r={DOT} />
    </svg>
  );
}
