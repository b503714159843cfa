import { computed } from '@preact/signals';
import { swatch } from '../../model/colour';
import { kernelLabel } from '../../model/family-words';
import { limitsOf } from '../../model/layer-state';
import { plain } from '../../model/numbers';
import { dilationRule, type OverlapView, overlapView } from '../../model/overlap-view';
import { withLayer } from '../../model/state';
import { change, state, theme } from '../../store';
import { KindChoice } from '../../view/kind-choice';
import { LiveRegion } from '../../view/live-region';
import { PresetList } from '../../view/presets';
import { Slider } from '../../view/slider';
import { NoOverlap } from './no-overlap';
import { Predictions } from './predictions';
import './overlap.css';

const geometry = computed(() => JSON.stringify(state.value.layer));
const view = computed(() => overlapView(JSON.parse(geometry.value), state.value.kind));

/** Station 2: how many stamps meet on each cell, before any weight is chosen. */
export function OverlapStation() {
  const { layer, kind } = state.value;
  const limits = limitsOf(state.value);
  const now = view.value;
  const set = (name: 'kernel' | 'stride' | 'dilation') => (value: number) =>
    change((s) => withLayer(s, { [name]: value }));
  return (
    <section class="station" id="overlap" aria-labelledby="overlap-title">
      <h2 id="overlap-title">
        <span class="station-number">2</span> Overlap
      </h2>
      <p class="standfirst">
        How many stamps land on a cell depends on kernel, stride and dilation alone. Where the counts differ,
        a flat input comes out with a pattern, unless the weights make up for it.
      </p>
      <div class="overlap-board">
        <CountMap view={now} />
        <div class="overlap-notes">
          <p class="verdict">{now.verdict}</p>
          <p class="explanation">{now.text}</p>
          <Phases view={now} />
          <Figures view={now} />
          <NoOverlap />
        </div>
      </div>
      <fieldset class="controls overlap-controls">
        <legend class="visually-hidden">Overlap</legend>
        <KindChoice station="overlap" />
        <PresetList />
        <Slider label={kernelLabel(kind)} value={layer.kernel} {...limits.kernel} onInput={set('kernel')} />
        <Slider label="Stride" value={layer.stride} {...limits.stride} onInput={set('stride')} />
        <div>
          <Slider label="Dilation" value={layer.dilation} {...limits.dilation} onInput={set('dilation')} />
          <p class="rule">{dilationRule(layer)}</p>
        </div>
      </fieldset>
      <Predictions />
      <LiveRegion text={`${now.verdict} ${now.text}`} pace={500} />
    </section>
  );
}

const CELL = 20;
const STRIP = 30;

/** The counts as a map, with the strip of each axis beside it: a cell is the product of its two strips. */
function CountMap({ view }: { view: OverlapView }) {
  const { line, map, axes, interior } = view;
  const columns = line.length;
  const rows = axes === 1 ? 1 : columns;
  const left = axes === 1 ? 0 : STRIP;
  const top = axes === 1 ? 0 : STRIP;
  const most = Math.max(...map);
  const numbers = columns <= 24;
  const cell = (count: number, x: number, y: number, limit: number, key: string) => {
    const { paint, ink } = swatch(count, limit, theme.value);
    return (
      <g key={key}>
        <rect
          x={x}
          y={y}
          width={CELL - 1}
          height={CELL - 1}
          rx="2"
          fill={count === 0 ? 'url(#hole)' : paint}
        />
        {(numbers || axes === 1) && count > 0 && (
          <text x={x + CELL / 2 - 0.5} y={y + CELL / 2 + 3} fill={ink}>
            {count}
          </text>
        )}
      </g>
    );
  };
  const inside = (at: number) => at * CELL;
  return (
    <figure class="overlap-map">
      <figcaption>
        <b>Stamps on a cell</b>
        <span class="size">{axes === 1 ? `${columns} cells` : `${rows} \u00d7 ${columns} cells`}</span>
        <span class="map-key">
          <i class="key-inside" aria-hidden="true" /> interior; around it, the border
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${left + columns * CELL - 1} ${top + rows * CELL - 1}`}
        class={axes === 1 ? 'is-line' : ''}
        role="img"
        aria-label={`${view.verdict} Counts along an axis: ${line.join(', ')}.`}
      >
        <defs>
          <pattern id="hole" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <line class="hole-line" x1="0" y1="0" x2="0" y2="5" />
          </pattern>
        </defs>
        {axes === 2 && line.map((count, at) => cell(count, left + at * CELL, 0, Math.max(...line), `c${at}`))}
        {axes === 2 && line.map((count, at) => cell(count, 0, top + at * CELL, Math.max(...line), `r${at}`))}
        {map.map((count, index) =>
          cell(
            count,
            left + (index % columns) * CELL,
            top + Math.floor(index / columns) * CELL,
            most,
            `m${index}`,
          ),
        )}
        <rect
          class="inside"
          x={left + inside(interior.from) - 1}
          y={top + (axes === 1 ? 0 : inside(interior.from)) - 1}
          width={inside(interior.to - interior.from) + 1}
          height={(axes === 1 ? CELL : inside(interior.to - interior.from)) + 1}
        />
      </svg>
      <details class="as-table">
        <summary>As a table</summary>
        <table>
          <caption>
            Stamps along one axis{axes === 2 && '; a cell of the map has the product of its row and column'}
          </caption>
          <thead>
            <tr>
              <th scope="col">Line</th>
              <th scope="col">Stamps</th>
              <th scope="col">Part</th>
            </tr>
          </thead>
          <tbody>
            {line.map((count, at) => (
              <tr key={at}>
                <th scope="row">{at + 1}</th>
                <td>{count}</td>
                <td>{at >= interior.from && at < interior.to ? 'interior' : 'border'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

/** The counts of an axis, phase by phase, as bars against their mean. */
function Phases({ view }: { view: OverlapView }) {
  const most = Math.max(...view.phases);
  return (
    <div class="phases">
      <p class="phases-title">
        Taps at each phase, O<sub>r</sub>: <b>{view.phases.join('/')}</b>
      </p>
      <ol class="phase-bars" aria-hidden="true">
        {view.phases.map((count, phase) => (
          <li key={phase}>
            <span class="phase-name">r = {phase}</span>
            <span class="phase-bar" style={{ '--part': count / most }} />
            <span class="phase-count">{count === 0 ? 'hole' : count}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Figures({ view }: { view: OverlapView }) {
  const { variation, ratio, mean, axes } = view;
  return (
    <dl class="figures">
      <div>
        <dt>Mean</dt>
        <dd>{plain(mean, 3)}</dd>
      </div>
      <div>
        <dt>Most to fewest</dt>
        <dd>{ratio === null ? 'no number: holes' : `${plain(ratio, 3)} : 1`}</dd>
      </div>
      <div>
        <dt>Spread (CV), an axis</dt>
        <dd>{plain(variation.axis, 4)}</dd>
      </div>
      {axes === 2 && (
        <div>
          <dt>Spread (CV), both axes</dt>
          <dd>{plain(variation.layer, 4)}</dd>
        </div>
      )}
    </dl>
  );
}
