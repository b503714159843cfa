import { useSignalEffect } from '@preact/signals';
import type { CSSProperties } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type GridBox, placeOfStamp, stampTaps } from '../../model/board';
import { swatch } from '../../model/colour';
import { type LayerSpec, reach } from '../../model/geometry';
import { theme } from '../../store';
import { InCell } from '../../view/in-cell';
import { colourLimit, frame, type Stamped, stampingStep } from './film';
import { boxOf, gridsOf, useFollow } from './grids';

/** The stamp between the input and the output. Its contents change once a step, its place every frame. */
export function Flight({ picture }: { picture: Stamped }) {
  const sky = useRef<HTMLDivElement>(null);
  const stamp = useRef<HTMLDivElement>(null);
  useFollow(sky);
  const boxes = useBoxes(sky, picture);
  const { spec } = picture.request;

  const place = () => {
    const flight = frame.value.flight;
    if (!stamp.current || !flight || !boxes) return;
    const { x, y, scale } = placeOfStamp(spec, flight, boxes.input, boxes.output);
    const style = stamp.current.style;
    style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    style.opacity = String(flight.opacity);
    style.setProperty('--height', String(flight.height));
  };
  useSignalEffect(place);
  useLayoutEffect(place);

  const step = stampingStep.value;
  return (
    <div class="sky" ref={sky} aria-hidden="true">
      {step !== null && boxes && (
        <div
          ref={stamp}
          class={spec.dilation === 1 ? 'flying is-solid' : 'flying'}
          style={grid(spec, boxes.output)}
        >
          {stampTaps(spec, picture.result.stamps[step] ?? new Float32Array(), step).map(
            ({ tap, value, cropped }) => {
              const { paint, ink } = swatch(value, colourLimit.value, theme.value);
              return (
                <span
                  key={`${tap.row},${tap.column}`}
                  class={cropped ? 'is-cropped' : ''}
                  style={{
                    background: paint,
                    color: ink,
                    gridRow: tap.row * spec.dilation + 1,
                    gridColumn: tap.column * spec.dilation + 1,
                  }}
                >
                  <InCell value={value} />
                </span>
              );
            },
          )}
        </div>
      )}
    </div>
  );
}

function grid(spec: LayerSpec, { pitch, gap }: GridBox): CSSProperties {
  const [lines, side] = [reach(spec), pitch - gap];
  return {
    gridTemplate: `repeat(${spec.axes === 1 ? 1 : lines}, ${side}px) / repeat(${lines}, ${side}px)`,
    gap: `${gap}px`,
    fontSize: `${side * 0.34}px`,
  };
}

interface Boxes {
  readonly input: GridBox;
  readonly output: GridBox;
}

/** The two grids as they lie under the sky now, measured again whenever the layout changes or one of them scrolls. */
function useBoxes(sky: { current: HTMLElement | null }, picture: Stamped): Boxes | null {
  const [boxes, setBoxes] = useState<Boxes | null>(null);
  useLayoutEffect(() => {
    const over = sky.current;
    const board = over?.parentElement;
    if (!over || !board) return;
    const { input, output } = gridsOf(board);
    if (!input || !output) return;
    const measure = () => {
      const origin = over.getBoundingClientRect();
      setBoxes({ input: boxOf(input, origin), output: boxOf(output, origin) });
    };
    const observer = new ResizeObserver(measure);
    for (const element of [board, input, output]) observer.observe(element);
    // What scrolls is inside the board, and tells only who listens on the way down.
    const listening = { capture: true, passive: true };
    board.addEventListener('scroll', measure, listening);
    measure();
    return () => {
      observer.disconnect();
      board.removeEventListener('scroll', measure, listening);
    };
  }, [picture.request.spec]);
  return boxes;
}
