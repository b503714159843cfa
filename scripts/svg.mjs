// Small SVG pictures for docs/: text out, the same bytes for the same numbers.

/** Colours on the card's own background, so that a picture reads the same on a light page and a dark one. */
export const INK = '#1f2328';
export const MUTED = '#59636e';
export const GRID = '#d0d7de';
export const BLUE = '#0969da';
export const ORANGE = '#bc4c00';

/** A picture of this size from parts in the order in which they are painted. */
export function picture(width, height, label, parts) {
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeText(label)}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13" fill="${INK}">`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="#ffffff" stroke="${GRID}"/>`,
    ...parts.flat(Number.POSITIVE_INFINITY),
    '</svg>',
  ].join('\n')}\n`;
}

export function text(x, y, content, options = {}) {
  const { anchor, size, weight, fill } = options;
  const rest = attributes({ 'text-anchor': anchor, 'font-size': size, 'font-weight': weight, fill });
  return `<text x="${round(x)}" y="${round(y)}"${rest}>${escapeText(content)}</text>`;
}

export function rect(x, y, width, height, fill, options = {}) {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"${attributes({ fill, ...options })}/>`;
}

export function line(x1, y1, x2, y2, stroke, options = {}) {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"${attributes({ stroke, ...options })}/>`;
}

export function circle(x, y, radius, fill) {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="${radius}"${attributes({ fill })}/>`;
}

/** A line through points `[x, y]`. */
export function path(points, stroke, options = {}) {
  const steps = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`);
  return `<path d="${steps.join('')}"${attributes({ fill: 'none', stroke, 'stroke-width': 2, 'stroke-linejoin': 'round', ...options })}/>`;
}

/** A row-major map of cells; `write` gives a cell's text. Without, neighbours of one colour are one shape. */
export function cells(x, y, side, columns, values, colour, write) {
  const colours = Array.from(values, colour);
  const squares = colours.flatMap((fill, index) => {
    const column = index % columns;
    const starts = write !== undefined || column === 0 || colours[index - 1] !== fill;
    if (!starts) return [];
    let run = 1;
    while (write === undefined && column + run < columns && colours[index + run] === fill) run += 1;
    return [rect(x + column * side, y + Math.floor(index / columns) * side, run * side, side, fill)];
  });
  const group = [
    `<g shape-rendering="crispEdges"${attributes(write && { stroke: '#ffffff' })}>`,
    squares,
    '</g>',
  ];
  if (write === undefined) return group;
  const size = Math.min(11.5, round(side * 0.42));
  const labels = Array.from(values, (value, index) => {
    const across = x + ((index % columns) + 0.5) * side;
    const down = y + (Math.floor(index / columns) + 0.5) * side + size * 0.36;
    const fill = luminance(colours[index]) > 0.3 ? undefined : '#ffffff';
    return `<text x="${round(across)}" y="${round(down)}"${attributes({ fill })}>${escapeText(write(value))}</text>`;
  });
  return [group, `<g text-anchor="middle" font-size="${size}">`, labels, '</g>'];
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

/** To a tenth of a pixel: nobody sees more, and the last bits of a sum do not change the file. */
function round(value) {
  return Math.round(value * 10) / 10 + 0;
}

function attributes(values = {}) {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${value}"`)
    .join('');
}

function escapeText(value) {
  return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
