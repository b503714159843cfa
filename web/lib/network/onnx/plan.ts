// What of a file its outputs need: its nodes in an order in which they can be computed, each with its rule, and its
// constants, their values read.

import { describe, refuse } from '../../core/checks.js';
import { isFloat, type ModelDtype } from '../../models/dtypes.js';
import { keepAtHand, notFoldable, reasonOf } from '../../models/folding/folded.js';
import { LIMITS } from '../../models/limits.js';
import type { Constants } from '../../models/onnx/constants.js';
import type { OnnxGraph, OnnxNode, Scope } from '../../models/onnx/graph.js';
import type { Rule } from '../../models/onnx/operands.js';
import { ruleOf } from '../../models/onnx/operators.js';
import { FUNCTION, NODE, OPSET } from '../../models/onnx/schema.js';
import type { ModelTensor } from '../../models/tensor.js';
import { Evaluation } from '../../models/tensor-content.js';
import type { Message } from '../../models/wire.js';
import { refuseNodes, type UnsupportedNode } from '../front-end.js';
import { LoadedNode, type NodeCall, type Slot } from './node.js';
import { isOld, movesValues, nodeRuleOf } from './rules.js';

/** A node that is computed. */
export interface Step {
  readonly node: OnnxNode;
  readonly inputs: readonly (Slot | null)[];
  readonly outputs: readonly Slot[];
  /** Computes values from values at hand; undefined where none is known. */
  readonly rule: Rule | undefined;
  /** The tensor that is its attribute `value`. */
  readonly value: ModelTensor | string | null;
  /** Emits its operations; null where its values are always at hand. */
  readonly lower: ((call: NodeCall) => void) | null;
  readonly dtype: ModelDtype | null;
}

/** From it on all operators have the meaning that is known here. */
const OLDEST_OPSET = 7;

/** Sizes are known of every value. */
const OF_SIZES: ReadonlySet<string> = new Set(['Shape', 'Size']);

/** Of one node; joins of hundreds are common. */
const MOST_PORTS = 1 << 14;

/** A name, and where it is one. */
interface Place {
  readonly scope: Scope;
  readonly name: string;
}

/** Finds all that given values of the file need. */
export class Plan {
  readonly steps: Step[] = [];
  readonly #slots = new Map<Scope, Map<string, Slot>>();
  readonly #states = new Map<OnnxNode, 'open' | 'done'>();
  readonly #inputs: ReadonlyMap<string, ModelDtype>;
  readonly #graph: OnnxGraph;
  readonly #constants: Constants;
  #evaluation = new Evaluation();
  readonly #read = new Set<ModelTensor>();
  /** How many nodes constants are computed by since the last ones whose values are known. */
  readonly #depths = new WeakMap<ModelTensor, number>();
  readonly #opsets: ReadonlyMap<string, number>;
  readonly #unsupported = new Map<OnnxNode, UnsupportedNode>();
  /** What depends on nodes that cannot be run, and the values in front of those, which can be asked for. */
  readonly #beyond = new Set<Slot>();
  readonly #inFront = new Set<string>();
  /** Outputs that their nodes do not compute, until something needs them. */
  readonly #unmade = new Map<Slot, OnnxNode>();

  /** @param inputs types of the model's inputs */
  constructor(
    graph: OnnxGraph,
    constants: Constants,
    inputs: ReadonlyMap<string, ModelDtype>,
    opsets: readonly Message[],
  ) {
    this.#graph = graph;
    this.#constants = constants;
    this.#inputs = inputs;
    this.#opsets = versionsOf(opsets);
  }

  /** The value of a name of the model's graph; undefined for one that nothing in the plan needs. */
  slot(name: string): Slot | undefined {
    const place = this.#resolve(name, this.#graph.main);
    return place === null ? undefined : this.#slots.get(place.scope)?.get(place.name);
  }

