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
  /** The address of an operator, which its OwnedOperators deletes exactly once; 0 when out of memory. */
  createOperator(spec: NativeSpec): number;
  deleteOperator(operator: number): void;
  plan(operator: number, batch: number, input: Axes, layout: number, route: number): number;
  plannedRoute(operator: number): number;
  /** Milliseconds on one thread; -1 when the route does not take the planned problem. */
  estimate(operator: number, route: number): number;
  needsParameters(operator: number): boolean;
  setParameters(operator: number, weight: number, bias: number): number;
  invalidateParameters(operator: number): void;
  /** Frees what routes other than the planned one have packed. */
  dropOtherRoutes(operator: number): void;
  run(operator: number, input: number, output: number): number;
  refusal(spec: NativeSpec, batch: number, input: Axes, layout: number, route: number): string;

  /** As createOperator; elements are 0 for float32 and 1 for int8. */
  createQuantizedOperator(spec: NativeSpec): number;
  deleteQuantizedOperator(operator: number): void;
  planQuantized(operator: number, batch: number, input: Axes, layout: number): number;
  quantizedNeedsParameters(operator: number): boolean;
  setQuantizedParameters(
    operator: number,
    weight: number,
    scale: number,
    bias: number,
    activations: NativeActivations,
  ): number;
  runQuantized(
    operator: number,
    input: number,
    inputElement: number,
    output: number,
    outputElement: number,
  ): number;
  quantizedRefusal(spec: NativeSpec, batch: number, input: Axes, layout: number): string;

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

export interface NativeActivations {
  readonly fixed: boolean;
  readonly input: NativeQuantization;
  readonly output: NativeQuantization;
}

export interface NativeQuantization {
  readonly scale: number;
  readonly zeroPoint: number;
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
  pthreadPoolSize?: number;
  /** Set by the glue, on this very object, long before the module is ready. */
  readonly PThread?: DeconvModule['PThread'];
}

export type GlueFactory = (options: GlueArguments) => Promise<DeconvModule>;
