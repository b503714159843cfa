// Small networks as people run them, as ONNX files, and the steps that are left of their nodes.

import type { NetworkCase } from './network-onnx-cases/index.js';
import { type Attribute, floats, int64s, node, type Write } from './onnx-writer.js';
import { mulberry32 } from './random.js';

export interface SmallNetwork {
  readonly net: NetworkCase;
  /** What each step computes, with what is fused into it. */
  readonly steps: readonly string[];
}

/** Writes nodes one behind the other, with weights from a seed. */
export class Writer {
  readonly parts: Write[] = [];
  readonly #random = mulberry32(3);
  #count = 0;

  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    const [name] = this.nodes(type, inputs, 1, attributes);
    return name as string;
  }

  nodes(
    type: string,
    inputs: readonly string[],
    count: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): readonly string[] {
    const names = Array.from({ length: count }, () => this.#name(type));
    this.parts.push(node(type, inputs, names, attributes));
    return names;
  }

  /** Values around `middle`, `spread` to both sides. */
  weights(shape: readonly number[], spread: number, middle = 0): string {
    const name = this.#name('weights');
    const count = shape.reduce((all, extent) => all * extent, 1);
    const values = Array.from({ length: count }, () => middle + spread * (2 * this.#random() - 1));
    this.parts.push(floats(name, shape, values));
    return name;
  }

  number(value: number): string {
    return this.weights([], 0, value);
  }

  floats(values: readonly number[]): string {
    const name = this.#name('floats');
    this.parts.push(floats(name, [values.length], values));
    return name;
  }

  list(...values: readonly number[]): string {
    const name = this.#name('list');
    this.parts.push(int64s(name, values));
    return name;
  }

  conv(x: string, from: number, to: number, kernel: readonly number[], more: Record<string, Attribute> = {}) {
    const spread = Math.sqrt(3 / (from * kernel.reduce((all, extent) => all * extent, 1)));
    const pads = kernel.map((extent) => (extent - 1) / 2);
    const inputs = [x, this.weights([to, from, ...kernel], spread), this.weights([to], 0.1)];
    return this.node('Conv', inputs, { pads: [...pads, ...pads], ...more });
  }

  batchNorm(x: string, channels: number): string {
    const of = (spread: number, middle: number) => this.weights([channels], spread, middle);
    return this.node('BatchNormalization', [x, of(0.2, 1), of(0.2, 0), of(0.3, 0), of(0.5, 1)]);
  }

  /** The network with this output. */
  done(x: string, inputs: NetworkCase['inputs'], declared?: NetworkCase['declared']): NetworkCase {
    this.parts.push(node('Identity', [x], ['y']));
    return { parts: this.parts, inputs, ...(declared && { declared }) };
  }

  #name(type: string): string {
    this.#count += 1;
    return `${type}_${this.#count}`;
  }
}

/** Super-resolution: PReLU, residual sums, pixel shuffle, and the picture beside it. */
function enlarger(): SmallNetwork {
  const net = new Writer();
  const prelu = (x: string) => net.node('PRelu', [x, net.weights([16, 1, 1], 0.2, 0.2)]);
  let x = prelu(net.conv('x', 3, 16, [3, 3]));
  for (let block = 0; block < 2; block += 1) {
    x = net.node('Add', [net.conv(prelu(net.conv(x, 16, 16, [3, 3])), 16, 16, [3, 3]), x]);
  }
  x = net.node('DepthToSpace', [net.conv(x, 16, 12, [3, 3])], { blocksize: 2, mode: 'CRD' });
  const near = net.node('Resize', ['x', '', net.weights([4], 0, 1)], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  const scales = floats('scales', [4], [1, 1, 2, 2]);
  const large = net.node('Resize', [near, '', 'scales'], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  x = net.node('Clip', [net.node('Add', [x, large]), net.number(0), net.number(1)]);
  net.parts.push(scales);
  return {
    net: net.done(x, { x: [1, 3, 12, 10] }, { x: ['batch', 3, 'height', 'width'] }),
    steps: [
      'convolution+leaky-relu',
      'convolution+leaky-relu',
      'convolution+add',
      'convolution+leaky-relu',
      'convolution+add',
      'convolution',
      'depth-to-space',
      'resize',
      'add',
      'clamp',
    ],
  };
}

/** A U-Net of two levels with batch norms and skips that are laid in place. */
function segmenter(): SmallNetwork {
  const net = new Writer();
  const block = (x: string, from: number, to: number) =>
    net.node('Relu', [net.batchNorm(net.conv(x, from, to, [3, 3]), to)]);
  const high = block('x', 2, 8);
  const low = block(net.node('MaxPool', [high], { kernel_shape: [2, 2], strides: [2, 2] }), 8, 16);
  const up = net.node('ConvTranspose', [low, net.weights([16, 8, 2, 2], 0.3), net.weights([8], 0.1)], {
    strides: [2, 2],
  });
  const x = block(net.node('Concat', [high, up], { axis: 1 }), 16, 8);
  return {
    net: net.done(net.node('Sigmoid', [net.conv(x, 8, 1, [1, 1])]), { x: [2, 2, 8, 12] }),
    steps: [
      'convolution+affine+relu',
      'pool',
      'convolution+affine+relu',
      'convolution',
      'concat',
      'convolution+affine+relu',
      'convolution+sigmoid',
    ],
  };
}

/** A vocoder: dilated convolutions of one axis, LeakyReLU, snake as its exporter spells it, a mean of branches. */
function vocoder(): SmallNetwork {
  const net = new Writer();
  const leaky = (x: string) => net.node('LeakyRelu', [x], { alpha: { float: 0.1 } });
  const snake = (x: string) => {
    const rates = net.weights([1, 8, 1], 0, 2);
    const sine = net.node('Sin', [net.node('Mul', [rates, x])]);
    const square = net.node('Pow', [sine, net.number(2)]);
    return net.node('Add', [x, net.node('Mul', [net.weights([1, 8, 1], 0, 0.5), square])]);
  };
  const up = net.node('ConvTranspose', [leaky('x'), net.weights([4, 8, 4], 0.5), net.weights([8], 0.1)], {
    strides: [2],
    pads: [1, 1],
  });
  const branch = (dilation: number) => {
    const inner = net.conv(snake(up), 8, 8, [3], { dilations: [dilation], pads: [dilation, dilation] });
    return net.node('Add', [net.conv(snake(inner), 8, 8, [3]), up]);
  };
  const mean = net.node('Mul', [net.node('Add', [branch(1), branch(3)]), net.number(0.5)]);
  return {
    net: net.done(net.node('Tanh', [net.conv(leaky(mean), 8, 1, [7])]), { x: [1, 4, 20] }),
    steps: [
      'leaky-relu',
      'convolution',
      'snake',
      'convolution+snake',
      'convolution+add',
      'snake',
      'convolution+snake',
      'convolution+add',
      'add',
      'multiply',
      'leaky-relu',
      'convolution+tanh',
    ],
  };
}

/** Style transfer: reflections, instance norms, resizes. */
function stylist(): SmallNetwork {
  const net = new Writer();
  const layer = (x: string, from: number, to: number) => {
    const padded = net.node('Pad', [x, net.list(0, 0, 1, 1, 0, 0, 1, 1)], { mode: 'reflect' });
    const own = net.conv(padded, from, to, [3, 3], { pads: [0, 0, 0, 0] });
    return net.node('InstanceNormalization', [own, net.weights([to], 0.2, 1), net.weights([to], 0.2)]);
  };
  const first = net.node('Relu', [layer('x', 3, 8)]);
  const x = net.node('Add', [layer(first, 8, 8), first]);
  const scales = floats('scales', [4], [1, 1, 2, 2]);
  net.parts.push(scales);
  const large = net.node('Resize', [x, '', 'scales'], { mode: 'linear' });
  return {
    net: net.done(layer(large, 8, 3), { x: [1, 3, 9, 8] }),
    steps: [
      'pad',
      'convolution',
      'normalization',
      'relu',
      'pad',
      'convolution',
      'normalization',
      'add',
      'resize+pad',
      'convolution',
      'normalization',
    ],
  };
}

/** What Keras’ exporter makes: channels last outside, channels first around every convolution. */
function converted(): SmallNetwork {
  const net = new Writer();
  const first = (x: string) => net.node('Transpose', [x], { perm: [0, 3, 1, 2] });
  const last = (x: string) => net.node('Transpose', [x], { perm: [0, 2, 3, 1] });
  const layer = (x: string, from: number, to: number) => last(net.conv(first(x), from, to, [3, 3]));
  const own = net.node('Add', [layer('x', 3, 8), net.weights([8], 0.1)]);
  const half = net.node('Clip', [net.node('Add', [own, net.number(3)]), net.number(0), net.number(6)]);
  const swish = net.node('Div', [net.node('Mul', [own, half]), net.number(6)]);
  const padded = net.node('Pad', [first(swish), net.list(0, 0, 0, 0, 0, 0, 1, 1)]);
  const down = net.conv(padded, 8, 12, [3, 3], { strides: [2, 2], pads: [0, 0, 0, 0] });
  const split = net.node('Reshape', [down, net.list(0, 3, 2, 2, 4, 5)]);
  const moved = net.node('Transpose', [split], { perm: [0, 1, 4, 2, 5, 3] });
  const x = net.node('Reshape', [moved, net.list(0, 3, 8, 10)]);
  return {
    net: net.done(last(x), { x: [1, 8, 10, 3] }),
    steps: ['transpose', 'convolution+affine+hardswish', 'convolution', 'depth-to-space', 'transpose'],
  };
}

/** Squeeze and excite, a slice, a split, a product of matrices: shapes that come and go. */
function attentive(): SmallNetwork {
  const net = new Writer();
  const own = net.conv('x', 4, 8, [3, 3]);
  const mean = net.node('GlobalAveragePool', [own]);
  const flat = net.node('Flatten', [mean]);
  const dense = net.node('Gemm', [flat, net.weights([8, 8], 0.5), net.weights([8], 0.2)]);
  const gate = net.node('Reshape', [net.node('HardSigmoid', [dense]), net.list(0, 8, 1, 1)]);
  const [one, other] = net.nodes('Split', [net.node('Mul', [own, gate])], 2, { axis: 1, num_outputs: 2 });
  const sum = net.node('Mul', [one as string, net.node('Sigmoid', [other as string])]);
  const cut = net.node('Slice', [sum, net.list(1), net.list(3), net.list(1)]);
  const x = net.node('Softmax', [cut], { axis: 1 });
  return {
    net: net.done(x, { x: [1, 4, 6, 7] }),
    steps: [
      'convolution',
      'reduce',
      'reshape',
      'matmul',
      'hardsigmoid',
      'reshape',
      'multiply',
      'split',
      'sigmoid',
      'multiply',
      'slice',
      'softmax',
    ],
  };
}

export const NETWORKS = {
  'an enlarger': enlarger(),
  'a segmenter': segmenter(),
  'a vocoder': vocoder(),
  'style transfer': stylist(),
  'one of Keras': converted(),
  'squeeze and excite': attentive(),
} as const satisfies Readonly<Record<string, SmallNetwork>>;
