import { useMemo, useRef, useState } from 'preact/hooks';
import type { TraceResult } from '../../engine/protocol';
import { diverging, largestMagnitude, type Theme } from '../../model/colour';
import { short } from '../../model/curve';
import { shownSize } from '../../model/lens';
import type { Planes } from '../../model/picture';
import { theme } from '../../store';
import {
  MagnifiedPicture,
  makeMagnifier,
  UnderLens,
  UnderOneLens,
  useColumnWidth,
} from '../../view/magnifier';
import { ValuesAround } from '../../view/values-around';
import { excerptText } from './network-words';

const magnifier = makeMagnifier();
/** Screen pixels a pixel under the magnifier. */
const ZOOM = 9;

interface Shown {
  readonly title: string;
  readonly planes: Planes;
  readonly bytes: Uint8ClampedArray<ArrayBuffer>;
  readonly label: string;
}

/** The output as it is, repaired, and how they differ, under one magnifier. */
export function NetworkOutputs({ found: { before, repair: made } }: { found: TraceResult }) {
  const paint = theme.value;
  const frame = useRef<HTMLDivElement>(null);
  const pictures = useMemo(() => {
    const range = rangeOf(before.data);
    const own = (title: string, planes: Planes): Shown => ({
      title,
      planes,
      bytes: painted(planes, range),
      label: `Output of the network, ${title.toLowerCase()}: values from ${short(range[0])} to ${short(range[1])}`,
    });
    if (!made) return [own('As it is', before)];
    return [own('As it is', before), own('Repaired', made.after), difference(before, made.after, paint)];
  }, [before, made, paint]);
  const available = useColumnWidth(frame, 'figure', pictures.length);
  const { scale, smoothed } = shownSize(before.width, available, devicePixelRatio);
  const [open, setOpen] = useState(false);
  const part = excerptText(before);
  return (
    <>
      <UnderOneLens
        of={magnifier}
        steps={before}
        count={pictures.length}
        class="network-outputs"
        frame={frame}
      >
        {pictures.map(({ title, planes, bytes, label }) => (
          <figure key={title}>
            <figcaption>{title}</figcaption>
            {part !== '' && <p class="model-note">{part}</p>}
            <MagnifiedPicture
              of={magnifier}
              picture={planes}
              bytes={bytes}
              label={label}
              pixel={scale}
              zoom={ZOOM}
              smoothed={smoothed}
            />
            <UnderLens of={magnifier} picture={planes} />
          </figure>
        ))}
      </UnderOneLens>
      <details class="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>As a table</summary>
        {open && (
          <div class="tables-beside">
            {pictures.map(({ title, planes }) => (
              <ValuesAround of={magnifier} title={title} picture={planes} key={title} />
            ))}
          </div>
        )}
      </details>
    </>
  );
}

/** What the repair changes, of the first channel in colour and of all in numbers. */
function difference(before: Planes, after: Planes, paint: Theme): Shown {
  const { width, height, channels } = before;
  const data = before.data.map((value, index) => (after.data[index] ?? 0) - value);
  const largest = largestMagnitude([data]);
  const bytes = new Uint8ClampedArray(4 * width * height);
  for (let i = 0; i < width * height; i++) {
    bytes.set([...diverging(data[i] ?? 0, largest, paint), 255], 4 * i);
  }
  return {
    title: `Difference, up to ${short(largest)}`,
    planes: { width, height, channels, data },
    bytes,
    label: `Difference of the outputs, up to ${short(largest)}: blue is lighter after the repair, ochre darker`,
  };
}

function rangeOf(data: Float32Array): readonly [number, number] {
  return data.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

/** Three channels are colours, any other number is one grey. */
function painted({ channels, width, height, data }: Planes, [low, high]: readonly [number, number]) {
  const area = width * height;
  const bytes = new Uint8ClampedArray(4 * area).fill(255);
  for (let i = 0; i < area; i++) {
    for (let colour = 0; colour < 3; colour++) {
      const value = data[(channels === 3 ? colour * area : 0) + i] ?? 0;
      bytes[4 * i + colour] = (255 * (value - low)) / (high - low || 1);
    }
  }
  return bytes;
}
