import type { Upsampling, UpsamplingLayer, UpsamplingWeights } from '../checkerboard/pattern-network.js';
import { checkInteger, checkOptions, describe, fault, refuse } from '../core/checks.js';
import { DisposableObject } from '../core/disposable.js';
import { frozen, settle } from '../core/lists.js';
import { checkProgress } from '../core/progress.js';
import { guardReceivers } from '../core/receivers.js';
import { checkTensor, sameList, type Tensor, type TensorLike } from '../core/tensor.js';
import { median, now } from '../core/timing.js';
import type { Graph } from '../graph/graph.js';
import { type NamedInputs, type NamedTensors, readGiven } from '../graph/named.js';
import type { Program } from '../graph/program.js';
import { ProgramCache } from '../graph/program-cache.js';
import { type CallNames, ProgramCall } from '../graph/program-call.js';
import type { Execution } from '../runtime/execution.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import type { Runtime } from '../runtime/runtime.js';
import { type CompiledStep, compile } from './compile.js';
import { HeapConstants } from './constants.js';
import { Convolutions } from './convolutions.js';
import type { FrontEnd, NodeInfo } from './front-end.js';
import type { SliceChange } from './lowering.js';
import type { Constant, NetworkGraph } from './operations.js';
import { runFastPasses, runPasses } from './passes/index.js';
import { checkPorts, declaredShapes, innerPort, type PortInfo, shapesByName } from './ports.js';
import type { TileOptions } from './tiles.js';
import { type NetworkPlan, type NetworkStepInfo, type ProgramNames, stepsOf } from './told.js';
import { checkNames, valueNames } from './value-names.js';
import { type Changes, changed, readChanges } from './weight-changes.js';

/** What `run` of a {@link Network} takes beside its inputs. */
export interface NetworkRunOptions<Out = NamedTensors> {
  /** Receives the results instead of new tensors: by the names of the outputs, of their shapes. */
  readonly out?: Out;
  /** What is computed: names of any values of the network, in place of its outputs. */
  readonly outputs?: readonly string[];
}

/** What `forward` of a {@link Network} takes beside its input. */
export interface NetworkForwardOptions<Out = Tensor> {
  /** Receives the result instead of a new tensor; must have the output's shape. */
  readonly out?: Out;
}

/** A step, and what it took. */
export interface ProfiledStep extends NetworkStepInfo {
  readonly milliseconds: number;
}

interface Kept extends CallNames {
  readonly program: Program<CompiledStep>;
  readonly names: ProgramNames;
}

/** How a network differs from its file, and what is known of it. */
interface Made {
  readonly outputs?: readonly string[] | undefined;
  readonly changes?: Changes;
  /** What it comes to at the one size that its file has. */
  readonly lowered?: NetworkGraph | undefined;
}

/**
 * A network of a file, by `loadNetwork`. Its weights are packed once; for every set of input sizes it makes a program, of
 * which it keeps the last four, and all values between its steps lie in one arena on the WebAssembly heap.
 *
 * @example
 * const net = await loadNetwork('unet.onnx');
 * console.log(net.inputs.map(({ name, shape }) => `${name} ${shape.join('x')}`).join()); // x 1x1x12x8
 * console.log(net.steps[0].names.join(' '), net.steps[0].fused.join()); // /enter/Conv /Relu relu
 * net.dispose();
 */
export class Network extends DisposableObject {
  /** What `run` takes; lengths with a name may be chosen. */
  readonly inputs: readonly PortInfo[];
  /** What it gives: those of the file, or what `loadNetwork` was asked for. */
  readonly outputs: readonly PortInfo[];
  readonly #frontEnd: FrontEnd;
  readonly #execution: Execution;
  readonly #inputNames: readonly string[];
  readonly #inputLabels: readonly string[];
  readonly #outputNames: readonly string[];
  readonly #convolutions: Convolutions;
  readonly #constants = new HeapConstants();
  readonly #call = new ProgramCall();
  readonly #programs = new ProgramCache(RUN, gives);
  readonly #changes: Changes;
  #lowered: NetworkGraph | undefined;
  /** Of every layer that `upsampling` has told of. */
  readonly #weightOf = new WeakMap<UpsamplingLayer, Constant>();
  #disposed = false;

