// What each precision gives: bytes to download, time of a forward (one thread, from a JavaScript array to
// a JavaScript array) and the error against float32. All candidates of a case take turns in every round, and the
// builds take turns of several rounds, so that a slow moment of the machine meets both.
//
//   node scripts/bench/precision.mjs [rounds]

import { ConvTranspose2d, init, shutdown } from '../../dist/index.js';
import {
  calibrate,
  compareToFloat32,
  quantize,
  saveQuantized,
  toFloat16,
} from '../../dist/quantize/index.js';
import { median } from './statistics.mjs';

const ROUNDS = Number(process.argv[2] ?? 60);
const TURNS = 6;
const WARM_UP = 10;
const CASES = [
  {
    name: 'dcgan3 32x32x128 to 64, k4 s2 p1',
    options: { inChannels: 128, outChannels: 64, kernelSize: 4, stride: 2, padding: 1, seed: 1 },
    shape: [1, 128, 32, 32],
  },
  {
    name: 'k3s1 64x64x64 to 64, k3 s1 p1',
    options: { inChannels: 64, outChannels: 64, kernelSize: 3, padding: 1, seed: 1 },
    shape: [1, 64, 64, 64],
  },
];

for (const test of CASES) {
  console.log(`\n${test.name}\n`);
  console.log('| precision | weight bytes | simd ms | relaxed ms | SNR dB | max error / max value |');
  console.log('|---|---|---|---|---|---|');
  const rows = new Map();
  const builds = ['simd', 'relaxed'];
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const build of turn % 2 === 0 ? builds : builds.toReversed()) {
      await init({ build });
      for (const { times, ...row } of measure(test, Math.ceil(ROUNDS / TURNS))) {
        const of = rows.get(row.name) ?? { simd: [], relaxed: [] };
        rows.set(row.name, { ...of, ...row, [build]: [...of[build], ...times] });
      }
      await shutdown();
    }
  }
  for (const { name, bytes, simd, relaxed, snr, relative } of rows.values()) {
    const times = [simd, relaxed].map((all) => median(all).toFixed(2)).join(' | ');
    console.log(`| ${name} | ${bytes} | ${times} | ${snr} | ${relative} |`);
  }
}
console.log(`\n${process.platform} ${process.arch}, Node ${process.version}, medians of ${ROUNDS} rounds`);

function measure({ options, shape }, rounds) {
  const random = generator(1);
  const layer = new ConvTranspose2d(options);
  layer.setWeight(trainedLike(layer.weight, options.outChannels, random));
  const half = new ConvTranspose2d(options);
  half.setWeight(toFloat16(layer.weight)).setBias(layer.bias);
  // As behind a ReLU. Scales come from other samples than the errors.
  const sample = () => ({
    data: Float32Array.from({ length: size(shape) }, () => Math.max(0, random())),
    shape,
  });
  const settings = calibrate(layer, [sample(), sample()]);
  const dynamic = quantize(layer);
  const fixed = quantize(layer, settings);
  const x = sample();
  const { scale, zeroPoint } = settings.input;
  const bytes = { data: Int8Array.from(x.data, (value) => Math.min(127, value / scale + zeroPoint)), shape };
  const weights = layer.weight.data.length;
  const saved = saveQuantized(dynamic).length;
  const greatest = layer.forward(x).data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const candidates = [
    { name: 'float32', bytes: 4 * weights, run: () => layer.forward(x), other: layer },
    { name: 'float16 weight', bytes: 2 * weights, run: () => half.forward(x), other: half },
    { name: 'int8 dynamic', bytes: saved, run: () => dynamic.forward(x), other: dynamic },
    { name: 'int8 static', bytes: saved, run: () => fixed.forward(x), other: fixed },
    { name: 'int8 static, int8 in and out', bytes: saved, run: () => fixed.forwardInt8(bytes), other: fixed },
  ].map((candidate) => ({ ...candidate, times: [] }));
  for (let round = 0; round < rounds + WARM_UP; round += 1) {
    for (const { run, times } of round % 2 === 0 ? candidates : candidates.toReversed()) {
      const started = performance.now();
      run();
      if (round >= WARM_UP) times.push(performance.now() - started);
    }
  }
  const rows = candidates.map(({ name, bytes: weightBytes, times, other }) => {
    const { snr, maxAbsolute } = compareToFloat32(layer, other, [x]);
    return {
      name,
      bytes: weightBytes,
      times,
      snr: snr === Number.POSITIVE_INFINITY ? 'exact' : snr.toFixed(1),
      relative: (maxAbsolute / greatest).toExponential(1),
    };
  });
  for (const used of [layer, half, dynamic, fixed]) used.dispose();
  return rows;
}

/** Normal weights whose output channels differ in size by a few times, as trained ones do. */
function trainedLike({ data, shape }, channels, random) {
  const sizes = Float32Array.from({ length: channels }, () => 0.02 * Math.exp(0.5 * random()));
  const taps = size(shape.slice(2));
  return { data: data.map((_, index) => sizes[Math.floor(index / taps) % channels] * random()), shape };
}

/** Standard normal numbers, the same every time: Box and Muller over a linear congruential generator. */
function generator(seed) {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

function size(shape) {
  return shape.reduce((product, extent) => product * extent, 1);
}
