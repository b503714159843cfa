// Draws a picture of each station of the page, for slides and papers: by the page's own state, engine and words, so that
// it says what the station says.
//
//   node scripts/draw-stations.mjs    after scripts/build.mjs: writes build/page/pictures/

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ConvTranspose2d, init, shutdown } from 'deconv-wasm';
import { analyze } from 'deconv-wasm/checkerboard';
import { PNG } from 'pngjs';
import { runnerImport } from 'vite';
import { element } from '../dist/cli/report/svg.js';
import { CASES } from './bench/cases.mjs';
import { geometryOf } from './bench/geometry.mjs';
import * as svg from './svg.mjs';

const root = path.dirname(import.meta.dirname);
const FOLDER = path.join(root, 'build', 'page', 'pictures');

// The plainest build and route: every machine gets the same bits.
await init({ build: 'simd' });
const { decodeState } = await fromPage('model/url-state.ts');
const { levelText, patternText, unevennessText } = await fromPage('model/phases.ts');

/** What each station shows: what stands behind `#`, and how it is drawn. */
const STATIONS = {
  stamp: ['v1', stampPicture],
  overlap: ['v1', overlapPicture],
  matrix: ['v1', matrixPicture],
  phases: ['v1', phasesPicture],
  lab: ['v1', labPicture],
  learn: ['v1&Tt=40', learnPicture],
  model: ['v1&Nn=fsrcnn', modelPicture],
  bench: ['v1', benchPicture],
};

mkdirSync(FOLDER, { recursive: true });
for (const [station, [address, draw]] of Object.entries(STATIONS)) {
  writeFileSync(path.join(FOLDER, `${station}.svg`), await draw(decodeState(address).state));
}
await shutdown();

/** A module of the page, by its path below web/demo/src. */
async function fromPage(name) {
  // Without `using`, which not every Node of ours knows.
  const options = { configFile: false, root, logLevel: 'warn', oxc: { target: 'es2022' } };
  const { module } = await runnerImport(path.join(root, 'web', 'demo', 'src', name), options);
  return module;
}

/** The stamps of an input and their sum. */
function stampPicture({ layer: spec, input, weights }) {
  const { size, kernel, stride, padding, outputPadding, dilation } = spec;
  const geometry = { kernelSize: kernel, stride, padding, outputPadding, dilation };
  const layer = new ConvTranspose2d({
    inChannels: 1,
    outChannels: 1,
    bias: false,
    route: 'scalar',
    ...geometry,
  });
  layer.setWeight(weights);
  const { data, shape } = layer.forward({ data: input, shape: [1, 1, size, size] });
  layer.dispose();
  const columns = shape[3];
  const [least, most] = [Math.min(...data), Math.max(...data)];
  const [side, top] = [34, 76];
  const middle = (columns - size) * side * 0.5;
  const colour = (value) => blue(value, most);
  const output = 22 + 2 * (size * side + 64);
  const title = `Stamp: kernel ${kernel} × ${kernel}, stride ${stride}`;
  const words = `Each of the ${size} × ${size} input values times the kernel, laid onto the output ${stride} cells apart and summed: ${columns} × ${columns} values from ${least} to ${most}.`;
  const map = (x, name, extent, values) => [
    svg.text(x, top - 12 + (extent === columns ? 0 : middle), name, { fill: svg.MUTED }),
    svg.cells(x, top + (extent === columns ? 0 : middle), side, extent, values, colour, String),
  ];
  return picture(output + columns * side + 22, top + columns * side + 22, title, words, [
    map(22, 'input', size, input),
    svg.text(22 + size * side + 26, top + (columns * side) / 2 + 6, '∗', { size: 22 }),
    map(22 + size * side + 64, 'kernel', kernel, weights),
    svg.text(output - 40, top + (columns * side) / 2 + 6, '=', { size: 22 }),
    map(output, 'output', columns, data),
  ]);
}

