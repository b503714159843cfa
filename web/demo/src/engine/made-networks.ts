import { UPSAMPLER } from '../model/learn-state';
import type { MadeNetwork } from '../model/made-networks';
import { uniform } from '../model/random';
import { SAMPLE_RATE, SECONDS } from '../model/voice';
import { type OnnxGraph, type OnnxNode, type OnnxValue, onnxFile } from './onnx-model';
import type { LearnedLayer } from './protocol';

/** How many samples the vocoder makes of one of its input. */
export const VOCODER_SCALE = 8;

/** Rows and columns of what a trained network takes. */
const LEARNED_INPUT = [45, 60] as const;

/** A network of `madeNetworks` as an ONNX file. */
export function madeNetwork(which: MadeNetwork, seed: number): Uint8Array<ArrayBuffer> {
  return makers[which](new Maker(which, seed));
}

/** What station 6 trained, for pictures of one channel, as an ONNX file. */
export function learnedNetwork([up, image]: readonly LearnedLayer[]): Uint8Array<ArrayBuffer> {
  const [rows, columns] = LEARNED_INPUT;
  const { kernel, stride, padding } = UPSAMPLER;
  const nodes: OnnxNode[] = [];
  const weights: OnnxGraph['weights'][number][] = [];
  const layer = (own: LearnedLayer, node: Omit<OnnxNode, 'output'>) => {
    const { name } = node;
    const parameters = Object.entries(own).flatMap(([kind, tensor]) =>
      tensor === null ? [] : { name: `${name}.${kind}`, shape: tensor.shape, data: tensor.data },
    );
    weights.push(...parameters);
    const inputs = [...node.inputs, ...parameters.map((parameter) => parameter.name)];
    nodes.push({ ...node, inputs, output: name });
  };
  const square = (pad: number) => [pad, pad, pad, pad];
  if (up) {
    const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: square(padding) };
    layer(up, { type: 'ConvTranspose', name: 'up', inputs: ['x'], attributes });
  }
  if (image) {
    nodes.push({ type: 'Relu', name: 'relu', inputs: ['up'], output: 'relu' });
    const attributes = { kernel_shape: image.weight.shape.slice(2), pads: square(1) };
    layer(image, { type: 'Conv', name: 'image', inputs: ['relu'], attributes });
  }
  return onnxFile({
    name: 'learned',
    inputs: [{ name: 'x', shape: [1, 1, rows, columns] }],
    outputs: [{ name: image ? 'image' : 'up', shape: [1, 1, stride * rows, stride * columns] }],
    nodes,
    weights,
  });
}

const makers: Record<MadeNetwork, (net: Maker) => Uint8Array<ArrayBuffer>> = {
  fsrcnn(net) {
    net.input([1, 1, 33, 44]);
    net.convolution('feature', 12, 5).activation('PRelu');
    net.convolution('shrink', 4, 1).activation('PRelu');
    net.convolution('map1', 4, 3).activation('PRelu');
    net.convolution('map2', 4, 3).activation('PRelu');
    net.convolution('expand', 12, 1).activation('PRelu');
    return net.upsampling('deconv', 1, 9, 3).file();
  },
  dcgan(net) {
    net.input([1, 16, 1, 1]);
    net.upsampling('project', 16, 4, 1, { random: true, padding: 0 }).activation('Relu');
    for (const [index, channels] of [12, 8, 6].entries()) {
      net.upsampling(`up${index + 1}`, channels, 4, 2, { random: true }).activation('Relu');
    }
    return net.upsampling('image', 3, 4, 2, { random: true }).activation('Tanh').file();
  },
  taesd(net) {
    net.input([1, 3, 24, 32]);
    net.convolution('enter', 8, 3).activation('Relu');
    net.block('block1').upsampling('up1', 8, 4, 2).activation('Relu');
    net.block('block2').upsampling('up2', 6, 3, 2).activation('Relu');
    return net.convolution('image', 3, 3).file();
  },
  hifigan(net) {
    net.input([1, 1, Math.floor((SECONDS * SAMPLE_RATE) / VOCODER_SCALE)]);
    net.convolution('enter', 8, 7).activation('LeakyRelu');
    net.upsampling('up1', 6, 8, 4).activation('LeakyRelu').block('resblock1');
    net.upsampling('up2', 4, 4, 2).activation('LeakyRelu').block('resblock2');
    return net.convolution('wave', 1, 7).activation('Tanh').file();
  },
};

/** Writes one layer after the other. */
class Maker {
  readonly #name: string;
  readonly #draw: () => number;
  readonly #nodes: OnnxNode[] = [];
  readonly #weights: (OnnxValue & { readonly data: Float32Array })[] = [];
  #given: OnnxValue = { name: 'x', shape: [] };
  #last: OnnxValue = this.#given;

  constructor(name: string, seed: number) {
    this.#name = name;
    this.#draw = uniform(seed);
  }

  input(shape: readonly number[]): void {
    this.#given = { name: 'x', shape };
    this.#last = this.#given;
  }

