// The parameters' gradients alone: rates as shares of the machine's peak, on one thread, the values on the heap.
// Some of each layer's gradients are compared with double precision in the same run.
//
//   node scripts/bench/gradients.mjs [--build relaxed] [--layers REGEX] [--rounds 15]
//     [--layout channels-first | channels-last]

import { parseArgs } from 'node:util';
import { expectOk, loadCore, processorMilliseconds, writeSpec } from './core.mjs';
import { describe, product, raised } from './geometry.mjs';
import { peakMeter } from './peak.mjs';
import { generator } from './problem.mjs';
import { median, quantile } from './statistics.mjs';

const LAYOUTS = ['channels-first', 'channels-last'];

const { values: options } = parseArgs({
  options: {
    build: { type: 'string', default: 'relaxed' },
    layers: { type: 'string', default: '' },
    rounds: { type: 'string', default: '15' },
    layout: { type: 'string', default: '' },
  },
});

const square = (side) => [side, side];

/** What networks train: `narrow` has few channels on one side, or on both. */
const LAYERS = [
  ['dense', 'dcgan1', true, { input: square(8), channels: [512, 256], kernel: 4, stride: 2, padding: 1 }],
  ['dense', 'dcgan2', true, { input: square(16), channels: [256, 128], kernel: 4, stride: 2, padding: 1 }],
  ['dense', 'dcgan3', true, { input: square(32), channels: [128, 64], kernel: 4, stride: 2, padding: 1 }],
  ['dense', 'unet_up', true, { input: square(32), channels: [256, 128], kernel: 2, stride: 2 }],
  ['dense', 'k3', false, { input: square(64), channels: [64, 64], kernel: 3, padding: 1 }],
  ['dense', 'k3b8', false, { batch: 8, input: square(16), channels: [128, 128], kernel: 3, padding: 1 }],
  ['dense', 'k1', false, { input: square(32), channels: [256, 256], kernel: 1 }],
  ['dense', 'k4s2', false, { input: square(64), channels: [64, 128], kernel: 4, stride: 2, padding: 1 }],
  ['dense', 'dilated', false, { input: square(32), channels: [64, 64], kernel: 3, dilation: 2, padding: 2 }],
  [
    'dense',
    'grouped',
    true,
    { input: square(32), channels: [128, 128], kernel: 4, stride: 2, padding: 1, groups: 4 },
  ],
  ['dense', 'hifigan', true, { input: [256], channels: [512, 256], kernel: 16, stride: 8, padding: 4 }],
  ['dense', 'vol3d', true, { input: [8, 16, 16], channels: [64, 32], kernel: 4, stride: 2, padding: 1 }],
  ['narrow', 'to rgb', true, { input: square(64), channels: [64, 3], kernel: 4, stride: 2, padding: 1 }],
  ['narrow', 'to rgb k3', false, { input: square(64), channels: [64, 3], kernel: 3, padding: 1 }],
  ['narrow', 'from rgb', false, { input: square(64), channels: [3, 64], kernel: 3, padding: 1 }],
  [
    'narrow',
    'from rgb k4',
    false,
    { input: square(128), channels: [3, 64], kernel: 4, stride: 2, padding: 1 },
  ],
  ['narrow', 'from rgb T', true, { input: square(64), channels: [3, 64], kernel: 4, stride: 2, padding: 1 }],
  ['narrow', 'from grey', false, { input: square(28), channels: [1, 32], kernel: 5, batch: 8 }],
  ['narrow', 'fsrcnn', true, { input: square(64), channels: [56, 1], kernel: 9, stride: 3, padding: 4 }],
  ['narrow', 'sound', false, { input: [8192], channels: [32, 1], kernel: 7, padding: 3 }],
  ['narrow', 'rgb to rgb', true, { input: square(128), channels: [3, 3], kernel: 4, stride: 2, padding: 1 }],
  ['narrow', 'grey to grey', false, { input: square(128), channels: [1, 1], kernel: 5, padding: 2 }],
  [
    'narrow',
    'dilated rgb',
    false,
    { input: square(64), channels: [3, 32], kernel: 3, padding: 2, dilation: 2 },
  ],
  ['depthwise', 'k3', false, { input: square(64), channels: [64, 64], kernel: 3, padding: 1, groups: 64 }],
  [
    'depthwise',
    'k3s2',
    false,
    { input: square(64), channels: [64, 64], kernel: 3, stride: 2, padding: 1, groups: 64 },
  ],
  [
    'depthwise',
    'k4s2',
    true,
    { input: square(32), channels: [128, 128], kernel: 4, stride: 2, padding: 1, groups: 128 },
  ],
  ['depthwise', 'k7', false, { input: square(28), channels: [96, 96], kernel: 7, padding: 3, groups: 96 }],
  [
    'depthwise',
    'fcn8',
    true,
    { input: square(32), channels: [21, 21], kernel: 16, stride: 8, padding: 4, groups: 21 },
  ],
  ['depthwise', 'twice', false, { input: square(32), channels: [32, 64], kernel: 3, padding: 1, groups: 32 }],
  [
    'depthwise',
    'pairs',
    true,
    { input: square(32), channels: [64, 64], kernel: 4, stride: 2, padding: 1, groups: 32 },
  ],
];

