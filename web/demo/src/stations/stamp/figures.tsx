import type { CSSProperties } from 'preact';
import { lit } from '../../model/board';
import { swatch } from '../../model/colour';
import {
  type Cell,
  drawnLines,
  interior,
  type LayerSpec,
  type LineKind,
  outputLength,
  stampsOn,
} from '../../model/geometry';
import { count, plain } from '../../model/numbers';
import { withFill, withInput, withInputCell, withTap } from '../../model/state';
import { change, state, theme } from '../../store';
import { CellGrid, type Pointing } from '../../view/cell-grid';
import {
  atEnd,
  colourLimit,
  focused,
  hovered,
  landed,
  type Pointed,
  pinned,
  pointed,
  type Stamped,
  stampingStep,
} from './film';
import { Pips } from './pips';

interface Props {
  picture: Stamped;
}

export function InputFigure({ picture }: Props) {
  const { spec, input } = picture.request;
  const index = (cell: Cell) => cell.row * spec.size + cell.column;
  const light = lit(spec, pointed.value);
  return (
    <figure class="figure input-figure">
      <figcaption>
        <b>Input</b> <span class="size">{sizeText(spec.size)}</span>
      </figcaption>
      <CellGrid
        label={`Input, ${spec.size} by ${spec.size}`}
        describedBy="edit-hint"
        rows={spec.size}
        columns={spec.size}
        style={columns(spec.size)}
        look={(cell) => {
          const value = input[index(cell)] ?? 0;
          return {
            ...painted(value),
            label: plain(value),
            marks: marks({ 'is-lit': light.input(cell), 'is-stamping': index(cell) === stampingStep.value }),
            content: plain(value),
          };
        }}
        onPoint={pointer('input')}
        onEscape={unpin}
        edit={{
          value: (cell) => state.value.input[index(cell)] ?? 0,
          set: (cell, value) => change((s) => withInputCell(s, index(cell), value)),
        }}
      />
      <p class="presets">
        <Preset label="Flat" onClick={() => change((s) => withInput(s, 'flat'))} />
        <Preset label="One cell" onClick={() => change((s) => withInput(s, 'one cell'))} />
        <Preset label="Ramp" onClick={() => change((s) => withInput(s, 'ramp'))} />
      </p>
    </figure>
  );
}

export function KernelFigure({ picture }: Props) {
  const { spec, weights } = picture.request;
  const index = (cell: Cell) => cell.row * spec.kernel + cell.column;
  const light = lit(spec, pointed.value);
  return (
    <figure class="figure kernel-figure">
      <figcaption>
        <b>Kernel</b> <span class="size">{sizeText(spec.kernel)}</span>
      </figcaption>
      <CellGrid
        label={`Kernel, ${spec.kernel} by ${spec.kernel}`}
        describedBy="edit-hint"
        rows={spec.kernel}
        columns={spec.kernel}
        style={columns(spec.kernel)}
        look={(cell) => {
          const value = weights[index(cell)] ?? 0;
          return {
            ...painted(value),
            label: plain(value),
            marks: marks({ 'is-lit': light.kernel(cell) }),
            content: plain(value),
          };
        }}
        onPoint={pointer('kernel')}
        onEscape={unpin}
        edit={{
          value: (cell) => state.value.weights[index(cell)] ?? 0,
          set: (cell, value) => change((s) => withTap(s, index(cell), value)),
        }}
      />
      <p class="presets">
        <Preset label="Ones" onClick={() => change((s) => withFill(s, 'ones'))} />
        <Preset
          label="Random"
          onClick={() => change((s) => withFill(s, 'random', s.fill === 'random' ? s.seed + 1 : s.seed))}
        />
        <Preset label="Bilinear" onClick={() => change((s) => withFill(s, 'bilinear'))} />
      </p>
      <p class="visually-hidden" id="edit-hint">
        Arrow keys move. Enter or a digit edits, Escape cancels.
      </p>
    </figure>
  );
}

