// What a network is given so that its pattern shows: somebody's input, or flats and a picture that are made here.

import { checkInteger, describe, fault, refuse } from '../core/checks.js';
import { at, product } from '../core/lists.js';
import { type RandomSource, seededRandom } from '../core/random.js';
import { isList } from '../core/realms.js';
import { apart, checkTensor, type Tensor, type TensorLike } from '../core/tensor.js';
import { type NamedInputs, type NamedTensors, readGiven } from '../graph/named.js';
import type { PatternNetwork, Upsampling } from './pattern-network.js';
import { checkFiniteValues } from './values.js';

/** What a network was given. */
export interface AttributionInput {
  /** `given`, `flat 0.5`, `picture`, `latent 1` … */
  readonly name: string;
  readonly inputs: NamedTensors;
}

export interface InputOptions {
  /** Of the inputs by their names, where the file leaves lengths open and no input is given. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Grey levels of the flats that are tried where no input is given. Default 0.25, 0.5 and 0.75. */
  readonly levels?: readonly number[];
  /** Of the picture that is tried where no input is given. Default 1. */
  readonly seed?: number;
}

/** Inputs to try, and what the network is for their sizes. */
export interface TriedInputs {
  readonly tried: readonly AttributionInput[];
  readonly upsampling: Upsampling;
}

export async function readInputs(
  where: string,
  network: PatternNetwork,
  input: TensorLike | NamedInputs | null | undefined,
  outputs: readonly string[],
  { shapes, levels = [0.25, 0.5, 0.75], seed = 1 }: InputOptions,
): Promise<TriedInputs> {
  const names = network.inputs.map(({ name }) => name);
  if (input !== null && input !== undefined) {
    const values: unknown[] = [];
    readGiven(where, 'the inputs', input, names, values);
    const inputs = Object.fromEntries(
      names.map((name, index) => {
        const tensor = apart(checkTensor(where, `the input ${describe(name)}`, values[index]));
        checkFiniteValues(where, `the input ${describe(name)}`, tensor.data);
        return [name, tensor];
      }),
    );
    const own = Object.fromEntries(names.map((name) => [name, (inputs[name] as Tensor).shape]));
    return { tried: [{ name: 'given', inputs }], upsampling: await network.upsampling(own, outputs) };
  }
  if (
    !isList(levels) ||
    levels.length === 0 ||
    ![...levels].every((level) => Number.isFinite(Math.fround(level)))
  ) {
    refuse('BAD_OPTION', where, 'levels to be a list of numbers that are finite in float32', levels);
  }
  checkInteger(where, 'seed', seed, 0, 2 ** 32 - 1);
  const upsampling = await (shapes === undefined
    ? ofOpenSizes(where, network, outputs)
    : network.upsampling(shapes, outputs));
  const make = (fill: (port: Upsampling['inputs'][number]) => Float32Array): NamedTensors =>
    Object.fromEntries(upsampling.inputs.map((port) => [port.name, { data: fill(port), shape: port.shape }]));
  if (names.length === 0) return { upsampling, tried: [{ name: 'nothing', inputs: {} }] };
  const isFlat = upsampling.inputs.every(({ shape, spatialAxes }) =>
    spatialAxes.every((axis) => shape[axis] === 1),
  );
  if (isFlat) {
    return {
      upsampling,
      tried: [1, 2, 3, 4].map((latent) => {
        const random = seededRandom(seed + latent - 1);
        return {
          name: `latent ${latent}`,
          inputs: make(({ shape }) => Float32Array.from({ length: product(shape) }, () => normal(random))),
        };
      }),
    };
  }
  const random = seededRandom(seed);
  return {
    upsampling,
    tried: [
      ...levels.map((level) => ({
        name: `flat ${level}`,
        inputs: make(({ shape }) => new Float32Array(product(shape)).fill(level)),
      })),
      {
        name: 'picture',
        inputs: make(({ shape, spatialAxes }) => picture(shape, spatialAxes, random)),
      },
    ],
  };
}

const [SMALLEST, LARGEST, PERIODS] = [32, 256, 8];

/** Open lengths as small as shows enough periods; one sample of a batch. */
async function ofOpenSizes(
  where: string,
  network: PatternNetwork,
  outputs: readonly string[],
): Promise<Upsampling> {
  for (let extent = SMALLEST; ; extent *= 2) {
    const shapes = network.inputs.map(({ name, shape }) => {
      if (shape.length === 0) {
        throw fault(
          'BAD_SHAPE',
          where,
          'shapes of inputs whose axes the file leaves open',
          `none for ${describe(name)}`,
          'Pass an input, or shapes.',
          { name },
        );
      }
      return [
        name,
        shape.map((own, axis) => (typeof own === 'number' ? own : axis === 0 ? 1 : extent)),
      ] as const;
    });
    const upsampling = await network.upsampling(Object.fromEntries(shapes), outputs);
    const isFixed = network.inputs.every(({ shape }) =>
      shape.slice(1).every((own) => typeof own === 'number'),
    );
    const isEnough = upsampling.outputs.every(({ shape, spatialAxes, stride }) =>
      spatialAxes.every((axis, place) => at(shape, axis) >= PERIODS * at(stride, place)),
    );
    if (isFixed || isEnough || extent >= LARGEST) return upsampling;
  }
}

function normal(random: RandomSource): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Clouds with edges: noise that is smooth along the spatial axes, and in part either dark or light. */
function picture(
  shape: readonly number[],
  spatialAxes: readonly number[],
  random: RandomSource,
): Float32Array {
  let values = Float32Array.from({ length: product(shape) }, () => normal(random));
  for (const axis of spatialAxes) {
    const inner = product(shape.slice(axis + 1));
    const extent = at(shape, axis);
    for (let pass = 0; pass < 12; pass += 1) {
      values = values.map((value, index) => {
        const place = Math.floor(index / inner) % extent;
        const before = values[place === 0 ? index : index - inner] as number;
        const behind = values[place === extent - 1 ? index : index + inner] as number;
        return value / 2 + (before + behind) / 4;
      });
    }
  }
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length) || 1;
  return values.map((value) => 0.5 + (0.15 * value) / deviation + 0.1 * Math.sign(value));
}