  async need(names: readonly string[]): Promise<void> {
    for (const name of names) await this.#visit(name);
    for (const name of names) {
      const tensor = this.slot(name)?.tensor;
      if (tensor) await this.#readValues(tensor);
    }
    // What weights were computed from is not kept.
    this.#evaluation = new Evaluation();
    refuseNodes([...this.#unsupported.values()], () => [...this.#inFront]);
  }

  /** Depth first, without recursion: networks are deep. */
  async #visit(name: string): Promise<void> {
    const waiting = this.#producersOf([name], this.#graph.main);
    for (let node = waiting.at(-1); node !== undefined; node = waiting.at(-1)) {
      const state = this.#states.get(node);
      if (state === undefined) {
        this.#states.set(node, 'open');
        for (const before of this.#producersOf(node.inputs, node.scope)) {
          const known = this.#states.get(before);
          if (known === 'open')
            refuse('BAD_MODEL', 'loadNetwork', 'nodes that do not need themselves', before.name);
          if (known === undefined) waiting.push(before);
        }
        continue;
      }
      waiting.pop();
      if (state === 'done') continue;
      this.#states.set(node, 'done');
      await this.#add(node);
    }
    await this.#slotOf(name, this.#graph.main);
  }

  #producersOf(names: readonly string[], scope: Scope): OnnxNode[] {
    return names.flatMap((name) => {
      const place = this.#resolve(name, scope);
      return place?.scope.initializers.has(place.name) ? [] : (place?.scope.producer(place.name) ?? []);
    });
  }

