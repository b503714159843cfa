// How near the operator alone (one thread, channels last, no copies) comes to the peak of the
// engine. All four measurements take turns in every round, so that a slow moment of the machine hits
// all of them; the spread tells how quiet it was.

import { peakMeter } from './peak.mjs';

const ROUNDS = 400;
// The engine optimises the hot functions during the first rounds.
const WARM_UP = 40;

// The dcgan3 case: 32x32x128 -> 64, kernel 4, stride 2, padding 1.
const CASE = {
  name: 'dcgan3',
  input: 32,
  inChannels: 128,
  outChannels: 64,
  kernel: 4,
  stride: 2,
  padding: 1,
};

const meters = [];
for (const build of ['simd', 'relaxed']) {
  meters.push({
    build,
    peak: await peakMeter({ relaxed: build === 'relaxed' }),
    operator: await operatorMeter(build),
    rounds: [],
  });
}
for (let round = 0; round < ROUNDS; round += 1) {
  for (const { peak, operator, rounds } of round % 2 === 0 ? meters : meters.toReversed()) {
    const [peakRate, rate] = [peak(), operator()];
    if (round >= WARM_UP) rounds.push({ peakRate, rate, ratio: rate / peakRate });
  }
}
for (const { build, rounds } of meters) {
  const of = (name, share) =>
    quantile(
      rounds.map((round) => round[name]),
      share,
    );
  console.log(
    `${build}: peak ${of('peakRate', 0.5).toFixed(1)} GFLOP/s, ${CASE.name} alone ${of('rate', 0.5).toFixed(1)} GFLOP/s, ratio ${of('ratio', 0.5).toFixed(3)} (a tenth of the rounds below ${of('ratio', 0.1).toFixed(3)}, a tenth above ${of('ratio', 0.9).toFixed(3)})`,
  );
}
console.log(`${process.platform} ${process.arch}, Node ${process.version}, V8 ${process.versions.v8}`);

/** Works on the module directly: the public API would add copies and layout changes. */
async function operatorMeter(build) {
  const { default: createModule } = await import(`../../dist/wasm/${build}/node.mjs`);
  const { readFile } = await import('node:fs/promises');
  const binary = await WebAssembly.compile(
    await readFile(new URL(`../../dist/wasm/${build}/deconv.wasm`, import.meta.url)),
  );
  const module = await createModule({
    instantiateWasm: (imports, done) => {
      WebAssembly.instantiate(binary, imports).then((instance) => done(instance, binary));
      return {};
    },
  });
  const { input, inChannels, outChannels, kernel, stride, padding } = CASE;
  const output = (input - 1) * stride + kernel - 2 * padding;
  expectOk(module.startRuntime(1));
  const operator = module.createOperator({
    transposed: true,
    groups: 1,
    inChannels,
    outChannels,
    kernel: [1, kernel, kernel],
    stride: [1, stride, stride],
    dilation: [1, 1, 1],
    inputDilation: [1, 1, 1],
    padBefore: [0, padding, padding],
    padAfter: [0, padding, padding],
    relu: false,
    exact: false,
  });
  const route = module.routeNames().split('\n').indexOf('xnnpack-deconvolution');
  expectOk(operator.plan(1, [1, input, input], 1, route));
  const counts = {
    weight: inChannels * outChannels * kernel ** 2,
    input: input ** 2 * inChannels,
    output: output ** 2 * outChannels,
  };
  const fill = (address, count) =>
    new Float32Array(module.wasmMemory.buffer, address, count).map((_, i, all) => (all[i] = (i % 17) / 16));
  const weight = module.reserveParameters(counts.weight);
  fill(weight, counts.weight);
  expectOk(operator.setParameters(weight, 0));
  const source = module.reserveInput(counts.input);
  const target = module.reserveOutput(counts.output);
  fill(source, counts.input);
  const gflop = (2 * input ** 2 * inChannels * outChannels * kernel ** 2) / 1e9;
  return () => {
    const started = performance.now();
    expectOk(operator.run(source, target));
    return gflop / ((performance.now() - started) / 1e3);
  };
}

function expectOk(status) {
  if (status !== 0) throw new Error(`bench: expected status 0, got ${status}`);
}

function quantile(values, share) {
  return [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))];
}
