// biome-ignore-all lint/a11y/useSemanticElements: a table laid out as a CSS grid loses its roles, so they are stated
import { useRef, useState } from 'preact/hooks';
import type { PhasesRequest } from '../../engine/protocol';
import { largestMagnitude, swatch } from '../../model/colour';
import { ownKernel } from '../../model/family-weights';
import type { Cell } from '../../model/geometry';
import { moved } from '../../model/grid-keys';
import { fixed, plain } from '../../model/numbers';
import { kernelRows, nudged, nudgeOf, phaseOfTap, phasesOf, TAP_LIMIT } from '../../model/phases';
import { resizeKernels } from '../../model/resize-stamps';
import { ownTaps, withDrawn, withTap } from '../../model/state';
import { change, state, theme } from '../../store';
import { InCell } from '../../view/in-cell';
import { drawnIn, lit } from './phases-run';

/** Screen pixels of a drag that move a tap by one step. */
const PIXELS_A_STEP = 6;

interface Drag {
  readonly pointer: number;
  readonly index: number;
  readonly from: number;
  readonly x: number;
  readonly y: number;
}

/**
 * The kernel with a handle in every cell. The grid has one tab stop and arrows walk over it;
 * Enter takes hold of a tap, arrows then change it, and Enter or Escape lets go.
 */
export function TapGrid({ request }: { request: PhasesRequest }) {
  const { kind } = request;
  const own = ownKernelOf(request);
  const { kernel, weights } = own;
  const rows = kernelRows(own);
  const phases = phasesOf(request);
  const grid = useRef<HTMLDivElement>(null);
  const drag = useRef<Drag | null>(null);
  const [active, setActive] = useState<Cell>({ row: 0, column: 0 });
  const [held, setHeld] = useState(false);
  const stop = { row: Math.min(active.row, rows - 1), column: Math.min(active.column, kernel - 1) };
  const limit = largestMagnitude([weights]);

  // The state may be a step ahead of what the worker has described.
  const current = (index: number) => ownTaps(state.peek())[index] ?? 0;
  const drawn = drawnIn(request);
  const set = (index: number, value: number) =>
    change((s) => withDrawn(s, drawn, (now) => withTap(now, index, value)));
  const focus = (cell: Cell, what: 'cell' | 'handle') => {
    setActive(cell);
    const at = grid.current?.querySelector<HTMLElement>(`[data-tap="${cell.row},${cell.column}"]`);
    (what === 'cell' ? at : at?.querySelector<HTMLElement>('[role="slider"]'))?.focus();
  };

  const onKeyDown = (event: KeyboardEvent, cell: Cell, index: number) => {
    if (event.metaKey || event.altKey) return;
    const value = current(index);
    const onHandle = (event.target as HTMLElement).getAttribute('role') === 'slider';
    const letGo = onHandle && (event.key === 'Enter' || event.key === 'Escape');
    const steps = nudgeOf(event.key, event.shiftKey);
    const next = onHandle ? null : moved(cell, event.key, event.ctrlKey, rows, kernel);
    if (letGo) {
      setHeld(false);
      focus(cell, 'cell');
    } else if (next) focus(next, 'cell');
    else if (!onHandle && event.key === 'Enter') {
      setHeld(true);
      focus(cell, 'handle');
    } else if (steps !== null && !event.ctrlKey) set(index, nudged(value, steps));
    else return;
    event.preventDefault();
  };

  const onPointerDown = (event: PointerEvent, cell: Cell, index: number) => {
    if (event.button !== 0) return;
    event.preventDefault();
    const at = event.currentTarget as HTMLElement;
    at.setPointerCapture(event.pointerId);
    drag.current = {
      pointer: event.pointerId,
      index,
      from: current(index),
      x: event.clientX,
      y: event.clientY,
    };
    setHeld(false);
    focus(cell, 'cell');
  };
  const onPointerMove = (event: PointerEvent) => {
    const now = drag.current;
    if (now?.pointer !== event.pointerId) return;
    const steps = Math.round((event.clientX - now.x - (event.clientY - now.y)) / PIXELS_A_STEP);
    const value = nudged(now.from, steps);
    // A press without a move leaves a tap as it is, which need not lie on a tenth.
    const wanted = steps === 0 ? now.from : value;
    if (wanted !== current(now.index)) set(now.index, wanted);
  };
  const onPointerEnd = () => {
    drag.current = null;
  };

  return (
    <div
      role="grid"
      ref={grid}
      class="tap-grid"
      aria-label="Taps of the kernel"
      aria-describedby="tap-hint"
      style={{ '--columns': String(kernel) }}
      onPointerLeave={() => {
        if (!drag.current) lit.value = null;
      }}
    >
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/a11y/useFocusableInteractive: the cells of a row take the focus, not the row
        <div role="row" key={row}>
          {Array.from({ length: kernel }, (_, column) => {
            const cell = { row, column };
            const index = row * kernel + column;
            const value = weights[index] ?? 0;
            // Behind a resize a tap reaches every phase.
            const name = kind === 'resize' ? '' : (phases[phaseOfTap(request, row, column)]?.name ?? '');
            const { paint, ink } = swatch(value, limit, theme.value);
            const isStop = row === stop.row && column === stop.column;
            const place = `row ${row + 1}, column ${column + 1}`;
            return (
              <div
                role="gridcell"
                key={column}
                class={`tap ${isLit(request, cell) ? 'is-lit' : ''}`}
                data-tap={`${row},${column}`}
                data-phase={name}
                tabIndex={isStop && !held ? 0 : -1}
                aria-label={`${plain(value)}, ${place}, ${name ? `phase ${name}` : 'every phase'}`}
                style={{ background: paint, color: ink }}
                onKeyDown={(event) => onKeyDown(event, cell, index)}
                onFocus={() => {
                  lit.value = cell;
                }}
                onBlur={() => {
                  lit.value = null;
                }}
                onPointerEnter={() => {
                  if (!drag.current) lit.value = cell;
                }}
                onPointerDown={(event) => onPointerDown(event, cell, index)}
                onPointerMove={onPointerMove}
                onPointerUp={onPointerEnd}
                onPointerCancel={onPointerEnd}
              >
                <span
                  role="slider"
                  class="tap-handle"
                  tabIndex={isStop && held ? 0 : -1}
                  aria-label={`Tap ${place}`}
                  aria-orientation="vertical"
                  aria-valuenow={value}
                  aria-valuetext={fixed(value)}
                  aria-valuemin={-TAP_LIMIT}
                  aria-valuemax={TAP_LIMIT}
                  onBlur={() => setHeld(false)}
                >
                  <InCell value={value} />
                </span>
              </div>
            );
          })}
        </div>
      ))}
    </div>
  );
}

/** What is there to drag: the taps of the stamp, or those of the convolution behind the resize that makes it. */
function ownKernelOf(request: PhasesRequest): PhasesRequest {
  if (request.kind !== 'resize') return request;
  const weights = resizeKernels(request, request.weights);
  return { ...request, kernel: ownKernel(request, 'resize'), weights };
}

/** Whether a tap is of the same phase as the one that is lit. */
function isLit(request: PhasesRequest, { row, column }: Cell): boolean {
  const other = lit.value;
  if (request.kind === 'resize') return other?.row === row && other.column === column;
  return other !== null && phaseOfTap(request, row, column) === phaseOfTap(request, other.row, other.column);
}
