import { useRef } from 'preact/hooks';
import { CASES } from '../../../../../scripts/bench/cases.mjs';
import { describe, geometryOf } from '../../../../../scripts/bench/geometry.mjs';
import { type PeerName, peerSize, peersThere } from '../../engine/peers';
import type { BenchEntry, BenchResult } from '../../engine/protocol';
import { type BenchLayer, benchLayers } from '../../model/bench-state';
import { comparison, spread } from '../../model/bench-words';
import { milliseconds } from '../../model/numbers';
import { change, state } from '../../store';
import { LiveRegion } from '../../view/live-region';
import { Trouble } from '../../view/trouble';
import { useNear } from '../../view/use-near';
import { useSaid } from '../../view/use-said';
import {
  measured,
  measureFirst,
  measuring,
  next,
  report,
  run,
  stop,
  stopped,
  toggle,
  trouble,
  wanted,
} from './bench-run';
import '../../view/readings.css';
import './bench.css';

const peerNames: Record<PeerName, string> = { onnxruntime: 'onnxruntime-web', tfjs: 'tfjs-wasm' };

const layers = benchLayers.map((name) => {
  const found = CASES.find((one) => one.name === name);
  if (!found) throw new Error(`scripts/bench has no layer ${name}`);
  const geometry = geometryOf(found);
  return { name, of: capital(geometry.of as string), text: describe(geometry).replace('->', ' → ') };
});
const layerOf = (name: BenchLayer) => layers.find((layer) => layer.name === name);

