import { familyCode } from './export-family';
import { channelsFirst, channelsLast, each, list, numbers, ranks, taps, tuple } from './export-text';
import { type LayerSpec, outputLength } from './geometry';
import type { LayerState } from './layer-state';
import { conventionNames, jaxPads, kerasCrop } from './other-systems';

export const exportTargets = ['pytorch', 'jax', 'flax', 'keras', 'onnx', 'webnn', 'deconv-wasm'] as const;
export type ExportTarget = (typeof exportTargets)[number];

export const exportNames: Record<ExportTarget, string> = {
  pytorch: conventionNames.pytorch,
  jax: 'JAX',
  flax: 'flax',
  keras: conventionNames.keras,
  onnx: conventionNames.onnx,
  webnn: conventionNames.webnn,
  'deconv-wasm': 'This package',
};

export const exportLanguages: Record<ExportTarget, 'Python' | 'JavaScript'> = {
  pytorch: 'Python',
  jax: 'Python',
  flax: 'Python',
  keras: 'Python',
  onnx: 'Python',
  webnn: 'JavaScript',
  'deconv-wasm': 'JavaScript',
};

export interface Exported {
  readonly code: string;
  /** Why the layer cannot be said in this system; the code is then empty. */
  readonly refusal: string | null;
}

/**
 * A program that makes the present layer with its weights, runs it on the present input, and prints the
 * output, row by row. Every system's program prints the same numbers.
 */
export function exportCode(target: ExportTarget, state: LayerState): Exported {
  const refusal =
    noLayer(state.layer) ?? (state.kind === 'transposed' ? refusalOf(target, state.layer) : null);
  if (refusal !== null) return { code: '', refusal };
  return {
    code: state.kind === 'transposed' ? writers[target](state) : familyCode(target, state, state.kind),
    refusal,
  };
}

/** Why there is no such layer in any system. */
function noLayer(spec: LayerSpec): string | null {
  const { stride, dilation, outputPadding } = spec;
  if (outputLength(spec) < 1) return 'Padding crops the whole output: there is no such layer.';
  if (outputPadding >= Math.max(stride, dilation)) {
    return 'Output padding has to be smaller than the larger of stride and dilation: there is no such layer.';
  }
  return null;
}

/** Why one system has no such transposed convolution. */
function refusalOf(
  target: ExportTarget,
  { stride, dilation, groups, outputPadding }: LayerSpec,
): string | null {
  if (groups > 1 && ['jax', 'flax', 'keras'].includes(target)) {
    return `${exportNames[target]} has no groups in its transposed convolution. Write one layer for each lane and concatenate.`;
  }
  if (target === 'keras' && stride > 1 && dilation > 1) {
    return 'Keras does not take a stride and a dilation above 1 together.';
  }
  if ((target === 'keras' || target === 'webnn') && outputPadding >= stride && outputPadding > 0) {
    return `${exportNames[target]} takes output padding below the stride only.`;
  }
  return null;
}

const writers: Record<ExportTarget, (state: LayerState) => string> = {
  pytorch,
  jax,
  flax,
  keras,
  onnx,
  webnn,
  'deconv-wasm': ours,
};

function data({ layer, input, weights }: LayerState): { x: string; w: string } {
  return { x: numbers(input, layer.size), w: numbers(weights, layer.kernel) };
}

/** Input and weights as arrays of Python. */
function arrays(state: LayerState, xShape: readonly number[], wShape: readonly number[]): string {
  const { x, w } = data(state);
  return `x = np.array(${x}, np.float32).reshape${tuple(xShape)}
w = np.array(${w}, np.float32).reshape${tuple(wShape)}`;
}

const torchKernel = (spec: LayerSpec) => [spec.groups, 1, ...taps(spec)];
const lastKernel = (spec: LayerSpec) => [...taps(spec), 1, 1];

function pytorch(state: LayerState): string {
  const spec = state.layer;
  const { groups, kernel, stride, padding, outputPadding, dilation } = spec;
  const { x, w } = data(state);
  return `import torch

x = torch.tensor(${x}).float().reshape${tuple(channelsFirst(spec))}
w = torch.tensor(${w}).float().reshape${tuple(torchKernel(spec))}

layer = torch.nn.ConvTranspose${ranks(spec)}(
    in_channels=${groups}, out_channels=${groups}, kernel_size=${kernel}, stride=${stride}, padding=${padding},
    output_padding=${outputPadding}, groups=${groups}, dilation=${dilation}, bias=False,
)
with torch.no_grad():
    layer.weight.copy_(w)
    y = layer(x)
print(list(y.shape))
print(y.flatten().tolist())
`;
}

const pairs = (spec: LayerSpec) => list(each(spec, tuple(jaxPads(spec))));

function jax(state: LayerState): string {
  const spec = state.layer;
  return `import jax
import jax.numpy as jnp
import numpy as np

${arrays(state, channelsLast(spec), lastKernel(spec))}

# transpose_kernel makes JAX stamp the kernel as it lies; without it each stamp is flipped.
# The padding is of the spread-out input: it is kernel reach - 1 - padding.
y = jax.lax.conv_transpose(
    jnp.asarray(x), jnp.asarray(w), strides=${tuple(each(spec, spec.stride))}, padding=${pairs(spec)},
    rhs_dilation=${tuple(each(spec, spec.dilation))}, dimension_numbers=${letters(spec)},
    transpose_kernel=True, precision="highest",
)
print(list(y.shape))
print(np.asarray(y).flatten().tolist())
`;
}

const letters = ({ axes }: LayerSpec) => (axes === 1 ? '("NHC", "HIO", "NHC")' : '("NHWC", "HWIO", "NHWC")');