export function OutputFigure({ picture }: Props) {
  const { spec } = picture.request;
  const size = picture.result.shape[0];
  const sums = picture.result.states[landed.value] ?? new Float32Array();
  const lines = drawnLines(spec);
  const light = lit(spec, pointed.value);
  const pin = pinned.value?.grid === 'output' ? pinned.value.cell : null;
  return (
    <figure class="figure output-figure" data-density={density(lines.length)}>
      <figcaption>
        <b>Output</b> <span class="size">{sizeText(size)}</span>
        <Ghosts lines={lines} />
      </figcaption>
      <div class="drawn" style={columns(lines.length)}>
        <GhostCells lines={lines} />
        <CellGrid
          label={`Output, ${size} by ${size}`}
          describedBy="pin-hint"
          class="output-grid"
          rows={size}
          columns={size}
          style={{ ...columns(size), ...area(spec.padding, size) }}
          look={(cell) => {
            const value = sums[cell.row * size + cell.column] ?? 0;
            const stamps = stampsOn(spec, cell, landed.value);
            const added =
              lines[cell.row + spec.padding] === 'added' || lines[cell.column + spec.padding] === 'added';
            const isPinned = pin?.row === cell.row && pin.column === cell.column;
            return {
              ...painted(value),
              label: `${plain(value)}, ${count(stamps, 'stamp')}`,
              marks: marks({
                'is-empty': stamps === 0,
                'is-lit': light.output(cell),
                'is-pinned': isPinned,
                'is-added': added,
              }),
              pinned: isPinned,
              content: (
                <>
                  <span class="sum">{plain(value)}</span>
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
      <p class="visually-hidden" id="pin-hint">
        Arrow keys move. Enter keeps the products of a cell on show, Escape lets them go.
      </p>
    </figure>
  );
}

/** Hatched cells: what padding cuts off. */
function GhostCells({ lines }: { lines: readonly LineKind[] }) {
  return (
    <>
      {lines.flatMap((row, r) =>
        lines.map((column, c) =>
          row === 'cropped' || column === 'cropped' ? (
            <i key={`${r},${c}`} class="ghost" aria-hidden="true" style={area(r, 1, c)} />
          ) : null,
        ),
      )}
    </>
  );
}

/** Says in words what the hatching and the marks mean, when there are any. */
function Ghosts({ lines }: { lines: readonly LineKind[] }) {
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
    </span>
  );
}

/** A frame around the part that the border does not touch. */
function InteriorFrame({ spec }: { spec: LayerSpec }) {
  const { from, to } = interior(spec);
  if (from >= to || (from === 0 && to === outputLength(spec))) return null;
  return <i class="interior" aria-hidden="true" style={area(from + spec.padding, to - from)} />;
}

function Preset({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <button type="button" class="preset" onClick={onClick}>
      {label}
    </button>
  );
}

function marks(which: Record<string, boolean>): string {
  return Object.keys(which)
    .filter((mark) => which[mark])
    .join(' ');
}

function painted(value: number): { paint: string; ink: string } {
  return swatch(value, colourLimit.value, theme.value);
}

function pointer(grid: Pointed['grid']) {
  return (how: Pointing, cell: Cell | null) => {
    const where = how === 'hover' ? hovered : focused;
    where.value = cell && { grid, cell };
  };
}

function unpin(): void {
  pinned.value = null;
}

function columns(amount: number): CSSProperties {
  return { '--columns': amount } as CSSProperties;
}

function area(row: number, length: number, column = row): CSSProperties {
  return { gridArea: `${row + 1} / ${column + 1} / span ${length} / span ${length}` };
}

function density(lines: number): string {
  return lines <= 9 ? 'roomy' : lines <= 14 ? 'full' : 'dense';
}

function sizeText(size: number): string {
  return `${size} \u00d7 ${size}`;
}
