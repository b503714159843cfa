import { SEQUENTIAL } from '../core/brands.js';
import { checkBoolean, checkOptions, fault, refuse } from '../core/checks.js';
import { DisposableObject } from '../core/disposable.js';
import { isList } from '../core/realms.js';
import { guardReceivers } from '../core/receivers.js';
import { checkOut, checkShape, checkTensor, type Tensor, type TensorLike } from '../core/tensor.js';
import {
  fitState,
  type LoadedState,
  type LoadStateOptions,
  type NestedState,
  prefixed,
  type StateDict,
  type Stateful,
} from '../layers/state-dict.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import type { Runtime } from '../runtime/runtime.js';
import { allOrNothing } from './all-or-nothing.js';
import { type ChainStep, chainStep } from './chain-step.js';
import { DEFINITION, type Definition, flatten, type ModuleNode, type Unit, unitsOf } from './definition.js';
import { evaluate, plainTensor } from './evaluation.js';
import { ChainFusion, FUSES } from './fusions.js';
import { type Module, statefulOf, type Trainable } from './module.js';
import {
  byName,
  type NamedInputs,
  type NamedTensors,
  ownValue,
  readGiven,
  requireOneOutput,
} from './named.js';
import { type Prepared, prepare } from './prepared.js';
import { Program } from './program.js';
import { ProgramCache } from './program-cache.js';
import { ProgramCall, requireApart } from './program-call.js';
import { type Summary, summarize } from './summary.js';
import {
  type NamedGradients,
  type NamedTrace,
  type SequentialGradients,
  type Trace,
  traceOf,
} from './trace.js';

/** What `forward` of a chain takes beside its input. */
export interface ChainForwardOptions<Out = Tensor> {
  /**
   * Receives the result instead of a new tensor; must have the output's shape. It may overlap the input in any way.
   * With HeapTensors for input and output nothing is copied (but where the two overlap).
   */
  readonly out?: Out;
}

/** A list of its own, so that a steady loop makes none. */
const FORWARD_OPTIONS = ['out'] as const;

/** A child's name in states and errors, and the child. */
export interface Child {
  readonly name: string;
  readonly module: Module;
}

/** A program, and the modes of the chain's modules that it was made for. */
interface Kept {
  readonly program: Program<ChainStep>;
  readonly modes: readonly (boolean | undefined)[];
}

/** What `Sequential` and `Graph` have in common: everything but how they are put together. */
export abstract class Chain extends DisposableObject implements Stateful {
  readonly #name: string;
  readonly #where: string;
  #prepared: Prepared | undefined;
  readonly #programs: ProgramCache<Kept, Prepared['moded']>;
  /** By the names of the nodes that compute what is fused. */
  readonly #fusions = new Map<string, ChainFusion>();
  #training = true;
  #disposed = false;
  readonly #call = new ProgramCall();

