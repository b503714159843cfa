import { lit } from '../../model/board';
import {
  type Cell,
  drawnLines,
  interior,
  type LayerSpec,
  type LineKind,
  outputLength,
  rowAxis,
  rowsOf,
} from '../../model/geometry';
import { count, plain } from '../../model/numbers';
import { withDrawn, withInput, withInputCell } from '../../model/state';
import { change, state } from '../../store';
import { CellGrid } from '../../view/cell-grid';
import { InCell } from '../../view/in-cell';
import { columns, lane, marks, Preset, painted, pointer, sizeText, unpin } from './cells';
import {
  atEnd,
  gathered,
  gathering,
  landed,
  landedStamps,
  lighted,
  pinned,
  type Stamped,
  stampingStep,
  stampsAt,
} from './film';
import { Pips } from './pips';

interface Props {
  picture: Stamped;
}

export function InputFigure({ picture }: Props) {
  const { spec, input } = picture.request;
  const index = (cell: Cell) => cell.row * spec.size + cell.column;
  const light = lit(spec, lighted.value);
  return (
    <figure class="figure input-figure">
      <figcaption>
        <b>Input</b> <span class="size">{sizeText(spec, rowsOf(spec), spec.size)}</span>
      </figcaption>
      <div class="grid-scroll">
        <CellGrid
          label={`Input, ${rowsOf(spec)} by ${spec.size}`}
          describedBy="edit-hint"
          rows={rowsOf(spec)}
          columns={spec.size}
          style={columns(spec.size)}
          look={(cell) => {
            const value = input[index(cell)] ?? 0;
            return {
              ...painted(value),
              label: plain(value),
              marks: `${lane(spec, cell)} ${marks({ 'is-lit': light.input(cell), 'is-stamping': index(cell) === stampingStep.value })}`,
              content: <InCell value={value} />,
            };
          }}
          onPoint={pointer('input')}
          onEscape={unpin}
          edit={{
            value: (cell) => state.value.input[index(cell)] ?? 0,
            set: (cell, value) =>
              change((s) => withDrawn(s, picture.request, (now) => withInputCell(now, index(cell), value))),
          }}
        />
      </div>
      <p class="presets">
        <Preset label="Flat" onClick={() => change((s) => withInput(s, 'flat'))} />
        <Preset label="One cell" onClick={() => change((s) => withInput(s, 'one cell'))} />
        <Preset label="Ramp" onClick={() => change((s) => withInput(s, 'ramp'))} />
      </p>
    </figure>
  );
}

