// The training step of examples/train/dcgan.mjs, of any widths.

import { ADAM, makeModules } from './networks.mjs';

export async function prepareOurs({ api, training, sizes, pictures, noise }) {
  const networks = {
    generator: makeModules(api, sizes.generator, 1),
    discriminator: makeModules(api, sizes.discriminator, 4),
  };
  const start = Object.fromEntries(
    Object.entries(networks).map(([name, network]) => [name, network.stateDict()]),
  );
  const stepGenerator = training.adam(networks.generator.layers, ADAM);
  const stepDiscriminator = training.adam(networks.discriminator.layers, ADAM);
  const count = pictures.shape[0];
  const answers = (value) => ({ data: new Float32Array(count).fill(value), shape: [count, 1, 1, 1] });
  const [yes, no] = [answers(1), answers(0)];
  const judge = training.binaryCrossEntropyWithLogits;
  return {
    start,
    run() {
      const drawn = networks.generator.trace(noise);
      let sum = 0;
      const gradients = [
        [pictures, yes],
        [drawn.output, no],
      ].map(([x, answer]) => {
        const pass = networks.discriminator.trace(x);
        const { loss, gradient } = judge(pass.output, answer);
        sum += loss;
        return pass.backward(gradient).layers;
      });
      for (const layer of gradients) stepDiscriminator(layer);
      const judged = networks.discriminator.trace(drawn.output);
      const { loss, gradient } = judge(judged.output, yes);
      stepGenerator(drawn.backward(judged.backward(gradient).input).layers);
      return [sum, loss];
    },
  };
}
