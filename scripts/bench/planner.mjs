// How good the planner's choices are: random geometries of the sizes that decoders, segmentation heads,
// super-resolution and vocoders have, each computed by every route that takes it. Prints the share of
// geometries for which the chosen route is within 10 % of the fastest, what each route wins, and the choices
// that cost most.
//
//   node scripts/bench/planner.mjs [--build relaxed] [--count 300] [--seed 1] [--precision fast] [--arithmetic float32]
//     [--json FILE]
//
// The layers that the C++ tests judge the planner by, and the same measured again (on a quiet machine):
//
//   node scripts/bench/planner.mjs --build simd --count 200 --seed 2026 --layers cpp/tests/measured_layers.inc
//   node scripts/bench/planner.mjs --build simd --again cpp/tests/measured_layers.inc

import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { expectOk, loadCore, processorMilliseconds, routeNamesOf, writeSpec } from './core.mjs';

const { values: options } = parseArgs({
  options: {
    build: { type: 'string', default: 'relaxed' },
    count: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    precision: { type: 'string', default: 'fast' },
    arithmetic: { type: 'string', default: 'float32' },
    json: { type: 'string' },
    // What --json wrote, instead of measuring.
    from: { type: 'string' },
    layers: { type: 'string' },
    // The layers of such a file instead of random ones; it is written anew.
    again: { type: 'string' },
  },
});

// Turns of each route: at least so many, for at most so long.
const ROUNDS = 9;
const MILLISECONDS = 60;
// What is further behind by its estimate never ran ahead in a wider search; scalar is the usual one.
const FAR_BEHIND = 30;
const MACS = [2e5, 3e8];
const MOST_INT8_TERMS = 33_155;
const LAYOUTS = ['channels-first', 'channels-last'];
// int8 takes floats in dynamic mode and bytes in static mode.
const ARITHMETICS = ['float32', 'dynamic', 'static'];

const arithmetic = ARITHMETICS.indexOf(options.arithmetic);
if (arithmetic < 0) throw new Error(`--arithmetic: expected one of ${ARITHMETICS.join(', ')}`);
const module = await loadCore(options.build);
const routeNames = routeNamesOf(module);
const random = generator(Number(options.seed));
// Of its own: which routes are computed, and so how many values, changes with the estimates.
const randomValue = generator(Number(options.seed));
const pick = (list) => list[Math.floor(random() * list.length)];

const known = options.again === undefined ? undefined : await readLayers(options.again);
const results = options.from === undefined ? [] : JSON.parse(await readFile(options.from, 'utf8'));
for (const layer of known?.layers ?? []) results.push(measure(layer));
while (known === undefined && results.length < Number(options.count)) {
  const layer = randomLayer();
  const size = layer === undefined ? 0 : macs(layer);
  if (size < MACS[0] || size > MACS[1]) continue;
  // int8 sums so many products only.
  if (arithmetic > 0 && layer.inChannels * product(layer.kernel) > MOST_INT8_TERMS) continue;
  const result = measure(layer);
  // The chosen route found no room beside all others.
  if (result.candidates.some(({ name }) => name === result.chosen)) results.push(result);
}
report(results);
if (options.json !== undefined) await writeFile(options.json, JSON.stringify(results, null, 1));
const fixture = options.layers ?? options.again;
if (fixture !== undefined) await writeFile(fixture, measuredLayers(results));
module.stopRuntime();

function randomLayer() {
  const transposed = random() < 0.75;
  const rank = pick([1, 2, 2, 2, 2, 2, 3]);
  const channels = () => pick([1, 3, 8, 12, 16, 21, 24, 32, 48, 64, 64, 96, 128, 128, 192, 256, 512]);
  const side = {
    1: [32, 100, 256, 435, 1024, 4096],
    2: [4, 7, 8, 14, 16, 28, 32, 56, 64, 128],
    3: [4, 8, 12, 16],
  };
  const stride = transposed ? pick([1, 2, 2, 2, 2, 3, 4, 8]) : pick([1, 1, 2]);
  const kernel = transposed
    ? pick([stride, 2 * stride, 2 * stride, 3, 4, 5, stride + 1, 2 * stride + 1, 9])
    : pick([1, 3, 3, 3, 5, 7]);
  const dilation = random() < 0.1 ? 2 : 1;
  const depthwise = random() < 0.12;
  const inChannels = channels();
  const outChannels = depthwise ? inChannels : channels();
  const common = depthwise
    ? [inChannels]
    : [1, 1, 1, 1, 1, 1, 2, 4].filter((groups) => inChannels % groups === 0 && outChannels % groups === 0);
  const groups = pick(common);
  const reach = dilation * (kernel - 1);
  const pad = transposed
    ? pick([0, Math.max(0, Math.floor((reach + 1 - stride) / 2))])
    : pick([0, Math.floor(reach / 2)]);
  const axes = (value, neutral) => [...new Array(3 - rank).fill(neutral), ...new Array(rank).fill(value)];
  const input = axes(0, 1).map((extent) => extent || pick(side[rank]));
  const layer = {
    ...{
      transposed,
      rank,
      groups,
      inChannels,
      outChannels,
      batch: pick([1, 1, 1, 1, 2, 8]),
      layout: pick([0, 1]),
    },
    ...{
      input,
      kernel: axes(kernel, 1),
      stride: axes(stride, 1),
      dilation: axes(dilation, 1),
      pad: axes(pad, 0),
    },
  };
  withOutput(layer);
  return layer.output.every((extent) => extent >= 1) ? layer : undefined;
}

