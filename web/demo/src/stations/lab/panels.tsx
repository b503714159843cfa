import { useMemo, useRef, useState } from 'preact/hooks';
import type { LabPanel, LabScore, Report } from '../../engine/protocol';
import type { Theme } from '../../model/colour';
import { nextEvenKernel } from '../../model/geometry';
import type { PanelKind } from '../../model/lab-state';
import { lensZooms, pixelAt, pixelText, shownSize } from '../../model/lens';
import { count, milliseconds, percent, plain } from '../../model/numbers';
import { levelText, patternText } from '../../model/phases';
import type { Planes } from '../../model/picture';
import { paintSequential } from '../../model/sequential';
import { theme } from '../../store';
import { LiveRegion } from '../../view/live-region';
import { MagnifiedPicture, UnderLens, UnderOneLens, useColumnWidth } from '../../view/magnifier';
import { PixelCanvas } from '../../view/pixel-canvas';
import { useNear } from '../../view/use-near';
import { ValuesAround } from '../../view/values-around';
import { panelTitle } from './lab-controls';
import { type Developed, magnifier, near, scores } from './lab-run';

/** Two to four pictures under one magnifier. */
export function Panels({ developed }: { developed: Developed }) {
  const { picture, request, result } = developed;
  const { scale, panels } = result;
  const frame = useRef<HTMLDivElement>(null);
  useNear(frame, '600px', () => {
    near.value = true;
  });
  const available = useColumnWidth(frame, '.panel', panels.length);
  const { scale: pixel, smoothed } = shownSize(picture.width * scale, available, devicePixelRatio);
  const zoom = lensZooms(scale, 18);

  return (
    <>
      <UnderOneLens
        of={magnifier}
        steps={picture}
        count={panels.length}
        class={`panels of-${panels.length}`}
        frame={frame}
      >
        {panels.map((panel) => (
          <PanelFigure
            key={panel.kind}
            panel={panel}
            title={panelTitle(panel.kind, request.kind)}
            pixel={panel.kind === 'input' ? pixel * scale : pixel}
            smoothed={smoothed}
            zoom={panel.kind === 'input' ? zoom.input : zoom.output}
            name={picture.name}
          />
        ))}
      </UnderOneLens>
      <Tables developed={developed} />
      <Rules developed={developed} smoothed={smoothed} mixed={request.groups === 1} />
      <LiveRegion text={spoken(developed)} pace={700} />
    </>
  );
}

interface PanelProps {
  panel: LabPanel;
  title: string;
  /** Screen pixels a picture pixel. */
  pixel: number;
  smoothed: boolean;
  zoom: number;
  name: string;
}

function PanelFigure({ panel, title, pixel, smoothed, zoom, name }: PanelProps) {
  const { kind, developed: shown, refusal } = panel;
  if (!shown) {
    return (
      <figure class="panel" data-panel={kind}>
        <figcaption>
          <b>{title}</b>
        </figcaption>
        <p class="refusal">{refusal}</p>
      </figure>
    );
  }
  const { output, bytes, summary: range, pattern, report } = shown;
  return (
    <figure class="panel" data-panel={kind}>
      <figcaption>
        <b>{title}</b> <span class="size">{`${output.width} \u00d7 ${output.height}`}</span>
      </figcaption>
      <MagnifiedPicture
        of={magnifier}
        picture={output}
        bytes={bytes}
        label={`${title}: values from ${plain(range.lowest)} to ${plain(range.highest)}`}
        pixel={pixel}
        zoom={zoom}
        smoothed={smoothed}
      />
      <div class="panel-notes">
        {pattern && (
          <p class="pattern" data-verdict={pattern.verdict}>
            <i>U</i> <b data-unevenness={pattern.unevenness}>{patternText(pattern)}</b>{' '}
            {pattern.verdict !== 'free' && levelText(pattern.levelDbc)}
          </p>
        )}
        <Score kind={kind} />
        <UnderLens of={magnifier} picture={output} />
        <p>
          Values {plain(range.lowest)} to {plain(range.highest)}
          {range.clipped > 0 && <>, {percent(range.clipped)} clipped</>}
        </p>
        {kind === 'input' ? <p class="layer-name">{name}</p> : <Ran report={report} />}
      </div>
    </figure>
  );
}

/** What the picture itself tells, once nothing moves. */
function Score({ kind }: { kind: PanelKind }) {
  const score = scores.value.get(kind);
  const paint = theme.value;
  const bytes = useMemo(() => score && spectrumBytes(score, paint), [score, paint]);
  // Its room is kept, so that nothing below moves when it comes.
  if (score === undefined) return <div class="score" />;
  if (!score || !bytes) return null;
  return (
    <div class="score" data-score={kind}>
      <PixelCanvas
        class="small-spectrum"
        label={`Spectrum of the picture, ${score.verdict === 'none' ? 'without a line of the pattern' : `its loudest line of the pattern ${plain(score.spectralScoreDb, 1)} dB over what surrounds it`}`}
        width={score.side}
        height={score.side}
        bytes={bytes}
      />
      <p data-image-verdict={score.verdict}>
        In the picture <b data-line={score.spectralScoreDb}>{lineText(score)}</b>;{' '}
        {score.verdict === 'none' || score.phaseScore < 0.0001 ? 'none' : percent(score.phaseScore)} of its
        contrast repeats with the stride
      </p>
    </div>
  );
}

