import { useSignalEffect } from '@preact/signals';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type GridBox, placeOfStamp, stampTaps } from '../../model/board';
import { swatch } from '../../model/colour';
import { reach } from '../../model/geometry';
import { theme } from '../../store';
import { InCell } from '../../view/in-cell';
import { colourLimit, frame, type Stamped, stampingStep } from './film';

/** The stamp between the input and the output. Its contents change once a step, its place every frame. */
export function Flight({ picture }: { picture: Stamped }) {
  const stamp = useRef<HTMLDivElement>(null);
  const boxes = useBoxes(stamp, picture);
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

  if (stampingStep.value === null || !boxes) return <div ref={stamp} hidden />;
  const values = picture.result.stamps[stampingStep.value] ?? new Float32Array();
  const { pitch, gap } = boxes.output;
  const lines = reach(spec);
  return (
    <div
      ref={stamp}
      class={spec.dilation === 1 ? 'flying is-solid' : 'flying'}
      aria-hidden="true"
      style={{
        gridTemplate: `repeat(${spec.axes === 1 ? 1 : lines}, ${pitch - gap}px) / repeat(${lines}, ${pitch - gap}px)`,
        gap: `${gap}px`,
        fontSize: `${(pitch - gap) * 0.34}px`,
      }}
    >
      {stampTaps(spec, values, stampingStep.value).map(({ tap, value, cropped }) => {
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
      })}
    </div>
  );
}

interface Boxes {
  readonly input: GridBox;
  readonly output: GridBox;
}

/** The two grids as they lie on the board now, measured again whenever the layout changes. */
function useBoxes(inside: { current: HTMLElement | null }, picture: Stamped): Boxes | null {
  const [boxes, setBoxes] = useState<Boxes | null>(null);
  useLayoutEffect(() => {
    const board = inside.current?.parentElement;
    const input = board?.querySelector<HTMLElement>('.input-figure .cell-grid');
    const output = board?.querySelector<HTMLElement>('.drawn');
    if (!board || !input || !output) return;
    const measure = () => {
      const origin = board.getBoundingClientRect();
      setBoxes({ input: boxOf(input, origin), output: boxOf(output, origin) });
    };
    const observer = new ResizeObserver(measure);
    for (const element of [board, input, output]) observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [picture.request.spec]);
  return boxes;
}

function boxOf(grid: HTMLElement, origin: DOMRect): GridBox {
  const { left, top, width } = grid.getBoundingClientRect();
  const style = getComputedStyle(grid);
  const gap = Number.parseFloat(style.columnGap) || 0;
  const columns = Number(style.getPropertyValue('--columns'));
  return { left: left - origin.left, top: top - origin.top, pitch: (width + gap) / columns, gap };
}
