// Programs for a sub-pixel convolution and for a resize and a convolution. Systems that have no step for what
// makes them enlarge say so, and do it by what they have.

import type { ExportTarget } from './export-code';
import { channelsFirst, each, extents, list, numbers, ranks, tuple } from './export-text';
import type { LayerKind } from './family';
import { framing, ownKernel, resizeWeight, subpixelWeight } from './family-weights';
import { type LayerSpec, outputLength } from './geometry';
import type { LayerState } from './layer-state';

type Kind = Exclude<LayerKind, 'transposed'>;

/** What the programs of all systems are made from. */
interface Parts {
  readonly kind: Kind;
  readonly spec: LayerSpec;
  readonly x: string;
  readonly w: string;
  /** `[out, in/groups, ...own]` of the convolution. */
  readonly wShape: readonly number[];
  readonly own: number;
  readonly pad: number;
  /** Length of what the convolution gives along an axis. */
  readonly deep: number;
  /** The same once it is enlarged. */
  readonly wide: number;
  /** The window of that which is the layer's output; null where it is all of it. */
  readonly window: { readonly from: number; readonly to: number } | null;
}

export function familyCode(target: ExportTarget, state: LayerState, kind: Kind): string {
  return writers[target](partsOf(state, kind));
}

const writers: Record<ExportTarget, (parts: Parts) => string> = {
  pytorch,
  jax,
  flax,
  keras,
  onnx,
  webnn,
  'deconv-wasm': ours,
};

function partsOf({ layer: spec, input, weights }: LayerState, kind: Kind): Parts {
  const { axes, groups, size, stride } = spec;
  const channels = { inChannels: groups, outChannels: groups, groups };
  const subpixel = kind === 'subpixel';
  const weight = (subpixel ? subpixelWeight : resizeWeight)(spec, weights, channels);
  const own = ownKernel(spec, kind);
  const { pad, from } = framing(spec, kind);
  const deep = (subpixel ? size : size * stride) + 2 * pad - own + 1;
  const wide = subpixel ? deep * stride : deep;
  const to = from + outputLength(spec);
  return {
    kind,
    spec,
    x: numbers(input, size),
    w: numbers(weight, own),
    wShape: [subpixel ? groups * stride ** axes : groups, 1, ...each(spec, own)],
    own,
    pad,
    deep,
    wide,
    window: from === 0 && to === wide ? null : { from, to },
  };
}

const slices = ({ spec, window }: Parts) =>
  window === null ? null : `[..., ${each(spec, `${window.from}:${window.to}`).join(', ')}]`;

const CROP = 'What the padding of the transposed convolution crops.';

/** Lines of Python from `y` with its channels first to the layer's output. */
function croppedInPython(parts: Parts, indent = ''): string {
  const slice = slices(parts);
  return slice === null ? '' : `${indent}# ${CROP}\n${indent}y = y${slice}\n`;
}

/** A line of Python that shuffles `y`, channels first, by reshapes and a transpose. */
function shuffled({ spec, deep, wide }: Parts): string {
  const { axes, groups, stride } = spec;
  const split = tuple([1, groups, ...each(spec, stride), ...each(spec, deep)]);
  const order = axes === 1 ? '(0, 1, 3, 2)' : '(0, 1, 4, 2, 5, 3)';
  return `y = y.reshape${split}.transpose${order}.reshape${tuple([1, groups, ...each(spec, wide)])}\n`;
}

function pytorch(parts: Parts): string {
  const { kind, spec, x, w, wShape, own, pad } = parts;
  const { axes, groups, stride } = spec;
  const shuffle =
    axes === 2
      ? `    y = torch.nn.functional.pixel_shuffle(y, ${stride})\n`
      : `    # pixel_shuffle has two axes; on one the channels are interleaved by hand.
    y = y.unflatten(1, (${groups}, ${stride})).transpose(2, 3).flatten(2)\n`;
  const resize = `    x = torch.nn.functional.interpolate(x, scale_factor=${stride}, mode="nearest")\n`;
  return `import torch

x = torch.tensor(${x}).float().reshape${tuple(channelsFirst(spec))}
w = torch.tensor(${w}).float().reshape${tuple(wShape)}

layer = torch.nn.Conv${ranks(spec)}(
    in_channels=${groups}, out_channels=${wShape[0]}, kernel_size=${own}, padding=${pad}, groups=${groups}, bias=False,
)
with torch.no_grad():
    layer.weight.copy_(w)
${kind === 'resize' ? resize : ''}    y = layer(x)
${kind === 'subpixel' ? shuffle : ''}${croppedInPython(parts, '    ')}print(list(y.shape))
print(y.flatten().tolist())
`;
}

