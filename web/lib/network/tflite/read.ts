import { refuse } from '../../core/checks.js';
import type { ModelFile } from '../../models/source.js';
import { Evaluation } from '../../models/tensor-content.js';
import { openTflite } from '../../models/tflite/open.js';
import { MODEL, NAMED, SIGNATURE } from '../../models/tflite/schema.js';
import type { Subgraph } from '../../models/tflite/subgraph.js';
import { type FrontEnd, type NodeInfo, refuseNodes } from '../front-end.js';
import { NetworkBuilder, type SliceChange } from '../lowering.js';
import type { NetworkGraph } from '../operations.js';
import { listedOnce, type PortInfo } from '../ports.js';
import { Call } from './call.js';
import { type CheckedOperator, checkOperators, isStored } from './check.js';
import { finished } from './finish.js';
import { Constants, type Operand } from './operand.js';
import { isWhole, type Operator, readOperator } from './operator.js';

/**
 * The first subgraph of a .tflite file.
 *
 * @param wanted values that shall be computed, if not its outputs: only what they need must be known
 * @throws {DeconvError} `UNSUPPORTED` with all nodes that are not; `BAD_MODEL`, `TOO_LARGE`
 */
export async function readTfliteNetwork(file: ModelFile, wanted?: readonly string[]): Promise<FrontEnd> {
  const { model, subgraphs } = await openTflite(file);
  const [subgraph] = subgraphs;
  if (subgraph === undefined) return refuse('BAD_MODEL', 'loadNetwork', 'a subgraph', 'none');
  const signature = model
    .tables(MODEL.signatures)
    .find((table) => table.integer(SIGNATURE.subgraph, 0) === 0);
  const named = (field: number) =>
    new Map(
      (signature?.tables(field) ?? []).map((table) => [
        table.integer(NAMED.tensor, 0),
        table.text(NAMED.name),
      ]),
    );
  const ports = (tensors: readonly number[], names: ReadonlyMap<number, string>) => {
    const tensorOf = new Map<string, number>();
    const listed = tensors.map((tensor) => {
      const port = portOf(subgraph, tensor, names.get(tensor));
      if ((tensorOf.get(port.name) ?? tensor) !== tensor) {
        refuse('BAD_MODEL', 'loadNetwork', 'inputs of different names, and outputs', port.name);
      }
      tensorOf.set(port.name, tensor);
      return port;
    });
    return listedOnce(listed);
  };
  const network = new TfliteNetwork(
    subgraph,
    ports(subgraph.inputs, named(SIGNATURE.inputs)),
    ports(subgraph.outputs, named(SIGNATURE.outputs)),
  );
  await network.load(wanted);
  return network;
}

const WHERE = 'Network';

/** An input or output with the tensor that it is. */
interface Port extends PortInfo {
  readonly tensor: number;
}

function portOf(subgraph: Subgraph, tensor: number, named: string | undefined): Port {
  const declared = subgraph.declared(tensor);
  if (declared === undefined) {
    return refuse('BAD_MODEL', 'loadNetwork', 'inputs and outputs that are tensors', `number ${tensor}`);
  }
  const name = named || declared.name || `tensor ${tensor}`;
  return {
    tensor,
    name,
    shape: declared.shape.map((extent, axis) => (extent < 0 ? `${name}.${axis}` : extent)),
    type: declared.dtype ?? 'unknown',
  };
}

class TfliteNetwork implements FrontEnd {
  readonly format = 'tflite';
  readonly inputs: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
  nodes: readonly NodeInfo[] = [];
  readonly #subgraph: Subgraph;
  readonly #inputs: readonly Port[];
  readonly #outputs: readonly Port[];
  /** In the file's order, in which each comes after those that it needs. */
  readonly #operators: readonly CheckedOperator[];
  /** Constants of the file, by their tensors. */
  readonly #stored = new Map<number, Operand>();
  readonly #constants = new Constants();
  /** Tensors, by what the file and its signature call them. */
  readonly #tensors = new Map<string, number>();

