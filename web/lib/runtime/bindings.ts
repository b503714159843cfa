// TypeScript bindings for emscripten-generated code.  Automatically generated at compile time.
interface WasmModule {
}

export interface Operator {
  plan(batch: number, depth: number, height: number, width: number, layout: number, route: number, forced: boolean): number;
  route(): number;
  estimate(route: number): number;
  needsParameters(): boolean;
  keepCopies(most: number): number;
  prepare(): boolean;
  scaleKernels(factors: number, weight: number): void;
  setParameters(weight: number, bias: number): number;
  setEpilogue(op: number, a: number, b: number, channelA: number): number;
  run(input: number, output: number, residual: number): number;
  delete(): void;
}

export interface QuantizedOperator {
  plan(batch: number, depth: number, height: number, width: number, layout: number, route: number, forced: boolean): number;
  route(): number;
  estimate(route: number): number;
  needsParameters(): boolean;
  keepCopies(most: number): number;
  setParameters(weight: number, scale: number, bias: number, inputScale: number, inputZeroPoint: number, outputScale: number, outputZeroPoint: number): number;
  run(input: number, inputElement: number, output: number, outputElement: number): number;
  delete(): void;
}

interface EmbindModule {
  Operator: {
    create(): Operator | null;
  };
  QuantizedOperator: {
    create(): QuantizedOperator | null;
  };
  specRoom(): number;
  checkSpec(): number;
  refusal(batch: number, depth: number, height: number, width: number, layout: number, route: number): number;
  parameterGradients(batch: number, depth: number, height: number, width: number, layout: number, inputs: number, gradOutput: number, gradient: number, withBias: boolean): number;
  statusName(status: number): number;
  routeName(route: number): number;
  reserveParameters(elements: number): number;
  reserveInput(elements: number): number;
  reserveOutput(elements: number): number;
  releaseParameters(): void;
  allocateFloats(elements: number): number;
  freeFloats(address: number): void;
  flushDenormals(count: number, source: number, target: number): void;
  pixelsToFloats(pixels: number, channels: number, layout: number, source: number, factors: number, target: number): void;
  floatsToPixels(pixels: number, channels: number, layout: number, source: number, factors: number, alpha: number, target: number): void;
  elementwise(op: number, outer: number, channels: number, inner: number, a: number, b: number, channelA: number, input: number, gradOutput: number, output: number): number;
  elementwiseParameterGradient(op: number, outer: number, channels: number, inner: number, channelA: number, input: number, gradOutput: number, gradient: number): number;
  combine(op: number, count: number, one: number, other: number, output: number): void;
  broadcast(call: number, one: number, other: number, addend: number, output: number): void;
  copyStrided(call: number, source: number, target: number): void;
  multiplyMatrices(call: number, a: number, b: number, result: number): number;
  reduce(call: number, input: number, output: number): void;
  copyRows(rows: number, length: number, source: number, sourceStride: number, target: number, targetStride: number): void;
  normalize(block: number, batch: number, points: number, input: number, statistics: number, output: number): number;
  normalizationGradients(block: number, batch: number, points: number, input: number, gradOutput: number, gradInput: number, gradParameters: number): number;
  softmax(outer: number, count: number, inner: number, input: number, gradOutput: number, output: number): void;
  dropout(count: number, threshold: number, firstKey: number, secondKey: number, scale: number, input: number, output: number): void;
  resize(call: number, input: number, gradOutput: number, output: number): number;
  maxPool(call: number, input: number, gradOutput: number, output: number): number;
  averagePool(call: number, input: number, gradOutput: number, output: number): number;
  adaptiveAveragePool(call: number, input: number, gradOutput: number, output: number): number;
  pad(call: number, input: number, gradOutput: number, output: number): number;
  pixelShuffle(widens: boolean, batch: number, channels: number, height: number, width: number, factor: number, layout: number, source: number, target: number): number;
  applyMaps(call: number, source: number, target: number): number;
  startRuntime(threads: number): number;
  stopRuntime(): void;
  allocatedBytes(): number;
}

export type MainModule = WasmModule & EmbindModule;
