import { shapeText } from '../core/checks.js';
import { product } from '../core/lists.js';
import { multiplyAdds } from '../core/spec.js';
import type { RouteName } from '../runtime/execution.js';
import type { ChainStep } from './chain-step.js';
import type { FlatDefinition, Node } from './definition.js';
import { partsOf } from './fuse.js';
import type { Module } from './module.js';
import type { Program } from './program.js';

/** One node of a chain, for one set of input shapes. */
export interface SummaryStep {
  readonly name: string;
  /** The module as it prints itself, or `add`, `concat`, `split`. */
  readonly module: string;
  readonly inputShapes: readonly (readonly number[])[];
  readonly outputShapes: readonly (readonly number[])[];
  /** Values of weight and bias. */
  readonly parameters: number;
  /** Products that a layer adds up; those with zeros of a padding and those that are cropped count. */
  readonly multiplyAdds: number;
  /** How a layer is computed; null for what is none. */
  readonly route: RouteName | null;
  /** The node that computes this one as well; null for one that is computed by itself. */
  readonly within: string | null;
}

/** What a chain does with inputs of given shapes; as text a table. */
export interface Summary {
  readonly steps: readonly SummaryStep[];
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Bytes of the arena in which all tensors of the chain lie, its inputs and outputs among them. */
  readonly arenaBytes: number;
  /** Bytes that these tensors would take one beside the other. */
  readonly tensorBytes: number;
  toString(): string;
}

export function summarize(
  name: string,
  { inputs, nodes }: FlatDefinition,
  program: Program<ChainStep>,
): Summary {
  const owners = new Map(
    program.steps.flatMap((step) => partsOf<Node>(step.unit).map((node) => [node.name, step] as const)),
  );
  const shapes = new Map(inputs.map(({ value }, index) => [value, program.inputShapes[index]]));
  const steps = nodes.map((node): SummaryStep => {
    const owner = owners.get(node.name) as (typeof program.steps)[number];
    const own = owner.unit.name === node.name;
    for (const [index, value] of node.outputs.entries()) shapes.set(value, owner.outputShapes[index]);
    const shapesOf = (values: readonly number[]) => values.map((value) => shapes.get(value) as number[]);
    return {
      name: node.name,
      module: describeNode(node),
      inputShapes: shapesOf(node.inputs),
      outputShapes: shapesOf(node.outputs),
      parameters: node.module === null ? 0 : parametersOf(node.module),
      multiplyAdds: own ? multiplyAddsOf(owner, shapesOf(node.inputs)) : 0,
      route: (own ? owner.module?.plan?.().route : null) ?? null,
      within: own ? null : owner.unit.name,
    };
  });
  const total = (count: (step: SummaryStep) => number): number =>
    steps.reduce((sum, step) => sum + count(step), 0);
  const tensors = [...program.inputShapes, ...steps.flatMap(({ outputShapes }) => outputShapes)];
  const summary = {
    steps,
    parameters: total(({ parameters }) => parameters),
    multiplyAdds: total(({ multiplyAdds }) => multiplyAdds),
    arenaBytes: 4 * program.arenaFloats,
    tensorBytes: 4 * tensors.reduce((sum, shape) => sum + product(shape), 0),
  };
  return { ...summary, toString: () => tableOf(name, summary) };
}

function multiplyAddsOf({ module, outputShapes }: ChainStep, inputShapes: readonly number[][]): number {
  const [input, output] = [inputShapes[0] as number[], outputShapes[0] as readonly number[]];
  return module?.spec === undefined ? 0 : multiplyAdds(module.spec, product(input), product(output));
}

function describeNode({ module, join }: Node): string {
  return module === null ? join.kind : String(module);
}

function parametersOf(module: Module): number {
  const { weight, bias } = module as {
    readonly [name in 'weight' | 'bias']?: { readonly data: ArrayLike<number> } | null;
  };
  return (weight?.data.length ?? 0) + (bias?.data.length ?? 0);
}

function tableOf(name: string, summary: Omit<Summary, 'toString'>): string {
  const count = (value: number): string => value.toLocaleString('en-US');
  const rows = [
    ['', name, 'output', 'parameters', 'multiply-adds', 'route'],
    ...summary.steps.map((step) => [
      step.name,
      step.module.replace(/\(.*/s, ''),
      step.outputShapes.map(shapeText).join(' '),
      count(step.parameters),
      count(step.multiplyAdds),
      step.route ?? (step.within === null ? '' : `in ${step.within}`),
    ]),
    ['', '', '', count(summary.parameters), count(summary.multiplyAdds), ''],
  ];
  const widths = (rows[0] as string[]).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] as string).length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] as number;
        return column === 3 || column === 4 ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  const [arena, tensors] = [count(summary.arenaBytes), count(summary.tensorBytes)];
  return [...lines, `arena ${arena} bytes, all tensors ${tensors} bytes`].join('\n');
}