const module = await loadCore(options.build);
const peak = await peakMeter({ relaxed: options.build.startsWith('relaxed') });

for (const [kind, name, transposed, layer] of LAYERS) {
  if (!new RegExp(options.layers).test(`${kind} ${name}`)) continue;
  const geometry = raised(spelled(name, transposed, layer), 3);
  const title = `${transposed ? 'T' : 'C'} ${describe(spelled(name, transposed, layer))}`;
  const shown = LAYOUTS.filter((layout) => layout.startsWith(options.layout)).map((layout) => {
    const { rate, share, bias, error } = measure(geometry, transposed, layout);
    return `${layout} ${rate.toFixed(1)} GMAC/s ${(100 * share).toFixed(0)} % bias ${bias.toFixed(3)} ms error ${error.toExponential(0)}`;
  });
  console.log(`${kind} ${name.padEnd(12)} ${title.padEnd(34)} ${shown.join(' | ')}`);
}
module.stopRuntime();

function spelled(name, transposed, layer) {
  const perAxis = (value) => layer.input.map(() => value);
  const { batch = 1, input, groups = 1, stride = 1, padding = 0, dilation = 1, kernel } = layer;
  const reach = dilation * (kernel - 1) + 1;
  const output = input.map((extent) =>
    transposed
      ? (extent - 1) * stride + reach - 2 * padding
      : Math.floor((extent + 2 * padding - reach) / stride) + 1,
  );
  const [inChannels, outChannels] = layer.channels;
  return {
    ...{ name, rank: input.length, batch, input, output, groups, inChannels, outChannels },
    ...{ kernel: perAxis(kernel), stride: perAxis(stride), padding: perAxis(padding) },
    ...{ dilation: perAxis(dilation), outputPadding: perAxis(0) },
  };
}

