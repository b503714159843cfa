// Pictures of one channel pair as SVG: its kernel, what it makes of a flat input, its spectrum. Colours are
// classes of the page's style sheet, so that they follow its theme.

import { type Analysis, amplitudeSpectrum, phaseGains } from 'deconv-wasm/checkerboard';
import { short } from '../words.js';
import { type Markup, NOTHING } from './markup.js';
import { blocks, circle, drawing, element, polyline, rect, runsOf, label as text } from './svg.js';

export interface Picture {
  readonly title: string;
  readonly svg: Markup;
  readonly caption: string;
}

/** Numbers on a grid, row-major. */
interface Grid {
  readonly rows: number;
  readonly columns: number;
  readonly values: ArrayLike<number>;
}

/** Side of a drawing of a grid, width of a drawing of a line, in units of the drawing. */
const SIDE = 220;
const WIDTH = 300;
const HEIGHT = 170;
/** Cells that an axis of a picture may have; what has more is thinned out. */
const MOST_CELLS = 48;
const MOST_BARS = 160;
/** Taps up to which a spectrum is drawn; it takes a sum over all of them for every point. */
const MOST_TAPS = 1 << 18;
/** Decibels from the brightest to the darkest. */
const RANGE = 40;

type Geometry = Pick<Analysis, 'kernelSize' | 'stride' | 'dilation'>;

export function picturesOf(analysis: Geometry, taps: Float64Array): readonly Picture[] {
  const axes = axesOf(analysis);
  const gains = phaseGains(taps, axes);
  return [kernelPicture(analysis, taps), flatPicture(analysis, gains), spectrumPicture(analysis, taps)];
}

function axesOf({ kernelSize, stride, dilation }: Geometry) {
  return kernelSize.map((size, axis) => ({
    kernelSize: size,
    stride: at(stride, axis),
    dilation: at(dilation, axis),
  }));
}

function kernelPicture({ kernelSize, stride, dilation }: Geometry, taps: Float64Array): Picture {
  const title = 'Kernel';
  const largest = largestOf(taps);
  const size = kernelSize.join(' x ');
  if (kernelSize.length === 1) {
    const shown = thin(taps, 1, taps.length, 1, MOST_BARS).values;
    const whole = shown.length === taps.length;
    return {
      title,
      svg: bars(
        shown,
        `Bar chart of the ${size} taps`,
        // Phases are told apart while there are few enough of them for colours.
        (index) =>
          whole && at(stride, 0) <= 6 ? `phase${(index * at(dilation, 0)) % at(stride, 0)}` : 'phase0',
        null,
      ),
      caption: `${size} taps, the largest ${short(largest)}${whole && at(stride, 0) <= 6 ? '; one colour a phase' : ''}`,
    };
  }
  const slices = slicesOf(taps, kernelSize).map((grid) => thinGrid(grid));
  return {
    title,
    svg: montage(slices, `Heat map of the ${size} taps`, (value) => signedLevel(value, largest)),
    caption: `${size} taps${depthNote(kernelSize)}; orange positive, blue negative, full colour ${short(largest)}`,
  };
}

/** Some periods of the response to a constant. */
function flatPicture({ stride }: Geometry, gains: Float64Array): Picture {
  const title = 'On a flat input';
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  const largest = largestOf(gains);
  const spread = `${short(gains.reduce((a, b) => Math.min(a, b)))} to ${short(gains.reduce((a, b) => Math.max(a, b)))}, mean ${short(mean)}`;
  const period = stride.join(' x ');
  if (stride.length === 1) {
    const step = at(stride, 0);
    const whole = step <= MOST_BARS;
    const times = repeats(step, 6, 48);
    const shown = whole
      ? Float64Array.from({ length: step * times }, (_, index) => gains[index % step] as number)
      : thin(gains, 1, step, 1, MOST_BARS).values;
    const svg = bars(
      shown,
      `Bar chart of the response to a constant, period ${period}`,
      (index) => (step <= 6 ? `phase${index % step}` : 'phase0'),
      mean,
    );
    return { title, svg, caption: `response to 1, period ${period}: ${spread} (dashed)` };
  }
  const deviations = gains.map((gain) => gain - mean);
  const slices = slicesOf(deviations, stride).map(({ rows, columns, values }): Grid => {
    const [tall, broad] = [rows * repeats(rows, 6, 18), columns * repeats(columns, 6, 18)];
    const tiled = Float64Array.from(
      { length: tall * broad },
      (_, cell) => values[(Math.floor(cell / broad) % rows) * columns + ((cell % broad) % columns)] as number,
    );
    return thinGrid({ rows: tall, columns: broad, values: tiled });
  });
  return {
    title,
    svg: montage(
      slices,
      `Heat map of the response to a constant, period ${period}`,
      (value) => signedLevel(value, largest),
      { rows: at(stride, stride.length - 2), columns: at(stride, stride.length - 1) },
    ),
    caption: `response to 1, period ${period}${depthNote(stride, 'phase')}: ${spread}; colours show the difference from the mean`,
  };
}

