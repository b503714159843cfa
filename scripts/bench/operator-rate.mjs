// How near the operator alone (one thread, channels last, no copies) comes to the peak of the
// engine. Peak and operator are measured in turns, so that a slow moment of the machine hits both.

import { peakMeter } from './peak.mjs';

const ROUNDS = 60;
// The engine optimises the hot functions during the first rounds.
const WARM_UP = 20;

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

for (const build of ['simd', 'relaxed']) {
  const peak = await peakMeter({ relaxed: build === 'relaxed' });
  const operator = await operatorMeter(build);
  const peaks = [];
  const rates = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    peaks.push(peak());
    rates.push(operator());
  }
  const [peakRate, rate] = [median(peaks.slice(WARM_UP)), median(rates.slice(WARM_UP))];
  console.log(
    `${build}: peak ${peakRate.toFixed(1)} GFLOP/s, ${CASE.name} alone ${rate.toFixed(1)} GFLOP/s, ratio ${(rate / peakRate).toFixed(3)}`,
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

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
