// Decoders of the families that people run, small, with the nodes that exporters write for them.

import type { NetworkCase } from './network-onnx-cases/index.js';
import { Writer } from './networks.js';
import { floats } from './onnx-writer.js';

export interface Family {
  readonly net: NetworkCase;
  /** Further sizes of its inputs. */
  readonly sizes?: readonly NetworkCase['inputs'][];
}

/** With transposed convolutions between its scales, and batch norms that an exporter left alone. */
function uNet(): Family {
  const net = new Writer();
  const block = (x: string, from: number, to: number) => {
    const half = net.node('Relu', [net.batchNorm(net.conv(x, from, to, [3, 3]), to)]);
    return net.node('Relu', [net.batchNorm(net.conv(half, to, to, [3, 3]), to)]);
  };
  const widths = [8, 16, 24];
  const skips: string[] = [];
  let [x, from] = ['x', 3];
  for (const width of widths) {
    const inner = block(x, from, width);
    skips.push(inner);
    x = net.node('MaxPool', [inner], { kernel_shape: [2, 2], strides: [2, 2] });
    from = width;
  }
  x = block(x, from, 32);
  from = 32;
  for (const width of [...widths].reverse()) {
    const weight = net.weights([from, width, 2, 2], 0.2);
    const up = net.node('ConvTranspose', [x, weight, net.weights([width], 0.1)], { strides: [2, 2] });
    x = block(net.node('Concat', [up, skips.pop() as string], { axis: 1 }), 2 * width, width);
    from = width;
  }
  const logits = net.conv(x, from, 2, [1, 1]);
  return {
    net: net.done(net.node('Sigmoid', [logits]), { x: [1, 3, 32, 40] }, { x: ['n', 3, 'h', 'w'] }),
    sizes: [{ x: [2, 3, 16, 24] }],
  };
}

/** pix2pix: strided convolutions down, transposed ones up, LeakyReLU in front of what goes down and ReLU of what goes up. */
function translator(): Family {
  const net = new Writer();
  const widths = [8, 16, 16, 16];
  const skips: string[] = [];
  let [x, from] = ['x', 3];
  for (const [depth, width] of widths.entries()) {
    const given = depth === 0 ? x : net.node('LeakyRelu', [x], { alpha: { float: 0.2 } });
    const down = net.conv(given, from, width, [4, 4], { strides: [2, 2], pads: [1, 1, 1, 1] });
    x = depth === 0 || depth === widths.length - 1 ? down : net.batchNorm(down, width);
    skips.push(x);
    from = width;
  }
  skips.pop();
  for (const width of [16, 16, 8]) {
    const weight = net.weights([from, width, 4, 4], 0.15);
    const up = net.node('ConvTranspose', [net.node('Relu', [x]), weight], {
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    });
    x = net.node('Concat', [net.batchNorm(up, width), skips.pop() as string], { axis: 1 });
    from = 2 * width;
  }
  const last = [net.node('Relu', [x]), net.weights([from, 3, 4, 4], 0.15), net.weights([3], 0.1)];
  const picture = net.node('ConvTranspose', last, { strides: [2, 2], pads: [1, 1, 1, 1] });
  return { net: net.done(net.node('Tanh', [picture]), { x: [1, 3, 32, 48] }) };
}

