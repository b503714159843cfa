import { checkInteger, checkOptions, describe, fault, refuse } from '../core/checks.js';
import { isList } from '../core/realms.js';
import { guardReceivers } from '../core/receivers.js';
import { Chain, type Child } from './chain.js';
import {
  DEFINITION,
  type Definition,
  isChain,
  type JoinNode,
  type ModuleNode,
  type NamedValue,
  type Node,
} from './definition.js';
import type { Join } from './joins.js';
import { checkName, isModule, type Module } from './module.js';

/** A value of a `Graph`: what an input, a module or a join gives. */
export interface GraphValue {
  readonly name: string;
}

/** What the joins of a {@link Graph} take: where values meet or part. */
export interface JoinOptions {
  /** The axis along which the parts lie; below 0 counted from the last. Default 1: the channels of `[N, C, ...]`. */
  readonly axis?: number;
  /** What errors and `summary` call it. */
  readonly name?: string;
}

/**
 * Modules with values that go more than one way: skip connections, several inputs or outputs. It is built value by
 * value, and then used as a `Sequential` is; with its first use it is whole. With one input and one output it may stand
 * in another chain.
 *
 * @example
 * await init();
 * const net = new Graph();
 * const x = net.input('x');
 * const down = net.apply(new Conv2d({ inChannels: 3, outChannels: 8, kernelSize: 2, stride: 2 }), x, 'down');
 * const up = net.apply(new ConvTranspose2d({ inChannels: 8, outChannels: 8, kernelSize: 2, stride: 2 }), down, 'up');
 * const last = new Conv2d({ inChannels: 11, outChannels: 3, kernelSize: 1 });
 * net.output(net.apply(last, net.concat([up, x]), 'last'));
 * console.log(net.forward({ data: new Float32Array(3 * 256), shape: [1, 3, 16, 16] }).shape.join('x')); // 1x3x16x16
 */
export class Graph extends Chain {
  readonly #nodes: Node[] = [];
  readonly #inputs: NamedValue[] = [];
  readonly #outputs: NamedValue[] = [];
  /** Their numbers by the values given out. */
  readonly #values = new Map<GraphValue, number>();
  #whole = false;