function measure(geometry, transposed, layout) {
  const { batch, groups, inChannels, outChannels, input, output, kernel, stride, dilation, padding } =
    geometry;
  const spec = {
    ...{ transposed, groups, inChannels, outChannels, kernel, stride, dilation },
    ...{ inputDilation: [1, 1, 1], padBefore: padding, padAfter: padding },
    ...{ relu: false, exact: false, arithmetic: 0 },
  };
  const weights = (inChannels * outChannels * product(kernel)) / groups;
  const random = generator(geometry.name);
  const place = (count) => {
    const address = module.allocateFloats(count);
    if (address === 0) throw new Error(`gradients: no room for ${count} values`);
    const floats = new Float32Array(module.wasmMemory.buffer, address, count);
    for (let index = 0; index < count; index += 1) floats[index] = random();
    return address;
  };
  const from = place(batch * inChannels * product(input));
  const grads = place(batch * outChannels * product(output));
  const gradient = place(weights + outChannels);
  writeSpec(module, spec);
  const run = (withBias) =>
    expectOk(
      module.parameterGradients(batch, ...input, LAYOUTS.indexOf(layout), from, grads, gradient, withBias),
    );
  run(true);
  const error = errorOf({ geometry, transposed, layout, from, grads, gradient, random });
  const macs =
    (batch * product(transposed ? input : output) * inChannels * outChannels * product(kernel)) / groups;
  const times = { weight: [], both: [], peak: [] };
  const repeats = Math.max(1, Math.ceil(5 / timeOf(() => run(true))));
  for (let round = 0; round < Number(options.rounds); round += 1) {
    times.peak.push(timeOf(peak.run));
    for (const withBias of [false, true]) {
      times[withBias ? 'both' : 'weight'].push(
        timeOf(() => {
          for (let repeat = 0; repeat < repeats; repeat += 1) run(withBias);
        }) / repeats,
      );
    }
  }
  for (const address of [from, grads, gradient]) module.freeFloats(address);
  const weight = median(times.weight);
  const rate = macs / weight / 1e6;
  return {
    rate,
    share: (2 * rate) / (peak.flop / quantile(times.peak, 0.3) / 1e6),
    bias: median(times.both.map((both, index) => both - times.weight[index])),
    error,
  };
}

function timeOf(work) {
  const before = processorMilliseconds();
  work();
  return processorMilliseconds() - before;
}

/** The largest difference of twenty gradients from their sums in double precision, as a share of their magnitude. */
function errorOf({ geometry, transposed, layout, from, grads, gradient, random }) {
  const { batch, groups, inChannels, outChannels, input, output, kernel, stride, dilation, padding } =
    geometry;
  const floats = new Float32Array(module.wasmMemory.buffer);
  const at =
    (address, channels, extents) =>
    (n, channel, [d, h, w]) => {
      const point = (d * extents[1] + h) * extents[2] + w;
      const points = product(extents);
      const index =
        layout === 'channels-first'
          ? (n * channels + channel) * points + point
          : (n * points + point) * channels + channel;
      return floats[address / 4 + index];
    };
  const sideOf = (address, channels, extents) => ({
    value: at(address, channels, extents),
    extents,
    channels: channels / groups,
  });
  const [inSide, outSide] = [sideOf(from, inChannels, input), sideOf(grads, outChannels, output)];
  const [dense, strided] = transposed ? [inSide, outSide] : [outSide, inSide];
  let worst = 0;
  for (let tries = 0; tries < 20; tries += 1) {
    const index = Math.floor(
      ((random() + 1) / 2) * groups * dense.channels * strided.channels * product(kernel),
    );
    const tap = index % product(kernel);
    const pair = Math.floor(index / product(kernel));
    const row = Math.floor(pair / strided.channels);
    const group = Math.floor(row / dense.channels);
    const column = group * strided.channels + (pair % strided.channels);
    const taps = [
      Math.floor(tap / (kernel[1] * kernel[2])),
      Math.floor(tap / kernel[2]) % kernel[1],
      tap % kernel[2],
    ];
    let sum = 0;
    let magnitude = 0;
    for (let n = 0; n < batch; n += 1) {
      for (let point = 0; point < product(dense.extents); point += 1) {
        const [, height, width] = dense.extents;
        const position = [
          Math.floor(point / (height * width)),
          Math.floor(point / width) % height,
          point % width,
        ];
        const other = position.map(
          (p, axis) => p * stride[axis] + taps[axis] * dilation[axis] - padding[axis],
        );
        if (other.some((p, axis) => p < 0 || p >= strided.extents[axis])) continue;
        const term = dense.value(n, row, position) * strided.value(n, column, other);
        sum += term;
        magnitude += Math.abs(term);
      }
    }
    worst = Math.max(worst, Math.abs(floats[gradient / 4 + index] - sum) / magnitude);
  }
  return worst;
}
