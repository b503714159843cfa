// What a convolution's epilogue costs (an activation, with and without a residual sum), applied while the
// convolution writes and in passes over its result, in shares of the convolution alone. All take turns.
//
//   node scripts/bench/epilogue.mjs [--build relaxed] [--threads 1] [--layout channels-first] [--rounds 30]

import { parseArgs } from 'node:util';
import { createRuntime } from '../../dist/index.js';
import { writeSpec } from '../../dist/shared/runtime.js';
import { geometryOf } from './geometry.mjs';
import { measure } from './measure.mjs';
import { operatorAlone } from './operator.mjs';

const text = (value) => ({ type: 'string', default: value });
const { values: options } = parseArgs({
  options: {
    build: text('relaxed'),
    threads: text('1'),
    layout: text('channels-first'),
    rounds: text('30'),
  },
});
const LAYERS = [
  { name: 'decoder1', input: [32, 32], channels: [64, 32], kernel: 4, stride: 2, padding: 1 },
  { name: 'decoder2', input: [64, 64], channels: [32, 16], kernel: 4, stride: 2, padding: 1 },
  { name: 'decoder3', input: [128, 128], channels: [16, 3], kernel: 4, stride: 2, padding: 1 },
  { name: 'residual', input: [64, 64], channels: [64, 64], kernel: 3, stride: 1, padding: 1 },
  { name: 'depthwise', input: [64, 64], channels: [64, 64], kernel: 3, stride: 1, padding: 1, groups: 64 },
];
/** The core's functions by their numbers; none is a residual sum alone. */
const EPILOGUES = [
  { name: 'ReLU', op: 0 },
  { name: 'LeakyReLU', op: 1 },
  { name: 'GELU', op: 4 },
  { name: 'Tanh', op: 11 },
  { name: 'sum', op: -1, adds: true },
  { name: 'sum and LeakyReLU', op: 1, adds: true },
];

const { layout } = options;
const runtime = await createRuntime({ build: options.build, threads: Number(options.threads) });
const { build, threads } = runtime.info;
console.log(`${build}, ${threads} thread(s), ${layout}: shares beyond the convolution alone`);
for (const layer of LAYERS) {
  const geometry = geometryOf(layer);
  const alone = (epilogue) => operatorAlone({ runtime, writeSpec }, geometry, layout, epilogue);
  const entries = [alone(), ...EPILOGUES.flatMap((one) => [alone(one), alone({ ...one, inPasses: true })])];
  const [plain, ...others] = await measure(entries, { rounds: Number(options.rounds), milliseconds: 4000 });
  console.log(`${layer.name} (${entries[0].route}): ${plain.median.toFixed(3)} ms`);
  const share = (index) => `${(100 * (others[index].median / plain.median - 1)).toFixed(1)} %`;
  for (const [index, { name }] of EPILOGUES.entries()) {
    console.log(`  ${name.padEnd(18)} fused ${share(2 * index)}, in passes ${share(2 * index + 1)}`);
  }
  for (const { dispose } of entries) dispose();
}
await runtime.shutdown();
