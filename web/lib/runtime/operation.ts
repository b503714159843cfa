import type { OperatorSpec } from '../core/spec.js';
import type { Execution } from './execution.js';
import type { DeconvModule } from './glue.js';

export type Layout = 'channels-first' | 'channels-last';

/** One value for each axis: depth, height, width. */
export type Axes = readonly [number, number, number];

/** An operator in the core's terms, its fields in the order of the core's struct. */
export interface Spec {
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
  readonly arithmetic: Arithmetic;
  readonly compactPositions: number;
}

export interface CanonicalParameters<Buffer extends ArrayBufferLike = ArrayBufferLike> {
  readonly weight: Float32Array<Buffer>;
  readonly bias: Float32Array<Buffer> | null;
  /** What the kernels of every output channel have yet to be multiplied by, on the heap. */
  readonly scale?: ArrayLike<number>;
}

/** What a value of a tensor is; the numbers are the core's. */
export type Element = typeof FLOAT32 | typeof INT8;
export const FLOAT32 = 0;
export const INT8 = 1;

/** What an operator computes in; the numbers are the core's. */
export type Arithmetic = typeof FLOAT32_ARITHMETIC | typeof DYNAMIC_INT8 | typeof STATIC_INT8;
export const FLOAT32_ARITHMETIC = 0;
export const DYNAMIC_INT8 = 1;
export const STATIC_INT8 = 2;

export function bytesOf(count: number, element: Element): number {
  return element === INT8 ? count : 4 * count;
}

/** What an operator does to every value of its result while it writes, by the core's number and parameters. */
export interface Epilogue {
  readonly op: number;
  readonly a: number;
  readonly b: number;
  /** In place of `a`, one for each channel. */
  readonly channels: Float32Array | null;
}

export interface OperationFields<Parameters> {
  /** Names the caller's method in errors. */
  readonly where: string;
  readonly spec: OperatorSpec;
  readonly batch: number;
  readonly extents: readonly number[];
  readonly layout: Layout;
  readonly execution: Execution;
  /** Values of the whole input and output. */
  readonly inputCount: number;
  readonly outputCount: number;
  /** These default to float32. */
  readonly arithmetic?: Arithmetic;
  readonly inputElement?: Element;
  readonly outputElement?: Element;
  /** Canonical, on JavaScript's side; asked for only when a route has to pack them. */
  readonly parameters: () => Parameters;
  /** Asked for with the parameters; the same for all operations of one native operator. */
  readonly epilogue?: (() => Epilogue) | undefined;
  /** Whether it is one of many, whose weights are kept small where that costs little time. Default: no. */
  readonly compact?: boolean;
}

/** An operator for one input size, in the core's terms. Steady loops make it once and run it often. */
export class Operation<Parameters = CanonicalParameters> {
  readonly where: string;
  readonly spec: Spec;
  readonly batch: number;
  readonly extents: Axes;
  readonly layout: number;
  readonly execution: Execution;
  readonly inputCount: number;
  readonly outputCount: number;
  readonly inputElement: Element;
  readonly outputElement: Element;
  readonly parameters: () => Parameters;
  readonly epilogue: (() => Epilogue) | undefined;
  /** Where values lie that the next run adds to its result; 0 for none. */
  residual = 0;
  /** Whether its result may be written over its input. */
  inPlace = false;
  /** The same for operations of one layer that one native operator computes. */
  readonly operatorKey: string;
  /** The same for those among them that one plan serves. */
  readonly planKey: string;

  constructor(fields: OperationFields<Parameters>) {
    const { spec, batch, extents, layout, execution } = fields;
    this.where = fields.where;
    this.spec = toNativeSpec(
      spec,
      execution.precision === 'exact',
      fields.arithmetic,
      fields.compact ? fields.outputCount / spec.outChannels : 0,
    );
    this.batch = batch;
    this.extents = toAxes(extents, 1);
    this.layout = codeOf(layout);
    this.execution = execution;
    this.inputCount = fields.inputCount;
    this.outputCount = fields.outputCount;
    this.inputElement = fields.inputElement ?? FLOAT32;
    this.outputElement = fields.outputElement ?? FLOAT32;
    this.parameters = fields.parameters;
    this.epilogue = fields.epilogue;
    // Of one layer's operators only pads, direction and activation differ.
    this.operatorKey = `${spec.transposed} ${spec.relu} ${spec.padBefore.join()} ${spec.padAfter.join()}`;
    this.planKey = `${batch} ${extents.join(' ')} ${layout} ${execution.route}`;
  }
}

export function codeOf(layout: Layout): number {
  return layout === 'channels-first' ? 0 : 1;
}

export function toNativeSpec(
  spec: OperatorSpec,
  exact: boolean,
  arithmetic: Arithmetic = FLOAT32_ARITHMETIC,
  compactPositions = 0,
): Spec {
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
    exact,
    arithmetic,
    compactPositions,
  };
}

/** Writes a spec to where the next call reads it. */
export function writeSpec(module: DeconvModule, spec: Spec): void {
  const fields = Object.values(spec).flat().map(Number);
  new Int32Array(module.wasmMemory.buffer, module.specRoom()).set(fields);
}

/** Fills the leading axes of a lower rank with their neutral value. */
export function toAxes(values: readonly number[], neutral: number): Axes {
  const [depth = neutral, height = neutral, width = neutral] = [
    ...new Array<number>(3 - values.length).fill(neutral),
    ...values,
  ];
  return [depth, height, width];
}