  /**
   * Hands its input on, every output by a mix of all inputs at the middle tap, and a little of the places
   * around: what comes out looks like what went in.
   */
  convolution(name: string, outChannels: number, kernel: number): this {
    const { shape } = this.#last;
    const [, inChannels = 1, ...places] = shape;
    const size = places.map(() => kernel);
    const taps = kernel ** places.length;
    const middle = (taps - 1) / 2;
    const weight = Float32Array.from({ length: outChannels * inChannels * taps }, (_, index) => {
      const tap = index % taps;
      const input = Math.floor(index / taps) % inChannels;
      const output = Math.floor(index / taps / inChannels);
      const near = (0.1 * (this.#draw() - 0.5)) / taps;
      // Where there are colours they stay apart.
      const kept = inChannels < 3 || input % 3 === output % 3 ? 1 : 0;
      const same = Math.max(1, inChannels < 3 ? inChannels : Math.ceil((inChannels - (output % 3)) / 3));
      return (tap === middle ? kept * (0.85 + 0.3 * this.#draw()) : near) / same;
    });
    const attributes = { kernel_shape: size, pads: doubled(size.map((length) => (length - 1) / 2)) };
    return this.#layer('Conv', name, [outChannels, inChannels, ...size], weight, attributes, [
      1,
      outChannels,
      ...places,
    ]);
  }

  /** Interpolates with every tap off by up to three fifths, as badly as training leaves it; or is drawn at random. */
  upsampling(
    name: string,
    outChannels: number,
    kernel: number,
    stride: number,
    { random = false, padding = Math.ceil((kernel - stride) / 2) } = {},
  ): this {
    const [, inChannels = 1, ...places] = this.#last.shape;
    const size = places.map(() => kernel);
    const taps = kernel ** places.length;
    const tent = (tap: number) => Math.max(1 - Math.abs(tap - (kernel - 1) / 2) / stride, 0);
    const tents = Array.from({ length: taps }, (_, tap) =>
      size.reduce((value, length, axis) => value * tent(Math.floor(tap / length ** axis) % length), 1),
    );
    // Training leaves all channels alike off: what differs from one to the next would average out.
    const off = tents.map(() => 1 + 1.2 * (this.#draw() - 0.5));
    const spread = 2.4 / Math.sqrt(inChannels * (kernel / Math.max(stride, 1)) ** places.length);
    const weight = Float32Array.from({ length: inChannels * outChannels * taps }, (_, index) => {
      const tap = index % taps;
      if (random) return spread * 2 * (this.#draw() - 0.5);
      const output = Math.floor(index / taps) % outChannels;
      const input = Math.floor(index / taps / outChannels);
      const kept = inChannels < 3 || outChannels < 3 || input % 3 === output % 3 ? 1 : 0;
      const same =
        inChannels < 3 || outChannels < 3 ? inChannels : Math.ceil((inChannels - (output % 3)) / 3);
      return ((tents[tap] ?? 0) * (off[tap] ?? 1) * (0.9 + 0.2 * this.#draw()) * kept) / same;
    });
    const extents = places.map((extent) => extent * stride);
    const made = places.map((extent) => (extent - 1) * stride + kernel - 2 * padding);
    const isWhole = random && padding === 0;
    const attributes = {
      kernel_shape: size,
      strides: size.map(() => stride),
      pads: doubled(size.map(() => padding)),
      output_padding: made.map((extent, axis) => (isWhole ? 0 : Math.max((extents[axis] ?? 0) - extent, 0))),
    };
    const shape = made.map((extent, axis) => extent + (attributes.output_padding[axis] ?? 0));
    return this.#layer('ConvTranspose', name, [inChannels, outChannels, ...size], weight, attributes, [
      1,
      outChannels,
      ...shape,
    ]);
  }

  activation(type: 'PRelu' | 'Relu' | 'LeakyRelu' | 'Tanh'): this {
    const before = this.#last;
    const name = `${before.name}/${type.toLowerCase()}`;
    const [, channels = 1, ...places] = before.shape;
    const slope = `${name}.slope`;
    if (type === 'PRelu') {
      const shape = [channels, ...places.map(() => 1)];
      this.#weights.push({ name: slope, shape, data: new Float32Array(channels).fill(0.2) });
    }
    const inputs = type === 'PRelu' ? [before.name, slope] : [before.name];
    this.#nodes.push({ type, name, inputs, output: name });
    this.#last = { name, shape: before.shape };
    return this;
  }

  /** Two convolutions beside a skip. */
  block(name: string): this {
    const before = this.#last;
    const channels = before.shape[1] ?? 1;
    this.convolution(`${name}/1`, channels, 3).activation('LeakyRelu').convolution(`${name}/2`, channels, 3);
    const half = `${name}.half`;
    this.#weights.push({ name: half, shape: [1], data: Float32Array.of(0.5) });
    this.#nodes.push({
      type: 'Add',
      name: `${name}/sum`,
      inputs: [this.#last.name, before.name],
      output: `${name}/sum`,
    });
    this.#nodes.push({
      type: 'Mul',
      name: `${name}/out`,
      inputs: [`${name}/sum`, half],
      output: `${name}/out`,
    });
    this.#last = { name: `${name}/out`, shape: before.shape };
    return this;
  }

  file(): Uint8Array<ArrayBuffer> {
    const end = this.#last;
    return onnxFile({
      name: this.#name,
      inputs: [this.#given],
      outputs: [end],
      nodes: this.#nodes,
      weights: this.#weights,
    });
  }

  #layer(
    type: string,
    name: string,
    shape: readonly number[],
    data: Float32Array,
    attributes: NonNullable<OnnxNode['attributes']>,
    made: readonly number[],
  ): this {
    this.#weights.push({ name: `${name}.weight`, shape, data });
    this.#nodes.push({
      type,
      name,
      inputs: [this.#last.name, `${name}.weight`],
      output: name,
      attributes,
    });
    this.#last = { name, shape: made };
    return this;
  }
}

const doubled = (values: readonly number[]) => [...values, ...values];
