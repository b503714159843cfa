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
 * An operator on the WebAssembly heap. Made on the first run, made again when the module was
 * restarted, and freed by `dispose`, by `shutdown`, or, as a safety net, by the garbage collector.
 */
export class NativeOperator {
  readonly #spec: NativeSpec;
  #owned: Owned | undefined;
  #planned: { readonly key: string; readonly plan: Plan } | undefined;

  constructor(spec: OperatorSpec) {
    this.#spec = toNativeSpec(spec);
  }

  /** Null until the first run. */
  get plan(): Plan | null {
    return this.#planned?.plan ?? null;
  }

  run(request: RunRequest): void {
    const runtime = requireRuntime(request.where);
    guarded(request.where, () => this.#runOn(runtime, request));
  }

  #runOn(runtime: Runtime, request: RunRequest): void {
    const { where } = request;
    const handle = this.#handleOn(runtime, where);
    this.#planFor(runtime, handle, request);
    if (handle.needsParameters()) uploadParameters(runtime, handle, request);

    const input = reserve(runtime, where, 'input', request.input.length);
    const output = reserve(runtime, where, 'output', request.output.length);
    runtime.floats(input, request.input.length).set(request.input);
    runtime.check(where, handle.run(input, output));
    request.output.set(runtime.floats(output, request.output.length));
  }

  /** Call when weight or bias changed: the next run packs them again. */
  invalidateParameters(): void {
    if (this.#owned !== undefined && !this.#owned.runtime.closed) this.#owned.handle.invalidateParameters();
  }

  dispose(): void {
    if (this.#owned === undefined) return;
    registry.unregister(this);
    free(this.#owned);
    this.#owned = undefined;
  }

  #handleOn(runtime: Runtime, where: string): OperatorHandle {
    if (this.#owned?.runtime === runtime) return this.#owned.handle;
    registry.unregister(this);
    this.#owned = undefined;
    this.#planned = undefined;
    runtime.check(where, runtime.module.checkSpec(this.#spec));
    const handle = runtime.module.createOperator(this.#spec);
    if (handle === null) throw outOfMemory(where, 'an operator', 1);
    this.#owned = { runtime, handle };
    registry.register(this, this.#owned, this);
    return handle;
  }

  #planFor(runtime: Runtime, handle: OperatorHandle, request: RunRequest): void {
    const { where, batch, layout, route } = request;
    const key = `${batch} ${request.extents.join(' ')} ${layout} ${route}`;
    if (this.#planned?.key === key) return;
    const extents = toAxes(request.extents, 1);
    const layoutCode = codeOf(layout);
    const forced = route === 'auto' ? -1 : runtime.routeNames.indexOf(route);
    const refusalOf = (index: number): string =>
      runtime.module.refusal(this.#spec, batch, extents, layoutCode, index);

    const refusal = forced < 0 ? '' : refusalOf(forced);
    if (refusal !== '') {
      throw new DeconvError(
        'UNSUPPORTED',
        `${where}: expected a geometry that the route ${route} takes, got one that it refuses: it ${refusal}. Use route: 'auto'.`,
        { where, route, refusal },
      );
    }
    runtime.check(where, handle.plan(batch, extents, layoutCode, forced));
    const chosen = handle.plannedRoute();
    this.#planned = {
      key,
      plan: {
        route: runtime.routeNames[chosen] as RouteName,
        build: runtime.info.build,
        threads: runtime.info.threads,
        reason: [
          forced < 0 ? reasonFor(runtime, handle, this.#spec, refusalOf) : 'forced by the caller',
          ...runtime.info.notes,
        ].join('; '),
      },
    };
  }
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
    const values = runtime.floats(gradient, count).slice();
    runtime.module.releaseParameters();
    return {
      weight: values.subarray(0, weightElements),
      bias: withBias ? values.subarray(weightElements) : null,
    };
  });
}

/** Traps of the module become errors of ours. */
function guarded<Result>(where: string, call: () => Result): Result {
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

function codeOf(layout: Layout): number {
  return layout === 'channels-first' ? 0 : 1;
}

interface Owned {
  readonly runtime: Runtime;
  readonly handle: OperatorHandle;
}

// Holds the handle alone: a reference to the owner would keep it alive for ever.
const registry = new FinalizationRegistry<Owned>(free);

function free({ runtime, handle }: Owned): void {
  if (!runtime.closed) handle.delete();
}

/** `estimated 0.31 ms; scalar 7.9 ms` or `estimated 0.2 ms; xnnpack-deconvolution cannot …` */
function reasonFor(
  runtime: Runtime,
  handle: OperatorHandle,
  spec: NativeSpec,
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

function reserve(
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

function outOfMemory(where: string, what: string, elements: number): DeconvError {
  const megabytes = Math.ceil((elements * 4) / 2 ** 20);
  return new DeconvError(
    'OUT_OF_MEMORY',
    `${where}: expected room for ${what} (${megabytes} MB) on the WebAssembly heap, got none: it holds 2 GB at most. Dispose layers, use smaller tensors or a smaller batch.`,
    { where, bytes: elements * 4 },
  );
}

function toNativeSpec(spec: OperatorSpec): NativeSpec {
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
function toAxes(values: readonly number[], neutral: number): Axes {
  const [depth = neutral, height = neutral, width = neutral] = [
    ...new Array<number>(3 - values.length).fill(neutral),
    ...values,
  ];
  return [depth, height, width];
}
