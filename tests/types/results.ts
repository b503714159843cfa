// What comes out lies on an ArrayBuffer and goes where the platform asks for one; what goes in may lie on any buffer.

import {
  BatchNorm1d,
  Conv1d,
  ConvTranspose1d,
  conv,
  convTranspose,
  type ForwardOptions,
  Graph,
  HeapTensor,
  isDeconvError,
  type Layer,
  type LayerGradients,
  type Plan,
  type Tensor,
} from 'deconv-wasm';
import {
  analyze,
  attribute,
  repairKernels,
  scoreImage,
  spectralPenalty,
  type Upsampling,
} from 'deconv-wasm/checkerboard';
import { convTransposeJax, fromBrainstate, fromTorch, toOnnx } from 'deconv-wasm/convert';
import { kernelMatrix, transConv } from 'deconv-wasm/d2l';
import {
  type Model,
  type ModelLayer,
  patchModel,
  readModel,
  type WeightChange,
  writeSafetensors,
} from 'deconv-wasm/models';
import { loadNetwork, type Network } from 'deconv-wasm/network';
import { calibrate, compareToFloat32, quantize, saveQuantized, toFloat16 } from 'deconv-wasm/quantize';
import { meanSquaredError, ReLU, Sequential } from 'deconv-wasm/training';
import { connect, type Remote, transfer } from 'deconv-wasm/worker';

declare const shared: { readonly data: Float32Array<SharedArrayBuffer>; readonly shape: readonly number[] };
declare const x: Tensor;
declare const channel: AudioBuffer;
const layer = new Conv1d({ inChannels: 1, outChannels: 1, kernelSize: 3 });

const y = layer.forward(x);
channel.copyToChannel(y.data, 0);
new Blob([y.data]);
channel.copyToChannel(layer.forward(x, { activation: 'relu' }).data, 0);
channel.copyToChannel(layer.weight.data, 0);
if (layer.bias !== null) channel.copyToChannel(layer.bias.data, 0);
const gradients: LayerGradients = layer.backward(x, y);
channel.copyToChannel(gradients.input.data, 0);
channel.copyToChannel(gradients.weight.data, 0);
channel.copyToChannel(conv(x, x).data, 0);
channel.copyToChannel(convTranspose(x, x, { padding: 1 }).data, 0);
channel.copyToChannel(convTransposeJax(x, x).data, 0);
channel.copyToChannel(transConv(x, x).data, 0);
channel.copyToChannel(kernelMatrix(x, [3]).multiply(x).data, 0);
channel.copyToChannel(new ReLU().forward(x).data, 0);
channel.copyToChannel(new Sequential(layer, new ReLU()).forward(x).data, 0);
channel.copyToChannel(meanSquaredError(x, x).gradient.data, 0);
channel.copyToChannel(toOnnx(layer).weight.data, 0);
channel.copyToChannel(spectralPenalty(layer).gradient.data, 0);
channel.copyToChannel(quantize(layer).forward(x).data, 0);
new Blob([saveQuantized(quantize(layer)), quantize(layer).forwardInt8(x).data, quantize(layer).weight.data]);

quantize(layer, { input: { scale: 1, zeroPoint: 0 }, output: { scale: 1, zeroPoint: 0 } });
quantize(layer, {});
quantize(layer, calibrate(layer, [x]));
calibrate(layer, [x]).input.scale.toFixed();
calibrate(new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 3 }), [x], { outputSize: [5] });
calibrate(layer, [x], { activation: 'relu', out: shared });
// @ts-expect-error an option of transposed layers
calibrate(layer, [x], { outputSize: [5] });
// @ts-expect-error both or neither
quantize(layer, { input: { scale: 1, zeroPoint: 0 } });
// @ts-expect-error both or neither
quantize(layer, { output: { scale: 1, zeroPoint: 0 } });

layer.forward(shared);
layer.setWeight(shared);
conv(shared, shared);

// The result is the tensor that was handed in.
const heap: HeapTensor = layer.forward(x, { out: new HeapTensor([1, 1, 8]) });
heap.dispose();
// @ts-expect-error a HeapTensor may lie on shared memory
channel.copyToChannel(heap.data, 0);
// @ts-expect-error so may a tensor of no known buffer
channel.copyToChannel(x.data, 0);

// All that it takes to type a function of one's own.
function run(subject: Layer, input: Tensor, options?: ForwardOptions): Tensor {
  const plan: Plan | null = subject.plan;
  plan?.candidates.map(({ route }) => route);
  analyze(subject).verdict;
  return subject.forward(input, options);
}
run(layer, x);

// A graph gives one tensor for one tensor, and tensors by name for tensors by name.
const graph = new Graph();
graph.output(graph.apply(layer, graph.input()));
channel.copyToChannel(graph.forward(x).data, 0);
const filled: HeapTensor = graph.forward(x, { out: new HeapTensor([1, 1, 8]) });
filled.dispose();
const { output } = graph.forward({ input: x });
if (output !== undefined) channel.copyToChannel(output.data, 0);
channel.copyToChannel(graph.trace(x).backward(x).input.data, 0);
graph
  .trace({ input: x })
  .backward({ output: x })
  .layers.map(({ weight }) => weight.data);
// @ts-expect-error a list is none of both
graph.forward([x]);

