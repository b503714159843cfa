// Draws the pictures of README.md and docs/checkerboard.md with the package itself.
//
//   node scripts/draw-checkerboard.mjs            after scripts/build.mjs: writes docs/pictures/
//   node scripts/draw-checkerboard.mjs --check    fails where a picture is not what would be drawn now

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ConvTranspose2d, init, shutdown } from 'deconv-wasm';
import {
  amplitudeSpectrum,
  analyze,
  initializeIcnr,
  overlapMap,
  phaseGains,
  ResizeConv2d,
  repair,
  repairKernels,
  SmoothConvTranspose2d,
} from 'deconv-wasm/checkerboard';
import * as svg from './svg.mjs';

const FOLDER = path.join(path.dirname(import.meta.dirname), 'docs', 'pictures');

// The plainest build and route: every machine gets the same bits.
await init({ build: 'simd' });
const ROUTE = { route: 'scalar' };
const pictures = {
  'glance.svg': glancePicture(),
  'overlap.svg': overlapPicture(),
  'gains.svg': gainsPicture(),
  'spectrum.svg': spectrumPicture(),
  'cures.svg': curesPicture(),
  'vocoder.svg': vocoderPicture(),
};
await shutdown();

const check = process.argv.includes('--check');
mkdirSync(FOLDER, { recursive: true });
let stale = 0;
for (const [name, content] of Object.entries(pictures)) {
  const file = path.join(FOLDER, name);
  if (!check) {
    writeFileSync(file, content);
    console.log(`docs/pictures/${name}: ${content.length} bytes`);
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== content) {
    console.error(
      `docs/pictures/${name} is not what would be drawn now. Run: node scripts/draw-checkerboard.mjs`,
    );
    stale += 1;
  }
}
if (stale > 0) process.exitCode = 1;

/** Stamps and their sum, and a picture through a layer before and after its repair. */
function glancePicture() {
  const square = { data: [0, 1, 2, 3], shape: [1, 1, 2, 2] };
  const stamper = new ConvTranspose2d({
    inChannels: 1,
    outChannels: 1,
    kernelSize: 2,
    bias: false,
    ...ROUTE,
  });
  stamper.setWeight(square.data);
  const sum = Array.from(stamper.forward(square).data);
  const stamps = square.data.map((value, index) => {
    const one = { ...square, data: square.data.map((_, other) => (other === index ? value : 0)) };
    return Array.from(stamper.forward(one).data);
  });
  stamper.dispose();
  const blue = (value) => svg.mix(value / Math.max(...sum), '#f6f8fa', '#0550ae');
  const map = (x, columns, values) => svg.cells(x, 74, 26, columns, values, blue, String);
  const sign = (x, text) => svg.text(x, 120, text, { anchor: 'middle', size: 20 });
  const left = 218;

  const layer = new ConvTranspose2d({
    ...{ inChannels: 1, outChannels: 1, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1 },
    ...{ bias: false, ...ROUTE },
  });
  // Of mean gain 1.
  layer.setWeight(new Array(9).fill(4 / 9));
  // Borders see fewer stamps: what is drawn is the inside.
  const [side, border] = [28, 2];
  const whole = side + 2 * border;
  const x = { data: hills(whole), shape: [1, 1, whole, whole] };
  const [before, grid] = [analyze(layer), layer.forward(x).data];
  repair(layer);
  const [after, even] = [analyze(layer), layer.forward(x).data];
  layer.dispose();
  // Sixteen greys: neighbours that look alike are one shape.
  const grey = (value) => svg.mix(Math.round(15 * Math.min(1, value)) / 15, '#10233a', '#ffffff');
  const picture = (at, scale, values, title, note) => {
    const inside = (place) => place >= scale * border && place < scale * (border + side);
    const columns = scale * whole;
    const shown = values.filter((_, index) => inside(Math.floor(index / columns)) && inside(index % columns));
    return [
      svg.text(at, 190, title, { weight: 600 }),
      svg.cells(at, 204, 7 / scale, scale * side, shown, grey),
      svg.text(at, 422, note, { fill: svg.MUTED }),
    ];
  };
  const reading = ({ unevenness, levelDbc }) =>
    `U = ${shortest(unevenness)}${levelDbc > -320 ? `, ${levelDbc.toFixed(1)} dBc` : ': no pattern'}`;
  const words = `Above: each of the input values 0, 1, 2, 3 stamps the kernel 0, 1, 2, 3, and the sum of the stamps is ${sum.join(', ')}. Below: a picture, enlarged by a layer with kernel 3 and stride 2, which draws a grid over it (${reading(before)}), and by the same layer repaired (${reading(after)}).`;
  return svg.picture(
    720,
    442,
    'What a transposed convolution does, and the grid that it may leave',
    [
      svg.text(22, 34, 'Each input value stamps the kernel; where stamps meet, they add up', {
        weight: 600,
        size: 15,
      }),
      svg.text(22, 62, 'input', { fill: svg.MUTED }),
      map(22, 2, square.data),
      sign(91, '∗'),
      svg.text(108, 62, 'kernel', { fill: svg.MUTED }),
      map(108, 2, square.data),
      sign(188, '='),
      stamps.map((values, index) => [
        map(left + index * 100, 3, values),
        sign(left + index * 100 + 89, index < 3 ? '+' : '='),
      ]),
      svg.text(left, 62, 'four stamps', { fill: svg.MUTED }),
      svg.text(left + 400, 62, 'output', { fill: svg.MUTED }),
      map(left + 400, 3, sum),
      picture(22, 1, x.data, 'a picture', `${side} × ${side}`),
      picture(262, 2, grid, 'kernel 3, stride 2', reading(before)),
      picture(502, 2, even, 'the same layer, repaired', reading(after)),
    ],
    words,
  );
}