function lineText({ verdict, spectralScoreDb: level }: LabScore): string {
  if (verdict === 'none') return 'no line';
  // Any picture is as uneven by itself.
  if (level < 10) return `no line stands out (${plain(level, 1)} dB)`;
  return `lines ${plain(level, 1)} dB over their surroundings`;
}

/** From 90 dB below a wave of full contrast to such a wave; the constant lies in the corners. */
function spectrumBytes({ spectrum, side }: LabScore, paint: Theme): Uint8ClampedArray<ArrayBuffer> {
  const bytes = new Uint8ClampedArray(4 * side * side);
  spectrum.forEach((level, i) => {
    paintSequential(bytes, i, (level + 90) / 90, paint);
  });
  return bytes;
}

const MOST_LINES = 15;

/** The canvases to read: values around the magnifier, and the lines of the spectra. */
function Tables({ developed }: { developed: Developed }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {open && (
        <div class="tables-beside">
          {developed.result.panels.map(
            ({ kind, developed: shown }) =>
              shown && (
                <PanelTables
                  key={kind}
                  kind={kind}
                  title={panelTitle(kind, developed.request.kind)}
                  output={shown.output}
                />
              ),
          )}
        </div>
      )}
    </details>
  );
}

function PanelTables({ kind, title, output }: { kind: PanelKind; title: string; output: Planes }) {
  const harmonics = scores.value.get(kind)?.harmonics ?? [];
  const loudest = [...harmonics].sort((a, b) => b.levelDb - a.levelDb).slice(0, MOST_LINES);
  return (
    <div>
      <ValuesAround of={magnifier} title={title} picture={output} />
      {loudest.length > 0 && (
        <table>
          <caption>
            {`${title}: `}
            {loudest.length < harmonics.length && `the loudest ${loudest.length} of ${harmonics.length} `}
            lines of the spectrum
          </caption>
          <thead>
            <tr>
              <th scope="col">Down, across</th>
              <th scope="col" class="number">
                dB over its surroundings
              </th>
            </tr>
          </thead>
          <tbody>
            {loudest.map(({ harmonic, levelDb }) => (
              <tr key={harmonic.join()}>
                <td>{harmonic.join(', ')}</td>
                <td class="number">{levelDb <= -320 ? 'none' : plain(levelDb, 1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
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
        <p class="layer-name" key={`${layer} ${i}`}>
          {layer}
        </p>
      ))}
      <details class="as-table">
        <summary>Why it ran this way</summary>
        {report.plans.map(({ route, reason }, i) => (
          <p key={`${route} ${i}`}>
            {route}: {reason}
          </p>
        ))}
      </details>
    </>
  );
}

interface RulesProps {
  developed: Developed;
  smoothed: boolean;
  mixed: boolean;
}

function Rules({ developed, smoothed, mixed }: RulesProps) {
  const { black, white } = developed.result.levels;
  const { fill, kernel, stride, dilation } = developed.request;
  const even = nextEvenKernel(kernel, stride);
  const evenKernel = fill === 'icnr' && (even !== kernel || dilation > 1) ? even : null;
  return (
    <p class="rules">
      All panels follow one rule:{' '}
      {developed.request.levels === 'unit'
        ? 'value 0 is black, 1 is white, and what lies outside is clipped.'
        : `the lowest value of them all, ${plain(black)}, is black, and the highest, ${plain(white)}, is white.`}{' '}
      {developed.request.fill === 'given'
        ? 'The weights are as they came, not scaled; every colour goes through the same kernel.'
        : `The weights are scaled so that a flat picture keeps its mean. ${
            mixed
              ? 'Every colour of the output is made of all three.'
              : 'Every colour has a kernel of its own.'
          }`}{' '}
      {evenKernel !== null &&
        `ICNR weights need a kernel that is a multiple of the stride, and no dilation: it is ${evenKernel} here. `}
      <i>U</i> is the share of pattern in what the weights make of a flat picture, from 0 to 1, and dBc the
      same in decibels. The lines are those of the spectrum beside them, of the middle of the picture.
      {smoothed && ' The panels are smoothed to fit; the magnifier shows true pixels.'}
    </p>
  );
}

function spoken({ request, result }: Developed): string {
  return result.panels
    .flatMap(({ kind, developed: shown }) => {
      if (!shown) return [];
      const { x, y } = pixelAt(magnifier.place.value, shown.output.width, shown.output.height);
      return `${panelTitle(kind, request.kind)}: ${pixelText(shown.output, x, y)}`;
    })
    .join('; ');
}
