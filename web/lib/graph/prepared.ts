import { describe } from '../core/checks.js';
import { BOUND, stepModuleOf } from '../layers/step.js';
import type { Runtime } from '../runtime/runtime.js';
import { isProgrammable } from './chain-step.js';
import { type FlatDefinition, type Unit, unitsOf } from './definition.js';
import { hasParameters, type Module, type Trainable } from './module.js';

interface Moded {
  readonly training?: boolean;
  readonly disposed?: boolean;
}

/** What is known of a chain once it is whole. */
export interface Prepared {
  readonly chain: FlatDefinition;
  /** Nodes as they are computed one by one. */
  readonly units: readonly Unit[];
  /** Modules with parameters, each once, in order. */
  readonly layers: readonly (Module & Trainable)[];
  /** Modules that compute otherwise in training, or not at all once they have ended. */
  readonly moded: readonly Moded[];
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** What errors call the inputs. */
  readonly inputLabels: readonly string[];
  /** Whether its steps can be a program. */
  readonly fits: boolean;
  /** Whether they are one when it is computed: of joins alone nothing needs the heap. */
  readonly programmable: boolean;
  /** The runtime that modules are bound to, where it is one. */
  readonly bound: Runtime | undefined;
  /** The shapes and modes that passed a check of all nodes last. */
  passed?: string;
}

export function prepare(chain: FlatDefinition): Prepared {
  const units = unitsOf(chain);
  const steps = units.flatMap(({ module }) => (module && stepModuleOf(module)) ?? []);
  const bound = new Set(steps.map((module) => module[BOUND]).filter((runtime) => runtime !== undefined));
  const fits = bound.size < 2 && units.every(isProgrammable);
  const trainable = chain.nodes.flatMap(({ module }) => (module && hasParameters(module) ? module : []));
  const labels = chain.inputs.map(({ name }) => `the input ${describe(name)}`);
  return {
    chain,
    units,
    layers: Object.freeze([...new Set(trainable)]),
    moded: chain.nodes.map(({ module }) => module as unknown).filter(isModed),
    inputNames: chain.inputs.map(({ name }) => name),
    outputNames: chain.outputs.map(({ name }) => name),
    inputLabels: labels.length === 1 ? ['the input'] : labels,
    fits,
    programmable: fits && steps.length > 0,
    bound: bound.size === 1 ? [...bound][0] : undefined,
  };
}

function isModed(module: unknown): module is Moded {
  const { training, disposed } = Object(module) as Moded;
  return typeof training === 'boolean' || typeof disposed === 'boolean';
}