/** Two ridges before a sky that grows bright: values from 0 to 1. */
function hills(side) {
  return Array.from({ length: side * side }, (_, index) => {
    const [row, column] = [Math.floor(index / side) / side, (index % side) / side];
    const far = 0.55 + 0.1 * Math.sin(5 * column + 1);
    const near = 0.75 + 0.12 * Math.sin(4 * column + 4);
    if (row > near) return 0.15;
    return row > far ? 0.4 : 0.6 + 0.4 * row;
  });
}

/** How many stamps meet at each output position, borders included. */
function overlapPicture() {
  const side = 22;
  const colour = (count) => svg.mix((count - 1) / 3, '#ddf0ff', '#0550ae');
  const panel = (x, title, note, kernelSize) => {
    const axis = { kernelSize, stride: 2, inputSize: 6 };
    const { shape, counts } = overlapMap([axis, axis]);
    return [
      svg.text(x, 30, title, { weight: 600 }),
      svg.text(x, 50, note, { fill: svg.MUTED }),
      svg.cells(x, 66, side, shape[1], counts, colour, String),
    ];
  };
  return svg.picture(720, 396, 'Two maps of how many stamps meet at each output position', [
    panel(26, 'kernel 3 x 3, stride 2: uneven', '4, 2, 2 and 1 stamps at the four phases', 3),
    panel(382, 'kernel 4 x 4, stride 2: even', '4 stamps everywhere but at the border', 4),
  ]);
}

/** Taps and phase gains of a random kernel with even overlap, before and after its repair. */
function gainsPicture() {
  const layer = new ConvTranspose2d({
    inChannels: 1,
    outChannels: 1,
    kernelSize: 4,
    stride: 2,
    seed: 51,
    ...ROUTE,
  });
  const before = { weight: Array.from(layer.weight.data), analysis: analyze(layer) };
  repair(layer);
  const after = { weight: Array.from(layer.weight.data), analysis: analyze(layer) };
  layer.dispose();
  const colour = (tap) => svg.mix(Math.abs(tap) / 0.35, '#f6f8fa', tap < 0 ? svg.ORANGE : svg.BLUE);
  const [zero, scale] = [184, 200];
  const panel = (x, title, { weight, analysis }) => {
    const [gains] = analysis.gains[0];
    const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
    return [
      svg.text(x, 30, title, { weight: 600 }),
      svg.text(x, 50, `U = ${shortest(analysis.unevenness)}`, { fill: svg.MUTED }),
      svg.cells(x, 72, 34, 4, weight, colour, (tap) => tap.toFixed(2)),
      svg.text(x + 68, 232, '16 taps', { anchor: 'middle', fill: svg.MUTED }),
      gains.map((gain, phase) => {
        const left = x + 160 + phase * 42;
        const tip = zero - gain * scale;
        return [
          svg.rect(left, Math.min(zero, tip), 30, Math.abs(tip - zero), gain < 0 ? svg.ORANGE : svg.BLUE),
          svg.text(left + 15, gain < 0 ? tip + 15 : tip - 5, gain.toFixed(2), { anchor: 'middle', size: 12 }),
        ];
      }),
      svg.line(x + 156, zero, x + 328, zero, svg.INK),
      svg.line(x + 156, zero - mean * scale, x + 328, zero - mean * scale, svg.MUTED, {
        'stroke-dasharray': '4 3',
      }),
      svg.text(x + 242, 66, 'gains of its 2 x 2 phases', {
        anchor: 'middle',
        size: 12,
        fill: svg.MUTED,
      }),
    ];
  };
  return svg.picture(720, 250, 'Taps and phase gains of a random kernel before and after repair', [
    panel(22, 'random 4 x 4 kernel, stride 2', before),
    panel(374, 'the same, repaired', after),
  ]);
}