export function OutputFigure({ picture }: Props) {
  const { spec } = picture.request;
  const [rows, size] = picture.result.shape;
  const sums = picture.result.states[landedStamps.value] ?? new Float32Array();
  const lines = drawnLines(spec);
  const rowLines = drawnLines(rowAxis(spec));
  const rowPadding = rowAxis(spec).padding;
  // Outputs that a gathering film has not come to are still empty.
  const done = (cell: Cell) => !gathering.value || cell.row * size + cell.column < landed.value;
  const light = lit(spec, lighted.value);
  const pin = pinned.value?.grid === 'output' ? pinned.value.cell : null;
  return (
    <figure class="figure output-figure" data-density={density(spec, lines.length)}>
      <figcaption>
        <b>Output</b> <span class="size">{sizeText(spec, rows, size)}</span>
        <Ghosts lines={[...lines, ...rowLines]} framed={atEnd.value && hasFrame(spec)} />
      </figcaption>
      <div class="grid-scroll">
        <div class="drawn" style={columns(lines.length)}>
          <GhostCells rows={rowLines} lines={lines} />
          <CellGrid
            label={`Output, ${rows} by ${size}`}
            describedBy="pin-hint"
            class="output-grid"
            rows={rows}
            columns={size}
            style={{ ...columns(size), gridArea: gridArea(rowPadding, rows, spec.padding, size) }}
            look={(cell) => {
              const value = done(cell) ? (sums[cell.row * size + cell.column] ?? 0) : 0;
              const stamps = done(cell) ? stampsAt.value(cell) : 0;
              const added =
                rowLines[cell.row + rowPadding] === 'added' || lines[cell.column + spec.padding] === 'added';
              const isPinned = pin?.row === cell.row && pin.column === cell.column;
              return {
                ...painted(value),
                label: `${plain(value)}, ${count(stamps, 'stamp')}`,
                marks: `${lane(spec, cell)} ${marks({
                  'is-empty': stamps === 0,
                  'is-stamping': gathered.value?.row === cell.row && gathered.value.column === cell.column,
                  'is-lit': light.output(cell),
                  'is-pinned': isPinned,
                  'is-added': added,
                })}`,
                pinned: isPinned,
                content: (
                  <>
                    <span class="sum">
                      <InCell value={value} />
                    </span>
                    <Pips amount={stamps} />
                  </>
                ),
              };
            }}
            onPoint={pointer('output')}
            onPin={(cell) => {
              const again = pin?.row === cell.row && pin.column === cell.column;
              pinned.value = again ? null : { grid: 'output', cell };
            }}
            onEscape={unpin}
          />
          {atEnd.value && <InteriorFrame spec={spec} />}
        </div>
      </div>
      <p class="visually-hidden" id="pin-hint">
        Arrow keys move. Enter keeps the products of a cell on show, Escape lets them go.
      </p>
    </figure>
  );
}

/** Hatched cells: what padding cuts off. */
function GhostCells({ rows, lines }: { rows: readonly LineKind[]; lines: readonly LineKind[] }) {
  return (
    <>
      {rows.flatMap((row, r) =>
        lines.map((column, c) =>
          row === 'cropped' || column === 'cropped' ? (
            <i
              key={`${r},${c}`}
              class="ghost"
              aria-hidden="true"
              style={{ gridArea: gridArea(r, 1, c, 1) }}
            />
          ) : null,
        ),
      )}
    </>
  );
}

/** Says in words what the hatching, the marks and the frame mean, when there are any. */
function Ghosts({ lines, framed }: { lines: readonly LineKind[]; framed: boolean }) {
  const cropped = lines.filter((kind) => kind === 'cropped').length;
  const added = lines.filter((kind) => kind === 'added').length;
  return (
    <span class="ghost-key">
      {cropped > 0 && (
        <span>
          <i class="key-swatch ghost" aria-hidden="true" /> cropped by padding
        </span>
      )}
      {added > 0 && (
        <span>
          <i class="key-swatch added" aria-hidden="true" /> added by output padding
        </span>
      )}
      {framed && (
        <span>
          <i class="key-swatch inside" aria-hidden="true" /> away from the border
        </span>
      )}
    </span>
  );
}

/** A frame around the part that the border does not touch. */
function InteriorFrame({ spec }: { spec: LayerSpec }) {
  if (!hasFrame(spec)) return null;
  const { from, to } = interior(spec);
  const rows = spec.axes === 1 ? ([0, spec.groups] as const) : ([from + spec.padding, to - from] as const);
  const place = gridArea(rows[0], rows[1], from + spec.padding, to - from);
  return <i class="interior" aria-hidden="true" style={{ gridArea: place }} />;
}

function hasFrame(spec: LayerSpec): boolean {
  const { from, to } = interior(spec);
  return from < to && (from > 0 || to < outputLength(spec));
}

function gridArea(row: number, rows: number, column: number, columns: number): string {
  return `${row + 1} / ${column + 1} / span ${rows} / span ${columns}`;
}

/** How little room a cell has. On one axis it has enough, because a long line scrolls. */
function density({ axes }: LayerSpec, lines: number): string {
  if (axes === 1) return 'roomy';
  return lines <= 9 ? 'roomy' : lines <= 14 ? 'full' : 'dense';
}
