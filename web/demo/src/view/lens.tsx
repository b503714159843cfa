import { useSignalEffect } from '@preact/signals';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { lensCorner, lensSideFor, lensWindow } from '../model/lens';
import type { Magnifier } from './magnifier';

interface Props {
  of: Magnifier;
  picture: { readonly width: number; readonly height: number };
  bytes: Uint8ClampedArray<ArrayBuffer>;
  /** Screen pixels a picture pixel. */
  zoom: number;
  size: { readonly width: number; readonly height: number };
}

/** True pixels of one picture around the place that all lenses share; the middle one is framed. */
export function Lens({ of, picture, bytes, zoom, size }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = picture;
  const lensSide = lensSideFor(size.width);
  // The lens reads from its own copy, because the panel's canvas may be drawn after it.
  const source = useMemo(() => {
    const copy = new OffscreenCanvas(width, height);
    copy.getContext('2d')?.putImageData(new ImageData(bytes, width, height), 0, 0);
    return copy;
  }, [bytes, width, height]);

  const draw = () => {
    const place = of.place.value;
    const lifted = of.lifted.value;
    const target = canvas.current;
    const context = target?.getContext('2d');
    if (!target || !context) return;
    const density = target.width / lensSide;
    const { left, top, side } = lensWindow(place, width, height, lensSide, zoom);
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, target.width, target.height);
    context.drawImage(source, left, top, side, side, 0, 0, target.width, target.height);
    // A black and a white line around the middle pixel: one of them shows on any picture.
    for (const [colour, out] of [
      ['#000', 1.5],
      ['#fff', 0.5],
    ] as const) {
      context.lineWidth = density;
      context.strokeStyle = colour;
      const edge = ((lensSide - zoom) / 2 - out) * density;
      context.strokeRect(edge, edge, (zoom + 2 * out) * density, (zoom + 2 * out) * density);
    }
    const corner = lensCorner(place, size.width, size.height, lensSide, lifted);
    target.style.transform = `translate(${corner.x}px, ${corner.y}px)`;
  };
  useSignalEffect(draw);
  useLayoutEffect(draw);

  const density = Math.ceil(devicePixelRatio);
  return (
    <canvas
      ref={canvas}
      class="lens"
      style={{ width: `${lensSide}px`, height: `${lensSide}px` }}
      width={lensSide * density}
      height={lensSide * density}
    />
  );
}