/** As many periods as make a pattern to the eye, within so many cells. */
function repeats(period: number, most: number, cells: number): number {
  return Math.max(1, Math.min(most, Math.floor(cells / period)));
}

function spectrumPicture(geometry: Geometry, taps: Float64Array): Picture {
  const title = 'Spectrum';
  const axes = axesOf(geometry);
  const { stride } = geometry;
  if (taps.length > MOST_TAPS || stride.some((step) => step > (stride.length === 1 ? 1024 : 24))) {
    return { title, svg: NOTHING, caption: 'not drawn: the kernel or its stride is too large for a picture' };
  }
  if (stride.length === 1) return spectrumLine(at(stride, 0), taps, axes);
  const rank = stride.length;
  const [down, across] = [at(stride, rank - 2), at(stride, rank - 1)];
  const size = rank === 2 ? 64 : 24;
  const whole = Math.ceil(size / lcm(stride)) * lcm(stride);
  const points = whole > 256 ? size : whole;
  const amplitude = amplitudeSpectrum(taps, axes, points);
  const largest = largestOf(amplitude);
  // An odd number a field, so that the harmonic itself has a cell.
  const [tall, broad] = [down, across].map((step) => step * ((Math.floor(MOST_CELLS / step) - 1) | 1));
  const depths = rank === 2 ? [0] : thinned(at(stride, 0), 4).map((harmonic) => harmonic / at(stride, 0));
  const slices = depths.map((depth): Grid => {
    const plane = (Math.round(depth * points) % points) * (rank === 2 ? 0 : points * points);
    return {
      rows: tall as number,
      columns: broad as number,
      values: Float64Array.from({ length: (tall as number) * (broad as number) }, (_, cell) => {
        // Harmonics lie in the middle of their fields, the constant's among them.
        const y = (Math.floor(cell / (broad as number)) + 0.5) / (tall as number) - 0.5 / down;
        const x = ((cell % (broad as number)) + 0.5) / (broad as number) - 0.5 / across;
        const [row, column] = [y, x].map((turn) => (Math.round(turn * points) + points) % points);
        return amplitude[plane + (row as number) * points + (column as number)] as number;
      }),
    };
  });
  return {
    title,
    svg: montage(
      slices,
      'Heat map of the amplitude over both frequencies, with rings at the harmonics of the stride',
      (value) => amplitudeLevel(value, largest),
      null,
      { down, across },
    ),
    caption: `one field per image of the input spectrum${rank === 3 ? ', one map per harmonic in depth' : ''}; square: the constant, rings: where a pattern would be. The fuller the colour the stronger, over ${RANGE} dB`,
  };
}

