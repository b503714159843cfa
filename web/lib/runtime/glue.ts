/** What cpp/bindings registers with Embind; the names are the same there. */
export interface DeconvModule {
  readonly wasmMemory: WebAssembly.Memory;
  /** Only in builds with threads. */
  readonly PThread?: { terminateAllThreads(): void };

  startRuntime(threads: number): number;
  stopRuntime(): void;
  allocatedBytes(): number;
  statusNames(): string;
  routeNames(): string;

  checkSpec(spec: NativeSpec): number;
  createOperator(spec: NativeSpec): OperatorHandle | null;
  refusal(spec: NativeSpec, batch: number, input: Axes, layout: number, route: number): string;

  /** The last three are addresses; writes weight and bias gradients behind each other. */
  parameterGradients(
    spec: NativeSpec,
    batch: number,
    extents: Axes,
    layout: number,
    input: number,
    gradOutput: number,
    gradient: number,
    withBias: boolean,
  ): number;

  /** Addresses of buffers that all operators share; 0 when out of memory. Counts are of floats. */
  reserveParameters(elements: number): number;
  releaseParameters(): void;
  reserveInput(elements: number): number;
  reserveOutput(elements: number): number;

  /** A block of the caller's, zeros nowhere in it; 0 when out of memory. */
  allocateFloats(elements: number): number;
  freeFloats(address: number): void;
}

/** An Embind handle: owned by exactly one NativeOperators, deleted exactly once. */
export interface OperatorHandle {
  plan(batch: number, input: Axes, layout: number, route: number): number;
  plannedRoute(): number;
  /** Milliseconds on one thread; -1 when the route does not take the planned problem. */
  estimate(route: number): number;
  needsParameters(): boolean;
  setParameters(weight: number, bias: number): number;
  invalidateParameters(): void;
  /** Frees what routes other than the planned one have packed. */
  dropOtherRoutes(): void;
  run(input: number, output: number): number;
  delete(): void;
}

/** Depth, height, width. */
export type Axes = readonly [number, number, number];

export interface NativeSpec {
  readonly transposed: boolean;
  readonly groups: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: Axes;
  readonly stride: Axes;
  readonly dilation: Axes;
  readonly inputDilation: Axes;
  readonly padBefore: Axes;
  readonly padAfter: Axes;
  readonly relu: boolean;
  readonly exact: boolean;
}

/** The arguments that cpp/cmake/wasm_module.cmake lets in. */
export interface GlueArguments {
  instantiateWasm(
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): Record<string, never>;
  mainScriptUrlOrBlob?: string;
  pthreadPoolSize?: number;
  /** Set by the glue, on this very object, long before the module is ready. */
  readonly PThread?: DeconvModule['PThread'];
}

export type GlueFactory = (options: GlueArguments) => Promise<DeconvModule>;
