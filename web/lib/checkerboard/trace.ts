// Runs of a network for the sake of its pattern.

import { fault, refuse } from '../core/checks.js';
import { checkProgress, stopIfAborted } from '../core/progress.js';
import { memberOf } from '../core/realms.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { nextTurn } from '../core/turn.js';
import type { NamedInputs, NamedTensors } from '../graph/named.js';
import {
  type AttributionInput,
  type InputOptions,
  readInputs,
  type TriedInputs,
} from './attribution-inputs.js';
import { compareImages, type ImageComparison } from './compare-images.js';
import type { PatternedValue, PatternNetwork, Upsampling } from './pattern-network.js';
import {
  fallOf,
  type MeasuredValue,
  measureValue,
  type PatternStrength,
  planesOf,
  strengthOf,
  visible,
} from './pattern-strength.js';

/**
 * How `attribute` and `compareNetworks` run a network.
 *
 * @example
 * const net = await loadNetwork('generator.onnx');
 * const inside = await attribute(net, null, { levels: [0.5], output: '/relu1/Relu_output_0', seed: 1 });
 * console.log(inside.output, inside.stride.join(' x ')); // /relu1/Relu_output_0 2 x 2
 * net.dispose();
 */
export interface TraceOptions extends InputOptions {
  /** The output that is looked at, or any value inside. Default: the first output. */
  readonly output?: string;
  /** Hears of every run of the network that is done, and of how many there are. */
  readonly onProgress?: ((progress: { readonly loaded: number; readonly total: number }) => void) | undefined;
  /** Stops between two runs: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export const TRACE_OPTIONS = ['shapes', 'levels', 'seed', 'output', 'onProgress', 'signal'] as const;

/** What an output is before and after a change of weights. */
export interface PatternChange extends ImageComparison {
  readonly after: PatternStrength;
  /** By how many dB its pattern falls: 320 where it is gone, below 0 where it grows. */
  readonly fallDb: number;
}

/** What one output of a network is for all inputs. */
export interface TracedOutput {
  readonly images: readonly Tensor[];
  readonly measured: readonly MeasuredValue[];
}

/** The inputs to try, the output to look at, and the count of runs. */
export class Trace {
  readonly tried: readonly AttributionInput[];
  readonly upsampling: Upsampling;
  readonly output: PatternedValue;
  readonly #where: string;
  readonly #options: TraceOptions;
  /** Runs that there will be. */
  total = 0;
  #loaded = 0;

  static async of(
    where: string,
    network: PatternNetwork,
    input: TensorLike | NamedInputs | null | undefined,
    options: TraceOptions,
  ): Promise<Trace> {
    requireNetwork(where, network);
    checkProgress(where, options);
    const name = options.output ?? network.outputs[0]?.name;
    if (name === undefined) throw fault('BAD_TYPE', where, 'a network with an output', 'none');
    if (typeof name !== 'string') refuse('BAD_TYPE', where, 'output to be a name', name);
    return new Trace(where, await readInputs(where, network, input, [name], options), name, options);
  }

  private constructor(
    where: string,
    { tried, upsampling }: TriedInputs,
    name: string,
    options: TraceOptions,
  ) {
    this.#where = where;
    this.#options = options;
    this.tried = tried;
    this.upsampling = upsampling;
    const found = [...upsampling.outputs, ...upsampling.values].find((value) => value.name === name);
    if (found === undefined) {
      refuse('BAD_OPTION', where, 'output to be one of the network, or a value behind an upsampling', name);
    }
    this.output = visible(found);
  }

  /** Whether there is anything on the way that raises the resolution. */
  get isPatterned(): boolean {
    return this.output.stride.some((step) => step > 1);
  }

  async run(
    network: PatternNetwork,
    { inputs }: AttributionInput,
    names: readonly string[],
  ): Promise<NamedTensors> {
    const { signal, onProgress } = this.#options;
    await nextTurn();
    stopIfAborted(signal);
    const made = network.run(inputs, { outputs: names });
    this.#loaded += 1;
    onProgress?.({ loaded: this.#loaded, total: Math.max(this.total, this.#loaded) });
    return made;
  }

  async outputOf(network: PatternNetwork): Promise<TracedOutput> {
    const images: Tensor[] = [];
    for (const one of this.tried) {
      const { name, spatialAxes } = this.output;
      const made = await this.run(network, one, [name]);
      images.push(planesOf(made[name] as Tensor, spatialAxes, Number.POSITIVE_INFINITY));
    }
    return { images, measured: images.map((image) => this.measure(image)) };
  }

  /** @throws {DeconvError} `BAD_OPTION` for values that are not finite, `BAD_SHAPE` for less than four periods */
  measure(image: Tensor, value = this.output): MeasuredValue {
    const wrong = image.data.find((each) => !Number.isFinite(each));
    if (wrong !== undefined) {
      throw fault(
        'BAD_OPTION',
        this.#where,
        `finite values of ${JSON.stringify(value.name)}`,
        String(wrong),
        'An input may be too large, or a weight not finite.',
      );
    }
    return measureValue(this.#where, image, value);
  }

  /** What becomes of an output; how alike they are is told of the last input, which is the picture. */
  change(before: TracedOutput, after: TracedOutput): PatternChange {
    const [one, other] = [before, after].map(({ images }) => images.at(-1) as Tensor) as [Tensor, Tensor];
    const strength = strengthOf(after.measured);
    return {
      after: strength,
      fallDb: fallOf(strengthOf(before.measured), strength),
      ...compareImages(one, other, { axes: this.output.spatialAxes.length }),
    };
  }
}

function requireNetwork(where: string, network: unknown): void {
  const methods = ['run', 'upsampling', 'withWeights'];
  if (methods.every((name) => typeof memberOf(network, name) === 'function')) return;
  refuse('BAD_TYPE', where, 'a network of loadNetwork', network);
}