function withOutput(layer) {
  const { transposed, input } = layer;
  layer.output = input.map((extent, axis) =>
    transposed
      ? (extent - 1) * layer.stride[axis] +
        layer.dilation[axis] * (layer.kernel[axis] - 1) +
        1 -
        2 * layer.pad[axis]
      : Math.floor(
          (extent + 2 * layer.pad[axis] - layer.dilation[axis] * (layer.kernel[axis] - 1) - 1) /
            layer.stride[axis],
        ) + 1,
  );
  return layer;
}

function macs({ transposed, batch, groups, inChannels, outChannels, input, output, kernel }) {
  return (batch * product(transposed ? input : output) * inChannels * outChannels * product(kernel)) / groups;
}

function describe(layer) {
  const list = (values) => values.slice(3 - layer.rank).join('x');
  return `${layer.transposed ? 'T' : 'C'}${layer.rank} ${layer.batch}x${list(layer.input)}x${layer.inChannels}->${layer.outChannels} k${list(layer.kernel)} s${layer.stride[2]} p${layer.pad[2]} d${layer.dilation[2]} g${layer.groups} ${LAYOUTS[layer.layout]}`;
}

function measure(layer) {
  const Operator = arithmetic === 0 ? module.Operator : module.QuantizedOperator;
  writeSpec(module, {
    transposed: layer.transposed,
    ...{ groups: layer.groups, inChannels: layer.inChannels, outChannels: layer.outChannels },
    ...{ kernel: layer.kernel, stride: layer.stride, dilation: layer.dilation },
    ...{ inputDilation: [1, 1, 1], padBefore: layer.pad, padAfter: layer.pad },
    ...{ relu: false, exact: options.precision === 'exact', arithmetic },
  });
  const operator = Operator.create();
  const plan = (route) => operator.plan(layer.batch, ...layer.input, layer.layout, route, route >= 0);
  expectOk(plan(-1));
  const chosen = operator.route();
  const least = operator.estimate(chosen);
  const candidates = routeNames.flatMap((name, route) => {
    const estimate = operator.estimate(route);
    return estimate < 0 || estimate > FAR_BEHIND * least ? [] : [{ name, route, estimate, times: [] }];
  });
  const weights = (layer.inChannels * layer.outChannels * product(layer.kernel)) / layer.groups;
  const inputs = layer.batch * layer.inChannels * product(layer.input);
  const fill = (address, count) => {
    const values = new Float32Array(module.wasmMemory.buffer, address, count);
    for (let index = 0; index < count; index += 1) values[index] = randomValue() - 0.5;
  };
  const fillBytes = (address, count) => {
    const values = new Int8Array(module.wasmMemory.buffer, address, count);
    for (let index = 0; index < count; index += 1) values[index] = 254 * randomValue() - 127;
  };
  for (const { route } of candidates) {
    expectOk(plan(route));
    const { outChannels } = layer;
    const weight = module.reserveParameters(weights + outChannels);
    if (arithmetic === 0) {
      fill(weight, weights);
      expectOk(operator.setParameters(weight, 0));
    } else {
      new Float32Array(module.wasmMemory.buffer, weight, outChannels).fill(0.01);
      const bytes = weight + 4 * outChannels;
      fillBytes(bytes, weights);
      const quantization = [1, 0];
      expectOk(operator.setParameters(bytes, weight, 0, ...quantization, ...quantization));
    }
    module.releaseParameters();
  }
  const target = module.reserveOutput(layer.batch * layer.outChannels * product(layer.output));
  const source = module.reserveInput(inputs);
  (ARITHMETICS[arithmetic] === 'static' ? fillBytes : fill)(source, inputs);
  const run =
    arithmetic === 0
      ? () => operator.run(source, target, 0)
      : () => operator.run(source, arithmetic - 1, target, arithmetic - 1);
  // Warm up, then in turns, the order reversed every second time.
  for (let round = -2; round < ROUNDS; round += 1) {
    for (const candidate of round % 2 === 0 ? candidates : candidates.toReversed()) {
      if (candidate.times === undefined) continue;
      if (candidate.times.length > 3 && sum(candidate.times) > MILLISECONDS) continue;
      expectOk(plan(candidate.route));
      // XNNPACK's index of a large layer may not fit beside everything else.
      if (run() !== 0) {
        candidate.times = undefined;
        continue;
      }
      const repeats = Math.max(1, Math.ceil(0.3 / (candidate.times.at(-1) ?? 1)));
      const started = processorMilliseconds();
      for (let repeat = 0; repeat < repeats; repeat += 1) run();
      const time = (processorMilliseconds() - started) / repeats;
      if (round >= 0 || candidate.times.length === 0) candidate.times.push(time);
    }
  }
  operator.delete();
  return {
    layer,
    macs: macs(layer),
    chosen: routeNames[chosen],
    candidates: candidates
      .filter(({ times }) => times !== undefined)
      .map(({ name, estimate, times }) => ({ name, estimate, measured: quantile(times.slice(1), 0.4) })),
  };
}

