import { computed, signal } from '@preact/signals';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { diverging, largestMagnitude, type Theme } from '../../model/colour';
import type { LayerSpec } from '../../model/geometry';
import {
  type Entry,
  inner,
  type MatrixView,
  matrixView,
  probe,
  rowsOfEntries,
  runs,
} from '../../model/matrix-view';
import { count, plain } from '../../model/numbers';
import { at } from '../../model/words';
import { theme } from '../../store';
import { Waiting } from '../../view/waiting';
import { controls, gathering, landed, refusal, type Stamped, stamped, total } from '../stamp/film';
import { useFilm } from '../stamp/opening';
import { Conventions } from './conventions';
import './matrix.css';

/** What is drawn, made of the layer whose numbers station 1 shows. */
const matrix = computed<MatrixView | null>(() => {
  if (!stamped.value) return null;
  const { spec, weights } = stamped.value.request;
  return matrixView(spec, weights);
});

/** The line that the film's last step is: a row of K when stamps scatter, a row of its transpose when outputs gather. */
const line = computed(() => (landed.value === 0 ? null : landed.value - 1));

const seed = signal(1);

/** Station 3: the layer as a matrix, transposed. */
export function MatrixStation() {
  const section = useRef<HTMLElement>(null);
  useFilm(section, '.matrix-figure');
  const picture = stamped.value;
  return (
    <section class="station" id="matrix" ref={section} aria-labelledby="matrix-title">
      <h2 id="matrix-title">
        <span class="station-number">3</span> Matrix
      </h2>
      <p class="standfirst">
        A convolution is a matrix K with the kernel in every row. This layer is the same matrix transposed:
        that is its name, and all it undoes is the shape.
      </p>
      {picture && matrix.value && <Board picture={picture} matrix={matrix.value} />}
      {picture ? (
        <Conventions />
      ) : (
        <Waiting why={refusal.value && 'These numbers make no layer: station 1 says why.'} />
      )}
    </section>
  );
}

function Board({ picture, matrix }: { picture: Stamped; matrix: MatrixView }) {
  const { spec } = picture.request;
  const lit = line.value;
  const rowOfK = gathering.value ? null : lit;
  const rowOfTranspose = gathering.value ? lit : null;
  return (
    <div class="matrix-board">
      <MatrixFigure
        name="K"
        rows={matrix.rows}
        columns={matrix.columns}
        entries={matrix.entries}
        row={rowOfK}
        column={rowOfTranspose}
        text="A row for each input cell, a column for each output cell."
      />
      <MatrixFigure
        name="K transposed"
        rows={matrix.columns}
        columns={matrix.rows}
        entries={matrix.entries.map(({ row, column, value }) => ({ row: column, column: row, value }))}
        row={rowOfTranspose}
        column={rowOfK}
        text="The layer: output = Kᵀ · input."
      />
      <div class="matrix-notes">
        <LitLine spec={spec} picture={picture} matrix={matrix} />
        <fieldset class="matrix-steps">
          <legend class="visually-hidden">Step of the film</legend>
          <button type="button" class="button" disabled={landed.value === 0} onClick={controls.back}>
            Back
          </button>
          <button
            type="button"
            class="button"
            disabled={landed.value === total.value}
            onClick={() => controls.seek(landed.value + 1)}
          >
            Next line
          </button>
        </fieldset>
        <Check picture={picture} matrix={matrix} />
      </div>
    </div>
  );
}

