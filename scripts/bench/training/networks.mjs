// A DCGAN as lists of layers, from which each library makes its own.

/** Of both networks' optimizers. */
export const ADAM = { learningRate: 0.0005, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };

const TWICE = { kernelSize: 4, stride: 2, padding: 1 };

/** Layers of both networks; `widths` are the channels between noise and picture, from the smallest size on. */
export function sizesOf({ latent, widths, channels }) {
  const [first, ...others] = widths;
  const up = [latent, first, ...others, channels];
  const down = [channels, ...widths.toReversed(), 1];
  const last = up.length - 2;
  return {
    generator: up.slice(1).map((outChannels, index) => ({
      transposed: true,
      inChannels: up[index],
      outChannels,
      ...(index === 0 ? { kernelSize: 4, stride: 1, padding: 0 } : TWICE),
      bias: index === last,
      norm: index < last,
      activation: index < last ? 'relu' : 'tanh',
    })),
    discriminator: down.slice(1).map((outChannels, index) => ({
      transposed: false,
      inChannels: down[index],
      outChannels,
      ...(index === last ? { kernelSize: 4, stride: 1, padding: 0 } : TWICE),
      bias: index === 0 || index === last,
      norm: index > 0 && index < last,
      activation: index < last ? 'leaky' : 'none',
    })),
  };
}

const ACTIVATIONS = {
  relu: (api) => [new api.ReLU()],
  leaky: (api) => [new api.LeakyReLU({ negativeSlope: 0.2 })],
  tanh: (api) => [new api.Tanh()],
  none: () => [],
};

export function makeModules(api, layers, seed) {
  return new api.Sequential(
    ...layers.flatMap(({ transposed, norm, activation, ...options }, index) => [
      new (transposed ? api.ConvTranspose2d : api.Conv2d)({ ...options, seed: seed + index }),
      ...(norm ? [new api.BatchNorm2d({ numFeatures: options.outChannels })] : []),
      ...ACTIVATIONS[activation](api),
    ]),
  );
}
