// What a network tells of its steps.

import { frozen } from '../core/lists.js';
import type { Program } from '../graph/program.js';
import type { RouteName } from '../runtime/execution.js';
import { type CompiledStep, nodesOf } from './compile.js';

/** A step of a network for given sizes of its inputs. */
export interface NetworkStepInfo {
  /** The nodes of the file that it computes. */
  readonly names: readonly string[];
  /** Their operators, as the file calls them. */
  readonly types: readonly string[];
  /** What is computed: `'convolution'`, `'resize'` … */
  readonly operation: string;
  /** What a convolution, a product or a resize computes beside itself: `'affine'`, `'relu'`, `'add'` … */
  readonly fused: readonly string[];
  readonly inputShapes: readonly (readonly number[])[];
  readonly outputShapes: readonly (readonly number[])[];
  /**
   * Where each input comes from: a step before, by its place in the list, or an input of the network, by its name; null for
   * a constant.
   */
  readonly inputSources: readonly (number | string | null)[];
  /** The file's name of each output, by which `run` can be asked for it; null for what the file has no value for. */
  readonly outputNames: readonly (string | null)[];
  /** How a convolution is computed; null for what is none. */
  readonly route: RouteName | null;
  /** Products that a convolution adds up; those with zeros of a padding and those that are cropped count. */
  readonly multiplyAdds: number;
}

/** What a network does with inputs of given sizes. */
export interface NetworkPlan {
  readonly steps: readonly NetworkStepInfo[];
  readonly outputShapes: Readonly<Record<string, readonly number[]>>;
  readonly multiplyAdds: number;
  /** Bytes of the arena in which all values between the steps lie. */
  readonly arenaBytes: number;
}

/** What the numbers of a program's values stand for. */
export interface ProgramNames {
  /** Numbers of the network's inputs. */
  readonly inputs: readonly number[];
  readonly inputNames: readonly string[];
  /** Of `valueNames`. */
  readonly values: ReadonlyMap<number, string>;
}

export function stepsOf(
  program: Program<CompiledStep>,
  { inputs, inputNames, values }: ProgramNames,
): NetworkStepInfo[] {
  const sources = new Map<number, number | string>();
  for (const [index, value] of inputs.entries()) sources.set(value, inputNames[index] as string);
  for (const [index, { unit }] of program.steps.entries()) {
    for (const value of unit.outputs) sources.set(value, index);
  }
  return program.steps.map(({ unit, inputShapes, outputShapes, convolution }) => {
    const nodes = nodesOf(unit);
    return frozen({
      names: [...new Set(nodes.flatMap(({ names }) => names))],
      types: nodes.flatMap(({ types }) => types),
      operation: wordOf(unit),
      fused: nodes.slice(1).map(wordOf),
      inputShapes,
      outputShapes,
      inputSources: unit.inputs.map((value) => sources.get(value) ?? null),
      outputNames: unit.outputs.map((value) => values.get(value) ?? null),
      route: convolution?.operators.plan(convolution.operation).route ?? null,
      multiplyAdds: convolution?.multiplyAdds ?? 0,
    });
  });
}

/** A function by its own name, all else by its kind. */
function wordOf({ operation }: { readonly operation: CompiledStep['unit']['operation'] }): string {
  return operation.kind === 'unary' || operation.kind === 'binary' ? operation.function : operation.kind;
}
