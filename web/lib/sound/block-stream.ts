import { checkOptions, refuse } from '../core/checks.js';
import { checkNumber } from '../core/numbers.js';
import { isList, typedArrayKind } from '../core/realms.js';
import { guardReceivers } from '../core/receivers.js';
import { checkFloats, checkTensor, checkTensorOf, type Tensor } from '../core/tensor.js';
import { readSoundShape } from './audio-samples.js';

/** A part of the work on a block. */
export interface BlockStep {
  /** What it takes beside the others, in any unit: multiply-adds, say. */
  readonly cost: number;
  run(): void;
}

/** Options of {@link BlockStream}. */
export interface BlockStreamOptions {
  /** What computes the next block, in order. */
  readonly steps: readonly BlockStep[];
  /** Where the last of them leaves it: `[1, C, L]` or `[C, L]`, the same tensor every time. */
  readonly block: Tensor;
}

/**
 * Sound that is computed block by block, for the `process` of an AudioWorkletProcessor: while one block plays, each call
 * does its share of the next one, so that none takes as long as a block. Computes the first block when it is made.
 *
 * @throws {DeconvError} `BAD_TYPE`, `BAD_OPTION`, `BAD_SHAPE`; what a step throws
 *
 * @example
 * await init();
 * const up = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2, bias: false });
 * up.setWeight([1, 1]);
 * const [x, y] = [new HeapTensor([1, 1, 64]), new HeapTensor([1, 1, 128])];
 * x.data.fill(0.5);
 * const call = { out: y };
 * const stream = new BlockStream({ steps: [{ cost: 1, run: () => up.forward(x, call) }], block: y });
 * // In an AudioWorkletProcessor's process(inputs, outputs): stream.read(outputs[0])
 * const output = [new Float32Array(128)];
 * stream.read(output);
 * console.log(output[0].every((sample) => sample === 0.5)); // true
 */
export class BlockStream {
  readonly #steps: readonly BlockStep[];
  readonly #block: Tensor;
  readonly #shape: readonly number[];
  readonly #channels: number;
  readonly #length: number;
  readonly #cost: number;
  /** The block that plays. */
  readonly #playing: Float32Array;
  #position = 0;
  #next = 0;
  #spent = 0;

  static {
    guardReceivers(BlockStream.prototype, 'BlockStream', (value) => #steps in value);
  }

  constructor(options: BlockStreamOptions) {
    const where = 'BlockStream';
    const { steps, block } = checkOptions<BlockStreamOptions>(where, options, ['steps', 'block']);
    if (!isList(steps)) refuse('BAD_TYPE', where, 'steps to be a list', steps);
    for (const [index, step] of (steps as readonly BlockStep[]).entries()) {
      if (typeof step?.run !== 'function')
        refuse('BAD_TYPE', where, `steps[${index}] with a method run`, step);
      checkNumber(where, `steps[${index}].cost`, step.cost);
    }
    const { data, shape } = checkTensor(where, 'block', block);
    const [channels, length] = readSoundShape(where, 'a block', shape);
    this.#steps = [...steps];
    this.#block = block;
    this.#shape = shape;
    this.#channels = channels;
    this.#length = length;
    this.#cost = steps.reduce((sum, { cost }) => sum + cost, 0);
    this.#playing = new Float32Array(data.length);
    this.#take(where);
  }

  /**
   * Fills the channels of an output with the next samples; channels beyond the block's get its last one. Allocates
   * nothing beside what the steps do. A step that throws is run again by the next call.
   *
   * @throws {DeconvError} `BAD_TYPE`, `BAD_SHAPE` (channels of several lengths, a block of another shape), `BAD_BUFFER`;
   * what a step throws
   */
  read(output: readonly Float32Array[]): void {
    const where = 'BlockStream.read';
    if (!isList(output)) refuse('BAD_TYPE', where, 'a list of channels', output);
    const count = output[0]?.length ?? 0;
    for (let channel = 0; channel < output.length; channel += 1) {
      const samples: unknown = output[channel];
      // Names are made for errors only.
      if (typedArrayKind(samples) !== 'Float32Array') checkFloats(where, `channel ${channel}`, samples);
      const { length } = samples as Float32Array;
      if (length !== count) refuse('BAD_SHAPE', where, `channel ${channel} with ${count} samples`, length);
    }
    for (let index = 0; index < count; index += 1) {
      if (this.#position === this.#length) this.#take(where);
      for (let channel = 0; channel < output.length; channel += 1) {
        const row = Math.min(channel, this.#channels - 1) * this.#length;
        (output[channel] as Float32Array)[index] = this.#playing[row + this.#position] as number;
      }
      this.#position += 1;
    }
    const due = (this.#cost * this.#position) / this.#length;
    while (this.#next < this.#steps.length && this.#spent < due) this.#step();
  }

  /** Whatever of the next block is missing is computed now; it plays from here on. */
  #take(where: string): void {
    while (this.#next < this.#steps.length) this.#step();
    this.#playing.set(checkTensorOf(where, 'block', this.#block, this.#shape, this.#playing.length));
    this.#position = 0;
    this.#next = 0;
    this.#spent = 0;
  }

  #step(): void {
    const step = this.#steps[this.#next] as BlockStep;
    // First: one that throws has not been done.
    step.run();
    this.#next += 1;
    this.#spent += step.cost;
  }
}
