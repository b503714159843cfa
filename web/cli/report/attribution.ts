// The part of a report that running the network tells: the pattern as it grows, and what each layer brings to it.

import type { Attribution } from 'deconv-wasm/checkerboard';
import { PNG } from 'pngjs';
import { type Attributed, fallText, percentText, psnrText } from '../attributed.js';
import { printable } from '../terminal.js';
import { levelText, shareText } from '../words.js';
import { type Markup, markup, NOTHING } from './markup.js';
import { drawing, polyline } from './svg.js';

type Tensor = NonNullable<Attribution['pictures']>['before'];

/** Steps with pictures; a page of more would be slow. */
const MOST_STEPS = 100;

export function attributionSection({ attribution, problem }: Attributed): Markup {
  if (attribution === null) return markup`<h3>Run</h3><p>Not run: ${printable(problem ?? '', 2000)}</p>`;
  const { output, inputs, steps, layers, pictures, sentence } = attribution;
  const given = inputs.map((name) => printable(name)).join(', ');
  const drawn = steps.filter(({ picture }) => picture !== null).slice(0, MOST_STEPS);
  const head = markup`<h3>The pattern on its way to ${printable(output)}</h3>
<p>${printable(sentence, 4000)}</p>
<p class="soft">Run with ${given}.</p>`;
  const table = layers.length === 0 ? NOTHING : layerTable(attribution);
  const growth = drawn.map(({ name, picture, stride, strength, layers: own }) =>
    figure(
      printable(name) + (own.length === 0 ? '' : `, made by ${own.map((one) => printable(one)).join(', ')}`),
      picture as Tensor,
      `Period ${stride.join(' x ')}, ${strength === null ? 'too small to be measured' : `power ${strength.power.toExponential(1)}, ${levelText(strength.levelDb)} dB`}.`,
    ),
  );
  const cured =
    pictures === null
      ? []
      : [
          figure('Output as it is', pictures.before, 'The channel with the strongest pattern.'),
          ...(pictures.after === null
            ? []
            : [
                figure(
                  'With all layers repaired',
                  pictures.after,
                  'The same part of the same channel.',
                  pictures.before,
                ),
              ]),
        ];
  return markup`${head}
${table}
${cured.length === 0 ? NOTHING : markup`<div class="pictures">${cured}</div>`}
${growth.length === 0 ? NOTHING : markup`<h3>Step by step</h3><p class="soft">The channel with the strongest pattern of each value, its middle, from the least to the greatest value.</p><div class="pictures">${growth}</div>`}
${steps.length > drawn.length ? markup`<p class="soft">Pictures of the first ${drawn.length} of ${steps.length} steps.</p>` : NOTHING}`;
}

const TITLES = ['Layer', 'Kind', 'U', 'Repaired alone', 'Share', 'Linear', 'PSNR', 'SSIM'] as const;

function layerTable({ layers }: Attribution): Markup {
  return markup`<table role="table" aria-label="What each layer brings to the output">
<thead role="rowgroup"><tr role="row">${TITLES.map((title, index) => markup`<th role="columnheader" scope="col" class="${index > 1 ? 'right' : ''}">${title}</th>`)}</tr></thead>
<tbody role="rowgroup">
${layers.map(({ name, kind, unevenness, repaired, share, response }) => {
  const numbers =
    repaired === null
      ? ['', '', '', '', '']
      : [
          fallText(repaired.fallDb),
          percentText(share),
          response === null ? '' : percentText(response),
          psnrText(repaired.psnr),
          repaired.ssim.toFixed(3),
        ];
  const cells = [kind, shareText(unevenness), ...numbers].map(
    (text, index) =>
      markup`<td role="cell" data-title="${TITLES[index + 1] as string}" class="${index > 0 ? 'number right' : ''}">${text === '' ? NOTHING : markup`<span>${text}</span>`}</td>`,
  );
  return markup`<tr role="row"><th role="rowheader" scope="row">${printable(name) || '(no name)'}</th>${cells}</tr>
`;
})}
</tbody>
</table>`;
}

/** @param scale a picture whose range of values is drawn, its own by default */
function figure(title: string, picture: Tensor, caption: string, scale = picture): Markup {
  const [least, most] = scale.data.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)] as const,
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const,
  );
  const label = `${title}. ${caption}`;
  const drawn =
    picture.shape.length === 1 ? wave(picture.data, least, most, label) : image(picture, least, most, label);
  return markup`<figure><h4>${title}</h4>${drawn}<figcaption>${caption}</figcaption></figure>`;
}

const [WIDTH, HEIGHT, SHOWN] = [300, 110, 200];

/** The beginning of a sound. */
function wave(values: Float32Array, least: number, most: number, label: string): Markup {
  const shown = Array.from(values.subarray(0, SHOWN));
  const points = shown.map((value, index): readonly [number, number] => [
    (index / Math.max(1, shown.length - 1)) * WIDTH,
    HEIGHT - 4 - ((value - least) / (most - least || 1)) * (HEIGHT - 8),
  ]);
  return drawing(`0 0 ${WIDTH} ${HEIGHT}`, label, {}, polyline(points, { class: 'curve' }));
}

function image({ data, shape }: Tensor, least: number, most: number, label: string): Markup {
  const [height = 1, width = 1] = shape.slice(-2);
  const png = new PNG({ width, height });
  for (const [index, value] of data.entries()) {
    const grey = Math.max(0, Math.min(255, Math.round((255 * (value - least)) / (most - least || 1))));
    png.data.set([grey, grey, grey, 255], 4 * index);
  }
  const bytes = PNG.sync.write(png, { colorType: 0 }).toString('base64');
  return markup`<img class="values" alt="${label}" src="data:image/png;base64,${bytes}">`;
}
