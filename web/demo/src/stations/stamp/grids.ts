import { computed } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';
import { type GridBox, type Stretch, stretchesOfOutput, stretchesOfStamp } from '../../model/board';
import { reducedMotion } from '../../store';
import { atEnd, gathered, gathering, landed, pinned, stamped, stampingStep } from './film';

/** What a stamp flies from and to, as drawn. */
export function gridsOf(board: Element): Record<'input' | 'output', HTMLElement | null> {
  return { input: board.querySelector('.input-figure .cell-grid'), output: board.querySelector('.drawn') };
}

/** A grid as it lies now, from the corner of something else. */
export function boxOf(grid: HTMLElement, origin: DOMRect): GridBox {
  const { left, top, width } = grid.getBoundingClientRect();
  const style = getComputedStyle(grid);
  const gap = Number.parseFloat(style.columnGap) || 0;
  const columns = Number(style.getPropertyValue('--columns'));
  return { left: left - origin.left, top: top - origin.top, pitch: (width + gap) / columns, gap };
}

/** What is to be seen of both grids: the kept output, or else the last step of the film. */
const wanted = computed(() => {
  const spec = stamped.value?.request.spec;
  if (!spec) return null;
  if (pinned.value?.grid === 'output') return stretchesOfOutput(spec, pinned.value.cell.column);
  if (atEnd.value) return null;
  if (gathering.value) return gathered.value && stretchesOfOutput(spec, gathered.value.column);
  const step = stampingStep.value ?? landed.value - 1;
  return step < 0 ? null : stretchesOfStamp(spec, step);
});

/** Scrolls grids that are longer than their boxes to where the film is. */
export function useFollow(sky: { current: HTMLElement | null }): void {
  const now = wanted.value;
  useLayoutEffect(() => {
    const board = sky.current?.parentElement;
    if (!board || !now) return;
    const { input, output } = gridsOf(board);
    follow(input, now.input);
    follow(output, now.output);
  }, [now]);
}

/** Pixels that are left free before a stretch that is longer than its box. */
const EDGE = 4;

/** Where all of a stretch is in its box, nothing moves; else its middle comes to the middle, or its beginning to the edge. */
function follow(grid: HTMLElement | null, { from, to }: Stretch): void {
  const box = grid?.closest('.grid-scroll');
  if (!grid || !box || box.scrollWidth <= box.clientWidth) return;
  const { left, pitch, gap } = boxOf(grid, box.getBoundingClientRect());
  const [begin, end] = [left + from * pitch, left + to * pitch - gap];
  if (begin >= 0 && end <= box.clientWidth) return;
  box.scrollBy({
    left: Math.min((begin + end - box.clientWidth) / 2, begin - EDGE),
    behavior: reducedMotion.peek() ? 'instant' : 'smooth',
  });
}