// A module of one's own may give on what it got.
const identity = {
  forward: (input: Tensor): Tensor => input,
  backward: (_: Tensor, input: Tensor) => ({ input }),
};
new Sequential(identity, layer);

export async function firstBias(model: Model): Promise<Tensor | null | undefined> {
  const weight = await model.layers[0]?.weight();
  if (weight !== undefined) channel.copyToChannel(weight.data, 0);
  return model.layers[0]?.bias();
}

export function codeOf(error: unknown): string | undefined {
  return isDeconvError(error) ? error.code : undefined;
}

// What is only read may be lists, and come by name.
const net = new Sequential(new BatchNorm1d({ numFeatures: 1 }).setWeight([2]).setBias(Float64Array.of(1)));
const loss = meanSquaredError(net.forward({ data: [1, 2], shape: [1, 1, 2] }), {
  data: [0, 1],
  shape: [1, 1, 2],
});
net.backward({ data: [1, 2], dims: [1, 1, 2] }, loss.gradient);
graph.forward({ input: { data: [1, 2], shape: [1, 1, 2] } });
net.trace({ data: [1, 2], shape: [1, 1, 2] }).backward({ data: [1, 2], shape: [1, 1, 2] });

declare const worker: Worker;
const chained: Remote<Sequential> = await connect<Sequential>(worker);
channel.copyToChannel((await chained.forward(x)).data, 0);
channel.copyToChannel((await chained.backward(x, y)).input.data, 0);
declare const signal: AbortSignal;
const there: Remote<Conv1d> = await connect<Conv1d>(worker, { signal });
channel.copyToChannel((await there.forward(transfer(y), { activation: 'relu', signal })).data, 0);
channel.copyToChannel((await there.forward(x, { out: transfer(y) })).data, 0);
channel.copyToChannel((await there.backward(x, y)).input.data, 0);
channel.copyToChannel((await there.weight).data, 0);
const shape: readonly number[] = await there.outputShape([1, 1, 8], { signal });
const plan: Plan | null = await there.plan;
const again: Remote<Conv1d> = await there.setWeight([1, 2, 3]);
again[Symbol.dispose]();
// @ts-expect-error
await there.forward('a sound');
// @ts-expect-error
await there.upscale(x);
const own = await connect<{ enlarge(pixels: ImageData, times?: number): Promise<ImageData> }>(worker);
const pixels: ImageData = await own.enlarge(new ImageData(1, 1), 2, { signal });
console.log(shape, plan, pixels);

// What a file is given: by the types that it takes, and no others.
declare const model: Model;
declare const modelLayer: ModelLayer;
const weights: readonly WeightChange['weight'][] = [
  [1, 2],
  Float64Array.of(1, 2),
  { data: [1, 2], shape: [1, 1, 2] },
  { data: Float32Array.of(1, 2), dims: [1, 1, 2] },
  x,
];
await patchModel(
  model,
  weights.map((weight) => ({ layer: modelLayer, weight, bias: [0] })),
);
writeSafetensors({
  float: x,
  byte: { data: new Uint8Array(1), shape: [1] },
  flag: { data: new Uint8Array(1), shape: [1], dtype: 'bool' },
  half: { data: new Uint16Array(1), shape: [1], dtype: 'bfloat16' },
  pattern: { data: new Uint16Array(1), shape: [1] },
});
// @ts-expect-error
writeSafetensors({ flag: { data: new Float32Array(1), shape: [1], dtype: 'bool' } });
// @ts-expect-error
writeSafetensors({ flag: { data: new Uint16Array(1), shape: [1], dtype: 'bool' } });

// What a program gives on may be undefined; parameters, samples and states may hold what is read of an input.
declare const maybe: { readonly signal: AbortSignal | undefined; readonly heard: (() => void) | undefined };
declare const network: Network;
const given = { signal: maybe.signal, onProgress: maybe.heard };
readModel('model.onnx', { signal: maybe.signal });
loadNetwork('model.onnx', given);
network.tiled(x, given);
attribute(network, { data: [1], dims: [1] }, given);
connect(worker, given);
const half = { data: new Uint16Array(1), shape: [1], dtype: 'float16' } as const;
const listed = { data: [1, 2, 3], dims: [1, 1, 3] };
fromTorch('ConvTranspose1d', {}, { weight: listed, bias: half });
fromBrainstate('Conv1d', { in_size: [4, 1] }, { weight: listed, bias: [1] });
convTransposeJax(x, x, { bias: half });
convTransposeJax(listed, listed);
// What a repair gives goes into the network that it is of, and into its file.
declare const upsampling: Upsampling;
for (const changed of upsampling.layers) {
  if (changed.kernels === null) continue;
  const { weight, bias } = repairKernels(changed.kernels);
  network.withWeights([{ layer: changed, weight, bias }]);
  network.withWeights([{ layer: changed, weight: weight.data }]);
  patchModel(model, [{ layer: modelLayer, weight, bias }]);
}
layer.loadStateDict({ weight: listed, bias: half });
layer.backward(x, y, { activation: 'relu', output: listed });
calibrate(layer, [listed]);
compareToFloat32(layer, layer, [listed]);
toFloat16(listed);
kernelMatrix(transConv(listed, listed), [3]).multiply([1, 2, 3]);
scoreImage(listed, 2);
// @ts-expect-error bigints are no values
fromTorch('ConvTranspose1d', {}, { weight: { data: [1n], shape: [1, 1, 1] } });
