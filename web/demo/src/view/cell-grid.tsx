// biome-ignore-all lint/a11y/useSemanticElements: a table laid out as a CSS grid loses its roles, so they are stated
import type { ComponentChildren, CSSProperties } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Cell } from '../model/geometry';
import { moved } from '../model/grid-keys';
import { parsed, plain } from '../model/numbers';

export interface CellLook {
  /** What a screen reader says for the cell. */
  readonly label: string;
  readonly paint?: string | undefined;
  readonly ink?: string | undefined;
  /** Space-separated words the style sheet knows. */
  readonly marks?: string;
  readonly content: ComponentChildren;
  readonly pinned?: boolean;
}

export type Pointing = 'hover' | 'focus';

interface Draft {
  readonly cell: Cell;
  readonly text: string;
  /** Not just the old value as it was opened, with fewer digits than it may have: that is no change. */
  readonly typed: boolean;
}

/** `leave` keeps the value like `keep`, but the focus has already gone elsewhere. */
type Finish = 'keep' | 'cancel' | 'leave';

interface Props {
  label: string;
  describedBy?: string;
  rows: number;
  columns: number;
  look: (cell: Cell) => CellLook;
  onPoint: (how: Pointing, cell: Cell | null) => void;
  /** Enter or click on a cell of a grid that cannot be edited. */
  onPin?: (cell: Cell) => void;
  onEscape?: () => void;
  /** Present if cells can be edited. */
  edit?: {
    value: (cell: Cell) => number;
    set: (cell: Cell, value: number) => void;
    /** Whether a cell has a value to edit; all of them have, if it is left out. */
    has?: (cell: Cell) => boolean;
  };
  class?: string;
  style?: CSSProperties;
}

/** A grid of values with one tab stop; arrows move, Enter edits or pins, Escape leaves. */
export function CellGrid(props: Props) {
  const { rows, columns, edit, onPoint } = props;
  const grid = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<Cell>({ row: 0, column: 0 });
  const [draft, setDraft] = useState<Draft | null>(null);
  // Looked at as the finger comes down: its cell has the focus by the time of the click.
  const wasFocused = useRef(false);
  // A grid that became smaller keeps its tab stop inside.
  const stop = { row: Math.min(active.row, rows - 1), column: Math.min(active.column, columns - 1) };

  const focus = (cell: Cell) => {
    setActive(cell);
    grid.current?.querySelector<HTMLElement>(`[data-cell="${key(cell)}"]`)?.focus();
  };

  const begin = (cell: Cell, text?: string) => {
    if (!edit || edit.has?.(cell) === false) return;
    setDraft({ cell, text: text ?? plain(edit.value(cell), 4), typed: text !== undefined });
  };

  const finish = ({ cell, text, typed }: Draft, how: Finish) => {
    const value = parsed(text);
    setDraft(null);
    if (how !== 'cancel' && typed && value !== null && value !== edit?.value(cell)) edit?.set(cell, value);
    if (how !== 'leave') focus(cell);
  };

  const onKeyDown = (event: KeyboardEvent, cell: Cell) => {
    if (event.metaKey || event.altKey) return;
    const next = moved(cell, event.key, event.ctrlKey, rows, columns);
    if (next) focus(next);
    else if (event.key === 'Enter') edit ? begin(cell) : props.onPin?.(cell);
    else if (event.key === 'Escape') props.onEscape?.();
    else if (edit && /^[-0-9]$/.test(event.key) && !event.ctrlKey) begin(cell, event.key);
    else return;
    event.preventDefault();
  };

  const onClick = (event: MouseEvent, cell: Cell) => {
    setActive(cell);
    if (!edit) return props.onPin?.(cell);
    // A finger selects first, so that the keyboard of a phone does not hide the picture at once.
    const byTouch = (event as PointerEvent).pointerType === 'touch';
    if (!byTouch || wasFocused.current) begin(cell);
  };

  const line = (row: number) => (
    // biome-ignore lint/a11y/useFocusableInteractive: the cells of a row take the focus, not the row
    <div role="row" key={row} aria-rowindex={row + 1}>
      {Array.from({ length: columns }, (_, column) => {
        const cell = { row, column };
        const look = props.look(cell);
        const editing = draft && key(draft.cell) === key(cell) ? draft : null;
        return (
          <div
            role="gridcell"
            key={column}
            class={`cell ${look.marks ?? ''}`}
            data-cell={key(cell)}
            tabIndex={row === stop.row && column === stop.column ? 0 : -1}
            aria-colindex={column + 1}
            aria-label={editing ? undefined : look.label}
            aria-selected={props.onPin ? look.pinned === true : undefined}
            style={{ background: look.paint, color: look.ink }}
            onKeyDown={(event) => !editing && onKeyDown(event, cell)}
            onClick={(event) => !editing && onClick(event, cell)}
            onFocus={() => {
              setActive(cell);
              onPoint('focus', cell);
            }}
            onBlur={() => onPoint('focus', null)}
            onPointerDown={({ currentTarget }) => {
              wasFocused.current = currentTarget === document.activeElement;
            }}
            onPointerEnter={() => onPoint('hover', cell)}
          >
            {editing ? (
              <CellInput
                label={`${props.label}, row ${row + 1}, column ${column + 1}`}
                draft={editing}
                onType={(text) => setDraft({ cell, text, typed: true })}
                onFinish={(how) => finish(editing, how)}
              />
            ) : (
              look.content
            )}
          </div>
        );
      })}
    </div>
  );

  return (
    <div
      role="grid"
      ref={grid}
      class={`cell-grid ${props.class ?? ''}`}
      style={props.style}
      aria-label={props.label}
      aria-describedby={props.describedBy}
      aria-readonly={!edit}
      aria-rowcount={rows}
      aria-colcount={columns}
      onPointerLeave={() => onPoint('hover', null)}
    >
      {Array.from({ length: rows }, (_, row) => line(row))}
    </div>
  );
}

interface CellInputProps {
  label: string;
  draft: Draft;
  onType: (text: string) => void;
  onFinish: (how: Finish) => void;
}

function CellInput({ label, draft, onType, onFinish }: CellInputProps) {
  const input = useRef<HTMLInputElement>(null);
  const finished = useRef(false);
  const valid = parsed(draft.text) !== null;

  useLayoutEffect(() => {
    input.current?.focus();
    // A typed digit begins a new number; otherwise the old one is there to be replaced.
    if (!draft.typed) input.current?.select();
  }, []);

  // Removing a focused input blurs it, which must not finish the edit a second time.
  const finish = (how: Finish) => {
    if (finished.current) return;
    finished.current = true;
    onFinish(how);
  };

  return (
    <input
      ref={input}
      class="cell-input"
      type="text"
      inputMode="decimal"
      autocomplete="off"
      aria-label={label}
      aria-invalid={!valid}
      value={draft.text}
      onInput={(event) => onType(event.currentTarget.value)}
      onBlur={() => finish('leave')}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Enter' && valid) finish('keep');
        if (event.key === 'Escape') finish('cancel');
      }}
    />
  );
}

const key = (cell: Cell) => `${cell.row},${cell.column}`;
