import { describe, refuse } from '../../core/checks.js';
import { LIMITS } from '../limits.js';
import type { Message } from '../wire.js';
import { ATTRIBUTE, DIMENSION, FUNCTION, GRAPH, MODEL, NODE, TENSOR, TENSOR_TYPE, VALUE } from './schema.js';

/** A node of a graph where it stands; one of a function for every call of that. */
export class OnnxNode {
  readonly type: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  /** The file's, with those of the calls and branches around it in front. */
  readonly name: string;
  /** Names of values in `scope`; an empty one is an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly scope: Scope;
  readonly message: Message;

  constructor(message: Message, scope: Scope, index: number) {
    const domain = message.text(NODE.domain);
    this.type = message.text(NODE.type);
    this.domain = domain === 'ai.onnx' ? '' : domain;
    this.inputs = message.texts(NODE.input);
    this.outputs = message.texts(NODE.output);
    this.scope = scope;
    this.message = message;
    const name = message.text(NODE.name) || this.outputs[0] || `${this.type}_${index}`;
    this.name = scope.prefix + name.slice(0, 1000);
  }

  /** Whether it is this operator of ONNX's own, or of the domain. */
  is(type: string, domain = ''): boolean {
    return this.type === type && this.domain === domain;
  }

  integer(name: string): number | undefined {
    return this.#number(name, ATTRIBUTE.integer);
  }

  /** Undefined where the attribute is missing or empty. */
  integers(name: string): readonly number[] | undefined {
    const list = this.list(name) ?? [];
    return list.length === 0 ? undefined : list;
  }

  list(name: string): readonly number[] | undefined {
    return this.attribute(name, ATTRIBUTE.integers)?.integers(ATTRIBUTE.integers);
  }

  float(name: string): number | undefined {
    return this.#number(name, ATTRIBUTE.float);
  }

  text(name: string): string | undefined {
    return this.attribute(name, ATTRIBUTE.text)?.text(ATTRIBUTE.text);
  }

  /** Writers of protobuf's third version leave a zero out. */
  #number(name: string, field: number): number | undefined {
    const attribute = this.attribute(name, field);
    return attribute && (attribute.integer(field) ?? 0);
  }

  /** What a function's node takes from its call is looked up there. */
  attribute(name: string, field?: number): Message | undefined {
    const named = this.message
      .messages(NODE.attribute)
      .find((attribute) => attribute.text(ATTRIBUTE.name) === name);
    const found = named && this.scope.dereferenced(named);
    if (found === undefined || field === undefined) return found;
    const type = found.integer(ATTRIBUTE.type);
    // Files of the first versions say it by the field alone; types are numbered as the fields are.
    const given = type ? type + 1 : KINDS.findIndex((kind, one) => kind && found.messages(one).length > 0);
    if (given < 0 || given === field) return found;
    return refuse(
      'BAD_MODEL',
      'readModel',
      `the attribute ${describe(name)} of ${describe(this.name)} to be ${KINDS[field]}`,
      KINDS[given] ?? 'another type',
    );
  }
}

/** What attributes are, by their fields. */
const KINDS = ',,a float,an integer,a text,a tensor,a graph,floats,integers'.split(',');

/** The names that a graph's nodes see: its own, then those of the graphs around it. */
export class Scope {
  readonly outer: Scope | null;
  /** Of a function's call: the scope that it stands in, and the function. */
  readonly caller: { readonly scope: Scope; readonly called: Message } | null;
  /** In front of the names of its nodes. */
  readonly prefix: string;
  readonly nodes: OnnxNode[] = [];
  readonly initializers = new Map<string, Message>();
  /** Inputs of a function's call, which are names where it was called. */
  readonly arguments = new Map<string, string>();
  /** Why these have no value. */
  readonly unknown = new Map<string, string>();
  readonly shapes = new Map<string, readonly number[]>();
  readonly outputs = new Set<string>();
  readonly #attributes: ReadonlyMap<string, Message>;
  readonly #names = new Set<string>();
  readonly #producers = new Map<string, OnnxNode>();
  #consumers: Map<string, OnnxNode[]> | undefined;

  constructor(
    outer: Scope | null,
    prefix: string,
    caller: Scope['caller'] = null,
    attributes: ReadonlyMap<string, Message> = new Map(),
  ) {
    this.outer = outer;
    this.prefix = prefix;
    this.caller = caller;
    this.#attributes = attributes;
  }

