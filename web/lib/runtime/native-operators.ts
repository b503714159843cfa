import { DeconvError } from '../core/errors.js';
import type { OperatorSpec } from '../core/spec.js';
import type { Axes, NativeSpec, OperatorHandle } from './glue.js';
import { type BuildName, type Runtime, requireRuntime } from './runtime.js';

/** Ways to compute an operator; see `Plan`. */
export type RouteName = 'xnnpack-deconvolution' | 'xnnpack-convolution' | 'scalar';

export const ROUTE_NAMES: readonly RouteName[] = ['xnnpack-deconvolution', 'xnnpack-convolution', 'scalar'];

/** How the last forward was computed, and why so. */
export interface Plan {
  readonly route: RouteName;
  readonly build: BuildName;
  readonly threads: number;
  readonly reason: string;
}

export type Layout = 'channels-first' | 'channels-last';

export interface RunRequest {
  /** Names the caller's method in errors. */
  readonly where: string;
  readonly batch: number;
  readonly extents: readonly number[];
  readonly layout: Layout;
  readonly route: 'auto' | RouteName;
  readonly input: Float32Array;
  readonly output: Float32Array;
  /** Canonical parameters; asked for only when a route has to pack them. */
  readonly parameters: () => CanonicalParameters;
}

export interface CanonicalParameters {
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
}

/**
 * The operators of one layer on the WebAssembly heap: nearly always its forward and, in training, the
 * adjoint of it. Each is made when it is first needed, made again when the module was restarted, and
 * freed by `dispose`, by `shutdown`, or, as a safety net, by the garbage collector.
 */
export class NativeOperators {
  /** Undefined while the layer holds nothing on the heap. */
  #owned: Owned | undefined;

  /** Of one layer's operators only pads, direction and activation differ. */
  run(spec: OperatorSpec, request: RunRequest): Plan {
    const runtime = requireRuntime(request.where);
    const key = `${spec.transposed} ${spec.relu} ${spec.padBefore.join()} ${spec.padAfter.join()}`;
    return guarded(request.where, () => {
      const { operators } = this.#ownedOn(runtime);
      const known = operators.get(key);
      try {
        const operator = known ?? create(runtime, request.where, spec);
        operators.set(key, operator);
        return runOperator(runtime, operator, request);
      } catch (error) {
        // What never ran costs nothing.
        if (known === undefined) this.#drop(key);
        throw error;
      }
    });
  }