/** How many stamps meet at each output position. */
async function overlapPicture({ layer, kind }) {
  const { overlapView } = await fromPage('model/overlap-view.ts');
  const view = overlapView(layer, kind);
  const { kernel, stride } = layer;
  const columns = view.line.length;
  const side = 32;
  const most = Math.max(...view.map);
  const counts = [...new Set(view.map)].sort((one, other) => one - other);
  const words = `${view.verdict} ${counts.join(', ')} stamps meet at an output position. ${view.text}`;
  const x = 22 + columns * side + 36;
  return picture(x + 316, 76 + columns * side + 22, `Overlap: kernel ${kernel}, stride ${stride}`, words, [
    svg.text(22, 64, 'stamps at each output position', { fill: svg.MUTED }),
    svg.cells(22, 76, side, columns, view.map, (count) => blue(count, most), String),
    svg.text(x, 64, 'how many positions have how many', { fill: svg.MUTED }),
    counts.map((count, row) => {
      const share = view.map.filter((value) => value === count).length;
      const [y, width] = [80 + row * 40, (share / view.map.length) * 200];
      return [
        svg.cells(x, y, 28, 1, [count], () => blue(count, most), String),
        svg.rect(x + 40, y + 4, width, 20, svg.BLUE),
        svg.text(x + 48 + width, y + 19, share),
      ];
    }),
    wrapped(x, 100 + counts.length * 40, view.verdict, 38, { weight: 600 }),
  ]);
}

/** The matrix by which the layer multiplies. */
async function matrixPicture({ layer, weights }) {
  const { matrixView } = await fromPage('model/matrix-view.ts');
  const { rows, columns, entries } = matrixView(layer, weights);
  const side = 13;
  const most = Math.max(...entries.map(({ value }) => Math.abs(value)));
  const values = new Array(rows * columns).fill(0);
  for (const { row, column, value } of entries) values[row * columns + column] = value;
  const words = `The convolution's matrix K has ${rows} rows and ${columns} columns, and ${entries.length} entries that are taps of the kernel. The transposed convolution multiplies by its transpose, ${columns} by ${rows}.`;
  const title = `Matrix: kernel ${layer.kernel} × ${layer.kernel}, stride ${layer.stride}`;
  return picture(44 + columns * side, 76 + rows * side + 44, title, words, [
    svg.text(22, 64, `K, ${rows} × ${columns}: ${entries.length} taps, the rest is 0`, { fill: svg.MUTED }),
    svg.cells(22, 76, side, columns, values, (value) => (value === 0 ? 'none' : blue(value, most))),
    svg.rect(22, 76, columns * side, rows * side, 'none', { stroke: svg.GRID }),
    svg.text(
      22,
      76 + rows * side + 26,
      `one row for each of the ${rows} input values: its stamp on ${columns} outputs`,
      {
        fill: svg.MUTED,
      },
    ),
  ]);
}

/** The gains of the kernel's phases. */
function phasesPicture({ layer, weights }) {
  const { kernel, stride, dilation } = layer;
  const shape = [1, 1, kernel, kernel];
  const analysis = analyze({ geometry: { stride, dilation }, weight: { data: weights, shape } });
  const [gains] = analysis.gains[0];
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  const most = Math.max(...gains);
  const [base, height, left] = [286, 180, 260];
  const reading = `U = ${unevennessText(analysis.unevenness)}, ${levelText(analysis.levelDbc)}`;
  const words = `The ${gains.length} phases of the output see taps that sum to ${gains.join(', ')}. ${reading}: ${analysis.verdict}.`;
  const title = `Phases: kernel ${kernel} × ${kernel}, stride ${stride}`;
  const line = base - (mean / most) * height;
  return picture(620, 334, title, words, [
    svg.text(22, 64, 'taps', { fill: svg.MUTED }),
    svg.cells(22, 76, 210 / kernel, kernel, weights, (tap) => blue(tap, Math.max(...weights)), String),
    svg.text(left, 64, `gains of the ${stride} × ${stride} phases`, { fill: svg.MUTED }),
    gains.map((gain, phase) => {
      const x = left + 10 + phase * 78;
      return [
        svg.rect(x, base - (gain / most) * height, 56, (gain / most) * height, svg.BLUE),
        svg.text(x + 28, base - (gain / most) * height + 20, gain, { anchor: 'middle', fill: '#ffffff' }),
        svg.text(x + 28, base + 18, `(${Math.floor(phase / stride)}, ${phase % stride})`, {
          anchor: 'middle',
          size: 12,
          fill: svg.MUTED,
        }),
      ];
    }),
    svg.line(left, base, left + 330, base, svg.INK),
    svg.line(left, line, left + 330, line, svg.MUTED, { 'stroke-dasharray': '4 3' }),
    svg.text(22, 318, reading, { weight: 600 }),
  ]);
}