/** |H| over frequency in cycles per output sample, with the stride's harmonics. */
function spectrumPicture() {
  const axes = [{ kernelSize: 8, stride: 4 }];
  const raw = [0.2, 1.1, 0.6, 0.3, 0.4, 1.2, 0.9, 0.1];
  const weight = { data: raw, shape: [1, 1, 8] };
  const { weight: repaired } = repairKernels({ geometry: { stride: 4 }, weight });
  const size = 1024;
  const [left, top, width, height] = [64, 62, 620, 220];
  const largest = 5.5;
  const place = (frequency, amplitude) => [
    left + (frequency / 0.5) * width,
    top + height * (1 - amplitude / largest),
  ];
  const curve = (taps, colour) => {
    const amplitudes = amplitudeSpectrum(taps, axes, size);
    const points = Array.from({ length: size / 2 + 1 }, (_, bin) => place(bin / size, amplitudes[bin]));
    const dots = [1, 2].map((m) => svg.circle(...place(m / 4, amplitudes[(m * size) / 4]), 5, colour));
    return [svg.path(points, colour), dots];
  };
  const harmonics = [0, 1, 2].map((m) => {
    const [x] = place(m / 4, 0);
    return [
      svg.line(x, top, x, top + height, svg.MUTED, { 'stroke-dasharray': '4 3' }),
      svg.text(x, top + height + 20, ['0', '1/4', '2/4'][m], { anchor: 'middle' }),
    ];
  });
  const scale = [0, 1, 2, 3, 4, 5].map((value) => {
    const [, y] = place(0, value);
    return [
      svg.line(left, y, left + width, y, svg.GRID),
      svg.text(left - 8, y + 4, value, { anchor: 'end', fill: svg.MUTED }),
    ];
  });
  return svg.picture(720, 336, 'Amplitude of the frequency response of a kernel before and after repair', [
    svg.text(22, 30, '|H| of an 8-tap kernel, stride 4', { weight: 600 }),
    svg.circle(330, 26, 5, svg.ORANGE),
    svg.text(342, 30, `as it came, gains ${gainsText(raw)}`),
    svg.circle(330, 46, 5, svg.BLUE),
    svg.text(342, 50, `repaired, gains ${gainsText(repaired.data)}`),
    scale,
    harmonics,
    curve(raw, svg.ORANGE),
    curve(repaired.data, svg.BLUE),
    svg.text(left + width / 2, top + height + 42, 'cycles per output sample; the stride repeats at m/4', {
      anchor: 'middle',
      fill: svg.MUTED,
    }),
  ]);

  function gainsText(taps) {
    return Array.from(phaseGains(taps, axes), (gain) => gain.toFixed(2)).join(', ');
  }
}

