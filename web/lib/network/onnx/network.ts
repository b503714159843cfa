import { describe, fault, refuse, shapeText } from '../../core/checks.js';
import { isDeconvError } from '../../core/errors.js';
import type { ModelDtype, Values } from '../../models/dtypes.js';
import { type Fold, foldedTensor, notFoldable, reasonOf, valuesAtHand } from '../../models/folding/folded.js';
import { LIMITS } from '../../models/limits.js';
import { awaitedBy, Operands } from '../../models/onnx/operands.js';
import { ModelTensor } from '../../models/tensor.js';
import type { TensorContent } from '../../models/tensor-content.js';
import type { FrontEnd, NodeInfo } from '../front-end.js';
import { NetworkBuilder, type SliceChange } from '../lowering.js';
import type { NetworkGraph } from '../operations.js';
import type { PortInfo } from '../ports.js';
import { constantOf, NodeCall, type Operand, type Slot, titleOf } from './node.js';
import type { Plan, Step } from './plan.js';

const WHERE = 'Network';

/** A network of an ONNX file whose nodes are all known. */
export class OnnxNetwork implements FrontEnd {
  readonly format = 'onnx';
  readonly inputs: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
  readonly #plan: Plan;

  constructor(inputs: readonly PortInfo[], outputs: readonly PortInfo[], plan: Plan) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.#plan = plan;
  }

  get nodes(): readonly NodeInfo[] {
    return this.#plan.steps.map(({ node: { name, type } }) => ({ name, type }));
  }

  has(name: string): boolean {
    return this.#plan.slot(name) !== undefined;
  }

  lower(
    inputShapes: ReadonlyMap<string, readonly number[]>,
    wanted: readonly string[],
    changeSlice?: SliceChange,
  ): NetworkGraph {
    const slots = wanted.map((name) => this.#plan.slot(name) ?? this.#unknown(name));
    const lowering = new Lowering(changeSlice);
    for (const { name } of this.inputs) {
      const shape = inputShapes.get(name);
      const slot = this.#plan.slot(name);
      if (shape !== undefined) lowering.addInput(name, shape, slot);
    }
    for (const step of this.#needed(slots)) lowering.run(step);
    return lowering.graph(slots);
  }

  #unknown(name: string): never {
    throw fault(
      'BAD_OPTION',
      WHERE,
      'outputs among the values that the network computes',
      describe(name),
      'A value that its outputs do not need is computed where loadNetwork has it in its outputs.',
      { name },
    );
  }

  #needed(slots: readonly Slot[]): Step[] {
    const needed = new Set<Slot | null>(slots);
    const steps: Step[] = [];
    for (const step of [...this.#plan.steps].reverse()) {
      if (!step.outputs.some((output) => needed.has(output))) continue;
      for (const input of step.inputs) needed.add(input);
      steps.push(step);
    }
    return steps.reverse();
  }
}

/** One lowering for given sizes. */
class Lowering {
  readonly #builder: NetworkBuilder;
  readonly #operands = new Map<Slot, Operand>();
  #left: number = LIMITS.folded;

  constructor(changeSlice: SliceChange | undefined) {
    this.#builder = new NetworkBuilder(WHERE, changeSlice);
  }

  addInput(name: string, shape: readonly number[], slot: Slot | undefined): void {
    if (shape.includes(0)) {
      throw fault('BAD_SHAPE', WHERE, `an input ${describe(name)} with values`, shapeText(shape), '', {
        shape,
      });
    }
    const value = this.#builder.input(name, shape);
    if (slot !== undefined) this.#operands.set(slot, { tensor: madeTensor(name, shape, slot.dtype), value });
  }

