import { type Signal, signal } from '@preact/signals';
import type { ComponentChildren, Ref } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';
import { lensMoved, type Place, pixelAt, pixelText, placeAt } from '../model/lens';
import type { Planes } from '../model/picture';
import { Lens } from './lens';
import { PixelCanvas } from './pixel-canvas';
import './magnifier.css';

/** One place that the lenses of several pictures share. */
export interface Magnifier {
  readonly place: Signal<Place>;
  /** A finger hides what is under it, so the lens then sits above. */
  readonly lifted: Signal<boolean>;
}

export const makeMagnifier = (): Magnifier => ({
  place: signal({ x: 0.26, y: 0.34 }),
  lifted: signal(false),
});

interface FrameProps {
  of: Magnifier;
  /** Arrow keys go by its pixels. */
  steps: { readonly width: number; readonly height: number };
  count: number;
  class: string;
  frame: Ref<HTMLDivElement>;
  children: ComponentChildren;
}

/** Pictures under one magnifier, which arrow keys move. */
export function UnderOneLens({ of, steps, count, frame, children, ...rest }: FrameProps) {
  const onKeyDown = (event: KeyboardEvent) => {
    const next = lensMoved(of.place.value, event.key, event.shiftKey, steps.width, steps.height);
    if (!next) return;
    event.preventDefault();
    of.lifted.value = false;
    of.place.value = next;
  };
  return (
    <div
      class={rest.class}
      ref={frame}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys, here the arrows
      tabIndex={0}
      role="application"
      aria-label={`${count === 1 ? 'A picture' : `${count} pictures`} under one magnifier. Arrow keys move it, with Shift faster.`}
      onKeyDown={onKeyDown}
    >
      {children}
    </div>
  );
}

interface PictureProps {
  of: Magnifier;
  picture: { readonly width: number; readonly height: number };
  bytes: Uint8ClampedArray<ArrayBuffer>;
  label: string;
  /** Screen pixels a picture pixel, and under the lens. */
  pixel: number;
  zoom: number;
  smoothed: boolean;
}

/** A picture whose magnifier follows the pointer. */
export function MagnifiedPicture({ of, picture, bytes, label, pixel, zoom, smoothed }: PictureProps) {
  const { width, height } = picture;
  const size = { width: width * pixel, height: height * pixel };
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    of.lifted.value = event.pointerType === 'touch';
    of.place.value = placeAt(event.clientX - box.left, event.clientY - box.top, box.width, box.height);
  };
  return (
    <div
      class="picture"
      style={{ width: `${size.width}px`, height: `${size.height}px` }}
      onPointerMove={point}
      onPointerDown={point}
    >
      <PixelCanvas
        class={smoothed ? 'is-smoothed' : ''}
        label={label}
        width={width}
        height={height}
        bytes={bytes}
      />
      <Lens of={of} picture={picture} bytes={bytes} zoom={zoom} size={size} />
    </div>
  );
}

/** The value of the pixel in the middle of the lens. */
export function UnderLens({ of, picture }: { of: Magnifier; picture: Planes }) {
  const { x, y } = pixelAt(of.place.value, picture.width, picture.height);
  return (
    <p class="under-lens">
      Pixel {x}, {y}: <b>{pixelText(picture, x, y)}</b>
    </p>
  );
}

/** Width of the first of several equal columns; it changes with their number. */
export function useColumnWidth(
  frame: { current: HTMLElement | null },
  selector: string,
  columns: number,
): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const column = frame.current?.querySelector(selector);
    if (!column) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    observer.observe(column);
    setWidth(column.clientWidth);
    return () => observer.disconnect();
  }, [selector, columns]);
  return width || 320;
}