  addNode(message: Message): void {
    const node = new OnnxNode(message, this, this.nodes.length);
    this.nodes.push(node);
    for (const output of node.outputs) {
      // Those that are left out have no name.
      if (output) this.#claim(output, this.#producers);
      this.#producers.set(output, node);
    }
  }

  addInput(name: string): void {
    this.#claim(name, this.unknown, this.initializers);
    this.unknown.set(name, 'an input of the model');
  }

  addInitializer(name: string, tensor: Message): void {
    this.#claim(name, this.initializers, this.unknown);
    this.initializers.set(name, tensor);
  }

  /** Nothing else has the name of one of a kind, but weights may be listed among the inputs. */
  #claim(name: string, kind: ReadonlyMap<string, unknown>, other?: ReadonlyMap<string, unknown>): void {
    if (kind.has(name) || (this.#names.has(name) && !other?.has(name))) {
      refuse('BAD_MODEL', 'readModel', 'each name once', name);
    }
    this.#names.add(name);
  }

  /** The node of this scope that makes the value. */
  producer(name: string): OnnxNode | undefined {
    return this.#producers.get(name);
  }

  /** Whether it is, or is within, a call of one of the model's functions. */
  get inFunction(): boolean {
    return this.caller !== null || (this.outer?.inFunction ?? false);
  }

  /** The nodes of this scope that take the value; those in branches and functions are not among them. */
  consumers(name: string): readonly OnnxNode[] {
    if (this.#consumers === undefined) {
      this.#consumers = new Map();
      for (const node of this.nodes) {
        for (const input of new Set(node.inputs)) {
          const known = this.#consumers.get(input);
          if (known === undefined) this.#consumers.set(input, [node]);
          else known.push(node);
        }
      }
    }
    return this.#consumers.get(name) ?? [];
  }

  /** An attribute of a function's node may be one of the call's; undefined if that has none. */
  dereferenced(attribute: Message): Message | undefined {
    const reference = attribute.text(ATTRIBUTE.reference);
    if (reference === '') return attribute;
    for (let at: Scope | null = this; at !== null; at = at.outer) {
      if (at.caller !== null) return at.#attributes.get(reference);
    }
    return undefined;
  }
}

/** A model's graph with all that stands in it, made as it is walked, in bounded work. */
export class OnnxGraph {
  readonly main = new Scope(null, '');
  readonly #functions = new Map<string, Message>();
  /** Version of the format. */
  readonly version: number;
  readonly #calls = new Map<OnnxNode, Scope>();
  /** Those that were met. */
  readonly scopes: Scope[] = [];
  #names = 0;

  constructor(model: Message) {
    this.version = model.integer(MODEL.version) ?? 0;
    // One, but protobuf lets a message come in parts.
    const graphs = model.messages(MODEL.graph);
    if (graphs.length === 0) {
      refuse(
        'BAD_MODEL',
        'readModel',
        'an ONNX model, with a graph',
        'a file without',
        'Is it another format?',
      );
    }
    for (const one of model.messages(MODEL.functions)) this.#functions.set(functionKey(one, FUNCTION), one);
    for (const graph of graphs) this.#addGraph(this.main, graph);
  }

  /**
   * Every node, those of branches, loops and function calls behind the node that has them; the calls
   * themselves are left out.
   */
  walk(): Generator<OnnxNode> {
    return this.#walk(this.main);
  }

