import type { CSSProperties } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import './pixel-canvas.css';

interface Props {
  width: number;
  height: number;
  bytes: Uint8ClampedArray<ArrayBuffer>;
  label: string;
  class?: string;
  style?: CSSProperties;
}

/** One canvas pixel a picture pixel; the style sheet enlarges without smoothing. */
export function PixelCanvas(props: Props) {
  const { width, height, bytes, label, style } = props;
  const own = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    own.current?.getContext('2d')?.putImageData(new ImageData(bytes, width, height), 0, 0);
  }, [width, height, bytes]);
  return (
    <canvas
      ref={own}
      class={`pixel-canvas ${props.class ?? ''}`}
      style={style}
      width={width}
      height={height}
      role={label ? 'img' : undefined}
      aria-label={label || undefined}
    />
  );
}
