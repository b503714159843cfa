// Chains against their convolutions alone, and against onnxruntime-web on the same network: what is lost between layers.
// In Node and in a page, on tensors of the WebAssembly heap that the caller keeps; onnxruntime-web gets and gives arrays.

import { product } from './geometry.mjs';
import { measure } from './measure.mjs';
import { errorOf, generator, TOLERANCE } from './problem.mjs';

const BUILDS = ['relaxed', 'simd'];
const REST_MS = 20;

/** `channels` are those of input and output; a norm, an activation or both stand behind a layer. */
const up = (channels, more) => ({ channels, kernel: 4, stride: 2, padding: 1, transposed: true, ...more });
const plain = (channels, kernel) => ({ channels, kernel, padding: (kernel - 1) / 2, activation: 'PReLU' });

export const CHAINS = [
  {
    name: 'decoder',
    title: 'decoder 64 -> 32 -> 16 -> 3 (k4 s2 p1), batch norm and LeakyReLU between, Tanh behind',
    input: [1, 64, 32, 32],
    layers: [
      up([64, 32], { norm: true, activation: 'LeakyReLU' }),
      up([32, 16], { norm: true, activation: 'LeakyReLU' }),
      up([16, 3], { activation: 'Tanh' }),
    ],
  },
  {
    name: 'fsrcnn_x2',
    title: 'FSRCNN(56, 12, 4) x2 on 128x128',
    input: [1, 1, 128, 128],
    layers: [
      plain([1, 56], 5),
      plain([56, 12], 1),
      ...Array.from({ length: 4 }, () => plain([12, 12], 3)),
      plain([12, 56], 1),
      { channels: [56, 1], kernel: 9, stride: 2, padding: 4, outputPadding: 1, transposed: true },
    ],
  },
];

/** All values by PyTorch's names; `index` counts the modules of the chain. */
export function parametersOf({ name, layers }) {
  const state = {};
  let index = 0;
  const draw = generator(`${name}'s parameters`);
  const random = (shape, scale, offset = 0) => ({
    data: Float32Array.from({ length: product(shape) }, () => scale * draw() + offset),
    shape,
  });
  for (const { channels, kernel, transposed, norm, activation } of layers) {
    const [from, to] = channels;
    const scale = 1 / Math.sqrt(from * kernel * kernel);
    state[`${index}.weight`] = random([...(transposed ? [from, to] : [to, from]), kernel, kernel], scale);
    state[`${index}.bias`] = random([to], 0.1);
    index += 1;
    if (norm) {
      state[`${index}.weight`] = random([to], 0.2, 1);
      state[`${index}.bias`] = random([to], 0.1);
      state[`${index}.running_mean`] = random([to], 0.1);
      state[`${index}.running_var`] = random([to], 0.2, 1);
      state[`${index}.num_batches_tracked`] = { data: Float32Array.of(1), shape: [] };
      index += 1;
    }
    if (activation === 'PReLU') state[`${index}.weight`] = random([to], 0.1, 0.2);
    if (activation) index += 1;
  }
  return state;
}

/** Its file among the models: a layer may have the chain's name. */
export const modelOf = (chain) => `chain-${chain.name}.onnx`;

/** The chain as an ONNX graph, its initializers by the state's names. */
export function onnxGraphOf(chain) {
  const nodes = [];
  const slopes = new Set();
  const add = (opType, parameters = [], attributes = {}) => {
    const index = nodes.length;
    const names = parameters.map((name) => `${index}.${name}`);
    nodes.push({
      opType,
      input: [index === 0 ? 'x' : `value${index - 1}`, ...names],
      output: [`value${index}`],
      attributes,
    });
    if (opType === 'PRelu') slopes.add(names[0]);
  };
  const [batch, , ...spatial] = chain.input;
  let extents = spatial;
  let last = 0;
  for (const layer of chain.layers) {
    const { channels, kernel, stride = 1, padding, outputPadding = 0, transposed, norm, activation } = layer;
    add(transposed ? 'ConvTranspose' : 'Conv', ['weight', 'bias'], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      ...(outputPadding > 0 ? { output_padding: [outputPadding, outputPadding] } : {}),
    });
    if (norm) add('BatchNormalization', ['weight', 'bias', 'running_mean', 'running_var']);
    if (activation === 'PReLU') add('PRelu', ['weight']);
    else if (activation) add(activation === 'Tanh' ? 'Tanh' : 'LeakyRelu');
    extents = extents.map((extent) => extent * stride);
    last = channels[1];
  }
  nodes.at(-1).output = ['y'];
  const initializers = Object.entries(parametersOf(chain))
    .filter(([name]) => !name.endsWith('num_batches_tracked'))
    // Slopes are spread over what stands behind the channels.
    .map(([name, { data, shape }]) => ({ name, data, dims: slopes.has(name) ? [...shape, 1, 1] : shape }));
  return {
    name: chain.name,
    nodes,
    initializers,
    input: chain.input,
    output: [batch, last, ...extents],
  };
}