  *#walk(scope: Scope): Generator<OnnxNode> {
    for (const node of scope.nodes) {
      const attributes = node.message.messages(NODE.attribute);
      this.#spend(1 + attributes.length);
      const call = this.callOf(node);
      if (call === undefined) yield node;
      else yield* this.#walk(call);
      for (const attribute of attributes) {
        for (const graph of [
          ...attribute.messages(ATTRIBUTE.graph),
          ...attribute.messages(ATTRIBUTE.graphs),
        ]) {
          this.#spend(SCOPE_COST);
          const inner = new Scope(scope, nested(`${node.name}/${attribute.text(ATTRIBUTE.name)}`));
          this.#addGraph(inner, graph);
          yield* this.#walk(inner);
        }
      }
    }
  }

  /** The scope of a call of one of the model's own functions; undefined for another node. */
  callOf(node: OnnxNode): Scope | undefined {
    const called = this.#functions.get(functionKey(node.message, NODE));
    if (called === undefined) return undefined;
    let scope = this.#calls.get(node);
    if (scope === undefined) {
      scope = this.#call(called, node);
      this.#calls.set(node, scope);
    }
    return scope;
  }

  /** Functions are read at every call: what their inputs are is known only there. */
  #call(called: Message, node: OnnxNode): Scope {
    for (let at: Scope | null = node.scope; at !== null; at = at.outer ?? at.caller?.scope ?? null) {
      if (at.caller?.called !== called) continue;
      refuse('BAD_MODEL', 'readModel', 'functions that do not call themselves', node.name);
    }
    const [parameters, defaults, nodes] = [
      called.texts(FUNCTION.input),
      called.messages(FUNCTION.defaults),
      called.messages(FUNCTION.node),
    ];
    this.#spend(SCOPE_COST + parameters.length + defaults.length);
    const attributes = new Map<string, Message>();
    for (const given of [...defaults, ...node.message.messages(NODE.attribute)]) {
      attributes.set(given.text(ATTRIBUTE.name), node.scope.dereferenced(given) ?? given);
    }
    const inner = new Scope(null, nested(node.name), { scope: node.scope, called }, attributes);
    for (const [index, parameter] of parameters.entries()) {
      const name = node.inputs[index];
      if (name !== undefined) inner.arguments.set(parameter, name);
      else inner.unknown.set(parameter, 'an input that the call leaves out');
    }
    for (const output of called.texts(FUNCTION.output)) inner.outputs.add(output);
    this.#addNodes(inner, nodes);
    this.scopes.push(inner);
    return inner;
  }

  #addGraph(scope: Scope, graph: Message): void {
    const [inputs, outputs, infos, initializers, sparses] = [
      graph.messages(GRAPH.input),
      graph.messages(GRAPH.output),
      graph.messages(GRAPH.valueInfo),
      graph.messages(GRAPH.initializer),
      graph.messages(GRAPH.sparse),
    ];
    this.#spend(2 * inputs.length + outputs.length + infos.length + initializers.length + sparses.length);
    for (const value of [...inputs, ...infos, ...outputs]) {
      const dims = value.message(VALUE.type)?.message(1)?.message(TENSOR_TYPE.shape)?.messages(1) ?? [];
      this.#spend(dims.length);
      const shape = dims.map((dim) => dim.integer(DIMENSION.length) ?? 0);
      scope.shapes.set(value.text(VALUE.name), shape);
    }
    for (const input of inputs) scope.addInput(input.text(VALUE.name));
    for (const output of outputs) scope.outputs.add(output.text(VALUE.name));
    for (const tensor of initializers) scope.addInitializer(tensor.text(TENSOR.name), tensor);
    for (const sparse of sparses) {
      scope.unknown.set(sparse.message(1)?.text(TENSOR.name) ?? '', 'a sparse tensor');
    }
    this.#addNodes(scope, graph.messages(GRAPH.node));
    this.scopes.push(scope);
  }

  #addNodes(scope: Scope, nodes: readonly Message[]): void {
    for (const node of nodes) {
      this.#spend(1 + node.texts(NODE.output).length);
      scope.addNode(node);
    }
  }

  /** A small file can have its functions called very often. */
  #spend(entries: number): void {
    this.#names += entries;
    if (this.#names <= LIMITS.names) return;
    refuse(
      'BAD_MODEL',
      'readModel',
      `at most ${LIMITS.names} names and nodes, those of functions at every call`,
      'more',
    );
  }
}

/** What a scope costs as much as, in names. */
const SCOPE_COST = 60;

/** A node calls the function of its own domain, name and overload. */
function functionKey(
  message: Message,
  fields: {
    readonly domain: number;
    readonly overload: number;
    readonly name: number;
    readonly type?: number;
  },
): string {
  const name = message.text(fields.type ?? fields.name);
  return JSON.stringify([message.text(fields.domain), name, message.text(fields.overload)]);
}

/** Names of what is inside, however deep, stay short enough to read. */
function nested(title: string): string {
  return `${title.length > 1000 ? `…${title.slice(-1000)}` : title}/`;
}