  static {
    guardReceivers(Chain.prototype, 'Chain', (value) => #name in value, [
      ...Object.getOwnPropertyNames(Chain.prototype),
      SEQUENTIAL,
    ]);
  }

  /** @internal */
  protected constructor(name: string) {
    super();
    this.#name = name;
    this.#where = `${name}.forward`;
    this.#programs = new ProgramCache(this.#where, sameModes);
  }

  /** The children in order; a chain among them stays one. */
  get modules(): readonly Module[] {
    return Object.freeze(this.children().map(({ module }) => module));
  }

  /** All modules with parameters, each once: the list for an optimizer. */
  get layers(): readonly (Module & Trainable)[] {
    return this.#prepare().layers;
  }

  /** Whether the chain was last put into training; it is made so. */
  get training(): boolean {
    return this.#training;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /**
   * Computes the chain and remembers nothing of `x`. What lies between its modules stays on the WebAssembly heap, in one
   * arena that steps share; a loop over the same shapes with `out` allocates nothing. A graph of several inputs or
   * outputs takes and gives tensors by name.
   *
   * @returns `options.out` where there is one
   * @throws {DeconvError} as a module's forward, with the node in the message and in `detail.node`
   *
   * @example
   * await init();
   * const up = new ConvTranspose1d({ inChannels: 4, outChannels: 2, kernelSize: 2, stride: 2 });
   * const decoder = new Sequential(up, new Tanh());
   * console.log(decoder.forward({ data: new Float32Array(4 * 8), shape: [1, 4, 8] }).shape.join('x')); // 1x2x16
   */
  forward<Out extends Tensor = Tensor<ArrayBuffer>>(
    x: TensorLike,
    options?: ChainForwardOptions & { readonly out?: Out },
  ): Out;
  forward<Out extends NamedTensors = NamedTensors<ArrayBuffer>>(
    x: NamedInputs,
    options?: ChainForwardOptions<NamedTensors> & { readonly out?: Out },
  ): Out;
  forward(
    x: TensorLike | NamedInputs,
    options?: ChainForwardOptions<Tensor | NamedTensors>,
  ): Tensor | NamedTensors {
    const where = this.#requireLive(this.#where);
    const prepared = this.#prepare();
    if (options !== undefined) checkOptions<ChainForwardOptions>(where, options, FORWARD_OPTIONS);
    const given = this.#call.begin(where);
    try {
      const named = readGiven(where, 'input', x, prepared.inputNames, given);
      if (!named) requireOneOutput(where, prepared.outputNames);
      return prepared.programmable
        ? this.#run(where, prepared, given, named, options?.out)
        : this.#evaluate(where, prepared, given, named, options?.out);
    } finally {
      this.#call.end();
    }
  }

  /**
   * Computes the modules and keeps what came between them, so that a training step computes them once.
   *
   * @throws {DeconvError} as `forward`
   *
   * @example
   * await init();
   * const up = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2 });
   * const decoder = new Sequential(up, new Tanh());
   * const step = sgd(decoder.layers, { learningRate: 0.1 });
   * const pass = decoder.trace({ data: [1, 2], shape: [1, 1, 2] });
   * const { loss, gradient } = meanSquaredError(pass.output, { data: [0, 0.5, 0, 0.5], shape: [1, 1, 4] });
   * step(pass.backward(gradient).layers);
   * console.log(loss > 0, step.steps); // true 1
   */
  trace(x: TensorLike): Trace;
  trace(x: NamedInputs): NamedTrace;
  trace(x: TensorLike | NamedInputs): Trace | NamedTrace {
    const where = this.#requireLive(`${this.#name}.trace`);
    return traceOf(where, this.#name, this.#prepare(), x, false);
  }

  /**
   * Gradients of `sum(forward(x) * gradOutput)`: pure, so it computes the modules again, without moving running
   * statistics on; a Dropout drops what it dropped last. In training use `trace`.
   *
   * @throws {DeconvError} as a layer's backward
   */
  backward(x: TensorLike, gradOutput: TensorLike): SequentialGradients;
  backward(x: NamedInputs, gradOutputs: NamedInputs): NamedGradients;
  backward(
    x: TensorLike | NamedInputs,
    gradOutput: TensorLike | NamedInputs,
  ): SequentialGradients | NamedGradients {
    const where = this.#requireLive(`${this.#name}.backward`);
    return (traceOf(where, this.#name, this.#prepare(), x, true) as Trace).backward(gradOutput as Tensor);
  }

  /**
   * What the chain does with inputs of these shapes: shapes, parameters, multiply-adds and routes of its steps, and the
   * memory between them. As text it is a table.
   *
   * @throws {DeconvError} as `forward`; `UNSUPPORTED` for modules without `outputShape`
   *
   * @example
   * await init();
   * const up = new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 4, stride: 2 });
   * const { parameters, steps } = new Sequential({ up, relu: new ReLU() }).summary([1, 8, 16, 16]);
   * console.log(parameters, steps.map(({ name, within }) => `${name} ${within}`).join(', ')); // 516 up null, relu up
   */
  summary(inputShape: readonly number[] | Readonly<Record<string, readonly number[]>>): Summary {
    const where = this.#requireLive(`${this.#name}.summary`);
    const prepared = this.#prepare();
    const { inputNames, inputLabels, chain, bound, fits } = prepared;
    if (!fits) {
      refuse('UNSUPPORTED', where, 'modules that tell their outputShape, on one runtime', String(this));
    }
    const given = isList(inputShape) ? [inputShape] : inputNames.map((name) => ownValue(inputShape, name));
    const shapes = inputLabels.map((label, index) => checkShape(where, `${label}'s shape`, given[index]));
    const runtime = requireRuntime(where, bound);
    return summarize(this.#name, chain, this.#program(where, runtime, prepared, shapes));
  }

  /**
   * Copies of all parameters and running statistics by PyTorch's names: a child's name goes before its own, `0.weight`,
   * `up1.bias`, `2.0.weight`.
   *
   * @throws {DeconvError} `DISPOSED`
   *
   * @example
   * const up = new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 4, stride: 2 });
   * const decoder = new Sequential({ up });
   * console.log(Object.keys(decoder.stateDict()).join(' ')); // up.weight up.bias
   * const file = writeSafetensors(decoder.stateDict());
   * console.log((await readModel(file)).tensors.map(({ name }) => name).join(' ')); // up.bias up.weight
   */
  stateDict(): StateDict {
    return Object.assign({}, ...this.#parts().map(({ name, part }) => prefixed(name, part.stateDict())));
  }

  /**
   * Replaces the parameters of all modules by copies of those in `state`, or nothing where they do not fit.
   *
   * @throws {DeconvError} as a layer's loadStateDict
   *
   * @example
   * const make = (seed) => new Sequential(new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 4, seed }));
   * const [one, other] = [make(1), make(2)];
   * const file = await readModel(writeSafetensors(one.stateDict()));
   * other.loadStateDict(await file.stateDict());
   * console.log(other.layers[0].weight.data.join() === one.layers[0].weight.data.join()); // true
   */
  loadStateDict(state: StateDict | NestedState, options?: LoadStateOptions): LoadedState {
    const parts = this.#parts().map((one) => ({ ...one, before: one.part.stateDict() }));
    const shapes: Record<string, readonly number[]> = {};
    for (const { name, before } of parts) {
      for (const [own, { shape }] of Object.entries(before)) shapes[`${name}.${own}`] = shape;
    }
    const { found, missing, unexpected } = fitState(`${this.#name}.loadStateDict`, shapes, state, options);
    const changes = parts.map(({ name, part, before }) => {
      const own = Object.entries(found)
        .filter(([whole]) => whole.startsWith(`${name}.`))
        .map(([whole, tensor]) => [whole.slice(name.length + 1), tensor]);
      const load = (tensors: StateDict) => part.loadStateDict(tensors, { strict: false });
      return { act: () => load(Object.fromEntries(own)), undo: () => load(before) };
    });
    allOrNothing(changes);
    return { missing, unexpected };
  }

  /**
   * Puts all modules into training, in which normalizations compute with the statistics of their input, or with `false`
   * out of it. They are made in training.
   *
   * @throws {DeconvError} `BAD_TYPE`
   */
  train(mode = true): this {
    this.#training = checkBoolean(`${this.#name}.train`, 'mode', mode);
    for (const { module } of this.children()) module.train?.(mode);
    return this;
  }

  /** `train(false)`: normalizations compute with their running statistics. */
  eval(): this {
    return this.train(false);
  }

  /** Disposes every module and frees the arena. May be called again; every pass after it throws `DISPOSED`. */
  override dispose(): void {
    this.#disposed = true;
    this.#call.afterwards(() => {
      this.#programs.dispose();
      for (const { operators } of this.#fusions.values()) operators.dispose();
      for (const { module } of this.children()) module.dispose?.();
    });
  }

  /** One line a module, with its name as PyTorch does. */
  override toString(): string {
    const lines = this.children().map(
      ({ name, module }) => `  (${name}): ${String(module).replaceAll('\n', '\n  ')}\n`,
    );
    return `${this.#name}(\n${lines.join('')})`;
  }

  /** @internal */
  get [SEQUENTIAL](): true {
    return true;
  }

  /** @internal What it is made of; nothing is added after it was asked for. */
  abstract get [DEFINITION](): Definition;

  /** @internal Its modules by name. */
  protected abstract children(): readonly Child[];

  #parts(): { readonly name: string; readonly part: Stateful }[] {
    const where = `${this.#name}.loadStateDict`;
    return this.children().flatMap(({ name, module }) => {
      const part = statefulOf(module, where);
      return part === null ? [] : [{ name, part }];
    });
  }

  #prepare(): Prepared {
    this.#prepared ??= prepare(flatten(this[DEFINITION]));
    return this.#prepared;
  }

  /** One node after the other, where they do not all stand on one heap. */
  #evaluate(
    where: string,
    prepared: Prepared,
    given: readonly unknown[],
    named: boolean,
    out: Tensor | NamedTensors | undefined,
  ): Tensor | NamedTensors {
    const { inputLabels, outputNames } = prepared;
    const inputs = inputLabels.map((label, index) => plainTensor(where, label, given[index]));
    const receivers: unknown[] = [];
    if (out !== undefined) readGiven(where, 'out', out, outputNames, receivers, named);
    const results = evaluate(where, prepared, inputs, () => {});
    if (out === undefined) return named ? byName(outputNames, results) : (results[0] as Tensor);
    const places = results.map(({ shape, data }, index) =>
      checkOut(where, receivers[index], shape, data.length),
    );
    requireApart(where, outputNames, receivers);
    for (const [index, { data }] of results.entries()) (places[index] as Float32Array).set(data);
    return out;
  }

  #run(
    where: string,
    prepared: Prepared,
    given: readonly unknown[],
    named: boolean,
    out: Tensor | NamedTensors | undefined,
  ): Tensor | NamedTensors {
    const runtime = requireRuntime(where, prepared.bound);
    const kept = this.#programs.find(runtime, given, prepared.moded);
    const program = kept?.program ?? this.#newProgram(where, runtime, prepared, given);
    return this.#call.run(where, runtime, prepared, program, this.#programs.addressOf, named, out);
  }

  // A function of its own, as others below, so that a steady loop does not make the closures.
  #newProgram(
    where: string,
    runtime: Runtime,
    prepared: Prepared,
    given: readonly unknown[],
  ): Program<ChainStep> {
    const inputShapes = given.map(
      (value, index) => checkTensor(where, prepared.inputLabels[index] as string, value).shape,
    );
    const { moded } = prepared;
    const program = this.#program(where, runtime, prepared, inputShapes);
    const modes = moded.map(({ training }) => training);
    const kept = this.#programs.add({ program, modes }, (one) => sameModes(one, moded));
    const used = new Set(kept.flatMap((one) => one.program.steps.map(({ fusion }) => fusion)));
    for (const fusion of this.#fusions.values()) if (!used.has(fusion)) fusion.operators.dispose();
    return program;
  }

  #program(
    where: string,
    runtime: Runtime,
    { chain }: Prepared,
    inputShapes: readonly (readonly number[])[],
  ): Program<ChainStep> {
    const units = unitsOf(chain, FUSES);
    const fusionOf = (unit: Unit & ModuleNode): ChainFusion => {
      // Which of what stands behind it a node computes goes by the modes. No name has two points.
      const key = [unit, unit.norm, unit.activation].map((node) => node?.name).join('..');
      const fusion = this.#fusions.get(key) ?? new ChainFusion(unit);
      this.#fusions.set(key, fusion);
      return fusion;
    };
    const planner = { where, runtime, fusionOf };
    return new Program({
      where,
      runtime,
      units,
      inputShapes,
      inputs: chain.inputs.map(({ value }) => value),
      outputs: chain.outputs.map(({ value }) => value),
      valueCount: chain.valueCount,
      plan: (unit, shapes) => chainStep(planner, unit, shapes),
    });
  }

  #requireLive(where: string): string {
    if (!this.#disposed) return where;
    throw fault('DISPOSED', where, 'a live chain', 'one after dispose()', 'Make a new one.');
  }
}

function sameModes({ modes }: Kept, moded: Prepared['moded']): boolean {
  for (let index = 0; index < modes.length; index += 1) {
    // What has ended is refused where a program is made, before any step has run.
    if (moded[index]?.training !== modes[index] || moded[index]?.disposed === true) return false;
  }
  return true;
}