function flax(state: LayerState): string {
  const spec = state.layer;
  return `import flax.linen as nn
import numpy as np

${arrays(state, channelsLast(spec), lastKernel(spec))}

# transpose_kernel makes flax stamp the kernel as it lies; without it each stamp is flipped.
# The padding is of the spread-out input: it is kernel reach - 1 - padding.
layer = nn.ConvTranspose(
    features=1, kernel_size=${tuple(taps(spec))}, strides=${tuple(each(spec, spec.stride))},
    padding=${pairs(spec)}, kernel_dilation=${tuple(each(spec, spec.dilation))},
    use_bias=False, transpose_kernel=True, precision="highest",
)
y = layer.apply({"params": {"kernel": w}}, x)
print(list(y.shape))
print(np.asarray(y).flatten().tolist())
`;
}

function keras(state: LayerState): string {
  const spec = state.layer;
  const { axes, kernel, stride, outputPadding, dilation, padding } = spec;
  const [head, tail] = kerasCrop(spec);
  const extra = outputPadding > 0 ? `, output_padding=${outputPadding}` : '';
  // Without output padding Keras gives n * stride where the kernel is shorter than the stride.
  const surplus = outputPadding === 0 ? Math.max(stride - (dilation * (kernel - 1) + 1), 0) : 0;
  const crop = tuple([head, tail + surplus]);
  const cropping =
    padding > 0 || tail + surplus > 0
      ? `
# Keras has no padding in numbers: what PyTorch's padding crops is cropped here.
y = keras.layers.Cropping${axes}D(${axes === 1 ? crop : tuple([crop, crop])})(y)`
      : '';
  return `import keras
import numpy as np

${arrays(state, channelsLast(spec), lastKernel(spec))}

layer = keras.layers.Conv${axes}DTranspose(
    filters=1, kernel_size=${kernel}, strides=${stride}, padding="valid", dilation_rate=${dilation}${extra},
    use_bias=False,
)
layer.build(x.shape)
layer.set_weights([w])
y = layer(x)${cropping}
y = keras.ops.convert_to_numpy(y)
print(list(y.shape))
print(y.flatten().tolist())
`;
}

function onnx(state: LayerState): string {
  const spec = state.layer;
  const { groups, stride, padding, outputPadding, dilation } = spec;
  return `import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

${arrays(state, channelsFirst(spec), torchKernel(spec))}

node = helper.make_node(
    "ConvTranspose", ["x", "w"], ["y"], kernel_shape=${list(taps(spec))}, strides=${list(each(spec, stride))},
    pads=${list([...each(spec, padding), ...each(spec, padding)])}, output_padding=${list(each(spec, outputPadding))},
    dilations=${list(each(spec, dilation))}, group=${groups},
)
graph = helper.make_graph(
    [node], "layer",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(x.shape))],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ${list([1, groups, ...each(spec, outputLength(spec))])})],
    [numpy_helper.from_array(w, "w")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
onnx.checker.check_model(model)
onnx.save(model, "layer.onnx")
(y,) = ReferenceEvaluator(model).run(None, {"x": x})
print(list(y.shape))
print(y.flatten().tolist())
`;
}

function webnn(state: LayerState): string {
  const spec = state.layer;
  const { axes, groups, stride, padding, outputPadding, dilation, size, kernel } = spec;
  const { x, w } = data(state);
  // Two axes always: one is a row.
  const both = (value: number, rest: number) => (axes === 1 ? list([rest, value]) : list([value, value]));
  const rows = axes === 1 ? 1 : outputLength(spec);
  const pads = axes === 1 ? [0, 0, padding, padding] : [padding, padding, padding, padding];
  return `const x = Float32Array.from(${x});
const w = Float32Array.from(${w});

const context = await navigator.ml.createContext();
const builder = new MLGraphBuilder(context);
const input = { dataType: 'float32', shape: [1, ${groups}, ${axes === 1 ? 1 : size}, ${size}] };
const filter = { dataType: 'float32', shape: [${groups}, 1, ${axes === 1 ? 1 : kernel}, ${kernel}] };
const output = { dataType: 'float32', shape: [1, ${groups}, ${rows}, ${outputLength(spec)}] };

const y = builder.convTranspose2d(builder.input('x', input), builder.constant(filter, w), {
  strides: ${both(stride, 1)},
  padding: ${list(pads)},
  outputPadding: ${both(outputPadding, 0)},
  dilations: ${both(dilation, 1)},
  groups: ${groups},
  filterLayout: 'iohw',
});
const graph = await builder.build({ y });
const from = await context.createTensor({ ...input, writable: true });
const to = await context.createTensor({ ...output, readable: true });
context.writeTensor(from, x);
context.dispatch(graph, { x: from }, { y: to });
console.log(JSON.stringify([...new Float32Array(await context.readTensor(to))]));
`;
}

function ours(state: LayerState): string {
  const spec = state.layer;
  const { groups, kernel, stride, padding, outputPadding, dilation } = spec;
  const { x, w } = data(state);
  const name = `ConvTranspose${ranks(spec)}`;
  return `import { ${name}, init } from 'deconv-wasm';

const x = Float32Array.from(${x});
const w = Float32Array.from(${w});

await init();
const layer = new ${name}({
  inChannels: ${groups},
  outChannels: ${groups},
  kernelSize: ${kernel},
  stride: ${stride},
  padding: ${padding},
  outputPadding: ${outputPadding},
  groups: ${groups},
  dilation: ${dilation},
  bias: false,
});
layer.setWeight(w);
const y = layer.forward({ data: x, shape: ${list(channelsFirst(spec))} });
console.log(JSON.stringify(y.shape));
console.log(JSON.stringify([...y.data]));
layer.dispose();
`;
}