/** Milliseconds of every chain in each build: whole, its layers alone, and onnxruntime-web's on the same network. */
export async function measureChains(host, { threads, ...options }) {
  const results = [];
  for (const chain of CHAINS) {
    const peer = await prepareOnnxruntime(chain, host, threads);
    const subjects = [];
    for (const build of BUILDS) subjects.push(await prepareOurs(chain, build, host, threads));
    const expected = await peer.run();
    for (const { build, check } of subjects) {
      const error = errorOf(check(), expected);
      if (!(error <= TOLERANCE)) {
        throw new Error(`${chain.name}, ${build}: off by ${error} from onnxruntime-web`);
      }
    }
    const entries = [peer, ...subjects.flatMap(({ whole, alone }) => [whole, alone])];
    // Workers spin after a run, on the core that the next one needs.
    const rest = threads > 1 ? REST_MS : 0;
    const [theirs, ...times] = await measure(entries, { ...options, rest });
    for (const [index, { build, memory }] of subjects.entries()) {
      const [whole, alone] = times.slice(2 * index);
      results.push({ name: chain.name, title: chain.title, build, threads, whole, alone, theirs, ...memory });
    }
    for (const { dispose } of [peer, ...subjects]) await dispose();
  }
  return results;
}

async function prepareOurs(chain, build, host, threads) {
  const ours = await host.ours(build, 'index.js');
  const { BatchNorm2d, HeapTensor, Sequential, init } = ours;
  await init({ build, threads });
  const layers = [];
  const modules = chain.layers.flatMap(({ channels, kernel, transposed, norm, activation, ...more }) => {
    const [inChannels, outChannels] = channels;
    const Layer = transposed ? ours.ConvTranspose2d : ours.Conv2d;
    const layer = new Layer({ inChannels, outChannels, kernelSize: kernel, ...more });
    layers.push(layer);
    return [
      layer,
      ...(norm ? [new BatchNorm2d({ numFeatures: outChannels })] : []),
      ...(activation === 'PReLU' ? [new ours.PReLU({ numParameters: outChannels })] : []),
      ...(activation === 'LeakyReLU' || activation === 'Tanh' ? [new ours[activation]()] : []),
    ];
  });
  const network = new Sequential(...modules).eval();
  network.loadStateDict(parametersOf(chain));
  const values = [new HeapTensor(chain.input)];
  values[0].data.set(inputOf(chain));
  for (const layer of layers) values.push(new HeapTensor(layer.outputShape(values.at(-1).shape)));
  const out = { out: values.at(-1) };
  const { arenaBytes, tensorBytes } = network.summary(chain.input);
  return {
    build,
    memory: { arenaBytes, tensorBytes },
    check: () => network.forward(values[0], out).data.slice(),
    whole: { run: () => network.forward(values[0], out) },
    alone: {
      run: () => {
        for (const [index, layer] of layers.entries())
          layer.forward(values[index], { out: values[index + 1] });
      },
    },
    dispose: () => {
      for (const owner of [network, ...values]) owner.dispose();
    },
  };
}

async function prepareOnnxruntime(chain, host, threads) {
  const ort = await host.onnxruntime();
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  const session = await ort.InferenceSession.create(await host.model(modelOf(chain)), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
  });
  const input = inputOf(chain);
  return {
    async run() {
      const { y } = await session.run({ x: new ort.Tensor('float32', input, chain.input) });
      const result = y.data;
      y.dispose();
      return result;
    },
    dispose: () => session.release(),
  };
}

function inputOf({ name, input }) {
  return Float32Array.from({ length: product(input) }, generator(name));
}