  constructor(subgraph: Subgraph, inputs: readonly Port[], outputs: readonly Port[]) {
    this.#subgraph = subgraph;
    this.#inputs = inputs;
    this.#outputs = outputs;
    const shown = ({ name, shape, type }: Port): PortInfo => ({ name, shape, type });
    this.inputs = inputs.map(shown);
    this.outputs = outputs.map(shown);
    const operators: Operator[] = [];
    for (const table of subgraph.operators) {
      const operator = readOperator(subgraph, table);
      for (const [place, output] of operator.outputs.entries()) {
        const name = operator.made[place]?.name;
        if (name) this.#tensors.set(name, output);
      }
      // What is made of constants alone, such as weights that are stored as halves, is a constant.
      if (operator.outputs.some((output) => !isStored(subgraph, output))) operators.push(operator);
    }
    for (const { name, tensor } of [...inputs, ...outputs]) this.#tensors.set(name, tensor);
    this.#operators = checkOperators(
      subgraph,
      inputs.map(({ tensor }) => tensor),
      operators,
    );
  }

  async load(wanted: readonly string[] | undefined): Promise<void> {
    const targets = (wanted ?? this.#outputs.map(({ name }) => name)).map((name) => {
      const tensor = this.#tensorOf(name);
      const known =
        this.#isGiven(tensor) || this.#operators.some(({ operator }) => operator.outputs.includes(tensor));
      return known ? tensor : refuse('BAD_MODEL', 'loadNetwork', 'outputs that something computes', name);
    });
    this.nodes = this.#needed(targets).map(({ operator: { name, type } }) => ({ name, type }));
    const tensors = new Set([...targets, ...this.#operators.flatMap(({ operator }) => operator.inputs)]);
    for (const tensor of tensors) {
      const constant = this.#subgraph.literal(tensor);
      if (typeof constant === 'string') continue;
      const { name, shape, content } = constant;
      const values = await new Evaluation().valuesOf(content);
      this.#stored.set(tensor, { name, shape, values, value: null });
    }
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  lower(
    inputShapes: ReadonlyMap<string, readonly number[]>,
    wanted: readonly string[],
    changeSlice?: SliceChange,
  ): NetworkGraph {
    const targets = wanted.map((name) => this.#tensorOf(name));
    const builder = new NetworkBuilder(WHERE, changeSlice);
    const operands = new Map(this.#stored);
    for (const { name, tensor } of this.#inputs) {
      const shape = inputShapes.get(name);
      if (shape === undefined) return refuse('BAD_OPTION', WHERE, `the shape of the input ${name}`, shape);
      operands.set(tensor, { name, shape, values: null, value: builder.input(name, shape) });
    }
    for (const { operator, rule } of this.#needed(targets)) {
      const inputs = operator.inputs.map((tensor) => operands.get(tensor));
      const call = new Call(WHERE, operator, inputs, builder, this.#constants);
      const made = [rule.lower(call)].flat();
      if (made.length !== operator.outputs.length) {
        call.refuse(`${made.length} output${made.length === 1 ? '' : 's'}`, `${operator.outputs.length}`);
      }
      for (const [place, operand] of made.entries()) {
        operands.set(operator.outputs[place] ?? -1, finished(call, rule, operand, place));
      }
    }
    for (const [index, tensor] of targets.entries()) {
      const operand = operands.get(tensor);
      if (operand === undefined) {
        return refuse('BAD_OPTION', WHERE, 'a value that the network computes', wanted[index]);
      }
      builder.output(this.#constants.valueOf(builder, operand));
    }
    return builder.graph();
  }

  #tensorOf(name: string): number {
    return this.#tensors.get(name) ?? refuse('BAD_OPTION', WHERE, 'the name of a value of the file', name);
  }

  /** What leads to tensors; all of it that cannot be run is refused at once. */
  #needed(targets: readonly number[]) {
    const tensors = new Set(targets);
    const needed = this.#operators.toReversed().filter(({ operator: { inputs, outputs } }) => {
      if (!outputs.some((output) => tensors.has(output))) return false;
      for (const input of inputs) tensors.add(input);
      return true;
    });
    needed.reverse();
    refuseNodes(
      needed.flatMap(({ operator: { name, type }, reason }) =>
        reason === null ? [] : { name, type, reason },
      ),
      () => this.#inFront(needed),
    );
    return needed as (CheckedOperator & { readonly reason: null })[];
  }

  /** Names of values that operators which are not run take of those that are. */
  #inFront(operators: readonly CheckedOperator[]): string[] {
    const runs = new Set<number>();
    const taken = new Set<number>();
    for (const { operator, reason } of operators) {
      const { inputs, outputs, made } = operator;
      if (reason !== null) for (const input of inputs.filter((tensor) => runs.has(tensor))) taken.add(input);
      const known = inputs.every((tensor) => runs.has(tensor) || this.#isGiven(tensor));
      for (const [place, output] of outputs.entries()) {
        const tensor = made[place];
        if (reason === null && known && tensor !== undefined && !isWhole(tensor)) runs.add(output);
      }
    }
    return [...this.#tensors].flatMap(([name, tensor]) => (taken.has(tensor) ? name : []));
  }

  #isGiven(tensor: number): boolean {
    return (
      tensor < 0 || isStored(this.#subgraph, tensor) || this.#inputs.some((input) => input.tensor === tensor)
    );
  }
}