/** Lines of the array in cpp/tests/measured_layers_test.cpp. */
function measuredLayers(all) {
  const list = (values) => `{${values.join(', ')}}`;
  const lines = all.map(({ layer, candidates }) => {
    const { transposed, groups, inChannels, outChannels, batch, layout } = layer;
    const axes = ['input', 'kernel', 'stride', 'dilation', 'pad'].map((name) => list(layer[name]));
    const times = routeNames.map((name) => {
      const measured = candidates.find((candidate) => candidate.name === name)?.measured ?? 0;
      return Number(measured.toPrecision(3));
    });
    return `{${[transposed, groups, inChannels, outChannels, batch, layout, ...axes, list(times)].join(', ')}},\n`;
  });
  const command = `--build ${options.build} --count ${all.length} --seed ${options.seed}`;
  const made = known?.made ?? `// Made by scripts/bench/planner.mjs ${command} --layers.`;
  return `${made}\n${lines.join('')}`;
}

/** What measuredLayers wrote. */
async function readLayers(file) {
  const [made, ...lines] = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const layers = lines.map((line) => {
    const values = JSON.parse(line.slice(0, -1).replaceAll('{', '[').replaceAll('}', ']'));
    const [transposed, groups, inChannels, outChannels, batch, layout] = values;
    const [input, kernel, stride, dilation, pad] = values.slice(6);
    const rank = 3 - input.findIndex((extent, axis) => extent > 1 || kernel[axis] > 1 || axis === 2);
    const drawn = { transposed, rank, groups, inChannels, outChannels, batch, layout, input };
    return withOutput({ ...drawn, kernel, stride, dilation, pad });
  });
  return { made, layers };
}

function report(all) {
  const judged = all.map((result) => {
    const ranked = [...result.candidates].sort((one, other) => one.measured - other.measured);
    const chosen = result.candidates.find(({ name }) => name === result.chosen);
    return { ...result, ranked, loss: chosen.measured / ranked[0].measured };
  });
  const within = judged.filter(({ loss }) => loss <= 1.1).length;
  console.log(
    `${options.build}, precision ${options.precision}, ${options.arithmetic}: the chosen route is within 10 % of the fastest on ${within} of ${all.length} geometries (${((100 * within) / all.length).toFixed(1)} %)`,
  );
  for (const name of routeNames) {
    const taken = judged.filter(({ candidates }) => candidates.some((candidate) => candidate.name === name));
    const won = judged.filter(({ ranked }) => ranked[0].name === name);
    const clear = won.filter(
      ({ ranked }) => ranked.length === 1 || ranked[1].measured > 1.05 * ranked[0].measured,
    );
    const misjudged = taken
      .map(({ candidates }) => candidates.find((candidate) => candidate.name === name))
      .map(({ estimate, measured }) => estimate / measured);
    const spread =
      misjudged.length === 0
        ? ''
        : `, estimate / measured ${[0.1, 0.5, 0.9].map((share) => quantile(misjudged, share).toFixed(2)).join(' ')} (a tenth, half, nine tenths)`;
    console.log(
      `${name}: chosen ${judged.filter(({ chosen }) => chosen === name).length}, fastest ${won.length}, by more than 5 % ${clear.length}, of ${taken.length}${spread}`,
    );
  }
  const worst = judged.filter(({ loss }) => loss > 1.1).sort((one, other) => other.loss - one.loss);
  for (const { layer, chosen, ranked, loss } of worst) {
    console.log(
      `  ${loss.toFixed(2)}x ${describe(layer)}: ${chosen}; ${ranked.map(({ name, measured, estimate }) => `${name} ${measured.toPrecision(2)} (${estimate.toPrecision(2)})`).join(', ')}`,
    );
  }
}

function product(values) {
  return values.reduce((all, value) => all * value, 1);
}

function sum(values) {
  return values.reduce((all, value) => all + value, 0);
}

function quantile(values, share) {
  return [...values].sort((one, other) => one - other)[Math.floor(share * (values.length - 1))];
}

/** splitmix-like, so that a seed names the geometries. */
function generator(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
