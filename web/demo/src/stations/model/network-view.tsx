import { Fragment } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { TracedInput, TracedStep, TraceResult } from '../../engine/protocol';
import { diverging, largestMagnitude, paintSequential, type Theme } from '../../model/colour';
import { short } from '../../model/curve';
import { type LaneRow, lanesOf } from '../../model/lanes';
import { shownSize } from '../../model/lens';
import { madeNetworkNames, madeNetworks } from '../../model/made-networks';
import { MEAN } from '../../model/network-state';
import { count, milliseconds, percent } from '../../model/numbers';
import type { OwnKind } from '../../model/own-input';
import type { Planes } from '../../model/picture';
import { testImageNames, testImages } from '../../model/test-images';
import { toneText } from '../../model/voice';
import { state, theme } from '../../store';
import { Choice } from '../../view/choice';
import { LiveRegion } from '../../view/live-region';
import {
  MagnifiedPicture,
  makeMagnifier,
  UnderLens,
  UnderOneLens,
  useColumnWidth,
} from '../../view/magnifier';
import { OpenFile } from '../../view/open-file';
import { PixelCanvas } from '../../view/pixel-canvas';
import { PlayButton } from '../../view/play-button';
import { Slider } from '../../view/slider';
import { LaneGutter } from './lane-gutter';
import {
  chooseInput,
  chooseVoice,
  follow,
  openInput,
  openLayer,
  ownInput,
  ownName,
  pictures,
  progress,
  refused,
  repair,
  runMade,
  runnable,
  runOpened,
  showChannel,
  stopRun,
  traced,
  tracing,
  trainedThere,
} from './network-run';
import { culpritText, levelText, repairText, skipText } from './network-words';
import './network.css';

/** A whole network: what each step gives, which layer draws the grid, and the output repaired. */
export function NetworkView() {
  useEffect(() => follow(), []);
  const found = traced.value;
  const { made } = state.value.network;
  return (
    <div class="network" aria-busy={tracing.value}>
      <p>Run a whole network here, with weights that the page draws:</p>
      <div class="network-choice">
        {madeNetworks.map((which) => (
          <button
            type="button"
            class="button"
            key={which}
            aria-pressed={ownName.value === null && made === which}
            onClick={() => runMade(which)}
          >
            {madeNetworkNames[which]}
          </button>
        ))}
        {trainedThere.value && (
          <button
            type="button"
            class="button"
            aria-pressed={ownName.value === null && made === 'learned'}
            onClick={() => runMade('learned')}
          >
            Trained in station 6
          </button>
        )}
        {runnable.value && (
          <button type="button" class="button" aria-pressed={ownName.value !== null} onClick={runOpened}>
            {`Run ${runnable.value[0]?.name}`}
          </button>
        )}
      </div>
      {made === 'learned' && trainedThere.value === null && (
        <p class="model-note">Station 6 has trained nothing yet.</p>
      )}
      {refused.value && (
        <p class="refusal" role="alert">
          {refused.value}
        </p>
      )}
      {tracing.value && (
        <p class="model-note network-running">
          {`Running it, whole and with each layer repaired${progress.value ? `: ${progress.value.done} of ${progress.value.of}` : ' \u2026'}`}
          <button type="button" class="button" onClick={stopRun}>
            Stop it
          </button>
        </p>
      )}
      {found?.inputs.some(({ takes }) => takes === 'picture') && <PictureInput />}
      {found?.inputs.some(({ takes }) => takes === 'sound') && <SoundInput />}
      {found && <Traced found={found} />}
      <LiveRegion text={found ? `${culpritText(found)} ${repairText(found)}` : ''} pace={300} />
    </div>
  );
}

function PictureInput() {
  const options = testImages.map((value) => ({ value, label: testImageNames[value] }));
  return (
    <div class="network-choice">
      <Choice
        legend="Picture that goes in"
        name="network-picture"
        options={options}
        value={ownInput.value?.kind === 'picture' ? null : state.value.network.picture}
        onChoose={chooseInput}
      />
      <OpenOwn kind="picture" accept="image/*" />
    </div>
  );
}

function SoundInput() {
  return (
    <div class="network-choice">
      <Choice
        legend="Sound that goes in"
        name="network-sound"
        options={[{ value: 'voice', label: 'Generated voice' }]}
        value={ownInput.value?.kind === 'sound' ? null : 'voice'}
        onChoose={chooseVoice}
      />
      <OpenOwn kind="sound" accept="audio/*" />
    </div>
  );
}

function OpenOwn({ kind, accept }: { kind: OwnKind; accept: string }) {
  const own = ownInput.value;
  return (
    <OpenFile
      title={own?.kind === kind ? own.name : `Your own ${kind}`}
      hint="It stays in this page."
      accept={accept}
      onFiles={([file]) => file && void openInput(kind, file)}
    />
  );
}

