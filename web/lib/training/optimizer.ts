import { LAYER, NORMALIZATION } from '../core/brands.js';
import { fault, refuse, shapeText } from '../core/checks.js';
import { checkNumber } from '../core/numbers.js';
import { isList, isRecord, memberOf } from '../core/realms.js';
import { allocateTensor, checkParameter, checkTensor, type Tensor } from '../core/tensor.js';
import { allOrNothing } from '../graph/all-or-nothing.js';
import { checkLayers } from '../graph/layer-list.js';
import { keepsMethods, type Trainable } from '../graph/module.js';
import {
  fitState,
  type LoadedState,
  type LoadStateOptions,
  type NestedState,
  type StateDict,
  widened,
} from '../layers/state-dict.js';
import type { Schedule } from './schedules.js';

/** What an optimizer takes; it passes over a normalization without parameters, whose weight is null. */
export interface Optimizable extends Omit<Trainable, 'weight'> {
  readonly weight: Tensor | null;
}

/** The part of a layer's gradients that an optimizer reads. */
export interface ParameterGradients {
  /** Null where the layer has no weight. */
  readonly weight: Tensor | null;
  /** Null where the layer has no bias. */
  readonly bias: Tensor | null;
}

/**
 * What changes the layers' parameters: call it with the gradients of one step, one entry for each layer, in the
 * layers' order.
 *
 * @throws {DeconvError} `BAD_SHAPE`, `BAD_OPTION`, `BAD_TYPE`, `BAD_BUFFER`, `DISPOSED`; then nothing
 * has changed. What a layer of your own throws from its `setWeight` or `setBias`: it and those before it are set back
 * by the same methods
 */
export interface Optimizer {
  (gradients: readonly ParameterGradients[]): void;
  /**
   * Before a schedule's factor; may be set between steps.
   *
   * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
   */
  learningRate: number;
  /** Steps taken. */
  readonly steps: number;
  /**
   * Copies of what it remembers, by PyTorch's words behind the place of the layer and the parameter's name:
   * `0.weight.momentum_buffer`, `0.weight.exp_avg` and `0.weight.exp_avg_sq`, and `step`, the number of steps.
   */
  stateDict(): StateDict;
  /**
   * Replaces what it remembers by copies of those in `state`, or nothing where they do not fit: training goes on as
   * if it had not been interrupted. The learning rate is none of the state.
   *
   * @throws {DeconvError} as a layer's loadStateDict
   */
  loadStateDict(state: StateDict | NestedState, options?: LoadStateOptions): LoadedState;
}

/** Options of every optimizer. */
export interface OptimizerOptions {
  /** Default 0.001. */
  readonly learningRate?: number;
  /** Factor of the learning rate by the number of steps taken so far. Default: always 1. */
  readonly schedule?: Schedule;
}

/** What an optimizer remembers of one parameter, by PyTorch's names; of the parameter's length each. */
export type Memory = Readonly<Record<string, Float32Array<ArrayBuffer>>>;

/** Changes `values` in place, and writes to `next` what it remembers then; `steps` counts this one. */
export type Update = (
  values: Float32Array,
  gradient: Float32Array,
  memory: Memory,
  next: Memory,
  learningRate: number,
  steps: number,
) => void;

export interface OptimizerDefinition extends OptimizerOptions {
  /** The function's name, in errors. */
  readonly where: string;
  /** Names of the arrays that it remembers of each parameter, zeros at first. */
  readonly memory: readonly string[];
  readonly update: Update;
}

interface Parameter {
  /** `0.weight` */
  readonly name: string;
  readonly shape: readonly number[];
  memory: Memory;
  /** Room of the same lengths for a step that may yet fail. */
  next?: Memory;
}

interface Entry {
  readonly layer: Optimizable;
  /** Null where the layer has none. */
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
}

export function optimizer(
  layers: readonly Optimizable[],
  { where, memory, update, learningRate = 1e-3, schedule = () => 1 }: OptimizerDefinition,
): Optimizer {
  const entries = readLayers(where, layers, memory);
  const parameters = entries.flatMap(({ weight, bias }) => [weight, bias].filter((one) => one !== null));
  if (typeof schedule !== 'function') refuse('BAD_TYPE', where, 'schedule to be a function', schedule);
  let rate = checkNumber(where, 'learningRate', learningRate);
  let steps = 0;

  const step = (gradients: readonly ParameterGradients[]): void => {
    const method = `${where} step`;
    const changes = readGradients(method, entries, gradients);
    const scheduled = rate * checkNumber(method, "the schedule's factor", schedule(steps));
    if (entries.every(({ layer }) => setsWhatFits(layer))) {
      for (const { parameter, values, gradient, set } of changes) {
        update(values, gradient, parameter.memory, parameter.memory, scheduled, steps + 1);
        set(values);
      }
    } else {
      const moves = changes.map(({ parameter, values, gradient, set }) => {
        const moved = values.slice();
        parameter.next ??= zerosLike(parameter.memory);
        update(moved, gradient, parameter.memory, parameter.next, scheduled, steps + 1);
        // What a layer of the user's shows may be the array that it computes with.
        const before = values.slice();
        return { act: () => set(moved), undo: () => set(before) };
      });
      allOrNothing(moves);
      for (const { parameter } of changes) {
        [parameter.memory, parameter.next] = [parameter.next as Memory, parameter.memory];
      }
    }
    steps += 1;
  };

  return Object.defineProperties(step, {
    learningRate: {
      get: () => rate,
      set: (value: unknown) => {
        rate = checkNumber(where, 'learningRate', value);
      },
      enumerable: true,
    },
    steps: { get: () => steps, enumerable: true },
    stateDict: {
      value: (): StateDict => ({
        ...Object.fromEntries(
          parameters.flatMap(({ name, shape, memory: own }) =>
            Object.entries(own).map(([key, data]) => [`${name}.${key}`, { data: data.slice(), shape }]),
          ),
        ),
        step: { data: Float32Array.of(steps), shape: [] },
      }),
    },
    loadStateDict: {
      value: (state: StateDict | NestedState, options?: LoadStateOptions): LoadedState => {
        const method = `${where} loadStateDict`;
        const shapes = Object.fromEntries(
          parameters.flatMap(({ name, shape }) => memory.map((key) => [`${name}.${key}`, shape])),
        );
        const { found, missing, unexpected } = fitState(method, { ...shapes, step: [] }, state, options);
        const taken = found.step === undefined ? steps : (widened(method, found.step).data[0] as number);
        if (!Number.isInteger(taken) || taken < 0) {
          refuse('BAD_OPTION', method, 'step to be a number of steps', taken);
        }
        for (const parameter of parameters) {
          const own = Object.entries(parameter.memory).map(([key, data]) => {
            const tensor = found[`${parameter.name}.${key}`];
            return [key, tensor === undefined ? data : widened(method, tensor).data.slice()];
          });
          parameter.memory = Object.fromEntries(own);
        }
        steps = taken;
        return { missing, unexpected };
      },
    },
  }) as Optimizer;
}

