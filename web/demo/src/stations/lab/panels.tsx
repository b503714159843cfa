import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Report } from '../../engine/protocol';
import { lensMoved, lensZooms, pixelAt, pixelText, placeAt, shownSize } from '../../model/lens';
import { summary, toBytes } from '../../model/levels';
import { count, milliseconds, percent, plain } from '../../model/numbers';
import { state } from '../../store';
import { LiveRegion } from '../../view/live-region';
import { PixelCanvas } from '../../view/pixel-canvas';
import { type Developed, lens, lensLifted, levels } from './lab-run';
import { Lens } from './lens';

interface Planar {
  readonly channels: number;
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** Input, transposed convolution, and resize then convolution, under one magnifier. */
export function Panels({ developed }: { developed: Developed }) {
  const { picture, stride, result } = developed;
  const frame = useRef<HTMLDivElement>(null);
  const available = usePanelWidth(frame);
  const { scale, smoothed } = shownSize(picture.width * stride, available, devicePixelRatio);
  const size = {
    width: picture.width * stride * scale,
    height: picture.height * stride * scale,
    smoothed,
  };
  const zoom = lensZooms(stride, 18);

  const onKeyDown = (event: KeyboardEvent) => {
    const next = lensMoved(lens.value, event.key, event.shiftKey, picture.width, picture.height);
    if (!next) return;
    event.preventDefault();
    lensLifted.value = false;
    lens.value = next;
  };

  return (
    <>
      <div
        class="panels"
        ref={frame}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys, here the arrows
        tabIndex={0}
        role="application"
        aria-label="Three pictures under one magnifier. Arrow keys move it, with Shift faster."
        onKeyDown={onKeyDown}
      >
        <Panel title="Input" name="input" picture={picture} size={size} zoom={zoom.input}>
          <p class="layer-name">{picture.name}</p>
        </Panel>
        <Panel title="Transposed convolution" name="raw" picture={result.raw} size={size} zoom={zoom.output}>
          <Ran report={result.rawReport} />
        </Panel>
        <Panel
          title="Resize, then convolution"
          name="resized"
          picture={result.resized}
          size={size}
          zoom={zoom.output}
        >
          <Ran report={result.resizedReport} />
        </Panel>
      </div>
      <Rules smoothed={smoothed} />
      <LiveRegion text={spoken(developed)} pace={700} />
    </>
  );
}

interface PanelProps {
  title: string;
  name: string;
  picture: Planar;
  size: { width: number; height: number; smoothed: boolean };
  zoom: number;
  children: ComponentChildren;
}

function Panel({ title, name, picture, size, zoom, children }: PanelProps) {
  const shown = levels.value;
  const bytes = useMemo(() => toBytes(picture, shown), [picture, shown.black, shown.white]);
  const range = useMemo(() => summary(picture, shown), [picture, shown.black, shown.white]);
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    lensLifted.value = event.pointerType === 'touch';
    lens.value = placeAt(event.clientX - box.left, event.clientY - box.top, box.width, box.height);
  };
  return (
    <figure class="panel" data-panel={name}>
      <figcaption>
        <b>{title}</b> <span class="size">{`${picture.width} \u00d7 ${picture.height}`}</span>
      </figcaption>
      <div
        class="picture"
        style={{ width: `${size.width}px`, height: `${size.height}px` }}
        onPointerMove={point}
        onPointerDown={point}
      >
        <PixelCanvas
          class={size.smoothed ? 'is-smoothed' : ''}
          label={`${title}: values from ${plain(range.lowest)} to ${plain(range.highest)}`}
          width={picture.width}
          height={picture.height}
          bytes={bytes}
        />
        <Lens picture={picture} bytes={bytes} zoom={zoom} size={size} />
      </div>
      <div class="panel-notes">
        <p class="under-lens">
          <Under picture={picture} />
        </p>
        <p>
          Values {plain(range.lowest)} to {plain(range.highest)}
          {range.clipped > 0 && <>, {percent(range.clipped)} clipped</>}
        </p>
        {children}
      </div>
    </figure>
  );
}

/** The value of the pixel in the middle of the lens. */
function Under({ picture }: { picture: Planar }) {
  const { x, y } = pixelAt(lens.value, picture.width, picture.height);
  return (
    <>
      Pixel {x}, {y}: <b>{pixelText(picture, x, y)}</b>
    </>
  );
}

/** What ran, layer by layer, as the package tells it. */
function Ran({ report }: { report: Report }) {
  return (
    <>
      {report.plans[0] && (
        <p>
          <b>{milliseconds(report.milliseconds)}</b>, {report.plans[0].build},{' '}
          {count(report.plans[0].threads, 'thread')}
        </p>
      )}
      {report.layers.map((layer, i) => (
        <div class="ran" key={layer}>
          <p class="layer-name">{layer}</p>
          <p>
            {report.plans[i]?.route}: {report.plans[i]?.reason}
          </p>
        </div>
      ))}
    </>
  );
}

function Rules({ smoothed }: { smoothed: boolean }) {
  const unit = state.value.lab.levels === 'unit';
  const { black, white } = levels.value;
  return (
    <p class="rules">
      All three panels follow one rule:{' '}
      {unit
        ? 'value 0 is black, 1 is white, and what lies outside is clipped.'
        : `the lowest value of the three, ${plain(black)}, is black, and the highest, ${plain(white)}, is white.`}{' '}
      The weights are scaled so that a flat picture keeps its mean. Each colour channel is one sample of a
      batch of three, so all channels meet the same kernel.
      {smoothed && ' The panels are smoothed to fit; the magnifier shows true pixels.'}
    </p>
  );
}

function spoken({ picture, result }: Developed): string {
  return [
    ['input', picture],
    ['transposed convolution', result.raw],
    ['resize then convolution', result.resized],
  ]
    .map(([name, planes]) => {
      const { x, y } = pixelAt(lens.value, (planes as Planar).width, (planes as Planar).height);
      return `${name as string}: ${pixelText(planes as Planar, x, y)}`;
    })
    .join('; ');
}

/** Width of one panel's column. */
function usePanelWidth(frame: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const panel = frame.current?.querySelector('.panel');
    if (!panel) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    observer.observe(panel);
    setWidth(panel.clientWidth);
    return () => observer.disconnect();
  }, []);
  return width || 320;
}