function Traced({ found }: { found: TraceResult }) {
  const { steps, layers, level } = found;
  const { repaired } = state.value.network;
  const mendable = layers.flatMap(({ fall }, place) => (fall === null ? [] : place));
  const allRepaired = mendable.length > 0 && mendable.every((place) => repaired.includes(place));
  const total = steps.reduce((sum, step) => sum + step.milliseconds, 0);
  return (
    <>
      <p class="network-verdict" data-level={level ?? ''}>
        {culpritText(found)}
      </p>
      <Steps found={found} />
      <p class="model-note">
        {`${steps.length} steps, ${milliseconds(total)} in all. A bar is the pattern's strength against the values themselves, from \u221260 dB to 0.`}
      </p>
      {mendable.length > 0 && (
        <fieldset class="network-repair">
          <legend>Repair</legend>
          {mendable.map((place) => (
            <label key={place}>
              <input
                type="checkbox"
                checked={repaired.includes(place)}
                onChange={({ currentTarget }) =>
                  repair(
                    currentTarget.checked ? [...repaired, place] : repaired.filter((one) => one !== place),
                  )
                }
              />
              {`${layers[place]?.name}: ${percent(Math.max(layers[place]?.share ?? 0, 0))} of the pattern`}
            </label>
          ))}
          {mendable.length > 1 && (
            <button type="button" class="button" onClick={() => repair(allRepaired ? [] : mendable)}>
              {allRepaired ? 'Undo the repair of all' : 'Repair all'}
            </button>
          )}
        </fieldset>
      )}
      <p class="network-after" data-level={found.repair?.level ?? ''}>
        {repairText(found)}
      </p>
      {found.sound ? <Tones sound={found.sound} /> : <Outputs found={found} />}
    </>
  );
}

/** Lanes that are drawn beside the steps; of more, the words still tell. */
const MOST_LANES = 5;

function Steps({ found }: { found: TraceResult }) {
  const { inputs, steps } = found;
  const rows = useMemo(
    () => lanesOf([...inputs.map(() => []), ...steps.map(({ takes }) => takes)], MOST_LANES),
    [inputs, steps],
  );
  const rowAt = (place: number) => rows[place] as LaneRow;
  return (
    <>
      <Channel most={Math.max(...steps.map(({ channels }) => channels))} />
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
            picture={pictures.value?.[index] ?? null}
          />
        ))}
      </ol>
    </>
  );
}

/** What the pictures of all steps show. */
function Channel({ most }: { most: number }) {
  const { channel } = state.value.network;
  return (
    <div class="network-choice">
      <Choice
        legend="Pictures of the steps show"
        name="network-channel"
        options={[
          { value: 'mean', label: 'Mean of channels' },
          { value: 'one', label: 'One channel' },
        ]}
        value={channel === MEAN ? 'mean' : 'one'}
        onChoose={(what) => showChannel(what === 'mean' ? MEAN : 0)}
      />
      {channel !== MEAN && (
        <Slider
          label="Channel"
          value={Math.min(channel, most - 1)}
          min={0}
          max={most - 1}
          onInput={showChannel}
        />
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
      </div>
    </li>
  );
}

interface StepProps {
  readonly step: TracedStep;
  readonly found: TraceResult;
  readonly place: number;
  readonly row: LaneRow;
  readonly picture: Planes | null;
}

function Step({ step, found, place, row, picture }: StepProps) {
  const { names, types, shape, level, layers, channels } = step;
  const skips = skipText(found, place);
  const own = layers.map((place) => found.layers[place]);
  const isCulprit = own.some((layer) => layer?.name === found.culprit);
  return (
    <li class={isCulprit ? 'is-culprit' : ''} data-step={names[0]}>
      <LaneGutter row={row} />
      <Thumbnail planes={picture} />
      <div class="step-words">
        <b>{names[0]}</b>
        <span class="size">{types.join(', ')}</span>
        <span class="size">{`${shape.slice(1).join(' × ')}, ${milliseconds(step.milliseconds)}`}</span>
        {skips && <span>{skips}</span>}
        {state.value.network.channel >= channels && (
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
            layer && (
              <Fragment key={layer.name}>
                <span>
                  <i>U</i> <b>{short(layer.unevenness)}</b>
                  {isCulprit && ' draws most of it'}
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

/** A line stands a few pixels high, so that it can be seen. */
const LINE = 12;

/** Nothing where nothing is known yet, and of a single place, which has no look. */
function Thumbnail({ planes }: { planes: Planes | null }) {
  if (planes === null || planes.width * planes.height === 1) return <span />;
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

const magnifier = makeMagnifier();
/** Screen pixels a pixel under the magnifier. */
const ZOOM = 9;

interface Shown {
  readonly title: string;
  readonly planes: Planes;
  readonly bytes: Uint8ClampedArray<ArrayBuffer>;
  readonly label: string;
}

function Outputs({ found: { before, repair: made } }: { found: TraceResult }) {
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
  return (
    <UnderOneLens of={magnifier} steps={before} count={pictures.length} class="network-outputs" frame={frame}>
      {pictures.map(({ title, planes, bytes, label }) => (
        <figure key={title}>
          <figcaption>{title}</figcaption>
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

function Tones({ sound: { before, after, tones } }: { sound: NonNullable<TraceResult['sound']> }) {
  return (
    <>
      <div class="network-choice">
        <PlayButton samples={before} label="Play as it is" />
        {after && <PlayButton samples={after} label="Play repaired" />}
      </div>
      <table class="tones">
        <caption>Tones of the network, in dB of a full sine</caption>
        <thead>
          <tr>
            <th scope="col">Hz</th>
            <th scope="col">As it is</th>
            <th scope="col">Repaired</th>
          </tr>
        </thead>
        <tbody>
          {tones.map(({ frequency, before, after }) => (
            <tr key={frequency}>
              <th scope="row">{frequency}</th>
              <td data-before={before}>{toneText(before)}</td>
              <td data-after={after ?? ''}>{after === null ? '' : toneText(after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
