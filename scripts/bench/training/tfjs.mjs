// The same step in TensorFlow.js on its WebAssembly backend. That has no gradient of a 2-D convolution's weight, and
// its kernel for 3-D gives wrong values with a stride (4.22): its convolution takes the place, which is fast and right.

import { ADAM } from './networks.mjs';

export function prepareTfjs({ tf, sizes, start, pictures, noise }) {
  const networks = {
    generator: makeLayers(tf, sizes.generator, start.generator),
    discriminator: makeLayers(tf, sizes.discriminator, start.discriminator),
  };
  const variables = (network) => network.flatMap(({ parameters }) => Object.values(parameters));
  const optimizer = () => tf.train.adam(ADAM.learningRate, ADAM.beta1, ADAM.beta2, ADAM.epsilon);
  const [stepGenerator, stepDiscriminator] = [optimizer(), optimizer()];
  const channelsLast = ({ data, shape }) => tf.tidy(() => tf.transpose(tf.tensor(data, shape), [0, 2, 3, 1]));
  const [real, latent] = [channelsLast(pictures), channelsLast(noise)];
  const count = pictures.shape[0];
  const [yes, no] = [tf.ones([count, 1, 1, 1]), tf.zeros([count, 1, 1, 1])];
  const judge = (x, answer) => crossEntropy(tf, forward(tf, networks.discriminator, x), answer);
  const gradientsOf = (loss, network) => tf.variableGrads(loss, variables(network));
  return {
    async run() {
      const losses = tf.tidy(() => {
        const drawn = forward(tf, networks.generator, latent);
        const judged = [
          [real, yes],
          [drawn, no],
        ].map(([x, answer]) => gradientsOf(() => judge(x, answer), networks.discriminator));
        for (const { grads } of judged) stepDiscriminator.applyGradients(grads);
        const { value, grads } = gradientsOf(
          () => judge(forward(tf, networks.generator, latent), yes),
          networks.generator,
        );
        stepGenerator.applyGradients(grads);
        return [tf.add(judged[0].value, judged[1].value), value];
      });
      return Promise.all(
        losses.map(async (loss) => {
          const [value] = await loss.data();
          loss.dispose();
          return value;
        }),
      );
    },
  };
}

function makeLayers(tf, layers, state) {
  let place = 0;
  return layers.map((layer) => {
    const named = (name) => {
      const { data, shape } = state[`${place}.${name}`];
      return tf.tensor(data, shape);
    };
    // [out, in, h, w], or [in, out, h, w] when transposed, to [h, w, in, out] and [h, w, out, in].
    const parameters = { filter: tf.variable(tf.transpose(named('weight'), [2, 3, 1, 0])) };
    if (layer.bias) parameters.bias = tf.variable(named('bias'));
    place += 1;
    if (layer.norm) {
      parameters.scale = tf.variable(named('weight'));
      parameters.shift = tf.variable(named('bias'));
      place += 1;
    }
    if (layer.activation !== 'none') place += 1;
    return { ...layer, parameters, convolve: convolution(tf, layer) };
  });
}

function convolution(tf, { transposed, stride, padding }) {
  const pad = padding === 0 ? 'valid' : 'same';
  const attributes = { strides: stride, pad, dataFormat: 'NHWC', dimRoundingMode: undefined };
  const engine = tf.engine();
  const plain = (x, filter) => engine.runKernel('Conv2D', { x, filter }, { ...attributes, dilations: 1 });
  const back = (dy, filter, inputShape) =>
    engine.runKernel('Conv2DBackpropInput', { dy, filter }, { ...attributes, inputShape });
  const edges = [padding, padding];
  // A convolution of its own: batch and channels change places, and the gradient is a filter with holes.
  const ofFilter = (x, dy) => {
    const image = tf.transpose(padding === 0 ? x : tf.pad(x, [[0, 0], edges, edges, [0, 0]]), [3, 1, 2, 0]);
    const filter = tf.transpose(dy, [1, 2, 0, 3]);
    const options = { ...attributes, strides: 1, pad: 'valid', dilations: stride };
    return tf.transpose(engine.runKernel('Conv2D', { x: image, filter }, options), [1, 2, 0, 3]);
  };
  const outputShape = (x, filter) => {
    const extent = (size) => (padding === 0 ? (size - 1) * stride + filter.shape[0] : size * stride);
    return [x.shape[0], extent(x.shape[1]), extent(x.shape[2]), filter.shape[2]];
  };
  return tf.customGrad((x, filter, save) => {
    save([x, filter]);
    const value = transposed ? back(x, filter, outputShape(x, filter)) : plain(x, filter);
    return {
      value,
      gradFunc: (dy, [input, weight]) => [
        transposed ? plain(dy, weight) : back(dy, weight, input.shape),
        transposed ? ofFilter(dy, input) : ofFilter(input, dy),
      ],
    };
  });
}

function forward(tf, network, input) {
  return network.reduce((x, { convolve, parameters, activation }) => {
    let y = convolve(x, parameters.filter);
    if (parameters.bias) y = tf.add(y, parameters.bias);
    if (parameters.scale) y = normalized(tf, y, parameters);
    if (activation === 'relu') return tf.relu(y);
    if (activation === 'leaky') return tf.leakyRelu(y, 0.2);
    return activation === 'tanh' ? tf.tanh(y) : y;
  }, input);
}

/** A batch normalization of its own batch. */
function normalized(tf, x, { scale, shift }) {
  const mean = tf.mean(x, [0, 1, 2], true);
  const distance = tf.sub(x, mean);
  const variance = tf.mean(tf.square(distance), [0, 1, 2], true);
  return tf.add(tf.mul(distance, tf.mul(tf.rsqrt(tf.add(variance, 1e-5)), scale)), shift);
}

/** log(1 + exp(x)) - answer * x, as a mean; the sizes here need no care for large x. */
function crossEntropy(tf, x, answer) {
  return tf.mean(tf.sub(tf.log(tf.add(tf.exp(x), 1)), tf.mul(answer, x)));
}