/** Input and weight as arrays of Python, channels first. */
const arrays = ({
  spec,
  x,
  w,
  wShape,
}: Parts) => `x = np.array(${x}, np.float32).reshape${tuple(channelsFirst(spec))}
w = np.array(${w}, np.float32).reshape${tuple(wShape)}`;

function jax(parts: Parts): string {
  const { kind, spec, pad } = parts;
  const { axes, groups, stride } = spec;
  const repeats = Array.from({ length: axes }, (_, axis) => `x = x.repeat(${stride}, axis=${axis + 2})\n`);
  const names = axes === 1 ? '("NCH", "OIH", "NCH")' : '("NCHW", "OIHW", "NCHW")';
  return `import jax
import jax.numpy as jnp
import numpy as np

${arrays(parts)}
${kind === 'resize' ? `\n# A nearest-neighbour resize by a whole factor repeats the cells.\n${repeats.join('')}` : ''}
y = jax.lax.conv_general_dilated(
    jnp.asarray(x), jnp.asarray(w), window_strides=${tuple(each(spec, 1))}, padding=${list(each(spec, tuple([pad, pad])))},
    dimension_numbers=${names}, feature_group_count=${groups}, precision="highest",
)
${kind === 'subpixel' ? `# JAX has no pixel shuffle; reshapes and a transpose are one.\n${shuffled(parts)}` : ''}${croppedInPython(parts)}print(list(y.shape))
print(np.asarray(y).flatten().tolist())
`;
}

/** From `[O, I, ...]` to the `[..., I, O]` of systems that keep channels last. */
const toLast = ({ axes }: LayerSpec) => (axes === 1 ? '(2, 1, 0)' : '(2, 3, 1, 0)');

function flax(parts: Parts): string {
  const { kind, spec, wShape, own, pad } = parts;
  const { axes, groups, stride } = spec;
  const repeats = Array.from({ length: axes }, (_, axis) => `x = x.repeat(${stride}, axis=${axis + 2})\n`);
  return `import flax.linen as nn
import numpy as np

${arrays(parts)}
${kind === 'resize' ? `\n# flax has no resize layer; a nearest-neighbour one by a whole factor repeats the cells.\n${repeats.join('')}` : ''}
# flax keeps the channels last.
layer = nn.Conv(
    features=${wShape[0]}, kernel_size=${tuple(each(spec, own))}, padding=${list(each(spec, tuple([pad, pad])))},
    feature_group_count=${groups}, use_bias=False, precision="highest",
)
y = layer.apply({"params": {"kernel": w.transpose${toLast(spec)}}}, np.moveaxis(x, 1, -1))
y = np.moveaxis(np.asarray(y), -1, 1)
${kind === 'subpixel' ? `# flax has no pixel shuffle; reshapes and a transpose are one.\n${shuffled(parts)}` : ''}${croppedInPython(parts)}print(list(y.shape))
print(y.flatten().tolist())
`;
}

function keras(parts: Parts): string {
  const { kind, spec, wShape, own, pad } = parts;
  const { axes, groups, stride } = spec;
  const layers = [
    ...(kind === 'resize' ? [`keras.layers.UpSampling${axes}D(size=${stride})`] : []),
    ...(pad > 0 ? [`keras.layers.ZeroPadding${axes}D(padding=${pad})`] : []),
  ];
  return `import keras
import numpy as np

${arrays(parts)}

# Keras keeps the channels last, and has no padding in numbers but as a layer.
x = np.moveaxis(x, 1, -1)
${layers.map((layer) => `x = ${layer}(x)\n`).join('')}layer = keras.layers.Conv${axes}D(
    filters=${wShape[0]}, kernel_size=${own}, padding="valid", groups=${groups}, use_bias=False,
)
layer.build(x.shape)
layer.set_weights([w.transpose${toLast(spec)}])
y = np.moveaxis(keras.ops.convert_to_numpy(layer(x)), -1, 1)
${kind === 'subpixel' ? `# Keras has no pixel shuffle; reshapes and a transpose are one.\n${shuffled(parts)}` : ''}${croppedInPython(parts)}print(list(y.shape))
print(y.flatten().tolist())
`;
}

function onnx(parts: Parts): string {
  const { kind, spec, own, pad, deep, wide, window } = parts;
  const { axes, groups, stride } = spec;
  const output = [1, groups, ...each(spec, outputLength(spec))];
  const nodes: string[] = [];
  const constants = ['numpy_helper.from_array(w, "w")'];
  const ints = (name: string, values: readonly number[]) =>
    constants.push(`numpy_helper.from_array(np.array(${list(values)}, np.int64), "${name}")`);
  let now = 'x';
  const add = (operator: string, inputs: readonly string[], attributes = '') => {
    const next = `t${nodes.length}`;
    const named = [now, ...inputs].map((name) => `"${name}"`).join(', ');
    nodes.push(`helper.make_node("${operator}", [${named}], ["${next}"]${attributes})`);
    now = next;
  };
  if (kind === 'resize') {
    const scales = list([1, 1, ...each(spec, stride)]);
    constants.push(`numpy_helper.from_array(np.array(${scales}, np.float32), "scales")`);
    add(
      'Resize',
      ['', 'scales'],
      ', mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric"',
    );
  }
  const pads = list([...each(spec, pad), ...each(spec, pad)]);
  add('Conv', ['w'], `, kernel_shape=${list(each(spec, own))}, pads=${pads}, group=${groups}`);
  let note = '';
  if (kind === 'subpixel' && axes === 2) add('DepthToSpace', [], `, blocksize=${stride}, mode="CRD"`);
  if (kind === 'subpixel' && axes === 1) {
    note = '# DepthToSpace has two axes; on one the channels are interleaved by Reshape and Transpose.\n';
    ints('split', [1, groups, stride, deep]);
    ints('joined', [1, groups, wide]);
    add('Reshape', ['split']);
    add('Transpose', [], ', perm=[0, 1, 3, 2]');
    add('Reshape', ['joined']);
  }
  if (window) {
    ints('starts', each(spec, window.from));
    ints('ends', each(spec, window.to));
    ints(
      'axes',
      Array.from({ length: axes }, (_, axis) => axis + 2),
    );
    add('Slice', ['starts', 'ends', 'axes']);
  }
  const last = nodes.length - 1;
  nodes[last] = (nodes[last] ?? '').replace(`["${now}"]`, '["y"]');
  return `import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

${arrays(parts)}

${note}nodes = [
    ${nodes.join(',\n    ')},
]
graph = helper.make_graph(
    nodes, "layer",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(x.shape))],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ${list(output)})],
    [
        ${constants.join(',\n        ')},
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
onnx.checker.check_model(model)
onnx.save(model, "layer.onnx")
(y,) = ReferenceEvaluator(model).run(None, {"x": x})
print(list(y.shape))
print(y.flatten().tolist())
`;
}

function webnn(parts: Parts): string {
  const { kind, spec, x, w, wShape, own, pad, deep, wide, window } = parts;
  const { axes, groups, stride, size } = spec;
  // Two axes always: one is a row.
  const both = (value: number, rest: number) => (axes === 1 ? [rest, value] : [value, value]);
  const length = outputLength(spec);
  const shuffle = `
// WebNN has no pixel shuffle; reshapes and a transpose are one.
y = builder.reshape(y, ${list([1, groups, ...both(stride, 1), ...both(deep, 1)])});
y = builder.transpose(y, { permutation: [0, 1, 4, 2, 5, 3] });
y = builder.reshape(y, ${list([1, groups, ...both(wide, 1)])});`;
  const resize = `
y = builder.resample2d(y, { mode: 'nearest-neighbor', scales: ${list(both(stride, 1))}, axes: [2, 3] });`;
  const crop = window
    ? `
// ${CROP}
y = builder.slice(y, ${list([0, 0, ...both(window.from, 0)])}, ${list([1, groups, ...both(length, 1)])});`
    : '';
  return `const x = Float32Array.from(${x});
const w = Float32Array.from(${w});

const context = await navigator.ml.createContext();
const builder = new MLGraphBuilder(context);
const input = { dataType: 'float32', shape: ${list([1, groups, ...both(size, 1)])} };
const filter = { dataType: 'float32', shape: ${list([wShape[0] ?? 0, 1, ...both(own, 1)])} };
const output = { dataType: 'float32', shape: ${list([1, groups, ...both(length, 1)])} };

let y = builder.input('x', input);${kind === 'resize' ? resize : ''}
y = builder.conv2d(y, builder.constant(filter, w), {
  padding: ${list(axes === 1 ? [0, 0, pad, pad] : [pad, pad, pad, pad])},
  groups: ${groups},
  filterLayout: 'oihw',
});${kind === 'subpixel' ? shuffle : ''}${crop}
const graph = await builder.build({ y });
const from = await context.createTensor({ ...input, writable: true });
const to = await context.createTensor({ ...output, readable: true });
context.writeTensor(from, x);
context.dispatch(graph, { x: from }, { y: to });
console.log(JSON.stringify([...new Float32Array(await context.readTensor(to))]));
`;
}

function ours(parts: Parts): string {
  const { kind, spec, x, w, wShape, own, pad, wide, window } = parts;
  const { axes, groups, stride } = spec;
  const rank = ranks(spec);
  const convolution = `{
  inChannels: ${groups},
  outChannels: ${wShape[0]},
  kernelSize: ${own},
  padding: ${pad},
  groups: ${groups},${kind === 'resize' ? `\n  scaleFactor: ${stride},` : ''}
  bias: false,
}`;
  const shuffle =
    axes === 2
      ? `
const y = new PixelShuffle({ upscaleFactor: ${stride} }).forward(deep);`
      : `
// PixelShuffle has two axes; on one the channels are interleaved by hand.
const y = { data: new Float32Array(deep.data.length), shape: [1, ${groups}, ${wide}] };
deep.data.forEach((value, i) => {
  const line = Math.floor(i / ${wide / stride});
  y.data[Math.floor(line / ${stride}) * ${wide} + (i % ${wide / stride}) * ${stride} + (line % ${stride})] = value;
});`;
  const lines =
    window === null
      ? `console.log(JSON.stringify(y.shape));
console.log(JSON.stringify([...y.data]));`
      : `// ${CROP}
const cropped = [];
for (let line = ${axes === 1 ? 0 : window.from}; line < ${axes === 1 ? groups : window.to}; line++) {
  cropped.push(...y.data.subarray(line * ${wide} + ${window.from}, line * ${wide} + ${window.to}));
}
console.log(JSON.stringify(${list([1, groups, ...each(spec, window.to - window.from)])}));
console.log(JSON.stringify(cropped));`;
  const resize = kind === 'resize';
  const classes = [
    'init',
    ...(resize ? [] : [`Conv${rank}`]),
    ...(resize || axes === 1 ? [] : ['PixelShuffle']),
  ];
  return `import { ${classes.sort((a, b) => a.localeCompare(b)).join(', ')} } from 'deconv-wasm';${
    resize ? `\nimport { ResizeConv${rank} } from 'deconv-wasm/checkerboard';` : ''
  }

const x = Float32Array.from(${x});
const w = Float32Array.from(${w});

await init();
const layer = new ${resize ? 'ResizeConv' : 'Conv'}${rank}(${convolution});
layer.setWeight(w);
const ${resize ? 'y' : 'deep'} = layer.forward({ data: x, shape: ${list([1, groups, ...extents(spec)])} });${resize ? '' : shuffle}
${lines}
layer.dispose();
`;
}