/** A part of a picture behind each layer of the lab. */
async function labPicture({ lab: state, kind }) {
  const { lab } = await fromPage('engine/lab.ts');
  const { testImage } = await fromPage('model/test-image.ts');
  const { panels, scale } = lab({ ...state, kind, picture: testImage(state.source) });
  const names = { input: 'Input', raw: 'Transposed', resize: 'Resize, then convolve' };
  // Where the ridge stands before the sky, in places of the input.
  const part = { left: 72, top: 66, width: 36, height: 36 };
  const shown = panels.map(({ kind: panel, developed: { output, bytes, pattern } }) => {
    const factor = panel === 'input' ? 1 : scale;
    return {
      name: names[panel] ?? panel,
      pixels: cut(bytes, output.width, factor, part),
      side: 4 / factor,
      reading:
        pattern === null
          ? 'as it is'
          : `U ${patternText(pattern)}${pattern.verdict === 'free' ? '' : ` ${levelText(pattern.levelDbc)}`}`,
    };
  });
  const words = `A part of a picture: ${shown.map(({ name, reading }) => `${name}, ${reading}`).join('; ')}.`;
  const step = part.width * 4 + 24;
  const title = `Lab: kernel ${state.kernel}, stride ${state.stride}`;
  return picture(68 + shown.length * step - 24 + (shown.length - 1) * 60, 274, title, words, [
    shown.map(({ name, pixels, side, reading }, index) => {
      const x = 22 + index * (step + 60);
      return [
        svg.text(x, 64, name, { weight: 600 }),
        raster(x, 76, side, pixels),
        svg.text(x, 76 + part.height * 4 + 24, reading, { fill: svg.MUTED }),
      ];
    }),
  ]);
}

/** How the pattern of two layers in training goes. */
async function learnPicture({ learn: { network, seed, rate, penalty, steps } }) {
  const { learn } = await fromPage('engine/learn.ts');
  const run = await learn({ setup: { network, seed, rate, penalty }, step: steps, still: false });
  const sides = [
    ['random weights', run.random, svg.ORANGE],
    ['ICNR', run.icnr, svg.BLUE],
  ];
  const [left, top, width, height] = [56, 96, 600, 200];
  const most = Math.max(...sides.flatMap(([, { unevenness }]) => unevenness));
  const place = (step, value) => [left + (step / steps) * width, top + height * (1 - value / most)];
  const readings = sides.map(
    ([name, { unevenness }]) =>
      `${name}: U from ${unevennessText(unevenness[0])} to ${unevennessText(unevenness.at(-1))}`,
  );
  const words = `${steps} steps of training an upsampling layer. ${readings.join('; ')}.`;
  return picture(720, 346, `Learn: ${steps} steps`, words, [
    sides.map(([, , colour], index) => [
      svg.circle(30 + index * 330, 60, 5, colour),
      svg.text(42 + index * 330, 64, readings[index]),
    ]),
    [0, most].map((value) => {
      const [x, y] = place(0, value);
      return [
        svg.line(x, y, left + width, y, svg.GRID),
        svg.text(x - 8, y + 4, value === 0 ? 0 : value.toFixed(2), { anchor: 'end', fill: svg.MUTED }),
      ];
    }),
    sides.map(([, { unevenness }, colour]) =>
      svg.path(
        unevenness.map((value, step) => place(step, value)),
        colour,
      ),
    ),
    [0, steps].map((step) =>
      svg.text(...place(step, -0.1 * most), step, { anchor: 'middle', fill: svg.MUTED }),
    ),
    svg.text(left + width / 2, top + height + 34, 'U by steps of training', {
      anchor: 'middle',
      fill: svg.MUTED,
    }),
  ]);
}

