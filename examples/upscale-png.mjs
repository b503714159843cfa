// Doubles a picture twice with the same transposed convolution: once with bilinear weights, which
// is plain upscaling, once with random weights, which is how such a layer starts to learn, and
// where the checkerboard comes from.
//
//   node examples/upscale-png.mjs --help

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ConvTranspose2d, init, shutdown } from 'deconv-wasm';
import { PNG } from 'pngjs';

const HELP = `Usage: node examples/upscale-png.mjs [options] [picture.png]

Writes two PNGs of twice the width and height: bilinear.png and random.png.
Without a picture it draws a landscape.

  --output FOLDER   where to write (default: upscaled)
  --seed NUMBER     seed of the random weights (default: 1)
  --threads NUMBER  threads that compute (default: 1)
  --help            this text`;

// Kernel 4, stride 2, padding 1: every output pixel is covered by 2 x 2 stamps, the size doubles.
const GEOMETRY = { kernelSize: 4, stride: 2, padding: 1 };
const TAPS = 16;
const CHANNELS = 3;

try {
  await main();
} catch (error) {
  console.error(`upscale-png: ${error.message}`);
  process.exitCode = 1;
}

async function main() {
  const { values: flags, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      output: { type: 'string', default: 'upscaled' },
      seed: { type: 'string', default: '1' },
      threads: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (flags.help) {
    console.log(HELP);
    return;
  }
  if (positionals.length > 1) throw new Error(`expected one picture, got ${positionals.length}`);
  const seed = wholeNumber('--seed', flags.seed, 0);
  const threads = wholeNumber('--threads', flags.threads, 1);
  const picture = positionals.length === 1 ? await readPng(positionals[0]) : drawLandscape(240, 160);

  await init({ threads });
  await mkdir(flags.output, { recursive: true });
  for (const [name, weight] of [
    ['bilinear', bilinearWeight()],
    ['random', randomWeight(seed)],
  ]) {
    const file = path.join(flags.output, `${name}.png`);
    await writeFile(file, upscale(name, picture, weight));
    console.log(`  ${file}`);
  }
  await shutdown();
}

function upscale(name, picture, weight) {
  // One group a colour: red makes red, green makes green, blue makes blue.
  const up = new ConvTranspose2d({
    inChannels: CHANNELS,
    outChannels: CHANNELS,
    groups: CHANNELS,
    bias: false,
    ...GEOMETRY,
  });
  up.setWeight(weight);
  const x = toTensor(picture);
  // The first call also packs the weights.
  up.forward(x);
  const started = performance.now();
  const y = up.forward(x);
  const milliseconds = performance.now() - started;
  const { route, build, threads, reason } = up.plan;
  console.log(`${name}: ${up}`);
  console.log(`  [${x.shape}] -> [${y.shape}] in ${milliseconds.toFixed(1)} ms`);
  console.log(`  ${route}, ${build} build, ${threads} thread(s): ${reason}`);
  up.dispose();
  return toPng(y);
}

/** 1/4, 3/4, 3/4, 1/4 along each axis: a straight ramp stays a straight ramp. */
function bilinearWeight() {
  const taps = [0.25, 0.75, 0.75, 0.25];
  const kernel = taps.flatMap((row) => taps.map((column) => row * column));
  return Float32Array.from([...kernel, ...kernel, ...kernel]);
}

/** Random, positive, and scaled so that the picture keeps its brightness on average. */
function randomWeight(seed) {
  const random = randomNumbers(seed);
  const weight = new Float32Array(CHANNELS * TAPS);
  for (let channel = 0; channel < CHANNELS; channel += 1) {
    const kernel = weight.subarray(channel * TAPS, (channel + 1) * TAPS);
    for (let tap = 0; tap < TAPS; tap += 1) kernel[tap] = random();
    // A stride of 2 spreads every kernel over 2 x 2 output pixels.
    const scale = 4 / kernel.reduce((sum, value) => sum + value);
    for (let tap = 0; tap < TAPS; tap += 1) kernel[tap] *= scale;
  }
  return weight;
}

/** [1, 3, height, width], 0 to 1; alpha is dropped. */
function toTensor({ width, height, data }) {
  const points = width * height;
  const values = new Float32Array(CHANNELS * points);
  for (let point = 0; point < points; point += 1) {
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      values[channel * points + point] = data[point * 4 + channel] / 255;
    }
  }
  return { data: values, shape: [1, CHANNELS, height, width] };
}

