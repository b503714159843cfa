import { type ComponentChildren, Fragment } from 'preact';
import { useMemo } from 'preact/hooks';
import type { TracedInput, TracedStep, TraceResult } from '../../engine/protocol';
import { short } from '../../model/curve';
import { type LaneRow, lanesOf } from '../../model/lanes';
import { MEAN } from '../../model/network-state';
import { count, milliseconds } from '../../model/numbers';
import type { Excerpt, Planes } from '../../model/picture';
import { paintSequential } from '../../model/sequential';
import { theme } from '../../store';
import { Choice } from '../../view/choice';
import { PixelCanvas } from '../../view/pixel-canvas';
import { Slider } from '../../view/slider';
import { LaneGutter } from './lane-gutter';
import { channel, openLayer, pictures, showChannel } from './network-run';
import { excerptText, levelText, partOf, skipText } from './network-words';

/** Lanes that are drawn beside the steps; of more, the words still tell. */
const MOST_LANES = 8;
/** Rows of a list that stands in the page as long as it is. */
const MOST_ROWS = 24;

/** A network as a line of what it computes, each step with its picture, its pattern and what it skips to. */
export function NetworkSteps({ found }: { found: TraceResult }) {
  const { inputs, steps } = found;
  const rows = useMemo(
    () => lanesOf([...inputs.map(() => []), ...steps.map(({ takes }) => takes)], MOST_LANES),
    [inputs, steps],
  );
  const rowAt = (place: number) => rows[place] as LaneRow;
  return (
    <>
      <Channel most={Math.max(...steps.map(({ channels }) => channels))} />
      <ScrolledIf isLong={rows.length > MOST_ROWS}>
        <ol class="network-steps" aria-label="Steps of the network">
          {inputs.map((input, place) => (
            <Given key={input.name} input={input} row={rowAt(place)} />
          ))}
          {steps.map((step, index) => (
            <Step
              key={`${index} ${step.names[0]}`}
              step={step}
              found={found}
              place={inputs.length + index}
              row={rowAt(inputs.length + index)}
            />
          ))}
        </ol>
      </ScrolledIf>
    </>
  );
}

/** A long list scrolls by itself, so that the output is not far below it. */
function ScrolledIf({ isLong, children }: { isLong: boolean; children: ComponentChildren }) {
  if (!isLong) return <>{children}</>;
  return (
    // biome-ignore lint/a11y: what scrolls has to be reached by keyboard, and to be named then
    <div role="group" class="network-scroll" aria-label="Steps of the network, to scroll" tabIndex={0}>
      {children}
    </div>
  );
}

/** What the pictures of all steps show. */
function Channel({ most }: { most: number }) {
  const which = channel.value;
  return (
    <div class="network-choice">
      <Choice
        legend="Pictures of the steps show"
        name="network-channel"
        options={[
          { value: 'mean', label: 'Mean of channels' },
          { value: 'one', label: 'One channel' },
        ]}
        value={which === MEAN ? 'mean' : 'one'}
        onChoose={(what) => showChannel(what === 'mean' ? MEAN : 0)}
      />
      {which !== MEAN && (
        <Slider label="Channel" value={which} min={0} max={most - 1} onInput={showChannel} />
      )}
    </div>
  );
}

function Given({ input: { name, shape, picture }, row }: { input: TracedInput; row: LaneRow }) {
  return (
    <li>
      <LaneGutter row={row} />
      <Thumbnail planes={picture} />
      <div class="step-words">
        <b>{name}</b>
        <span class="size">Input</span>
        <span class="size">{shape.slice(1).join(' × ')}</span>
        <Part planes={picture} />
      </div>
    </li>
  );
}

interface StepProps {
  readonly step: TracedStep;
  readonly found: TraceResult;
  readonly place: number;
  readonly row: LaneRow;
}

function Step({ step, found, place, row }: StepProps) {
  const { names, types, shape, level, layers, channels } = step;
  const skips = skipText(found, place);
  const own = layers.map((place) => found.layers[place]);
  const isCulprit = own.some((layer) => layer?.name === found.culprit);
  return (
    <li class={isCulprit ? 'is-culprit' : ''} data-step={names[0]}>
      <LaneGutter row={row} />
      <StepPicture index={place - found.inputs.length} />
      <div class="step-words">
        <b>{names[0]}</b>
        <span class="size">{types.join(', ')}</span>
        <span class="size">{`${shape.slice(1).join(' × ')}, ${milliseconds(step.milliseconds)}`}</span>
        <StepPart index={place - found.inputs.length} />
        {skips && <span>{skips}</span>}
        {channel.value >= channels && (
          <span class="size">{`Mean: it has ${count(channels, 'channel')}`}</span>
        )}
      </div>
      <div class="step-pattern">
        {level !== null && (
          <>
            <span class="strength" aria-hidden="true">
              <span style={{ width: `${100 * Math.min(Math.max(1 + level / 60, 0), 1)}%` }} />
            </span>
            <span>{`Pattern ${levelText(level)}`}</span>
          </>
        )}
        {own.map(
          (layer) =>
            // A resize has no kernels, and U of none.
            layer &&
            layer.kind !== 'resize' && (
              <Fragment key={layer.name}>
                <span>
                  <i>U</i> <b>{short(layer.unevenness)}</b>
                  {layer.name === found.culprit &&
                    {
                      all: ' draws most of it',
                      most: ' draws more of it than any other',
                      part: ' draws part of it',
                    }[partOf(layer, found.layers)]}
                </span>
                <button type="button" class="button" onClick={() => void openLayer(found, layer.name)}>
                  Kernels of {layer.name}
                </button>
              </Fragment>
            ),
        )}
      </div>
    </li>
  );
}

/** Alone is drawn anew when the pictures come, and not the whole list. */
function StepPicture({ index }: { index: number }) {
  return <Thumbnail planes={pictures.value?.[index] ?? null} />;
}

function StepPart({ index }: { index: number }) {
  return <Part planes={pictures.value?.[index] ?? null} />;
}

/** Says so where a picture shows not all of its value. */
function Part({ planes }: { planes: Excerpt | null }) {
  const text = planes && isDrawn(planes) ? excerptText(planes) : '';
  return text === '' ? null : <span class="size">{text}</span>;
}

/** A single place has no look. */
const isDrawn = ({ width, height }: Planes) => width * height > 1;

/** A line stands a few pixels high, so that it can be seen. */
const LINE = 12;

/** Nothing where nothing is known yet. */
function Thumbnail({ planes }: { planes: Planes | null }) {
  if (planes === null || !isDrawn(planes)) return <span />;
  return <Painted planes={planes} />;
}

function Painted({ planes }: { planes: Planes }) {
  const paint = theme.value;
  const { width, height, data } = planes;
  const rows = height > 1 ? height : LINE;
  const bytes = useMemo(() => {
    const plane = data.subarray(0, width * height);
    const [lowest, highest] = [Math.min(...plane), Math.max(...plane)];
    const all = new Uint8ClampedArray(4 * width * rows);
    for (let i = 0; i < width * rows; i++) {
      const value = plane[height > 1 ? i : i % width] ?? 0;
      paintSequential(all, i, (value - lowest) / (highest - lowest || 1), paint);
    }
    return all;
  }, [planes, paint]);
  return <PixelCanvas width={width} height={rows} bytes={bytes} label="" />;
}