  static {
    guardReceivers(Network.prototype, 'Network', (value) => #frontEnd in value);
  }

  /** @internal */
  constructor(
    frontEnd: FrontEnd,
    execution: Execution,
    { outputs, changes = new Map(), lowered }: Made = {},
  ) {
    super();
    this.#changes = changes;
    this.#lowered = lowered;
    this.#frontEnd = frontEnd;
    this.#execution = execution;
    this.inputs = frontEnd.inputs;
    this.outputs =
      outputs?.map((name) => frontEnd.outputs.find((port) => port.name === name) ?? innerPort(name)) ??
      frontEnd.outputs;
    settle(this);
    this.#inputNames = this.inputs.map(({ name }) => name);
    this.#inputLabels = this.#inputNames.map((name) => `the input ${describe(name)}`);
    this.#outputNames = this.outputs.map(({ name }) => name);
    this.#convolutions = new Convolutions(execution);
  }

  /** The format of the file. */
  get format(): 'onnx' | 'tflite' {
    return this.#frontEnd.format;
  }

  /** The nodes of the file that the outputs need, one by one; `steps` tells what is computed. */
  get nodes(): readonly NodeInfo[] {
    return frozen(this.#frontEnd.nodes);
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /**
   * Computes the network. With `out` a loop over the same sizes allocates nothing; HeapTensors are neither copied on the
   * way in nor out.
   *
   * @param inputs tensors by the names of `inputs`
   * @returns tensors by the names of the outputs; `options.out` where there is one
   * @throws {DeconvError} `BAD_SHAPE`, `BAD_TYPE`, `BAD_OPTION`, `NOT_INITIALIZED`, `TOO_LARGE`, `OUT_OF_MEMORY`,
   * `DISPOSED`; with the node in the message and in `detail.node` where one has something against the sizes
   *
   * @example
   * const net = await loadNetwork('unet.onnx');
   * const x = { data: new Float32Array(96), shape: [1, 1, 12, 8] };
   * const { y } = net.run({ x });
   * net.run({ x }, { out: { y } });
   * const inner = net.run({ x }, { outputs: ['/Concat_output_0'] });
   * console.log(y.shape.join('x'), inner['/Concat_output_0'].shape.join('x')); // 1x1x12x8 1x12x6x4
   */
  run<Out extends NamedTensors = NamedTensors<ArrayBuffer>>(
    inputs: NamedInputs,
    options?: NetworkRunOptions & { readonly out?: Out },
  ): Out {
    if (options !== undefined) checkOptions<NetworkRunOptions>(RUN, options, RUN_OPTIONS);
    return this.#run(RUN, inputs, true, options?.outputs, options?.out) as Out;
  }

  /**
   * Computes a network of one input and one output.
   *
   * @returns `options.out` where there is one
   * @throws {DeconvError} as `run`; `BAD_TYPE` for a network of several
   *
   * @example
   * const net = await loadNetwork('fsrcnn-x2.onnx');
   * console.log(net.forward({ data: new Float32Array(30), shape: [1, 1, 5, 6] }).shape.join('x')); // 1x1x10x12
   */
  forward<Out extends Tensor = Tensor<ArrayBuffer>>(
    x: TensorLike,
    options?: NetworkForwardOptions & { readonly out?: Out },
  ): Out {
    if (options !== undefined) checkOptions<NetworkForwardOptions>(FORWARD, options, FORWARD_OPTIONS);
    if (this.#outputNames.length !== 1) {
      refuse(
        'BAD_TYPE',
        FORWARD,
        'a network of one output',
        this.#outputNames.join(', ') || 'none',
        'Use run.',
      );
    }
    return this.#run(FORWARD, x, false, undefined, options?.out) as Out;
  }

  /**
   * Makes the program for these sizes, which the first `run` with them then finds, and tells what it will do and what
   * memory it needs. Nothing is computed.
   *
   * @param shapes of the inputs by their names
   * @throws {DeconvError} as `run`
   *
   * @example
   * const net = await loadNetwork('unet.onnx');
   * const { outputShapes, multiplyAdds } = net.prepare({ x: [1, 1, 12, 8] });
   * console.log(outputShapes.y.join('x'), multiplyAdds > 0); // 1x1x12x8 true
   */
  prepare(
    shapes: Readonly<Record<string, readonly number[]>>,
    options: Pick<NetworkRunOptions, 'outputs'> = {},
  ): NetworkPlan {
    const where = 'Network.prepare';
    this.#requireLive(where);
    const checked = checkOptions<Pick<NetworkRunOptions, 'outputs'>>(where, options, ['outputs']);
    const inputShapes = this.#shapesBy(where, shapes);
    const runtime = requireRuntime(where, this.#execution.runtime);
    const { program, names, outputNames } = this.#keptFor(where, runtime, inputShapes, checked.outputs);
    const steps = stepsOf(program, names);
    return frozen({
      steps,
      outputShapes: Object.fromEntries(
        outputNames.map((name, index) => [name, program.outputShapes[index] as readonly number[]]),
      ),
      multiplyAdds: steps.reduce((sum, step) => sum + step.multiplyAdds, 0),
      arenaBytes: Float32Array.BYTES_PER_ELEMENT * program.arenaFloats,
    });
  }

  /**
   * What the last `run` or `prepare` was made of; before the first one, for the sizes of the file where it leaves none
   * open, and else nothing.
   */
  get steps(): readonly NetworkStepInfo[] {
    const where = 'Network.steps';
    this.#requireLive(where);
    const { last } = this.#programs;
    if (last !== undefined) return stepsOf(last.program, last.names);
    const declared = this.#declared;
    return declared === null ? [] : this.prepare(declared).steps;
  }

  /**
   * Computes the network some times and tells what each step took, in milliseconds: the median of `repeats` runs (5)
   * behind one that packs.
   *
   * @throws {DeconvError} as `run`
   *
   * @example
   * const net = await loadNetwork('unet.onnx');
   * const steps = net.profile({ x: { data: new Float32Array(96), shape: [1, 1, 12, 8] } });
   * console.log(steps[0].names.join(' '), steps.every(({ milliseconds }) => milliseconds >= 0)); // /enter/Conv /Relu true
   */
  profile(inputs: NamedInputs, options: { readonly repeats?: number } = {}): ProfiledStep[] {
    const where = 'Network.profile';
    const { repeats = 5 } = checkOptions<typeof options>(where, options, ['repeats']);
    checkInteger(where, 'repeats', repeats, 1);
    this.#run(where, inputs, true, undefined, undefined);
    const times: number[][] = [];
    for (let run = 0; run < repeats; run += 1) {
      let last = 0;
      const ran = (index: number): void => {
        times[index] ??= [];
        times[index].push(now() - last);
        last = now();
      };
      this.#run(where, inputs, true, undefined, undefined, ran, () => {
        last = now();
      });
    }
    return this.steps.map((step, index) => ({ ...step, milliseconds: median(times[index] as number[]) }));
  }

  /**
   * Computes a network of one input and one output in parts along the axes that its layers slide over (of `[N, C, H, W]` the
   * last two), for pictures and sounds that are larger than memory or patience. What a part sees of its neighbours is
   * computed from the network. A file that fixes the size of its input takes larger ones here, in parts of that size.
   *
   * @throws {DeconvError} as `run`; `UNSUPPORTED` with the node for a network whose output depends on the whole input, with
   * a norm or a softmax unless `overlap` is a number; the reason of `signal`
   *
   * @example
   * const net = await loadNetwork('enlarge.onnx');
   * const picture = { data: new Float32Array(40 * 60).fill(0.5), shape: [1, 1, 40, 60] };
   * const done = [];
   * const large = await net.tiled(picture, { tile: 32, onProgress: ({ loaded }) => done.push(loaded) });
   * console.log(large.shape.join('x'), done.join(' ')); // 1x1x80x120 1 2 3 4
   */
  async tiled<Out extends Tensor = Tensor<ArrayBuffer>>(
    x: TensorLike,
    options: TileOptions & { readonly out?: Out } = {},
  ): Promise<Out> {
    const where = 'Network.tiled';
    this.#requireLive(where);
    const checked = checkOptions<TileOptions>(where, options, [
      'tile',
      'overlap',
      'out',
      'onProgress',
      'signal',
    ]);
    checkProgress(where, checked);
    if (this.#inputNames.length !== 1 || this.#outputNames.length !== 1) {
      refuse(
        'BAD_TYPE',
        where,
        'a network of one input and one output',
        String(this),
        'Use run, or name one of the outputs when it is loaded.',
      );
    }
    const { runTiled } = await import('./tiles.js');
    const net = {
      label: this.#inputLabels[0] as string,
      declared: this.inputs[0]?.shape ?? [],
      lower: (shape: readonly number[]) => this.#lower(where, [shape], this.#outputNames),
      lowerOther: (shape: readonly number[], changeSlice: SliceChange) => {
        this.#frontEnd.lower(this.#byInput([shape]), this.#outputNames, changeSlice);
      },
      forward: (part: Tensor) => this.#run(where, part, false, undefined, undefined) as Tensor,
    };
    return (await runTiled(where, net, x, checked)) as Out;
  }

  /**
   * The network as a `Graph` of the root entry's modules, in eval, with copies of its weights: to train, edit and save.
   *
   * @param shapes of the inputs by their names; not needed where the file fixes all lengths
   * @throws {DeconvError} `UNSUPPORTED` where a node has no module there, all of them in `detail.nodes`; as `run`
   *
   * @example
   * const net = await loadNetwork('unet.onnx');
   * const graph = await net.toGraph({ x: [1, 1, 12, 8] });
   * const file = await readModel(writeSafetensors(graph.stateDict()));
   * console.log(graph.layers.length, file.tensors.length); // 6 12
   */
  async toGraph(shapes: Readonly<Record<string, readonly number[]>> = this.#declared ?? {}): Promise<Graph> {
    const where = 'Network.toGraph';
    this.#requireLive(where);
    const { graphOf } = await import('./to-graph.js');
    const graph = this.#lower(where, this.#shapesBy(where, shapes), this.#outputNames);
    return graphOf(where, graph, this.#outputNames);
  }

  /**
   * Where the network raises the resolution: its transposed convolutions, sub-pixel convolutions and resizes, and the
   * values that may have their pattern. `attribute` of `deconv-wasm/checkerboard` asks for it.
   *
   * @param shapes of the inputs by their names; not needed where the file fixes all lengths
   * @param outputs whose ways are looked at, or any values inside. Default: those of the network
   * @throws {DeconvError} as `run`
   *
   * @example
   * const net = await loadNetwork('unet.onnx');
   * const { layers } = await net.upsampling();
   * console.log(layers.map(({ kernels }) => analyze(kernels).verdict).join(', ')); // weights-only, overlap
   */
  async upsampling(
    shapes: Readonly<Record<string, readonly number[]>> = this.#declared ?? {},
    outputs: readonly string[] = this.#outputNames,
  ): Promise<Upsampling> {
    const where = 'Network.upsampling';
    this.#requireLive(where);
    const { upsamplingOf } = await import('./upsampling.js');
    const outputNames = checkNames(where, outputs);
    const graph = this.#lower(where, this.#shapesBy(where, shapes), outputNames);
    const { weights, ...found } = upsamplingOf(graph, {
      format: this.#frontEnd.format,
      exact: this.#execution.precision === 'exact',
      outputNames,
      has: this.#has,
    });
    for (const [layer, weight] of weights) this.#weightOf.set(layer, weight);
    return frozen(found);
  }

  /**
   * The same network with other weights in layers of `upsampling`, without reading the file again; this one stays as it
   * is. Layers that share a weight in the file get the new one, all of them.
   *
   * @returns a network of its own, which is the caller's to dispose
   * @throws {DeconvError} `BAD_OPTION` for a layer that is not of this network's `upsampling`, `BAD_SHAPE`, `BAD_TYPE`
   *
   * @example
   * const net = await loadNetwork('fsrcnn-x2.onnx');
   * const [layer] = (await net.upsampling()).layers;
   * const { weight, bias } = repairKernels(layer.kernels);
   * const repaired = net.withWeights([{ layer, weight: weight.data, bias }]);
   * const [other] = (await repaired.upsampling()).layers;
   * console.log(analyze(layer.kernels).verdict, analyze(other.kernels).verdict); // overlap free
   */
  withWeights(changes: readonly UpsamplingWeights[]): Network {
    const where = 'Network.withWeights';
    this.#requireLive(where);
    const made = readChanges(where, changes, this.#changes, this.#weightOf);
    return new Network(this.#frontEnd, this.#execution, { outputs: this.#outputNames, changes: made });
  }

  /** Frees packed weights, constants and the arena. May be called again; every run after it throws `DISPOSED`. */
  override dispose(): void {
    this.#disposed = true;
    this.#call.afterwards(() => {
      this.#programs.dispose();
      this.#constants.dispose();
      this.#convolutions.dispose();
    });
  }

  /** Inputs and outputs with their shapes, where the file has any. */
  override toString(): string {
    const list = (ports: readonly PortInfo[]): string =>
      ports
        .map(({ name, shape }) => (shape.length === 0 ? name : `${name} [${shape.join(', ')}]`))
        .join(', ');
    return `Network(${list(this.inputs)} -> ${list(this.outputs)})`;
  }

  #run(
    where: string,
    inputs: NamedInputs | TensorLike,
    named: boolean,
    wanted: readonly string[] | undefined,
    out: Tensor | NamedTensors | undefined,
    ran?: (index: number) => void,
    begins?: () => void,
  ): Tensor | NamedTensors {
    this.#requireLive(where);
    if (wanted === undefined && this.#outputNames.length === 0) {
      throw fault(
        'BAD_TYPE',
        where,
        'a network with an output',
        'none',
        'Name values of the file as outputs.',
      );
    }
    const given = this.#call.begin(where);
    try {
      readGiven(where, 'the inputs', inputs, this.#inputNames, given, named);
      const runtime = requireRuntime(where, this.#execution.runtime);
      const kept =
        this.#findProgram(runtime, given, wanted) ?? this.#newProgramOf(where, runtime, given, wanted);
      this.#programs.addressOf(kept.program);
      begins?.();
      return this.#call.run(where, runtime, kept, kept.program, this.#programs.addressOf, named, out, ran);
    } finally {
      this.#call.end();
    }
  }

  /** The program for what is given, if it is kept. */
  #findProgram(
    runtime: Runtime,
    given: readonly unknown[],
    wanted: readonly string[] | undefined,
  ): Kept | undefined {
    return this.#programs.find(runtime, given, wanted === undefined ? this.#outputNames : wanted);
  }

  // A function of its own, as others below, so that a steady loop does not make the closures.
  #newProgramOf(
    where: string,
    runtime: Runtime,
    given: readonly unknown[],
    wanted: readonly string[] | undefined,
  ): Kept {
    const shapes = given.map(
      (value, index) => checkTensor(where, this.#inputLabels[index] as string, value).shape,
    );
    return this.#newProgram(where, runtime, shapes, wanted);
  }

  #keptFor(
    where: string,
    runtime: Runtime,
    shapes: readonly (readonly number[])[],
    wanted: readonly string[] | undefined,
  ): Kept {
    const given = shapes.map((shape) => ({ shape }));
    this.#call.begin(where);
    try {
      return this.#findProgram(runtime, given, wanted) ?? this.#newProgram(where, runtime, shapes, wanted);
    } finally {
      this.#call.end();
    }
  }

  #newProgram(
    where: string,
    runtime: Runtime,
    shapes: readonly (readonly number[])[],
    wanted: readonly string[] | undefined,
  ): Kept {
    const outputNames = wanted === undefined ? this.#outputNames : checkNames(where, wanted);
    const exact = this.#execution.precision === 'exact';
    const lowered = this.#lower(where, shapes, outputNames);
    const graph = exact ? lowered : runFastPasses(lowered);
    const program = compile(where, graph, {
      runtime,
      exact,
      convolutions: this.#convolutions,
      constants: this.#constants,
    });
    const units = program.steps.map(({ unit }) => unit);
    const made = {
      program,
      names: {
        inputs: graph.inputs,
        inputNames: this.#inputNames,
        values: valueNames(graph, units, outputNames, this.#has),
      },
      inputLabels: this.#inputLabels,
      outputNames,
    };
    const programs = this.#programs.add(made, () => true).map((one) => one.program);
    const used = programs.flatMap(({ steps }) => steps.map(({ convolution }) => convolution?.operators));
    this.#convolutions.keep(new Set(used.filter((operators) => operators !== undefined)));
    this.#constants.keep(runtime, programs);
    return made;
  }

  /** The shapes of the inputs, where the file leaves no length open. */
  get #declared(): Readonly<Record<string, readonly number[]>> | null {
    const shapes = declaredShapes(this.inputs);
    return shapes && Object.fromEntries(shapes);
  }

  #shapesBy(
    where: string,
    shapes: Readonly<Record<string, readonly number[]>>,
  ): readonly (readonly number[])[] {
    return shapesByName(where, this.#inputNames, this.#inputLabels, shapes);
  }

  #lower(
    where: string,
    shapes: readonly (readonly number[])[],
    outputNames: readonly string[],
  ): NetworkGraph {
    checkPorts(where, this.inputs, this.#inputLabels, shapes);
    // Once, since nobody needs both: a program is kept, and what it was made of may be large.
    const known = outputNames === this.#outputNames ? this.#lowered : undefined;
    this.#lowered = undefined;
    const lowered = known ?? this.#frontEnd.lower(this.#byInput(shapes), outputNames);
    return changed(runPasses(lowered), this.#changes);
  }

  #byInput(shapes: readonly (readonly number[])[]): Map<string, readonly number[]> {
    return new Map(this.#inputNames.map((name, index) => [name, shapes[index] as readonly number[]]));
  }

  readonly #has = (name: string): boolean => this.#frontEnd.has(name);

  #requireLive(where: string): void {
    if (!this.#disposed) return;
    throw fault('DISPOSED', where, 'a live network', 'one after dispose()', 'Load it again.');
  }
}

const RUN = 'Network.run';
const FORWARD = 'Network.forward';
/** Lists of their own, so that a steady loop makes none. */
const RUN_OPTIONS = ['out', 'outputs'] as const;
const FORWARD_OPTIONS = ['out'] as const;

/** What is no list is not the same, however much it is like one: where names are new it is refused. */
function gives({ outputNames }: Kept, wanted: readonly string[]): boolean {
  return sameList(wanted, outputNames);
}