/** A codec's decoder: snakes with a rate for every channel, depthwise dilated convolutions, enlarging by transposed ones. */
function codec(): Family {
  const net = new Writer();
  const snake = (x: string, channels: number) => {
    const alpha = net.weights([1, channels, 1], 0.4, 1);
    const square = net.node('Pow', [net.node('Sin', [net.node('Mul', [alpha, x])]), net.number(2)]);
    const inverse = net.node('Reciprocal', [net.node('Add', [alpha, net.number(1e-9)])]);
    return net.node('Add', [x, net.node('Mul', [inverse, square])]);
  };
  const unit = (x: string, channels: number, dilation: number) => {
    const pads = [3 * dilation, 3 * dilation];
    const weight = [net.weights([channels, 1, 7], 0.4), net.weights([channels], 0.1)];
    const depthwise = { dilations: [dilation], pads, group: channels };
    const own = net.node('Conv', [snake(x, channels), ...weight], depthwise);
    return net.node('Add', [x, net.conv(snake(own, channels), channels, channels, [1])]);
  };
  let x = net.conv('x', 6, 16, [7]);
  let from = 16;
  for (const [stride, to] of [
    [4, 12],
    [3, 8],
  ] as const) {
    const weight = [net.weights([from, to, 2 * stride], 0.3), net.weights([to], 0.1)];
    const total = stride;
    const pads = [Math.ceil(total / 2), Math.floor(total / 2)];
    x = net.node('ConvTranspose', [snake(x, from), ...weight], { strides: [stride], pads });
    for (const dilation of [1, 3, 9]) x = unit(x, to, dilation);
    from = to;
  }
  return {
    net: net.done(
      net.node('Tanh', [net.conv(snake(x, from), from, 1, [7])]),
      { x: [1, 6, 20] },
      { x: [1, 6, 'frames'] },
    ),
    sizes: [{ x: [1, 6, 31] }],
  };
}

/** ESPCN: everything at the small size, then a shuffle, spelled as PyTorch did before it had the operator. */
function subPixel(): Family {
  const net = new Writer();
  let x = net.node('Tanh', [net.conv('x', 1, 16, [5, 5])]);
  x = net.node('Tanh', [net.conv(x, 16, 8, [3, 3])]);
  x = net.conv(x, 8, 9, [3, 3]);
  const [batch, high, wide] = [0, 2, 3].map((axis) => {
    const size = net.node('Gather', [net.node('Shape', ['x']), net.list(axis)], { axis: 0 });
    return size;
  }) as [string, string, string];
  const three = net.list(3);
  const join = (...parts: string[]) => net.node('Concat', parts, { axis: 0 });
  const split = net.node('Reshape', [x, join(batch, net.list(1), three, three, high, wide)]);
  const moved = net.node('Transpose', [split], { perm: [0, 1, 4, 2, 5, 3] });
  const large = join(batch, net.list(-1), net.node('Mul', [high, three]), net.node('Mul', [wide, three]));
  const y = net.node('Clip', [net.node('Reshape', [moved, large]), net.number(0), net.number(1)]);
  return {
    net: net.done(y, { x: [1, 1, 14, 17] }, { x: ['n', 1, 'h', 'w'] }),
    sizes: [{ x: [2, 1, 9, 6] }],
  };
}

/** MobileNetV3's head: inverted bottlenecks, depthwise, squeezed and excited; hard functions spelled out or not. */
function segmentation(): Family {
  const net = new Writer();
  const hardSwish = (x: string) => {
    const gate = net.node('Clip', [net.node('Add', [x, net.number(3)]), net.number(0), net.number(6)]);
    return net.node('Div', [net.node('Mul', [x, gate]), net.number(6)]);
  };
  const excited = (x: string, channels: number) => {
    const squeezed = net.node('Relu', [net.conv(net.node('GlobalAveragePool', [x]), channels, 4, [1, 1])]);
    const gate = net.node('HardSigmoid', [net.conv(squeezed, 4, channels, [1, 1])], {
      alpha: { float: 1 / 6 },
    });
    return net.node('Mul', [gate, x]);
  };
  const bottleneck = (x: string, channels: number, wide: number, stride: number) => {
    const expanded = hardSwish(net.batchNorm(net.conv(x, channels, wide, [1, 1]), wide));
    const depthwise = { group: wide, strides: [stride, stride], pads: [2, 2, 2, 2] };
    const own = net.node('Conv', [expanded, net.weights([wide, 1, 5, 5], 0.3)], depthwise);
    const gated = excited(net.node('HardSwish', [net.batchNorm(own, wide)]), wide);
    const narrow = net.batchNorm(net.conv(gated, wide, channels, [1, 1]), channels);
    return stride === 1 ? net.node('Add', [x, narrow]) : narrow;
  };
  const early = hardSwish(net.conv('x', 3, 8, [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }));
  const late = bottleneck(bottleneck(bottleneck(early, 8, 24, 2), 8, 24, 1), 8, 20, 2);
  const sizeOf = (x: string) => net.node('Slice', [net.node('Shape', [x]), net.list(2), net.list(4)]);
  const grow = (x: string, like: string, channels: number) => {
    const size = net.node('Concat', [net.list(1, channels), sizeOf(like)], { axis: 0 });
    return net.node('Resize', [x, '', '', size], {
      mode: 'linear',
      coordinate_transformation_mode: 'pytorch_half_pixel',
    });
  };
  const wide = grow(net.node('Relu', [net.conv(late, 8, 12, [1, 1])]), early, 12);
  const joined = net.node('Concat', [wide, net.conv(early, 8, 6, [1, 1])], { axis: 1 });
  const logits = grow(net.conv(joined, 18, 4, [3, 3]), 'x', 4);
  return {
    net: net.done(net.node('Softmax', [logits], { axis: 1 }), { x: [1, 3, 40, 56] }, { x: [1, 3, 'h', 'w'] }),
    sizes: [{ x: [1, 3, 33, 31] }],
  };
}

