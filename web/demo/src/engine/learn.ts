import { Conv2d, ConvTranspose2d, type Tensor } from 'deconv-wasm';
import { addSpectralPenalty, analyze, initializeIcnr } from 'deconv-wasm/checkerboard';
import { adam, meanSquaredError, type Optimizer, ReLU, Sequential, type Trace } from 'deconv-wasm/training';
import { UPSAMPLER } from '../model/learn-state';
import type { Planes } from '../model/picture';
import { uniform } from '../model/random';
import { testImage } from '../model/test-image';
import type {
  GradientRequest,
  GradientResult,
  LearnRequest,
  LearnResult,
  LearnSetup,
  LearnSide,
} from './protocol';

/** Patches of a step, and their side before they are upsampled. */
const PATCHES = 6;
const SIDE = 24;
/** The part of the small picture that is looked at: sky, sun and a ridge. */
const WINDOW = { left: 34, top: 14, width: 40, height: 30 };
/** Other stations' questions get their turn after so many milliseconds. */
const TURN_MS = 12;

const target = testImage('landscape');
const small = halved(target);

/** One network in training, with what is known of every step so far. */
class Trainee {
  readonly #up: ConvTranspose2d;
  readonly #network: Sequential;
  readonly #step: Optimizer;
  readonly #penalty: number;
  /** What is known of the weights as they are, for the patches of the next step. */
  #seen: {
    readonly pass: Trace;
    readonly loss: number;
    readonly gradient: Tensor;
    readonly unevenness: number;
  } | null = null;
  readonly losses: number[] = [];
  readonly unevenness: number[] = [];
  readonly first: Planes;

  constructor(start: 'random' | 'icnr', { network, seed, rate, penalty }: LearnSetup) {
    const alone = network === 'one';
    this.#up = new ConvTranspose2d({
      inChannels: 1,
      outChannels: alone ? 1 : 8,
      kernelSize: UPSAMPLER.kernel,
      stride: UPSAMPLER.stride,
      padding: UPSAMPLER.padding,
      bias: !alone,
      seed,
    });
    if (start === 'icnr') initializeIcnr(this.#up, { seed });
    this.#network = alone
      ? new Sequential(this.#up)
      : new Sequential(
          this.#up,
          new ReLU(),
          new Conv2d({ inChannels: 8, outChannels: 1, kernelSize: 3, padding: 1, seed: seed + 1 }),
        );
    this.#step = adam(this.#network.layers, { learningRate: rate });
    this.#penalty = penalty;
    this.first = this.#output();
  }

  /** Notes loss and U as they are, then changes the weights by one step. */
  train(x: Tensor, wanted: Tensor): void {
    const { pass, loss, gradient, unevenness } = this.#look(x, wanted);
    this.losses.push(loss);
    this.unevenness.push(unevenness);
    let { layers } = pass.backward(gradient);
    if (this.#penalty > 0) {
      layers = addSpectralPenalty(this.#network.layers, layers, this.#penalty).gradients;
    }
    this.#step(layers);
    this.#seen = null;
  }

  side(x: Tensor, wanted: Tensor): LearnSide {
    const { loss, unevenness } = this.#look(x, wanted);
    return {
      losses: [...this.losses, loss],
      unevenness: [...this.unevenness, unevenness],
      now: this.#output(),
      ripple: this.#ripple(),
      layer: String(this.#up),
      taps: this.#network.modules.length === 1 ? [...this.#up.weight.data] : null,
      layers: this.#network.layers.map(({ weight, bias }) => ({
        weight: copied(weight),
        bias: bias && copied(bias),
      })),
    };
  }

  dispose(): void {
    this.#network.dispose();
  }

  /** A step begins with the pass that its loss was told from. */
  #look(x: Tensor, wanted: Tensor) {
    if (this.#seen) return this.#seen;
    const pass = this.#network.trace(x);
    const { unevenness } = analyze(this.#up, { gains: false });
    this.#seen = { pass, unevenness, ...meanSquaredError(pass.output, wanted) };
    return this.#seen;
  }

  #output(): Planes {
    const { left, top, width, height } = WINDOW;
    const data = cut(small, left, top, width, height);
    return planes(this.#network.forward({ data, shape: [small.channels, 1, height, width] }));
  }

  /** How uneven a flat grey of one half comes out, from the lowest to the highest value inside. */
  #ripple(): number {
    const { data, shape } = this.#network.forward({
      data: new Float32Array(144).fill(0.5),
      shape: [1, 1, 12, 12],
    });
    const side = shape[3] as number;
    let [lowest, highest] = [Infinity, -Infinity];
    for (let row = 8; row < side - 8; row++) {
      for (let column = 8; column < side - 8; column++) {
        const value = data[row * side + column] as number;
        lowest = Math.min(lowest, value);
        highest = Math.max(highest, value);
      }
    }
    return highest - lowest;
  }
}

/** Two networks on the same patches: the same setup gives the same numbers, however it is reached. */
class Session {
  readonly setup: LearnSetup;
  readonly #trainees: Record<'random' | 'icnr', Trainee>;
  readonly #draw: () => number;
  #patches: { readonly x: Tensor; readonly wanted: Tensor };
  step = 0;

  constructor(setup: LearnSetup) {
    this.setup = setup;
    this.#trainees = { random: new Trainee('random', setup), icnr: new Trainee('icnr', setup) };
    this.#draw = uniform(setup.seed);
    this.#patches = patches(this.#draw);
  }

