// A training step of a DCGAN: two passes of the discriminator with its gradients and Adam's steps, one of the generator,
// against TensorFlow.js on its WebAssembly backend, in turns in one process. Both start from the same weights; the
// losses of the first steps are compared.
//
//   node scripts/bench/training/index.mjs [--rounds 10] [--seconds 6]

import { parseArgs } from 'node:util';
import { copyPackages } from '../copies.mjs';
import { nodeHost } from '../hosts/node.mjs';
import { installPeers } from '../install.mjs';
import { measure } from '../measure.mjs';
import { generator } from '../problem.mjs';
import { registerGradients } from './gradients.mjs';
import { sizesOf } from './networks.mjs';
import { prepareOurs } from './ours.mjs';
import { prepareTfjs } from './tfjs.mjs';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '10' }, seconds: { type: 'string', default: '6' } },
});

/** `example` is that of examples/train/dcgan.mjs. */
const DCGANS = [
  { name: 'example', latent: 8, widths: [16, 8], channels: 1, batch: 16 },
  { name: '32x32 in colour', latent: 64, widths: [128, 64, 32], channels: 3, batch: 16 },
  { name: '64x64 in colour', latent: 100, widths: [256, 128, 64, 32], channels: 3, batch: 8 },
];
const STEPS_COMPARED = 3;
// Of the first loss; then Adam's first steps, as large where a gradient is nearly 0, lead apart.
const TOLERANCE = 1e-5;
const TOLERANCE_LATER = 0.05;

await installPeers();
await copyPackages();
const tf = await nodeHost.tfjs(1);
await registerGradients();
let failed = false;
for (const dcgan of DCGANS) {
  const sizes = sizesOf(dcgan);
  const random = generator(dcgan.name);
  const tensor = (shape) => ({
    data: Float32Array.from({ length: shape.reduce((all, extent) => all * extent) }, random),
    shape,
  });
  const side = 2 ** (dcgan.widths.length + 2);
  const pictures = tensor([dcgan.batch, dcgan.channels, side, side]);
  const noise = tensor([dcgan.batch, dcgan.latent, 1, 1]);
  const sides = [];
  for (const build of ['relaxed', 'simd']) {
    const [api, training] = await Promise.all([
      nodeHost.ours(build, 'index.js'),
      nodeHost.ours(build, 'training/index.js'),
    ]);
    await api.init({ threads: 1, build });
    const ours = await prepareOurs({ api, training, sizes, pictures, noise });
    if (sides.length === 0) {
      sides.push({ name: 'tfjs-wasm', ...prepareTfjs({ tf, sizes, start: ours.start, pictures, noise }) });
    }
    sides.push({ name: `ours ${build}`, ...ours });
  }
  for (const one of sides) {
    one.losses = [];
    for (let step = 0; step < STEPS_COMPARED; step += 1) one.losses.push(...(await one.run()));
  }
  const [peer, ...own] = sides;
  const errors = peer.losses.map((expected, index) =>
    Math.max(...own.map(({ losses }) => Math.abs(losses[index] - expected) / Math.abs(expected))),
  );
  failed ||= !(errors[0] < TOLERANCE && Math.max(...errors) < TOLERANCE_LATER);
  const times = await measure(sides, {
    rounds: Number(options.rounds),
    milliseconds: 1000 * Number(options.seconds),
  });
  const shown = sides.map(({ name }, index) => `${name} ${times[index].median.toFixed(2)} ms`).join(', ');
  const ratios = own.map((_, index) => (times[0].median / times[index + 1].median).toFixed(2)).join(' and ');
  console.log(
    `${dcgan.name}: ${shown}; ${ratios} times as fast; losses differ by ${errors.map((error) => error.toExponential(0)).join(', ')}`,
  );
}
if (failed) {
  console.error('training: losses differ');
  process.exitCode = 1;
}
process.exit();
