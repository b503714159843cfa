import {
  type Cell,
  cellOfStep,
  contributions,
  inOutput,
  type LayerSpec,
  rowAxis,
  rowContributions,
  tapLines,
} from './geometry';
import { plain } from './numbers';

/** Rows, columns and lanes are counted from 1 wherever people read or hear them. */
export function at(spec: LayerSpec, { row, column }: Cell): string {
  if (spec.axes === 2) return `row ${row + 1}, column ${column + 1}`;
  return spec.groups > 1 ? `lane ${row + 1}, place ${column + 1}` : `place ${column + 1}`;
}

/** Where the stamp of an input cell lands: "rows 3 to 5, columns 1 to 3". */
export function landing(spec: LayerSpec, cell: Cell): string {
  const rows = span(rowAxis(spec), cell.row);
  const columns = span(spec, cell.column);
  if (!rows || !columns) return 'nothing: padding crops all of it';
  if (spec.axes === 1) return `place${columns}${spec.groups > 1 ? ` of lane${rows}` : ''}`;
  return `row${rows}, column${columns}`;
}

function span(spec: LayerSpec, index: number): string | null {
  const lines = tapLines(spec, index).filter((line) => inOutput(spec, line));
  const [first, last] = [lines[0], lines.at(-1)];
  if (first === undefined || last === undefined) return null;
  if (first === last) return ` ${first + 1}`;
  const gaps = spec.dilation > 1 ? `, every ${ordinal(spec.dilation)}` : '';
  return `s ${first + 1} to ${last + 1}${gaps}`;
}

function ordinal(n: number): string {
  return n === 2 ? '2nd' : n === 3 ? '3rd' : `${n}th`;
}

/** The stamp that landed last, in one sentence. */
export function stepInWords(spec: LayerSpec, input: readonly number[], landed: number): string {
  if (landed === 0) return 'Nothing has landed yet.';
  const cell = cellOfStep(spec, landed - 1);
  const value = plain(input[landed - 1] ?? 0);
  return `The kernel times ${value}, from input ${at(spec, cell)}, lands on ${landing(spec, cell)}.`;
}

export interface Product {
  readonly input: Cell;
  readonly tap: Cell;
  readonly product: number;
}

/** The products that meet on one output cell, read off the stamps; those not landed yet are left out. */
export function productsAt(
  spec: LayerSpec,
  stamps: readonly Float32Array[],
  cell: Cell,
  landed: number,
): Product[] {
  const width = spec.dilation * (spec.kernel - 1) + 1;
  const products: Product[] = [];
  for (const row of rowContributions(spec, cell.row)) {
    for (const column of contributions(spec, cell.column)) {
      const index = row.input * spec.size + column.input;
      if (index >= landed) continue;
      // A stamp has one row where the kernel has one for each lane.
      const tapRow = spec.axes === 1 ? 0 : row.tap;
      const place = (tapRow * width + column.tap) * spec.dilation;
      products.push({
        input: { row: row.input, column: column.input },
        tap: { row: row.tap, column: column.tap },
        product: stamps[index]?.[place] ?? 0,
      });
    }
  }
  return products;
}
