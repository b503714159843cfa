import type { Cell } from './geometry';

/** Where a key takes the focus in a grid of this size, or null if the key does not move it. */
export function moved(
  from: Cell,
  key: string,
  withControl: boolean,
  rows: number,
  columns: number,
): Cell | null {
  const { row, column } = from;
  switch (key) {
    case 'ArrowUp':
      return { row: Math.max(row - 1, 0), column };
    case 'ArrowDown':
      return { row: Math.min(row + 1, rows - 1), column };
    case 'ArrowLeft':
      return { row, column: Math.max(column - 1, 0) };
    case 'ArrowRight':
      return { row, column: Math.min(column + 1, columns - 1) };
    case 'Home':
      return { row: withControl ? 0 : row, column: 0 };
    case 'End':
      return { row: withControl ? rows - 1 : row, column: columns - 1 };
    default:
      return null;
  }
}