  static {
    guardReceivers(Graph.prototype, 'Graph', (value) => #nodes in value);
  }

  constructor() {
    super('Graph');
  }

  /**
   * An input, whose name `forward` takes where there are several.
   *
   * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
   */
  input(name = 'input'): GraphValue {
    const where = this.#open('input');
    checkFree(where, this.#inputs, name);
    this.#inputs.push({ name, value: this.#values.size });
    return this.#value(name);
  }

  /**
   * What the module gives for a value. The name goes before the names of its parameters in a state: by default the
   * number of the call, as in a `Sequential`. A module that is applied twice shares its parameters, under the first name.
   *
   * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
   */
  apply(module: Module, value: GraphValue, name?: string): GraphValue {
    const where = this.#open('apply');
    if (!isModule(module) || module === this) {
      refuse('BAD_TYPE', where, 'another module with methods forward and backward', module);
    }
    return this.#node(where, { module, join: null }, [value], 1, name)[0] as GraphValue;
  }

  /**
   * The sum of two values of one shape, as a residual connection has it.
   *
   * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
   */
  add(one: GraphValue, other: GraphValue, name?: string): GraphValue {
    return this.#join(this.#open('add'), { kind: 'add' }, [one, other], 1, name)[0] as GraphValue;
  }

  /**
   * Values laid behind one another along an axis, as `torch.cat` does.
   *
   * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
   */
  concat(values: readonly GraphValue[], options: JoinOptions = {}): GraphValue {
    const where = this.#open('concat');
    const { axis, name } = readJoin(where, options);
    if (!isList(values)) refuse('BAD_TYPE', where, 'a list of values', values);
    if (values.length === 0) refuse('BAD_OPTION', where, 'at least one value', values);
    return this.#join(where, { kind: 'concat', axis }, values, 1, name)[0] as GraphValue;
  }

  /**
   * Parts of a value of these sizes along an axis, as `torch.split` does.
   *
   * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
   */
  split(value: GraphValue, sizes: readonly number[], options: JoinOptions = {}): GraphValue[] {
    const where = this.#open('split');
    const { axis, name } = readJoin(where, options);
    if (!isList(sizes)) refuse('BAD_TYPE', where, 'a list of sizes', sizes);
    if (sizes.length === 0) refuse('BAD_OPTION', where, 'at least one size', sizes);
    const checked = Array.from(sizes, (size: unknown, index) =>
      checkInteger(where, `sizes[${index}]`, size, 1),
    );
    return this.#join(where, { kind: 'split', axis, sizes: checked }, [value], sizes.length, name);
  }

  /**
   * Makes a value an output. Where there are several, `forward` gives them by name.
   *
   * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
   */
  output(value: GraphValue, name = 'output'): this {
    const where = this.#open('output');
    checkFree(where, this.#outputs, name);
    this.#outputs.push({ name, value: this.#numberOf(where, value) });
    return this;
  }

  /** @internal */
  override get [DEFINITION](): Definition {
    for (const [what, list] of [
      ['input', this.#inputs],
      ['output', this.#outputs],
    ] as const) {
      if (list.length > 0) continue;
      throw fault('BAD_OPTION', 'Graph', `at least one ${what}`, 'none', `Call ${what}() while it is built.`);
    }
    this.#whole = true;
    return { nodes: this.#nodes, inputs: this.#inputs, outputs: this.#outputs };
  }

  /** @internal */
  protected override children(): readonly Child[] {
    const all = this.#nodes.flatMap(({ name, module }) => (module === null ? [] : { name, module }));
    return all.filter(({ module }, index) => all.findIndex((child) => child.module === module) === index);
  }

  #join(
    where: string,
    join: Join,
    values: readonly GraphValue[],
    count: number,
    name?: string,
  ): GraphValue[] {
    return this.#node(where, { module: null, join }, values, count, name);
  }

  /** Checks all that it is given before the graph changes. */
  #node(
    where: string,
    what: Pick<ModuleNode, 'module' | 'join'> | Pick<JoinNode, 'module' | 'join'>,
    values: readonly GraphValue[],
    count: number,
    name = String(this.#nodes.length),
  ): GraphValue[] {
    // A hole of a sparse list is no value either.
    const inputs = Array.from(values, (value) => this.#numberOf(where, value));
    checkFree(where, this.#nodes, name);
    const { module } = what;
    // To read a chain makes it whole, so it comes last.
    if (isChain(module)) {
      const { inputs, outputs } = module[DEFINITION];
      if (inputs.length !== 1 || outputs.length !== 1) {
        const got = `one of ${inputs.length} and ${outputs.length}`;
        throw fault('BAD_OPTION', where, 'a graph of one input and one output', got);
      }
    }
    const first = this.#values.size;
    const results = Array.from({ length: count }, (_, index) =>
      this.#value(count === 1 ? name : `${name}[${index}]`),
    );
    this.#nodes.push({ ...what, name, inputs, outputs: results.map((_, index) => first + index) });
    return results;
  }

  #value(name: string): GraphValue {
    const value = Object.freeze({ name });
    this.#values.set(value, this.#values.size);
    return value;
  }

  #numberOf(where: string, value: GraphValue): number {
    const number = this.#values.get(value);
    if (number === undefined) refuse('BAD_TYPE', where, 'a value of this graph', value);
    return number;
  }

  #open(method: string): string {
    const where = `Graph.${method}`;
    if (!this.#whole) return where;
    throw fault('BAD_OPTION', where, 'a graph that is being built', 'one that was used already');
  }
}

/** Names are taken by what is there alone: a call that is refused takes none. */
function checkFree(where: string, taken: readonly { readonly name: string }[], name: string): void {
  checkName(where, name);
  if (taken.some((other) => other.name === name)) {
    throw fault('BAD_OPTION', where, 'every name once', `${describe(name)} again`);
  }
}

/** No tensor of a chain has more axes. */
const MAX_AXES = 8;

function readJoin(where: string, options: JoinOptions): { readonly axis: number; readonly name?: string } {
  const checked = checkOptions<JoinOptions>(where, options, ['axis', 'name']);
  return { ...checked, axis: checkInteger(where, 'axis', checked.axis ?? 1, -MAX_AXES, MAX_AXES - 1) };
}