  run(step: Step): void {
    const { node } = step;
    const inputs = step.inputs.map((slot) => slot && this.#operand(slot));
    let results: readonly (Operand | undefined)[];
    try {
      results = this.#computed(step, inputs) ?? this.#emitted(step, inputs);
    } catch (error) {
      if (isDeconvError(error)) throw error;
      const awaited = awaitedBy(error);
      if (awaited === undefined) {
        throw fault(
          'BAD_SHAPE',
          WHERE,
          `sizes that ${titleOf(node)} takes`,
          `a case where ${reasonOf(error)}`,
          '',
          {
            node: node.name,
          },
        );
      }
      throw fault(
        'UNSUPPORTED',
        WHERE,
        'shapes that follow from the sizes of the inputs',
        `${titleOf(node)}, which takes its own from the values of ${describe(awaited.name)}`,
        '',
        { nodes: [{ name: node.name, type: node.type, reason: 'its shape depends on values' }] },
      );
    }
    for (const [place, slot] of step.outputs.entries()) {
      const result = results[place];
      if (result !== undefined) this.#operands.set(slot, result);
    }
  }

  graph(wanted: readonly Slot[]): NetworkGraph {
    for (const slot of wanted) {
      const { tensor, value } = this.#operand(slot);
      this.#builder.output(value ?? this.#builder.constant(constantOf(tensor)));
    }
    return this.#builder.graph();
  }

  #operand(slot: Slot): Operand {
    const known = this.#operands.get(slot);
    if (known !== undefined) return known;
    if (slot.tensor !== null) return { tensor: slot.tensor, value: null };
    return refuse(
      'BAD_OPTION',
      WHERE,
      'every input that the outputs need, and outputs that are computed',
      slot.name,
    );
  }

  /** Values at hand from values at hand, and sizes; null where the node is one of the network. */
  #computed(step: Step, inputs: readonly (Operand | null)[]): Operand[] | null {
    const { rule, node, lower } = step;
    const computed = inputs.some((operand) => operand && operand.value !== null);
    if (rule === undefined || (computed && lower !== null)) return null;
    try {
      return node.outputs.map((name, output) => {
        const made = rule(this.#rulesView(step, inputs, output));
        if (!('compute' in made)) return { tensor: made, value: null };
        return { tensor: this.#held(name, made), value: null };
      });
    } catch (error) {
      if (lower === null || isDeconvError(error) || awaitedBy(error) !== undefined) throw error;
      reasonOf(error);
      return null;
    }
  }

  /** The result, with its values and without what they were made of. */
  #held(name: string, made: Fold): ModelTensor {
    const values = valuesAtHand(foldedTensor(name, made), (work) => this.#spend(work));
    if (values === null) return notFoldable('it depends on values of the network');
    return heldTensor(name, made.shape, made.dtype, values);
  }

  #spend(work: number): void {
    this.#left -= work;
    if (this.#left < 0) notFoldable(`it is computed from sizes in more than ${LIMITS.folded} steps`);
  }

  #rulesView({ node, value }: Step, inputs: readonly (Operand | null)[], output: number): Operands {
    const tensors = inputs.map((operand) => operand?.tensor ?? null);
    return new Operands({ node, output, inputs: tensors, value, file: null });
  }

  #emitted(step: Step, inputs: readonly (Operand | null)[]): readonly (Operand | undefined)[] {
    const { node, lower } = step;
    if (lower === null) return notFoldable('its values are not known');
    const dtype = step.dtype ?? inputs[0]?.tensor.numeric ?? 'float32';
    const call = new NodeCall(
      node,
      this.#builder,
      inputs,
      (output) => this.#rulesView(step, inputs, output),
      (name, shape) => madeTensor(name, shape, dtype),
    );
    lower(call);
    return call.results;
  }
}

/** Of values that are computed when the network runs. */
const COMPUTED: TensorContent = {
  place: null,
  location: null,
  ranges: [],
  quantization: null,
  quantizes: false,
  patchObstacle: 'its values are computed',
  values: () => refuse('INTERNAL', WHERE, 'values at hand', 'values of the network'),
  halves: async () => null,
  edits: () => refuse('INTERNAL', WHERE, 'values at hand', 'values of the network'),
};

function madeTensor(name: string, shape: readonly number[], dtype: ModelDtype): ModelTensor {
  return new ModelTensor(name, shape, dtype, COMPUTED);
}

function heldTensor(name: string, shape: readonly number[], dtype: ModelDtype, values: Values): ModelTensor {
  return foldedTensor(name, { shape, dtype, inputs: [], compute: () => values });
}