  /** Where a value is made, through calls of functions; null for what is left out. */
  #resolve(name: string, scope: Scope): Place | null {
    let [at, word] = [scope, name];
    for (let steps = 0; steps < LIMITS.steps; steps += 1) {
      if (word === '') return null;
      const passed = at.arguments.get(word);
      const producer = at.producer(word);
      if (passed !== undefined && at.caller !== null) [at, word] = [at.caller.scope, passed];
      else if (at.initializers.has(word)) return { scope: at, name: word };
      else if (producer !== undefined) {
        const inner = this.#graph.callOf(producer);
        if (inner === undefined) return { scope: at, name: word };
        const output = [...inner.outputs][producer.outputs.indexOf(word)];
        if (output === undefined) break;
        [at, word] = [inner, output];
      } else if (at.caller !== null && at.unknown.has(word)) return null;
      else return { scope: at, name: word };
    }
    return refuse('BAD_MODEL', 'loadNetwork', 'values that something makes', word);
  }

  /** A value whose nodes were added; null for what is left out. Most are known, and need no waiting. */
  #slotOf(name: string, scope: Scope): Slot | null | Promise<Slot> {
    const place = this.#resolve(name, scope);
    if (place === null) return null;
    const known = this.#slots.get(place.scope)?.get(place.name);
    if (known === undefined) return this.#newSlot(place);
    const node = this.#unmade.get(known);
    if (node !== undefined) this.#refuse(node, `its output ${describe(known.name)} is not computed`);
    this.#unmade.delete(known);
    return known;
  }

  async #newSlot(place: Place): Promise<Slot> {
    const found = await this.#constants.find(place.name, place.scope);
    if (typeof found === 'object') return this.#addSlot(place, found, false, found.numeric);
    const dtype = place.scope === this.#graph.main ? this.#inputs.get(place.name) : undefined;
    if (dtype === undefined) {
      const code = place.scope.initializers.has(place.name) ? 'UNSUPPORTED' : 'BAD_MODEL';
      return refuse(code, 'loadNetwork', `a value ${describe(place.name)} that is known`, found);
    }
    return this.#addSlot(place, null, false, dtype);
  }

  #addSlot({ scope, name }: Place, tensor: ModelTensor | null, sized: boolean, dtype: ModelDtype): Slot {
    const slot: Slot = { name: scope.prefix + name, tensor, sized, dtype };
    let slots = this.#slots.get(scope);
    if (slots === undefined) {
      slots = new Map();
      this.#slots.set(scope, slots);
    }
    slots.set(name, slot);
    return slot;
  }

  async #add(node: OnnxNode): Promise<void> {
    const { scope } = node;
    const ports = [node.inputs, node.outputs, node.message.messages(NODE.attribute)];
    if (ports.some(({ length }) => length > MOST_PORTS)) {
      refuse(
        'BAD_MODEL',
        'loadNetwork',
        `nodes of at most ${MOST_PORTS} inputs, outputs or attributes`,
        node.name,
      );
    }
    const inputs: (Slot | null)[] = [];
    for (const name of node.inputs) {
      const slot = this.#slotOf(name, scope);
      inputs.push(slot !== null && 'then' in slot ? await slot : slot);
    }
    const constant = inputs.every((slot) => slot?.tensor !== null);
    const problem = constant ? await this.#addConstants(node, inputs) : null;
    if (constant && problem === null) return;
    for (const slot of inputs) if (slot?.tensor) await this.#readValues(slot.tensor);
    const value = await this.#constants.value(node);
    if (typeof value === 'object' && value !== null) await this.#readValues(value);
    const rule = ruleOf(node);
    const sized =
      rule !== undefined &&
      ((node.domain === '' && OF_SIZES.has(node.type)) ||
        (!constant && inputs.every((slot) => slot?.tensor !== null || slot.sized)));
    const scales = await this.#constants.floats(node, 'scales');
    const loaded = new LoadedNode(node, this.#versionFor(node), inputs, scales);
    const lower =
      sized && nodeRuleOf(node) === undefined ? null : this.#prepare(loaded, sized, rule ? problem : null);
    const [first] = inputs;
    const dtype = loaded.dtype ?? first?.dtype ?? 'float32';
    const outputs = node.outputs.map((name) => this.#addSlot({ scope, name }, null, sized, dtype));
    if (!sized) for (const output of outputs.slice(loaded.outputs)) this.#unmade.set(output, node);
    if (!sized) this.#noteFront(node, inputs, outputs, lower !== null);
    this.steps.push({ node, inputs, outputs, rule, value, lower, dtype: loaded.dtype });
  }

  #noteFront(
    { scope }: OnnxNode,
    inputs: readonly (Slot | null)[],
    outputs: readonly Slot[],
    runs: boolean,
  ): void {
    const computed = inputs.filter((slot) => slot?.tensor === null && !slot.sized) as Slot[];
    if (!runs && scope === this.#graph.main) {
      for (const slot of computed) {
        const asked = isFloat(slot.dtype) && !this.#inputs.has(slot.name) && !this.#beyond.has(slot);
        if (asked) this.#inFront.add(slot.name);
      }
    }
    if (!runs || computed.some((slot) => this.#beyond.has(slot))) {
      for (const slot of outputs) this.#beyond.add(slot);
    }
  }

  /** Outputs of a node of constants, or why it makes none. */
  async #addConstants(node: OnnxNode, inputs: readonly (Slot | null)[]): Promise<string | null> {
    const tensors = new Map<string, ModelTensor>();
    for (const output of node.outputs.filter((name) => name !== '')) {
      const found = await this.#constants.find(output, node.scope);
      if (typeof found === 'string') return found;
      tensors.set(output, found);
    }
    const depth =
      1 + Math.max(0, ...inputs.map((slot) => this.#depths.get(slot?.tensor as ModelTensor) ?? 0));
    for (const [name, tensor] of tensors) {
      this.#addSlot({ scope: node.scope, name }, tensor, false, tensor.numeric);
      if (depth < LIMITS.steps) this.#depths.set(tensor, depth);
      else await this.#readValues(tensor);
    }
    return null;
  }

  /** Null for what is not run, which is noted unless its values will be at hand anyway. */
  #prepare(loaded: LoadedNode, sized: boolean, problem: string | null): ((call: NodeCall) => void) | null {
    const { node, inputs } = loaded;
    try {
      const rule = nodeRuleOf(node) ?? notFoldable(problem ?? 'networks have no such operator');
      if (loaded.opset < OLDEST_OPSET && node.domain === '' && !isOld(node)) {
        notFoldable(`it is of opset ${loaded.opset}, and read from ${OLDEST_OPSET} on`);
      }
      const integer = inputs.find((slot) => slot && !slot.tensor && !slot.sized && !isFloat(slot.dtype));
      if (integer && !movesValues(node)) {
        notFoldable(`it computes with ${integer.dtype} values of ${describe(integer.name)}`);
      }
      return rule(loaded);
    } catch (error) {
      const reason = reasonOf(error);
      if (!sized) this.#refuse(node, reason);
      return null;
    }
  }

  #refuse(node: OnnxNode, reason: string): void {
    const { name, domain, type } = node;
    const prefix = domain === '' ? '' : `${domain.slice(0, 100)}.`;
    this.#unsupported.set(node, { name, type: prefix + type.slice(0, 100), reason });
  }

  async #readValues(tensor: ModelTensor): Promise<void> {
    if (this.#read.has(tensor)) return;
    this.#read.add(tensor);
    keepAtHand(tensor, await this.#evaluation.valuesOf(tensor.content));
  }

  /** Of the operators that a node is of. */
  #versionFor({ scope, domain }: OnnxNode): number {
    const own =
      scope.caller === null
        ? undefined
        : versionsOf(scope.caller.called.messages(FUNCTION.opset)).get(domain);
    return own ?? this.#opsets.get(domain) ?? 1;
  }
}

function versionsOf(opsets: readonly Message[]): Map<string, number> {
  return new Map(
    opsets.slice(0, 100).map((opset) => {
      const domain = opset.text(OPSET.domain);
      return [domain === 'ai.onnx' ? '' : domain, opset.integer(OPSET.version) ?? 1];
    }),
  );
}
