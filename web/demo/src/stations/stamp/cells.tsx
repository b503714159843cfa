import type { CSSProperties } from 'preact';
import { swatch } from '../../model/colour';
import type { Cell, LayerSpec } from '../../model/geometry';
import { count } from '../../model/numbers';
import { theme } from '../../store';
import type { Pointing } from '../../view/cell-grid';
import { colourLimit, focused, hovered, type Pointed, pinned } from './film';

export function Preset({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <button type="button" class="preset" onClick={onClick}>
      {label}
    </button>
  );
}

/** The colour of a group's lane, in all three grids. */
export function lane(spec: LayerSpec, { row }: Cell): string {
  return spec.groups > 1 ? `lane lane-${row + 1}` : '';
}

export function marks(which: Record<string, boolean>): string {
  return Object.keys(which)
    .filter((mark) => which[mark])
    .join(' ');
}

export function painted(value: number): { paint: string; ink: string } {
  return swatch(value, colourLimit.value, theme.value);
}

export function pointer(grid: Pointed['grid']) {
  return (how: Pointing, cell: Cell | null) => {
    const where = how === 'hover' ? hovered : focused;
    where.value = cell && { grid, cell };
  };
}

export function unpin(): void {
  pinned.value = null;
}

export function columns(amount: number): CSSProperties {
  return { '--columns': amount } as CSSProperties;
}

export function sizeText({ axes }: LayerSpec, rows: number, columns: number): string {
  if (axes === 1) return rows === 1 ? count(columns, 'cell') : `${rows} lanes of ${columns}`;
  return `${rows} \u00d7 ${columns}`;
}