  advance(): void {
    const { x, wanted } = this.#patches;
    for (const trainee of Object.values(this.#trainees)) trainee.train(x, wanted);
    this.#patches = patches(this.#draw);
    this.step += 1;
  }

  result(still: boolean): LearnResult {
    const { x, wanted } = this.#patches;
    const { random, icnr } = this.#trainees;
    return {
      setup: this.setup,
      step: this.step,
      random: random.side(x, wanted),
      icnr: icnr.side(x, wanted),
      still: still ? { ...task(), first: { random: random.first, icnr: icnr.first } } : null,
    };
  }

  dispose(): void {
    for (const trainee of Object.values(this.#trainees)) trainee.dispose();
  }
}

let session: Session | null = null;

/** Brings the run of this setup to a step, from the start if it is another run or already further. */
export async function learn({ setup, step, still }: LearnRequest): Promise<LearnResult> {
  if (session === null || JSON.stringify(session.setup) !== JSON.stringify(setup) || session.step > step) {
    session?.dispose();
    session = null;
    session = new Session(setup);
  }
  const current = session;
  let turn = performance.now();
  while (current.step < step) {
    current.advance();
    if (performance.now() - turn > TURN_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      turn = performance.now();
    }
  }
  return current.result(still);
}

/** The part of the picture that is looked at, small and as it should come out. */
function task(): { readonly input: Planes; readonly target: Planes } {
  const { left, top, width, height } = WINDOW;
  return {
    input: { channels: 3, width, height, data: cut(small, left, top, width, height) },
    target: {
      channels: 3,
      width: 2 * width,
      height: 2 * height,
      data: cut(target, 2 * left, 2 * top, 2 * width, 2 * height),
    },
  };
}

/**
 * The gradient that a strided convolution hands to its input: of the sum of its outputs, where every output
 * sends back a one, and of half the sum of their squares, where each sends back its own value.
 */
export function gradient({ kernel, stride, fill, seed }: GradientRequest): GradientResult {
  const layer = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: kernel, stride, bias: false, seed });
  try {
    if (fill === 'ones') layer.setWeight(new Float32Array(kernel * kernel).fill(1));
    const { left, top, width, height } = WINDOW;
    const x = { data: cut(small, left, top, width, height), shape: [small.channels, 1, height, width] };
    const y = layer.forward(x);
    const ones = { data: new Float32Array(y.data.length).fill(1), shape: y.shape };
    const { unevenness, levelDbc, sentence, overlap } = analyze(layer, { pass: 'backward', gains: false });
    return {
      picture: { channels: small.channels, width, height, data: x.data },
      ofSum: oneChannel(layer.backward(x, ones).input),
      ofSquares: planes(layer.backward(x, y).input),
      layer: String(layer),
      unevenness,
      levelDbc,
      sentence,
      overlap: overlap.counts,
    };
  } finally {
    layer.dispose();
  }
}

/** Random places of the picture, small and as they should come out. */
function patches(draw: () => number): { readonly x: Tensor; readonly wanted: Tensor } {
  const x = new Float32Array(PATCHES * SIDE ** 2);
  const wanted = new Float32Array(PATCHES * (2 * SIDE) ** 2);
  for (let patch = 0; patch < PATCHES; patch++) {
    const channel = Math.floor(draw() * small.channels);
    const left = Math.floor(draw() * (small.width - SIDE));
    const top = Math.floor(draw() * (small.height - SIDE));
    x.set(cutPlane(small, channel, left, top, SIDE, SIDE), patch * SIDE ** 2);
    wanted.set(cutPlane(target, channel, 2 * left, 2 * top, 2 * SIDE, 2 * SIDE), patch * (2 * SIDE) ** 2);
  }
  return {
    x: { data: x, shape: [PATCHES, 1, SIDE, SIDE] },
    wanted: { data: wanted, shape: [PATCHES, 1, 2 * SIDE, 2 * SIDE] },
  };
}

/** Every two by two pixels become their mean. */
function halved({ channels, width, height, data }: Planes): Planes {
  const result = new Float32Array(data.length / 4);
  const [rows, columns] = [height / 2, width / 2];
  for (let line = 0; line < channels * rows; line++) {
    for (let column = 0; column < columns; column++) {
      const from = 2 * line * width + 2 * column;
      const sum =
        (data[from] as number) +
        (data[from + 1] as number) +
        (data[from + width] as number) +
        (data[from + width + 1] as number);
      result[line * columns + column] = sum / 4;
    }
  }
  return { channels, width: columns, height: rows, data: result };
}

function cut(picture: Planes, left: number, top: number, width: number, height: number): Float32Array {
  const result = new Float32Array(picture.channels * width * height);
  for (let channel = 0; channel < picture.channels; channel++) {
    result.set(cutPlane(picture, channel, left, top, width, height), channel * width * height);
  }
  return result;
}

function cutPlane(
  { width: pitch, height: rows, data }: Planes,
  channel: number,
  left: number,
  top: number,
  width: number,
  height: number,
): Float32Array {
  const result = new Float32Array(width * height);
  for (let row = 0; row < height; row++) {
    const from = (channel * rows + top + row) * pitch + left;
    result.set(data.subarray(from, from + width), row * width);
  }
  return result;
}

function planes({ data, shape: [channels = 0, , height = 0, width = 0] }: Tensor): Planes {
  return { data, channels, height, width };
}

const copied = ({ data, shape }: Tensor) => ({ data: Float32Array.from(data), shape });

/** All planes are alike where every output sends back the same. */
function oneChannel({ data, shape: [, , height = 0, width = 0] }: Tensor): Planes {
  return { data: data.slice(0, height * width), channels: 1, height, width };
}