/** The line of the step in words and numbers. */
function LitLine({ spec, picture, matrix }: { spec: LayerSpec; picture: Stamped; matrix: MatrixView }) {
  const step = line.value;
  if (step === null) return <p class="explanation">Step to light up the first line.</p>;
  const gathers = gathering.value;
  const width = gathers ? picture.result.shape[1] : spec.size;
  const cell = { row: Math.floor(step / width), column: step % width };
  const entries = matrix.entries.filter(({ row, column }) => (gathers ? column : row) === step);
  return (
    <div>
      <p class="kicker">{gathers ? `Row ${step + 1} of Kᵀ` : `Row ${step + 1} of K`}</p>
      <p class="explanation">
        {gathers
          ? `Output ${at(spec, cell)} gathers ${count(entries.length, 'input cell')}: one row of Kᵀ, a column of K.`
          : `The stamp of input ${at(spec, cell)}: ${count(entries.length, 'tap')} in one row of K, a column of Kᵀ.`}
      </p>
      <details class="as-table">
        <summary>As a table</summary>
        <table>
          <caption>Entries of this row; all others are 0</caption>
          <thead>
            <tr>
              <th scope="col">Column</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody>
            {entries.map(({ row, column, value }) => (
              <tr key={`${row},${column}`}>
                <th scope="row">{(gathers ? row : column) + 1}</th>
                <td>{plain(value, 4)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </div>
  );
}

/** The equation that makes the one the transpose of the other, with numbers: K by the matrix, its transpose by the layer. */
function Check({ picture, matrix }: { picture: Stamped; matrix: MatrixView }) {
  const y = picture.request.input;
  const output = picture.result.states.at(-1) ?? new Float32Array();
  const x = probe(matrix.columns, seed.value);
  const left = inner(matrix.multiply(x), y);
  const right = inner(x, output);
  const size = Math.max(Math.abs(left), Math.abs(right), 1);
  const equal = Math.abs(left - right) <= 1e-4 * size;
  return (
    <div class="adjoint">
      <p class="sum-line">
        <math>
          <mrow>
            <mo>⟨</mo>
            <mi>K</mi>
            <mi>x</mi>
            <mo>,</mo>
            <mi>y</mi>
            <mo>⟩</mo>
            <mo>=</mo>
            <mo>⟨</mo>
            <mi>x</mi>
            <mo>,</mo>
            <msup>
              <mi>K</mi>
              <mi>T</mi>
            </msup>
            <mi>y</mi>
            <mo>⟩</mo>
          </mrow>
        </math>
      </p>
      <p class="adjoint-numbers" role="status">
        <b class="left">{plain(left, 4)}</b> {equal ? '=' : '\u2260'} <b class="right">{plain(right, 4)}</b>
      </p>
      <p class="hint">
        y is the input of station 1, x is drawn at random. The left side multiplies by the matrix, the right
        side runs the layer.
      </p>
      <p class="presets">
        <button
          type="button"
          class="preset"
          onClick={() => {
            seed.value += 1;
          }}
        >
          Another x
        </button>
      </p>
    </div>
  );
}

interface MatrixFigureProps {
  name: string;
  rows: number;
  columns: number;
  entries: readonly Entry[];
  row: number | null;
  column: number | null;
  text: string;
}

/** The page's line. Asked of the style sheet, it would make the browser lay the page out for every step. */
const lines: Record<Theme, string> = { light: '#e1ddd3', dark: '#2e323a' };

/** A sparse matrix as a picture: taps in colour, zeros left blank, the line of the step at full strength. */
function MatrixFigure({ name, rows, columns, entries, row, column, text }: MatrixFigureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const cell = Math.max(1, Math.min(9, Math.floor(640 / Math.max(rows, columns))));
  const now = theme.value;
  useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const limit = largestMagnitude([entries.map(({ value }) => value)]);
    context.clearRect(0, 0, columns * cell, rows * cell);
    context.strokeStyle = lines[now];
    for (const entry of entries) {
      const strong = (row === null && column === null) || entry.row === row || entry.column === column;
      context.globalAlpha = strong ? 1 : 0.35;
      context.fillStyle = `rgb(${diverging(entry.value, limit, now).join(' ')})`;
      const edge = cell > 4 ? 1 : 0;
      context.fillRect(entry.column * cell, entry.row * cell, cell - edge, cell - edge);
      if (entry.value === 0 || Math.abs(entry.value) < limit / 8) {
        context.strokeRect(entry.column * cell + 0.5, entry.row * cell + 0.5, cell - 2, cell - 2);
      }
    }
    context.globalAlpha = 1;
  }, [entries, row, column, rows, columns, now, cell]);
  const lit =
    row !== null ? ` Row ${row + 1} is lit.` : column !== null ? ` Column ${column + 1} is lit.` : '';
  const share = Math.round((100 * entries.length) / (rows * columns));
  return (
    <figure class={`matrix-figure ${name === 'K' ? 'is-wide' : 'is-tall'}`}>
      <figcaption>
        <b>{name === 'K' ? 'K' : 'Kᵀ'}</b>{' '}
        <span class="size">
          {rows} {'\u00d7'} {columns}, {share} % filled. {text}
        </span>
      </figcaption>
      <div class="matrix-picture" style={{ '--rows': rows, '--columns': columns }}>
        <canvas
          ref={canvas}
          width={columns * cell}
          height={rows * cell}
          role="img"
          aria-label={`${name}, ${rows} by ${columns}, with ${entries.length} entries.${lit}`}
        />
        {row !== null && <i class="line-marker is-row" aria-hidden="true" style={{ '--line': row }} />}
        {column !== null && <i class="line-marker" aria-hidden="true" style={{ '--line': column }} />}
      </div>
      <EntriesTable name={name === 'K' ? 'K' : 'Kᵀ'} rows={rows} entries={entries} />
    </figure>
  );
}

/** The whole matrix to read: a line for each row, without its zeros. */
function EntriesTable({ name, rows, entries }: { name: string; rows: number; entries: readonly Entry[] }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {open && (
        // biome-ignore lint/a11y: what scrolls has to be reached by keyboard, and to be named then
        <div role="group" class="table-scroll" aria-label={`Entries of ${name}`} tabIndex={0}>
          <table>
            <caption>Entries of {name}; all others are 0</caption>
            <thead>
              <tr>
                <th scope="col">Row</th>
                <th scope="col">Columns</th>
                <th scope="col">Values</th>
              </tr>
            </thead>
            <tbody>
              {rowsOfEntries(entries, rows).map((row, index) => (
                <tr key={index}>
                  <th scope="row">{index + 1}</th>
                  <td>{runs(row.map(({ column }) => column + 1))}</td>
                  <td>{row.map(({ value }) => plain(value, 3)).join('; ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