/** How the pattern grows from step to step of a network. */
async function modelPicture({ network: { made, picture: source, repaired } }) {
  const { trace } = await fromPage('engine/trace.ts');
  const { madeNetworkNames } = await fromPage('model/made-networks.ts');
  const { culpritText, levelText: levelOf } = await fromPage('stations/model/network-words.ts');
  const request = { network: { made, seed: 1 }, picture: source, own: null, repaired, threads: 1 };
  const result = await trace(request, () => {});
  const [floor, scale] = [-60, 220];
  const words = culpritText(result);
  return picture(720, 112 + result.steps.length * 28, `Your model: ${madeNetworkNames[made]}`, words, [
    wrapped(22, 60, words, 100, { fill: svg.MUTED }),
    result.steps.map(({ names, types, shape, level }, index) => {
      const y = 92 + index * 28;
      const length = level === null ? 0 : Math.max(0, 1 - level / floor) * scale;
      const isCulprit = names.includes(result.culprit);
      return [
        svg.text(22, y + 15, names[0], { weight: isCulprit ? 600 : undefined }),
        svg.text(150, y + 15, `${types[0]}, ${shape.join(' × ')}`, { fill: svg.MUTED }),
        svg.rect(400, y + 2, length, 18, isCulprit ? svg.ORANGE : svg.BLUE),
        svg.text(408 + length, y + 15, level === null ? '' : levelOf(level)),
      ];
    }),
  ]);
}

/** What is measured: how long it takes is for the reader's own machine to say. */
async function benchPicture() {
  const { benchLayers } = await fromPage('model/bench-state.ts');
  const layers = benchLayers.map((name) => {
    const found = CASES.find((layer) => layer.name === name);
    const multiplyAdds = geometryOf(found).flop / 2;
    return { ...found, multiplyAdds };
  });
  const most = Math.max(...layers.map(({ multiplyAdds }) => multiplyAdds));
  const words = `The ${layers.length} layers of known networks that the page measures, with the millions of multiply-adds of each.`;
  return picture(720, 86 + layers.length * 28, 'Bench: layers of known networks', words, [
    svg.text(22, 60, 'millions of multiply-adds', { fill: svg.MUTED }),
    layers.map(({ of, input, channels, multiplyAdds }, index) => {
      const y = 72 + index * 28;
      const length = (multiplyAdds / most) * 220;
      return [
        svg.text(22, y + 15, of),
        svg.text(200, y + 15, `${input.join(' × ')}, ${channels.join(' to ')}`, { fill: svg.MUTED }),
        svg.rect(400, y + 2, length, 18, svg.BLUE),
        svg.text(408 + length, y + 15, (multiplyAdds / 1e6).toFixed(multiplyAdds < 1e8 ? 1 : 0)),
      ];
    }),
  ]);
}

function picture(width, height, title, words, parts) {
  return svg.picture(
    Math.round(width),
    Math.round(height),
    title,
    [svg.text(22, 34, title, { weight: 600, size: 15 }), parts],
    words,
  );
}

/** Positive numbers, up to the largest of all. */
function blue(value, most) {
  return svg.mix(most === 0 ? 0 : value / most, '#f6f8fa', '#0550ae');
}

function wrapped(x, y, words, most, options) {
  const lines = [''];
  for (const word of words.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length > most) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.map((line, index) => svg.text(x, y + index * 18, line, options));
}

/** A part of a picture whose places are those before it was enlarged. */
function cut(bytes, columns, factor, { left, top, width, height }) {
  const [across, down] = [width * factor, height * factor];
  const out = new Uint8ClampedArray(4 * across * down);
  for (let row = 0; row < down; row += 1) {
    const start = 4 * ((top * factor + row) * columns + left * factor);
    out.set(bytes.subarray(start, start + 4 * across), 4 * across * row);
  }
  return { width: across, height: down, bytes: out };
}

/** Rows of bytes, four to a pixel, each pixel a square of `side`. */
function raster(x, y, side, { width, height, bytes }) {
  const png = new PNG({ width, height });
  png.data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return element('image', {
    x,
    y,
    width: width * side,
    height: height * side,
    href: `data:image/png;base64,${PNG.sync.write(png, { colorType: 2 }).toString('base64')}`,
    style: 'image-rendering: pixelated',
  });
}