/** What five layers of random weights give on flat input. */
function curesPicture() {
  const geometry = { inChannels: 8, outChannels: 1, stride: 2, bias: false, seed: 11, ...ROUTE };
  const options = { ...geometry, kernelSize: 4, padding: 1 };
  const { stride, ...channels } = geometry;
  const repaired = new ConvTranspose2d(options);
  repair(repaired);
  const layers = [
    ['random', 'kernel 4', new ConvTranspose2d(options)],
    ['ICNR', 'kernel 4', initializeIcnr(new ConvTranspose2d(options), { seed: 11 })],
    [
      'ResizeConv',
      'kernel 3',
      new ResizeConv2d({ ...channels, scaleFactor: stride, kernelSize: 3, padding: 1 }),
    ],
    ['Smooth', 'kernel 4, order 0', new SmoothConvTranspose2d(options)],
    ['repaired', 'kernel 4', repaired],
  ];
  const x = { data: new Float32Array(8 * 64).fill(1), shape: [8, 8, 8] };
  const side = 8;
  const panels = layers.map(([title, note, layer], index) => {
    const left = 22 + index * 138;
    const { data } = layer.forward(x);
    const { unevenness } = analyze(layer);
    layer.dispose();
    // Over the root mean square of the interior: what the layer gives on a flat, whatever its gain.
    const interior = data.filter((_, at) => inside(at % 16) && inside(Math.floor(at / 16)));
    const size = Math.sqrt(interior.reduce((sum, value) => sum + value * value, 0) / interior.length);
    const colour = (value) =>
      svg.mix(Math.abs(value) / size / 1.6, '#ffffff', value < 0 ? svg.ORANGE : svg.BLUE);
    return [
      svg.text(left, 30, title, { weight: 600 }),
      svg.text(left, 48, note, { size: 12, fill: svg.MUTED }),
      svg.cells(left, 60, side, 16, data, colour),
      svg.rect(left, 60, 16 * side, 16 * side, 'none', { stroke: svg.GRID }),
      svg.text(left, 212, `U = ${shortest(unevenness)}`),
    ];
  });
  return svg.picture(724, 232, 'Output of five layers on a flat input', panels);

  function inside(position) {
    return position >= 4 && position < 12;
  }
}

/** Stamps of 16 taps every 10 samples, their sum for a kernel of ones, and the tones that it makes. */
function vocoderPicture() {
  const axis = { kernelSize: 16, stride: 10, inputSize: 6 };
  const { counts } = overlapMap([axis]);
  const [left, step] = [26, 6.2];
  const stamps = Array.from({ length: axis.inputSize }, (_, input) =>
    svg.rect(left + input * axis.stride * step, 62 + (input % 2) * 16, axis.kernelSize * step, 12, svg.BLUE, {
      rx: 3,
    }),
  );
  const base = 196;
  const bars = counts.map((count, position) =>
    svg.rect(
      left + position * step,
      base - count * 32,
      step - 0.8,
      count * 32,
      count === 2 ? svg.BLUE : svg.ORANGE,
    ),
  );
  const { harmonics } = analyze({
    geometry: { stride: 10 },
    weight: { data: new Array(16).fill(1), shape: [1, 1, 16] },
  });
  const tones = [1, 2, 3, 4, 5].map((m) => {
    // A tone is two lines of the spectrum, but at half the sampling rate one.
    const lines = harmonics[m] + (m === 5 ? 0 : harmonics[10 - m]);
    const level = 10 * Math.log10(lines / harmonics[0]);
    const x = 480 + (m - 1) * 46;
    const height = Math.max(0, 60 + level) * 2.2;
    return [
      svg.rect(x, base - height, 30, height, svg.ORANGE),
      svg.text(x + 15, base - height - 5, level < -60 ? 'none' : `${level.toFixed(0)} dB`, {
        anchor: 'middle',
        size: 12,
      }),
      svg.text(x + 15, base + 18, `${(m * 2.4).toFixed(1)}`, { anchor: 'middle', size: 12 }),
    ];
  });
  return svg.picture(726, 246, 'Stamps of a vocoder layer, their overlap and the tones that it makes', [
    svg.text(left, 30, 'kernel 16, stride 10', { weight: 600 }),
    svg.text(left, 50, 'six input samples, each stamps 16 outputs', { fill: svg.MUTED }),
    stamps,
    bars,
    svg.line(left, base, left + counts.length * step, base, svg.INK),
    svg.text(left, base + 20, 'stamps that meet: 2 at six phases, 1 at four', { fill: svg.MUTED }),
    svg.text(472, 30, 'tones on a constant input', { weight: 600 }),
    svg.text(472, 50, "taps all 1; power over the constant's", { fill: svg.MUTED }),
    tones,
    svg.line(472, base, 704, base, svg.INK),
    svg.text(588, base + 38, 'kHz at 24 kHz output', { anchor: 'middle', fill: svg.MUTED }),
  ]);
}

function shortest(value) {
  return value < 1e-10 ? '0' : value.toPrecision(2);
}