/** Amplitude from 0 to half the output's rate, and the harmonics below. */
function spectrumLine(stride: number, taps: Float64Array, axes: ReturnType<typeof axesOf>): Picture {
  const points = stride * Math.max(8, Math.ceil(512 / stride));
  const amplitude = amplitudeSpectrum(taps, axes, points);
  const largest = largestOf(amplitude) || 1;
  const x = (turn: number) => 30 + turn * 2 * (WIDTH - 40);
  const y = (value: number) =>
    10 + (Math.min(RANGE, -20 * Math.log10(Math.max(value / largest, 1e-9))) / RANGE) * (HEIGHT - 40);
  const curve = Array.from(
    { length: Math.floor(points / 2) + 1 },
    (_, bin) => [x(bin / points), y(amplitude[bin] as number)] as const,
  );
  const bottom = HEIGHT - 30;
  // More of them would hide the curve.
  const marked = stride <= 64 ? Math.floor(stride / 2) : 0;
  const harmonics = Array.from({ length: marked }, (_, index) => (index + 1) / stride);
  const svg = drawing(
    `0 0 ${WIDTH} ${HEIGHT}`,
    'Curve of the amplitude over frequency, with rings at the harmonics of the stride',
    {},
    polyline(
      [
        [30, 10],
        [30, bottom],
        [WIDTH - 10, bottom],
      ],
      { class: 'axis' },
    ),
    text(30, HEIGHT - 14, '0', { class: 'tick' }),
    text(WIDTH - 10, HEIGHT - 14, 'half the output rate', { class: 'tick end' }),
    [0, RANGE / 2, RANGE].map((down) =>
      text(26, 14 + (down / RANGE) * (HEIGHT - 40), String(-down), { class: 'tick end' }),
    ),
    harmonics.map((turn) =>
      polyline(
        [
          [x(turn), 10],
          [x(turn), bottom],
        ],
        { class: 'guide' },
      ),
    ),
    polyline(curve, { class: 'curve' }),
    harmonics.map((turn) =>
      circle(x(turn), y(amplitude[Math.round(turn * points) % points] as number), stride <= 16 ? 5 : 3, {
        class: 'ring',
      }),
    ),
  );
  return {
    title: 'Spectrum',
    svg,
    caption: `amplitude in dB below its largest; rings: the harmonics m/${stride} of the output rate, where a pattern would be`,
  };
}

/** Vertical bars around zero, with a dashed line at `level`. */
function bars(
  values: ArrayLike<number>,
  label: string,
  colour: (index: number) => string,
  level: number | null,
): Markup {
  const shown = Array.from(values);
  const [least, most] = [Math.min(0, ...shown), Math.max(0, ...shown)];
  const span = most - least || 1;
  const y = (value: number) => 8 + ((most - value) / span) * (HEIGHT - 16);
  const step = (WIDTH - 16) / shown.length;
  const width = step > 4 ? step - 1.5 : step;
  const bar = (value: number, index: number) => {
    const [top, bottom] = [y(Math.max(0, value)), y(Math.min(0, value))];
    return { look: colour(index), block: [8 + index * step, top, width, bottom - top] as const };
  };
  const across = (value: number, look: string) =>
    polyline(
      [
        [4, y(value)],
        [WIDTH - 4, y(value)],
      ],
      { class: look },
    );
  return drawing(
    `0 0 ${WIDTH} ${HEIGHT}`,
    label,
    {},
    painted(shown.map(bar)),
    across(0, 'axis'),
    level === null ? NOTHING : across(level, 'level'),
  );
}

/** Heat maps side by side, each in a frame. */
function montage(
  grids: readonly Grid[],
  label: string,
  level: (value: number) => string,
  period: { readonly rows: number; readonly columns: number } | null = null,
  harmonics: { readonly down: number; readonly across: number } | null = null,
): Markup {
  const perRow = Math.ceil(Math.sqrt(grids.length));
  const gap = grids.length > 1 ? 8 : 0;
  const side = (SIDE - gap * (perRow - 1)) / perRow;
  const maps = grids.map((grid, index) => {
    const cell = side / Math.max(grid.rows, grid.columns);
    const [left, top] = [(index % perRow) * (side + gap), Math.floor(index / perRow) * (side + gap)];
    const [broad, tall] = [grid.columns * cell, grid.rows * cell];
    const framed =
      period !== null &&
      period.rows <= grid.rows &&
      period.columns <= grid.columns &&
      period.rows * period.columns < grid.rows * grid.columns;
    return element(
      'g',
      { transform: `translate(${left.toFixed(2)} ${top.toFixed(2)})` },
      element(
        'g',
        { transform: `scale(${cell.toFixed(4)})`, 'shape-rendering': 'crispEdges' },
        cells(grid, level),
      ),
      rect(0, 0, broad, tall, { class: 'border' }),
      framed ? rect(0, 0, period.columns * cell, period.rows * cell, { class: 'frame' }) : NOTHING,
      harmonics === null ? NOTHING : rings(harmonics, broad, tall, index === 0),
    );
  });
  const height = Math.ceil(grids.length / perRow) * (side + gap) - gap;
  const tallest = Math.max(...grids.map(({ rows, columns }) => (rows / Math.max(rows, columns)) * side));
  const shown = grids.length === 1 ? tallest : height;
  return drawing(`-1 -1 ${SIDE + 2} ${(shown + 2).toFixed(2)}`, label, { class: 'map' }, maps);
}