/** A VAE's decoder: a product of matrices first, then group norms and SiLU as PyTorch's exporter spells them. */
function autoencoder(): Family {
  const net = new Writer();
  const groupNorm = (x: string, channels: number) => {
    const grouped = net.node('Reshape', [x, net.list(0, 4, -1)]);
    const ones = [net.weights([4], 0, 1), net.weights([4], 0)];
    const normal = net.node('InstanceNormalization', [grouped, ...ones], { epsilon: { float: 1e-6 } });
    const back = net.node('Reshape', [normal, net.node('Shape', [x])]);
    const scaled = net.node('Mul', [back, net.weights([channels, 1, 1], 0.2, 1)]);
    return net.node('Add', [scaled, net.weights([channels, 1, 1], 0.2)]);
  };
  const silu = (x: string) => net.node('Mul', [x, net.node('Sigmoid', [x])]);
  const residual = (x: string, from: number, to: number) => {
    const inner = net.conv(silu(groupNorm(x, from)), from, to, [3, 3]);
    const own = net.conv(silu(groupNorm(inner, to)), to, to, [3, 3]);
    return net.node('Add', [from === to ? x : net.conv(x, from, to, [1, 1]), own]);
  };
  const dense = net.node('Gemm', ['x', net.weights([256, 8], 0.5), net.weights([256], 0.2)], { transB: 1 });
  let x = net.node('Reshape', [dense, net.list(-1, 16, 4, 4)]);
  for (const [from, to] of [
    [16, 16],
    [16, 8],
  ] as const) {
    const scales = `twice_${from}_${to}`;
    net.parts.push(floats(scales, [4], [1, 1, 2, 2]));
    const large = net.node('Resize', [residual(x, from, from), '', scales], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
    x = residual(net.conv(large, from, to, [3, 3]), to, to);
  }
  const y = net.conv(silu(groupNorm(x, 8)), 8, 3, [3, 3]);
  return {
    net: net.done(y, { x: [1, 8] }, { x: ['n', 8] }),
    sizes: [{ x: [3, 8] }],
  };
}

/** ConvNeXt's blocks: layer norms over the channels, which go last and come back, and GELU of its formula. */
function modernized(): Family {
  const net = new Writer();
  const gelu = (x: string) => {
    const inner = net.node('Erf', [net.node('Div', [x, net.number(Math.SQRT2)])]);
    const doubled = net.node('Mul', [x, net.node('Add', [inner, net.number(1)])]);
    return net.node('Mul', [doubled, net.number(0.5)]);
  };
  const dense = (x: string, from: number, to: number) =>
    net.node('Add', [net.weights([to], 0.1), net.node('MatMul', [x, net.weights([from, to], 0.3)])]);
  let x = net.conv('x', 3, 12, [4, 4], { strides: [4, 4], pads: [0, 0, 0, 0] });
  for (let block = 0; block < 2; block += 1) {
    const depthwise = { group: 12, pads: [3, 3, 3, 3] };
    const own = net.node('Conv', [x, net.weights([12, 1, 7, 7], 0.15), net.weights([12], 0.1)], depthwise);
    const last = net.node('Transpose', [own], { perm: [0, 2, 3, 1] });
    const normal = net.node('LayerNormalization', [last, net.weights([12], 0.2, 1), net.weights([12], 0.2)], {
      epsilon: { float: 1e-6 },
    });
    const scaled = net.node('Mul', [net.weights([12], 0.2, 0.5), dense(gelu(dense(normal, 12, 32)), 32, 12)]);
    x = net.node('Add', [x, net.node('Transpose', [scaled], { perm: [0, 3, 1, 2] })]);
  }
  const pooled = net.node('ReduceMean', [x, net.list(2, 3)], { keepdims: 0 });
  return { net: net.done(dense(pooled, 12, 5), { x: [2, 3, 24, 32] }) };
}

/** WaveNet's gated residuals: a tanh times a sigmoid of two halves, and a sum of all that is skipped to. */
function gated(): Family {
  const net = new Writer();
  let x = net.conv('x', 2, 8, [1]);
  let skipped = '';
  for (const dilation of [1, 2, 4, 8]) {
    const wide = net.conv(x, 8, 16, [3], { dilations: [dilation], pads: [2 * dilation, 0] });
    const [filter, gate] = net.nodes('Split', [wide, net.list(8, 8)], 2, { axis: 1 }) as [string, string];
    const own = net.node('Mul', [net.node('Tanh', [filter]), net.node('Sigmoid', [gate])]);
    const skip = net.conv(own, 8, 12, [1]);
    skipped = skipped === '' ? skip : net.node('Add', [skipped, skip]);
    x = net.node('Add', [x, net.conv(own, 8, 8, [1])]);
  }
  const y = net.conv(net.node('Relu', [net.conv(net.node('Relu', [skipped]), 12, 12, [1])]), 12, 6, [1]);
  return {
    net: net.done(net.node('LogSoftmax', [y], { axis: 1 }), { x: [1, 2, 64] }, { x: [1, 2, 'samples'] }),
    sizes: [{ x: [1, 2, 33] }],
  };
}

/** A pyramid of features: large ones are given what smaller ones see, by sizes that are not twice each other. */
function pyramid(): Family {
  const net = new Writer();
  const down = (x: string, from: number, to: number) =>
    net.node('Relu', [net.conv(x, from, to, [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] })]);
  const levels = [down('x', 3, 8)];
  for (const [from, to] of [
    [8, 12],
    [12, 16],
  ] as const) {
    levels.push(down(levels.at(-1) as string, from, to));
  }
  const [first, second, third] = levels as [string, string, string];
  const merge = (small: string, large: string, channels: number) => {
    const side = net.conv(large, channels, 8, [1, 1]);
    const size = net.node('Shape', [side]);
    const grown = net.node('Resize', [small, '', '', size], {
      nearest_mode: 'floor',
      coordinate_transformation_mode: 'asymmetric',
    });
    return net.node('Add', [side, grown]);
  };
  const top = net.conv(third, 16, 8, [1, 1]);
  const middle = merge(top, second, 12);
  const x = net.conv(merge(middle, first, 8), 8, 2, [3, 3]);
  return {
    net: net.done(net.node('Sigmoid', [x]), { x: [1, 3, 37, 50] }, { x: ['n', 3, 'h', 'w'] }),
    sizes: [{ x: [1, 3, 22, 19] }],
  };
}

export const FAMILIES: Readonly<Record<string, Family>> = {
  'a U-Net': uNet(),
  pix2pix: translator(),
  "a codec's decoder": codec(),
  ESPCN: subPixel(),
  "MobileNet's segmentation": segmentation(),
  "a VAE's decoder": autoencoder(),
  ConvNeXt: modernized(),
  WaveNet: gated(),
  'a pyramid of features': pyramid(),
};