/** Layers of known networks, by this package and by others, on this machine. */
export function BenchStation() {
  const chosen = state.value.bench.layer;
  const busy = measuring.value;
  const section = useRef<HTMLElement>(null);
  useNear(section, '0px', measureFirst);
  return (
    <section class="station" id="bench" aria-labelledby="bench-title" ref={section}>
      <h2 id="bench-title">
        <span class="station-number">8</span> Bench
      </h2>
      <p class="standfirst">
        How fast is it here? Layers of known networks, measured on this machine. All take turns, one thread
        each, and every result is checked before it counts. The chosen one is measured once as you come here,
        the others when you ask.
      </p>
      <fieldset class="bench-layers">
        <legend class="visually-hidden">Layer</legend>
        {layers.map(({ name, of, text }) => (
          <label key={name}>
            <input
              type="radio"
              name="bench-layer"
              checked={name === chosen}
              onChange={() => change((s) => ({ ...s, bench: { ...s.bench, layer: name } }))}
            />
            <span>
              <b>{of}</b> <span class="layer-name">{text}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <p class="bench-note bench-letters">
        Input size and channels, then k the kernel, s the stride, p the padding, op the output padding, g the
        groups.
      </p>
      <div class="bench-peers">
        {(Object.keys(peerNames) as PeerName[]).map((name) => (
          <Peer name={name} key={name} />
        ))}
      </div>
      <div class="bench-actions">
        <button type="button" class="button is-strong" onClick={() => void run([chosen])}>
          Measure
        </button>
        <button type="button" class="button" onClick={() => (busy === null ? void run(benchLayers) : stop())}>
          {busy === null ? 'Measure all ten' : 'Stop after this layer'}
        </button>
        <p class="bench-progress">{busyText()}</p>
      </div>
      <Trouble text={trouble.value} />
      {measured.value.length > 0 && <Results results={measured.value} />}
      <LiveRegion text={spoken()} pace={300} />
    </section>
  );
}

/** A button that asks for a peer, or the plain word that it is not there. */
function Peer({ name }: { name: PeerName }) {
  const there = peersThere[name];
  if (!there) {
    return (
      <p class="bench-note">
        {peerNames[name]} was not installed when this page was built, so it cannot be measured here.
      </p>
    );
  }
  const on = wanted.value.includes(name);
  return (
    <button type="button" class="button" aria-pressed={on} onClick={() => toggle(name)}>
      {on ? '✓ ' : ''}
      {`Against ${peerNames[name]} ${there.version}`}
      <span class="bench-size"> {peerSize(there)}</span>
    </button>
  );
}

function Results({ results }: { results: readonly BenchResult[] }) {
  const text = report(results);
  const [copied, say] = useSaid(text);
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => say('Copied.'),
      () => say('The browser did not allow it. Open the JSON and copy it by hand.'),
    );
  };
  const [first] = results;
  return (
    <>
      <div class="bench-results">
        {results.map((result) => (
          <Result result={result} key={result.layer} />
        ))}
      </div>
      <p class="rules">
        Medians of nine turns, of three where one is long, or the one turn of what is long and nobody has
        asked for; below them the range of the middle four fifths. Tensors go in and come out as JavaScript
        arrays, as in a page that uses them. deconv-wasm ran as {first?.build}, one thread. Values are
        compared with a double-precision result. Other things that this machine does at the moment count, too.
      </p>
      <div class="bench-actions">
        <button type="button" class="button" onClick={copy}>
          Copy JSON
        </button>
        <p class="bench-progress" role="status">
          {copied}
        </p>
      </div>
      <details class="as-table">
        <summary>The JSON</summary>
        <textarea class="bench-json" readOnly aria-label="Results as JSON" rows={10} value={text} />
      </details>
    </>
  );
}

function Result({ result }: { result: BenchResult }) {
  const layer = layerOf(result.layer);
  const ours = result.entries[0]?.milliseconds?.median ?? null;
  const slowest = Math.max(...result.entries.map(({ milliseconds: found }) => found?.median ?? 0));
  return (
    <section class="bench-result" data-bench={result.layer} aria-label={`${layer?.of}, measured`}>
      <h3>
        {layer?.of} <span class="layer-name">{layer?.text}</span>
      </h3>
      {/* biome-ignore lint/a11y: a table wider than a phone is scrolled by keyboard, too; a fieldset has a form's looks */}
      <div role="group" class="table-scroll" aria-label={`Times of ${layer?.of}`} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">By</th>
              <th scope="col">Median</th>
              <th scope="col">Beside ours</th>
            </tr>
          </thead>
          <tbody>
            {result.entries.map((entry, index) => (
              <Row key={entry.name} entry={entry} ours={index === 0 ? null : ours} slowest={slowest} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ entry, ours, slowest }: { entry: BenchEntry; ours: number | null; slowest: number }) {
  const { name, milliseconds: found, status, note, error } = entry;
  if (!found) {
    return (
      <tr data-by={name}>
        <th scope="row">{name}</th>
        <td colSpan={2} class="bench-why">
          {status}: {note || 'it gave no result'}
        </td>
      </tr>
    );
  }
  return (
    <tr data-by={name}>
      <th scope="row">
        {name}
        {error !== null && (
          <span class="bench-more">{`right to ${error.toExponential(0).replace('-', '−')}`}</span>
        )}
        <svg class="bench-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
          <rect width={(100 * found.median) / slowest} height="4" />
        </svg>
      </th>
      <td>
        <b>{milliseconds(found.median)}</b>
        <span class="bench-more">{spread(found)}</span>
      </td>
      <td>{ours === null ? '' : comparison(found.median, ours)}</td>
    </tr>
  );
}

function busyText(): string {
  if (measuring.value === null) return '';
  const then = next.value?.map((layer) => `, then ${layerOf(layer)?.of}`) ?? [];
  const after = stopped.value && then.length === 0 ? [', the last one'] : then;
  return `Measuring ${layerOf(measuring.value)?.of} \u2026${after.join('')}`;
}

function spoken(): string {
  if (measuring.value !== null) return busyText();
  const last = measured.value.find(({ layer }) => layer === state.value.bench.layer);
  if (!last) return '';
  const times = last.entries.map(({ name, status, milliseconds: found }) =>
    found ? `${name} ${milliseconds(found.median)}` : `${name} ${status}`,
  );
  return `${layerOf(last.layer)?.of}: ${times.join(', ')}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