function rings(
  { down, across }: { readonly down: number; readonly across: number },
  broad: number,
  tall: number,
  constant: boolean,
): Markup[] {
  const radius = Math.min(7, broad / across / 4, tall / down / 4);
  return Array.from({ length: down * across }, (_, harmonic) => {
    const x = (((harmonic % across) + 0.5) / across) * broad;
    const y = ((Math.floor(harmonic / across) + 0.5) / down) * tall;
    // Light on dark or dark on light: one of the two strokes shows on any colour.
    return ['halo', 'ring'].map((look) =>
      constant && harmonic === 0
        ? rect(x - radius, y - radius, 2 * radius, 2 * radius, { class: look })
        : circle(x, y, radius, { class: look }),
    );
  }).flat();
}

function cells({ columns, values }: Grid, level: (value: number) => string): Markup[] {
  const runs = runsOf(columns, Array.from(values, level));
  return painted(
    runs.map(({ look, row, column, cells: width }) => ({ look, block: [column, row, width, 1] as const })),
  );
}

/** One path for all blocks of a look. */
function painted(
  parts: readonly { readonly look: string; readonly block: Parameters<typeof blocks>[0][number] }[],
): Markup[] {
  const looks = new Set(parts.map(({ look }) => look));
  return [...looks].map((name) =>
    blocks(
      parts.filter(({ look }) => look === name).map(({ block }) => block),
      { class: name },
    ),
  );
}

const SIGNED_LEVELS = 6;
const LEVELS = 12;

function signedLevel(value: number, largest: number): string {
  const step = largest === 0 ? 0 : Math.round((SIGNED_LEVELS * value) / largest);
  const kept = Math.max(-SIGNED_LEVELS, Math.min(SIGNED_LEVELS, step));
  return kept === 0 ? 'zero' : kept > 0 ? `plus${kept}` : `minus${-kept}`;
}

function amplitudeLevel(value: number, largest: number): string {
  const below = largest === 0 ? RANGE : -20 * Math.log10(Math.max(value / largest, 1e-9));
  return `level${Math.max(0, Math.round(LEVELS * (1 - below / RANGE)))}`;
}

/** The last two axes as grids; of the first of three, some. */
function slicesOf(values: Float64Array, shape: readonly number[]): Grid[] {
  const [rows, columns] = [at(shape, shape.length - 2), at(shape, shape.length - 1)];
  const slices = thinned(values.length / (rows * columns), 9);
  return slices.map((slice) => ({
    rows,
    columns,
    values: values.subarray(slice * rows * columns, (slice + 1) * rows * columns),
  }));
}

function thinGrid({ rows, columns, values }: Grid): Grid {
  return thin(values, rows, columns, MOST_CELLS, MOST_CELLS);
}

/** Of blocks that become one cell, the value of largest magnitude. */
function thin(
  values: ArrayLike<number>,
  rows: number,
  columns: number,
  mostRows: number,
  mostColumns: number,
): Grid {
  const [down, across] = [Math.ceil(rows / mostRows), Math.ceil(columns / mostColumns)];
  if (down === 1 && across === 1) return { rows, columns, values };
  const [tall, broad] = [Math.ceil(rows / down), Math.ceil(columns / across)];
  const result = new Float64Array(tall * broad);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const cell = Math.floor(row / down) * broad + Math.floor(column / across);
      const value = values[row * columns + column] as number;
      if (Math.abs(value) > Math.abs(result[cell] as number)) result[cell] = value;
    }
  }
  return { rows: tall, columns: broad, values: result };
}

/** At most `most` of the numbers below `count`, evenly spread. */
function thinned(count: number, most: number): number[] {
  const kept = Math.min(count, most);
  return Array.from({ length: kept }, (_, index) => Math.floor((index * count) / kept));
}

function depthNote(shape: readonly number[], word = 'slice'): string {
  return shape.length === 3 ? `, one map per ${word} in depth` : '';
}

function largestOf(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function lcm(values: readonly number[]): number {
  return values.reduce((one, other) => (one * other) / divisor(one, other), 1);
}

function divisor(one: number, other: number): number {
  return other === 0 ? one : divisor(other, one % other);
}

function at(values: readonly number[], index: number): number {
  return values[index] as number;
}
