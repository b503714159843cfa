import { checkBoolean, checkGroups, checkInteger } from '../core/checks.js';
import { fillUniform, kaimingUniformBound } from '../core/initializers.js';
import { freshSeed, seededRandom } from '../core/random.js';
import { type OperatorSpec, weightShape } from '../core/spec.js';
import { allocateTensor } from '../core/tensor.js';
import { checkPlacement, PLACEMENT_OPTION_NAMES, type PlacementOptions } from '../core/torch-words.js';
import { canonicalLayout } from '../core/weight-layout.js';
import {
  EXECUTION_OPTION_NAMES,
  type Execution,
  type ExecutionOptions,
  readExecution,
} from '../runtime/execution.js';
import type { LayerDefinition } from './operator-layer.js';

/** Options that every layer in PyTorch's words has beside its geometry. */
export interface LayerOptions extends ExecutionOptions, PlacementOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Blocked connections from input to output channels; divides both. Default 1. */
  readonly groups?: number;
  /** Whether the layer adds a learnable bias. Default true. */
  readonly bias?: boolean;
  /** Seed of the initial weight and bias, 0 to 2^32 - 1. Default: another one each time. */
  readonly seed?: number;
}

export const LAYER_OPTION_NAMES = [
  'inChannels',
  'outChannels',
  'groups',
  'bias',
  'seed',
  ...PLACEMENT_OPTION_NAMES,
  ...EXECUTION_OPTION_NAMES,
] as const satisfies readonly (keyof LayerOptions)[];

/** The checked form of LayerOptions. */
export interface LayerSettings {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly bias: boolean;
  readonly seed: number;
  readonly execution: Execution;
}

export function readLayerOptions(where: string, options: LayerOptions): LayerSettings {
  const inChannels = checkInteger(where, 'inChannels', options.inChannels, 1);
  const outChannels = checkInteger(where, 'outChannels', options.outChannels, 1);
  const groups = checkInteger(where, 'groups', options.groups ?? 1, 1);
  checkGroups(where, 'inChannels', inChannels, groups);
  checkGroups(where, 'outChannels', outChannels, groups);
  checkPlacement(where, options);
  return {
    inChannels,
    outChannels,
    groups,
    bias: checkBoolean(where, 'bias', options.bias, true),
    seed: checkInteger(where, 'seed', options.seed ?? freshSeed(), 0, 2 ** 32 - 1),
    execution: readExecution(where, options),
  };
}

/** A layer of PyTorch's: channels first, weights in canonical order, kaiming uniform from the seed. */
export function torchDefinition(name: string, spec: OperatorSpec, settings: LayerSettings): LayerDefinition {
  const { data: weight } = allocateTensor(name, weightShape(spec));
  const bias = settings.bias ? allocateTensor(name, [spec.outChannels]).data : null;
  const random = seededRandom(settings.seed);
  const bound = kaimingUniformBound(spec);
  fillUniform(weight, bound, random);
  if (bias !== null) fillUniform(bias, bound, random);
  return {
    name,
    spec,
    layout: 'channels-first',
    weightLayout: canonicalLayout(spec),
    biasShape: [spec.outChannels],
    weight,
    bias,
    execution: settings.execution,
  };
}
