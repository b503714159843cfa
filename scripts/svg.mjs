// What the pictures of docs/ have in common: a card, colours, maps whose cells bear numbers. Their elements are those
// of the command line's report, so that the package must have been built.

import * as elements from '../dist/cli/report/svg.js';

/** Colours on the light card; DARK has those on the dark one. */
export const INK = '#1f2328';
export const MUTED = '#59636e';
export const GRID = '#d0d7de';
export const BLUE = '#0969da';
export const ORANGE = '#bc4c00';

/** A colour as a selector has it, without quotes, which a text in SVG would have to escape. */
const hash = (colour) => colour.replace('#', '\\#');

/** The card of a dark page. What bears numbers of its own colour stays as it is. */
const DARK = `@media (prefers-color-scheme: dark) {
  svg { fill: #e6edf3 }
  .card { fill: #161b22; stroke: #3d444d }
  [fill=${hash(MUTED)}] { fill: #9198a1 }
  [fill=${hash(BLUE)}] { fill: #4493f8 }
  [fill=${hash(ORANGE)}] { fill: #f0883e }
  [stroke=${hash(INK)}] { stroke: #e6edf3 }
  [stroke=${hash(MUTED)}] { stroke: #9198a1 }
  [stroke=${hash(GRID)}] { stroke: #3d444d }
  [stroke=${hash(BLUE)}] { stroke: #4493f8 }
  [stroke=${hash(ORANGE)}] { stroke: #f0883e }
}`;

/**
 * A picture of this size from parts in the order in which they are painted, dark on a dark page. A description says in
 * words what there is to see.
 */
export function picture(width, height, title, parts, description) {
  const card = rect(0.5, 0.5, width - 1, height - 1, '#ffffff', { rx: 8, stroke: GRID, class: 'card' });
  const head = [
    elements.element('title', {}, title),
    description === undefined ? [] : elements.element('desc', {}, description),
    elements.element('style', {}, DARK.replaceAll(/\s+/g, ' ')),
  ].flat();
  const lines = [...head, card, ...parts.flat(Number.POSITIVE_INFINITY)];
  const { text: whole } = elements.element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': title,
      'font-family': 'system-ui, Segoe UI, Helvetica, Arial, sans-serif',
      'font-size': 13,
      fill: INK,
    },
    '\n',
    lines.map((line) => [line, '\n']),
  );
  return `${whole}\n`;
}

export function text(x, y, content, { anchor, size, weight, fill } = {}) {
  const attributes = { 'text-anchor': anchor, 'font-size': size, 'font-weight': weight, fill };
  return elements.label(x, y, String(content), attributes);
}

export function rect(x, y, width, height, fill, options = {}) {
  return elements.rect(x, y, width, height, { fill, ...options });
}

export function line(x1, y1, x2, y2, stroke, options = {}) {
  const [start, end] = [
    [x1, y1],
    [x2, y2],
  ];
  return elements.polyline([start, end], { stroke, ...options });
}

export function circle(x, y, radius, fill) {
  return elements.circle(x, y, radius, { fill });
}

/** A line through points `[x, y]`. */
export function path(points, stroke, options = {}) {
  return elements.polyline(points, {
    fill: 'none',
    stroke,
    'stroke-width': 2,
    'stroke-linejoin': 'round',
    ...options,
  });
}

/** A row-major map of cells; `write` gives a cell's text. Without, all of one colour are one shape. */
export function cells(x, y, side, columns, values, colour, write) {
  const colours = Array.from(values, colour);
  if (write === undefined) {
    const byLook = new Map();
    for (const { look, row, column, cells: count } of elements.runsOf(columns, colours)) {
      const alike = byLook.get(look) ?? [];
      byLook.set(look, [...alike, [x + column * side, y + row * side, count * side, side]]);
    }
    const shapes = [...byLook].map(([fill, alike]) => elements.blocks(alike, { fill }));
    return [elements.element('g', { 'shape-rendering': 'crispEdges' }, shapes)];
  }
  const places = colours.map((look, index) => ({
    look,
    row: Math.floor(index / columns),
    column: index % columns,
  }));
  const squares = elements.element(
    'g',
    { 'shape-rendering': 'crispEdges', stroke: '#ffffff' },
    places.map(({ look, row, column }) => rect(x + column * side, y + row * side, side, side, look)),
  );
  const size = Math.min(11.5, elements.round(side * 0.42));
  const labels = places.map(({ look, row, column }, index) => {
    const fill = luminance(look) > 0.3 ? undefined : '#ffffff';
    const [across, down] = [x + (column + 0.5) * side, y + (row + 0.5) * side + size * 0.36];
    return text(across, down, write(values[index]), { fill });
  });
  return [squares, elements.element('g', { 'text-anchor': 'middle', 'font-size': size, fill: INK }, labels)];
}

/** Between two colours: 0 gives the first, 1 the second. */
export function mix(share, from, to) {
  const [one, other] = [channels(from), channels(to)];
  const part = Math.min(1, Math.max(0, share));
  return `#${one.map((value, index) => hex(value + part * (other[index] - value))).join('')}`;
}

function channels(colour) {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

function hex(value) {
  return Math.round(value).toString(16).padStart(2, '0');
}

function luminance(colour) {
  const [red, green, blue] = channels(colour).map((value) => (value / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
