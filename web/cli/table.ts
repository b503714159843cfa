import { columnsOf, shorten } from './terminal.js';

export interface Column {
  readonly title: string;
  readonly right?: boolean;
  /** May be shortened down to this where the screen is narrow. */
  readonly shrinksTo?: number;
  /** Left out where the screen is narrower still. */
  readonly drops?: boolean;
}

/** A cell's text, and how to paint it once it has its width. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

export interface Row {
  readonly cells: readonly Cell[];
  /** A line of its own below the row, across all columns. */
  readonly note?: Cell;
}

const GAP = 2;

/**
 * Lines of a table that fits `width` columns: shortens and leaves out what may be, and where even that is too
 * wide, gives every row as a block of `title value` lines. Null is any width.
 */
export function table(columns: readonly Column[], rows: readonly Row[], width: number | null): string[] {
  const natural = columns.map(({ title }, index) =>
    rows.reduce(
      (widest, { cells }) => Math.max(widest, columnsOf(cells[index]?.text ?? '')),
      columnsOf(title),
    ),
  );
  if (width === null) return draw(columns, rows, natural, null);
  const widths = fitWidths(columns, natural, width);
  if (widths !== null) return draw(columns, rows, widths, width);
  const kept = columns.flatMap(({ drops }, index) => (drops === true ? [] : [index]));
  if (kept.length === columns.length) return blocks(columns, rows, width);
  const pick = <T>(values: readonly T[]): T[] => kept.map((index) => values[index] as T);
  const fewer = rows.map((row) => ({ ...row, cells: pick(row.cells) }));
  const narrow = fitWidths(pick(columns), pick(natural), width);
  return narrow === null ? blocks(columns, rows, width) : draw(pick(columns), fewer, narrow, width);
}

function draw(
  columns: readonly Column[],
  rows: readonly Row[],
  widths: readonly number[],
  screen: number | null,
): string[] {
  const lines = [
    line(
      columns,
      widths,
      columns.map(({ title }) => ({ text: title })),
    ),
  ];
  for (const { cells, note } of rows) {
    lines.push(line(columns, widths, cells));
    if (note === undefined) continue;
    for (const text of wrap(note.text, (screen ?? Number.POSITIVE_INFINITY) - GAP)) {
      lines.push(`  ${note.paint?.(text) ?? text}`);
    }
  }
  return lines;
}

function fitWidths(columns: readonly Column[], natural: readonly number[], width: number): number[] | null {
  const widths = [...natural];
  let excess = widths.reduce((sum, one) => sum + one, 0) + GAP * (columns.length - 1) - width;
  for (const [index, { shrinksTo }] of columns.entries()) {
    if (excess <= 0 || shrinksTo === undefined) continue;
    const taken = Math.min(excess, Math.max(0, (widths[index] as number) - shrinksTo));
    widths[index] = (widths[index] as number) - taken;
    excess -= taken;
  }
  return excess > 0 ? null : widths;
}

function line(columns: readonly Column[], widths: readonly number[], cells: readonly Cell[]): string {
  return columns
    .map(({ right }, index) => {
      const { text, paint } = cells[index] ?? { text: '' };
      const width = widths[index] as number;
      const shown = shorten(text, width);
      const space = ' '.repeat(width - columnsOf(shown));
      const painted = paint?.(shown) ?? shown;
      return right === true ? space + painted : painted + space;
    })
    .join(' '.repeat(GAP))
    .trimEnd();
}

function blocks(columns: readonly Column[], rows: readonly Row[], width: number): string[] {
  const label = Math.max(...columns.map(({ title }) => columnsOf(title)));
  return rows.flatMap(({ cells, note }, row) => [
    ...(row === 0 ? [] : ['']),
    ...columns.flatMap(({ title }, index) => {
      const { text, paint } = cells[index] ?? { text: '' };
      if (text === '') return [];
      const shown = shorten(text, Math.max(8, width - label - GAP));
      return [`${title.padEnd(label + GAP)}${paint?.(shown) ?? shown}`];
    }),
    ...(note === undefined ? [] : wrap(note.text, width).map((text) => note.paint?.(text) ?? text)),
  ]);
}

/** Sentences as lines of a screen; a single one where null is any width. */
export function prose(text: string, width: number | null): string[] {
  return width === null ? [text] : wrap(text, width);
}

/** Breaks at spaces; longer words stay whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    if (current !== '' && columnsOf(current) + 1 + columnsOf(word) > width) {
      lines.push(current);
      current = word;
    } else {
      current = current === '' ? word : `${current} ${word}`;
    }
  }
  return [...lines, current];
}