  /** Call when weight or bias changed: the next run packs them again. */
  invalidateParameters(): void {
    for (const { handle } of this.#owned?.operators.values() ?? []) handle.invalidateParameters();
  }

  dispose(): void {
    if (this.#owned === undefined) return;
    registry.unregister(this);
    free(this.#owned);
    this.#owned = undefined;
  }

  #ownedOn(runtime: Runtime): Owned {
    if (this.#owned?.runtime === runtime) return this.#owned;
    registry.unregister(this);
    const owned: Owned = { runtime, operators: new Map() };
    runtime.owned.add(owned);
    registry.register(this, owned, this);
    this.#owned = owned;
    return owned;
  }

  #drop(key: string): void {
    this.#owned?.operators.get(key)?.handle.delete();
    this.#owned?.operators.delete(key);
    if (this.#owned?.operators.size === 0) this.dispose();
  }
}

interface Operator {
  readonly spec: NativeSpec;
  readonly handle: OperatorHandle;
  planned?: { readonly key: string; readonly plan: Plan };
}

/** What one layer holds on the heap of one runtime. */
interface Owned {
  /** Undefined once the runtime was shut down. */
  runtime: Runtime | undefined;
  readonly operators: Map<string, Operator>;
}

// Holds the handles alone: a reference to their owner would keep it alive for ever.
const registry = new FinalizationRegistry<Owned>(free);

function free(owned: Owned): void {
  const { runtime, operators } = owned;
  if (runtime === undefined) return;
  for (const { handle } of operators.values()) handle.delete();
  runtime.owned.delete(owned);
}

function create(runtime: Runtime, where: string, spec: OperatorSpec): Operator {
  const native = toNativeSpec(spec);
  runtime.check(where, runtime.module.checkSpec(native));
  const handle = runtime.module.createOperator(native);
  if (handle === null) throw outOfMemory(where, 'an operator', 1);
  return { spec: native, handle };
}

function runOperator(runtime: Runtime, operator: Operator, request: RunRequest): Plan {
  const { where } = request;
  const { handle } = operator;
  const plan = planFor(runtime, operator, request);
  if (handle.needsParameters()) uploadParameters(runtime, handle, request);

  const input = reserve(runtime, where, 'input', request.input.length);
  const output = reserve(runtime, where, 'output', request.output.length);
  runtime.floats(input, request.input.length).set(request.input);
  runtime.check(where, handle.run(input, output));
  request.output.set(runtime.floats(output, request.output.length));
  return plan;
}

function planFor(runtime: Runtime, operator: Operator, request: RunRequest): Plan {
  const { where, batch, layout, route } = request;
  const key = `${batch} ${request.extents.join(' ')} ${layout} ${route}`;
  if (operator.planned?.key === key) return operator.planned.plan;
  const extents = toAxes(request.extents, 1);
  const layoutCode = codeOf(layout);
  const forced = route === 'auto' ? -1 : runtime.routeNames.indexOf(route);
  const refusalOf = (index: number): string =>
    runtime.module.refusal(operator.spec, batch, extents, layoutCode, index);

  const refusal = forced < 0 ? '' : refusalOf(forced);
  if (refusal !== '') {
    throw new DeconvError(
      'UNSUPPORTED',
      `${where}: expected a geometry that the route ${route} takes, got one that it refuses: it ${refusal}. Use route: 'auto'.`,
      { where, route, refusal },
    );
  }
  runtime.check(where, operator.handle.plan(batch, extents, layoutCode, forced));
  const plan: Plan = {
    route: runtime.routeNames[operator.handle.plannedRoute()] as RouteName,
    build: runtime.info.build,
    threads: runtime.info.threads,
    reason: [
      forced < 0 ? reasonFor(runtime, operator, refusalOf) : 'forced by the caller',
      ...runtime.info.notes,
    ].join('; '),
  };
  operator.planned = { key, plan };
  return plan;
}

/** Gradients of the parameters of one operator at one input. */
export function parameterGradients(request: {
  readonly where: string;
  readonly spec: OperatorSpec;
  readonly batch: number;
  readonly extents: readonly number[];
  readonly layout: Layout;
  readonly input: Float32Array;
  readonly gradOutput: Float32Array;
  readonly weightElements: number;
  readonly withBias: boolean;
}): CanonicalParameters {
  const { where, spec, input, gradOutput, weightElements, withBias } = request;
  const runtime = requireRuntime(where);
  return guarded(where, () => {
    const count = weightElements + (withBias ? spec.outChannels : 0);
    const inputAddress = reserve(runtime, where, 'input', input.length);
    const outputAddress = reserve(runtime, where, 'output', gradOutput.length);
    const gradient = reserve(runtime, where, 'parameters', count);
    runtime.floats(inputAddress, input.length).set(input);
    runtime.floats(outputAddress, gradOutput.length).set(gradOutput);
    const status = runtime.module.parameterGradients(
      toNativeSpec(spec),
      request.batch,
      toAxes(request.extents, 1),
      codeOf(request.layout),
      gradient,
      withBias,
    );
    runtime.check(where, status);
    const values = runtime.floats(gradient, count);
    const gradients = {
      weight: values.slice(0, weightElements),
      bias: withBias ? values.slice(weightElements) : null,
    };
    runtime.module.releaseParameters();
    return gradients;
  });
}

/** Traps of the module become errors of ours. */
export function guarded<Result>(where: string, call: () => Result): Result {
  try {
    return call();
  } catch (cause) {
    if (cause instanceof DeconvError) throw cause;
    throw new DeconvError(
      'INTERNAL',
      `${where}: the WebAssembly module failed: ${String(cause)}. Call shutdown() and init() to start it afresh, and report this.`,
      { where },
      cause,
    );
  }
}

export function codeOf(layout: Layout): number {
  return layout === 'channels-first' ? 0 : 1;
}

/** `estimated 0.31 ms; scalar 7.9 ms` or `estimated 0.2 ms; xnnpack-deconvolution cannot …` */
function reasonFor(
  runtime: Runtime,
  { handle, spec }: Operator,
  refusalOf: (index: number) => string,
): string {
  const chosen = handle.plannedRoute();
  const foreign = spec.transposed ? 'xnnpack-convolution' : 'xnnpack-deconvolution';
  const others = runtime.routeNames.flatMap((name, index) => {
    if (index === chosen || name === foreign) return [];
    const estimate = handle.estimate(index);
    return [estimate < 0 ? `${name} ${refusalOf(index)}` : `${name} ${milliseconds(estimate)}`];
  });
  return [`estimated ${milliseconds(handle.estimate(chosen))}`, ...others].join('; ');
}

function milliseconds(value: number): string {
  return `${Number(value.toPrecision(2))} ms`;
}

function uploadParameters(runtime: Runtime, handle: OperatorHandle, request: RunRequest): void {
  const { where } = request;
  const { weight, bias } = request.parameters();
  const count = weight.length + (bias?.length ?? 0);
  const address = reserve(runtime, where, 'parameters', count);
  const staged = runtime.floats(address, count);
  staged.set(weight);
  if (bias !== null) staged.set(bias, weight.length);
  const biasAddress = bias === null ? 0 : address + weight.byteLength;
  try {
    runtime.check(where, handle.setParameters(address, biasAddress));
  } finally {
    // Packed copies are made: the staging copy would only double the memory of large layers.
    runtime.module.releaseParameters();
  }
}

export function reserve(
  runtime: Runtime,
  where: string,
  what: 'parameters' | 'input' | 'output',
  elements: number,
): number {
  const { module } = runtime;
  const address =
    what === 'parameters'
      ? module.reserveParameters(elements)
      : what === 'input'
        ? module.reserveInput(elements)
        : module.reserveOutput(elements);
  if (address === 0) throw outOfMemory(where, `the ${what}`, elements);
  return address;
}

export function outOfMemory(where: string, what: string, elements: number): DeconvError {
  const megabytes = Math.ceil((elements * 4) / 2 ** 20);
  return new DeconvError(
    'OUT_OF_MEMORY',
    `${where}: expected room for ${what} (${megabytes} MB) on the WebAssembly heap, got none: it holds 2 GB at most. Dispose layers, use smaller tensors or a smaller batch.`,
    { where, bytes: elements * 4 },
  );
}

export function toNativeSpec(spec: OperatorSpec): NativeSpec {
  return {
    transposed: spec.transposed,
    groups: spec.groups,
    inChannels: spec.inChannels,
    outChannels: spec.outChannels,
    kernel: toAxes(spec.kernel, 1),
    stride: toAxes(spec.stride, 1),
    dilation: toAxes(spec.dilation, 1),
    inputDilation: toAxes(spec.inputDilation, 1),
    padBefore: toAxes(spec.padBefore, 0),
    padAfter: toAxes(spec.padAfter, 0),
    relu: spec.relu,
  };
}

/** Fills the leading axes of a lower rank with their neutral value. */
export function toAxes(values: readonly number[], neutral: number): Axes {
  const [depth = neutral, height = neutral, width = neutral] = [
    ...new Array<number>(3 - values.length).fill(neutral),
    ...values,
  ];
  return [depth, height, width];
}
