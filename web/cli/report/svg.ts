// Elements of SVG pictures: those of the report, and those that scripts/ draws for docs/.

import { Markup, markup } from './markup.js';

export type Attributes = Readonly<Record<string, string | number | undefined>>;

type Content = Markup | string | readonly Content[];

export function element(name: string, attributes: Attributes, ...content: readonly Content[]): Markup {
  const given = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => markup` ${key}="${value as string | number}"`);
  const opening = `<${name}${given.map(({ text }) => text).join('')}`;
  return new Markup(
    content.length === 0 ? `${opening}/>` : `${opening}>${content.map(textOf).join('')}</${name}>`,
  );
}

/** A picture that says to those who do not see it what it is. */
export function drawing(
  viewBox: string,
  label: string,
  attributes: Attributes,
  ...content: readonly Content[]
): Markup {
  return element('svg', { ...attributes, viewBox, role: 'img', 'aria-label': label }, ...content);
}

export function label(x: number, y: number, content: string, attributes: Attributes = {}): Markup {
  return element('text', { x: round(x), y: round(y), ...attributes }, content);
}

export function rect(
  x: number,
  y: number,
  width: number,
  height: number,
  attributes: Attributes = {},
): Markup {
  return element('rect', {
    x: round(x),
    y: round(y),
    width: round(width),
    height: round(height),
    ...attributes,
  });
}

export function circle(x: number, y: number, radius: number, attributes: Attributes = {}): Markup {
  return element('circle', { cx: round(x), cy: round(y), r: round(radius), ...attributes });
}

/** A line through points `[x, y]`. */
export function polyline(
  points: readonly (readonly [x: number, y: number])[],
  attributes: Attributes,
): Markup {
  const steps = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`);
  return element('path', { d: steps.join(''), ...attributes });
}

/** Filled rectangles that look alike, as one element. */
export function blocks(
  rectangles: readonly (readonly [x: number, y: number, width: number, height: number])[],
  attributes: Attributes,
): Markup {
  const steps = rectangles.map(
    ([x, y, width, height]) => `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`,
  );
  return element('path', { d: steps.join(''), ...attributes });
}

/** Neighbours in a row of a map whose cells look alike. */
export interface Run {
  readonly look: string;
  readonly row: number;
  readonly column: number;
  readonly cells: number;
}

/** The runs of a row-major map, given how each of its cells looks. */
export function runsOf(columns: number, looks: readonly string[]): Run[] {
  const runs: Run[] = [];
  for (let start = 0; start < looks.length; ) {
    const look = looks[start] as string;
    const row = Math.floor(start / columns);
    let end = start + 1;
    while (end < (row + 1) * columns && looks[end] === look) end += 1;
    runs.push({ look, row, column: start % columns, cells: end - start });
    start = end;
  }
  return runs;
}

/** To a tenth: nobody sees more, and the last bits of a sum do not change the file. */
export function round(value: number): number {
  return Math.round(value * 10) / 10 + 0;
}

function textOf(content: Content): string {
  if (typeof content === 'string') return markup`${content}`.text;
  return content instanceof Markup ? content.text : content.map(textOf).join('');
}