function toPng({ data, shape }) {
  const [, , height, width] = shape;
  const png = new PNG({ width, height });
  const points = width * height;
  for (let point = 0; point < points; point += 1) {
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      const level = Math.round(data[channel * points + point] * 255);
      png.data[point * 4 + channel] = Math.min(Math.max(level, 0), 255);
    }
    png.data[point * 4 + 3] = 255;
  }
  return PNG.sync.write(png);
}

async function readPng(file) {
  let bytes;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new Error(`cannot read ${file} (${error.code})`);
  }
  try {
    return PNG.sync.read(bytes);
  } catch (error) {
    throw new Error(`${file} is not a PNG that can be read (${error.message})`);
  }
}

/** An evening by a lake: smooth sky, hard ridges, fine texture on the water. */
function drawLandscape(width, height) {
  const png = new PNG({ width, height });
  const random = randomNumbers(7);
  const ridges = [0.42, 0.5, 0.56].map((base, depth) => ({
    base,
    waves: Array.from({ length: 5 }, (_, octave) => ({
      frequency: (2 + depth) * 1.9 ** octave,
      phase: random() * 2 * Math.PI,
      height: 0.07 / 1.8 ** octave,
    })),
    colour: [
      [96, 84, 122],
      [62, 56, 92],
      [30, 32, 58],
    ][depth],
  }));
  const sun = { x: 0.68, y: 0.32 };
  const shore = 0.66;

  function above(x, y) {
    for (const { base, waves, colour } of ridges.toReversed()) {
      const top =
        base + waves.reduce((sum, w) => sum + w.height * Math.sin(w.frequency * x * 6 + w.phase), 0);
      if (y > top) return mix(colour, [150, 110, 120], Math.max(0, 0.25 - (y - top) * 1.5));
    }
    const distance = Math.hypot((x - sun.x) * (width / height), y - sun.y);
    if (distance < 0.055) return [255, 244, 214];
    const sky = mix([64, 92, 160], [250, 170, 110], Math.min(1, y / 0.55));
    return mix(sky, [255, 230, 180], 0.7 * Math.exp(-distance * 7));
  }

  function colourAt(x, y) {
    if (y <= shore) return above(x, y);
    // The water mirrors what is above the shore, squeezed, rippled and darker.
    const depth = y - shore;
    const ripple = 0.012 * Math.sin(depth * 160 + 5 * Math.sin(x * 9)) * (0.3 + depth * 3);
    const mirrored = above(x + ripple * 0.6, Math.max(0, shore - depth * 1.6 + ripple));
    return mix(mirrored, [26, 44, 84], 0.35 + depth * 0.5);
  }

  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const grain = (random() - 0.5) * 6;
      const pixel = (row * width + column) * 4;
      // The mean of 3 x 3 places in the pixel, as a camera would see it: no stairs along edges.
      const seen = [0, 0, 0];
      for (let place = 0; place < 9; place += 1) {
        const x = (column + ((place % 3) + 0.5) / 3) / width;
        const y = (row + (Math.floor(place / 3) + 0.5) / 3) / height;
        for (const [channel, level] of colourAt(x, y).entries()) seen[channel] += level / 9;
      }
      for (const [channel, level] of [...seen, 255].entries()) {
        png.data[pixel + channel] = Math.min(Math.max(level + (channel < CHANNELS ? grain : 0), 0), 255);
      }
    }
  }
  return png;
}

function mix(one, other, share) {
  return one.map((value, channel) => value + (other[channel] - value) * share);
}

/** mulberry32: the same picture and weights everywhere. */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function wholeNumber(name, text, minimum) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < minimum) {
    throw new Error(`expected ${name} to be a whole number from ${minimum} on, got ${text}`);
  }
  return value;
}