function readLayers(where: string, layers: readonly Optimizable[], memory: readonly string[]): Entry[] {
  checkLayers(where, layers);
  if (layers.length === 0) refuse('BAD_OPTION', where, 'at least one layer', layers);
  return Array.from(layers as readonly Optimizable[], (layer, index) => {
    if (['setWeight', 'setBias'].some((name) => typeof memberOf(layer, name) !== 'function')) {
      refuse('BAD_TYPE', where, `layers[${index}] with weight, bias, setWeight and setBias`, layer);
    }
    if (layers.indexOf(layer) !== index) {
      const first = `layers[${layers.indexOf(layer)}]`;
      throw fault('BAD_OPTION', where, 'every layer once', `layers[${index}], which is ${first} again`);
    }
    const parameter = (name: 'weight' | 'bias'): Parameter | null => {
      const shape = parameterOf(where, layer, index, name)?.shape;
      if (shape === undefined) return null;
      const zeros = memory.map((key) => [key, allocateTensor(where, shape).data]);
      return { name: `${index}.${name}`, shape, memory: Object.fromEntries(zeros) };
    };
    return {
      layer,
      weight: parameter('weight'),
      bias: parameter('bias'),
    };
  });
}

/** Whether the methods of ours set its parameters, which give a copy to be changed and take all that fits. */
function setsWhatFits(layer: Optimizable): boolean {
  return [LAYER, NORMALIZATION].some((brand) =>
    keepsMethods(layer, brand, ['weight', 'bias', 'setWeight', 'setBias']),
  );
}

function zerosLike(memory: Memory): Memory {
  return Object.fromEntries(
    Object.entries(memory).map(([key, { length }]) => [key, new Float32Array(length)]),
  );
}

/** What a layer, which may be the user's, has of a parameter now; null for none. */
function parameterOf(
  where: string,
  layer: Optimizable,
  index: number,
  name: 'weight' | 'bias',
): Tensor | null {
  const tensor = layer[name] ?? null;
  return tensor && checkTensor(where, `layers[${index}].${name}`, tensor);
}

interface Change {
  readonly parameter: Parameter;
  readonly values: Float32Array;
  readonly gradient: Float32Array;
  readonly set: (values: Float32Array) => void;
}

/** What to do about gradients that are no list. */
export const LIST_GRADIENTS = 'Write [gradients] for one layer; those of a chain have them as their layers.';

/** Reads and checks all before any layer or memory changes. */
function readGradients(where: string, entries: readonly Entry[], gradients: unknown): Change[] {
  if (!isList(gradients)) {
    refuse('BAD_TYPE', where, 'a list of gradients', gradients, LIST_GRADIENTS);
  }
  if (gradients.length !== entries.length) {
    refuse('BAD_OPTION', where, `gradients of ${entries.length} layers`, gradients.length);
  }
  return entries.flatMap((entry, index) => {
    const { layer } = entry;
    const given = (isRecord(gradients[index]) ? gradients[index] : {}) as Readonly<Record<string, unknown>>;
    if (isList(given.layers)) {
      refuse('BAD_TYPE', where, `gradients[${index}] of a layer`, given, LIST_GRADIENTS);
    }
    const change = (key: 'weight' | 'bias', set: (values: Float32Array) => void): Change[] => {
      const tensor = parameterOf(where, layer, index, key);
      const parameter = entry[key];
      const [was, is] = [parameter, tensor].map((one) => (one === null ? 'none' : shapeText(one.shape)));
      if (was !== is) {
        const now = `layers[${index}].${key}`;
        throw fault('BAD_SHAPE', where, `${now} as at first, ${was}`, `${is}`, 'Make a new optimizer.');
      }
      const name = `gradients[${index}].${key}`;
      const gradient = checkGradient(where, name, given[key], tensor);
      if (tensor === null || gradient === null || parameter === null) return [];
      return [{ parameter, values: tensor.data, gradient, set }];
    };
    return [
      ...change('weight', (values) => layer.setWeight(values)),
      ...change('bias', (values) => layer.setBias(values)),
    ];
  });
}

/** The values of a parameter's gradient; null for a parameter that there is not. */
function checkGradient(
  where: string,
  name: string,
  gradient: unknown,
  parameter: Tensor | null,
): Float32Array | null {
  if (parameter !== null) return checkParameter(where, name, gradient, parameter.shape);
  if (gradient === null || gradient === undefined) return null;
  return refuse('BAD_OPTION', where, `${name} null, as the layer has none`, gradient);
}
