import { DeconvError } from '../core/errors.js';
import { typedArrayKind } from '../core/realms.js';
import type { OperatorSpec } from '../core/spec.js';
import type { Activations, QuantizedOperator, Spec } from './bindings.js';
import { requireRuntime } from './lifecycle.js';
import { reserve } from './native-operators.js';
import { codeOf, type Layout, toAxes, toNativeSpec } from './operation.js';
import { OwnedOperators } from './owned-operators.js';
import { outOfMemory, type Runtime } from './runtime.js';

export interface QuantizedRun {
  /** Names the caller's method in errors. */
  readonly where: string;
  readonly batch: number;
  readonly extents: readonly number[];
  readonly layout: Layout;
  readonly input: Float32Array | Int8Array;
  readonly output: Float32Array | Int8Array;
}

/** What a quantized layer packs; the weight is canonical. */
export interface QuantizedParameters {
  readonly weight: Int8Array;
  readonly scale: Float32Array;
  readonly bias: Float32Array | null;
  readonly activations: Activations;
}

/** The int8 operators of one layer, one for each way it is called (pads and activation). */
export class QuantizedOperators {
  readonly #parameters: QuantizedParameters;
  readonly #runtime: Runtime | undefined;
  readonly #operators = new OwnedOperators<OwnOperator>();

  constructor(parameters: QuantizedParameters, runtime: Runtime | undefined) {
    this.#parameters = parameters;
    this.#runtime = runtime;
  }

  run(spec: OperatorSpec, request: QuantizedRun): void {
    const { where } = request;
    const runtime = requireRuntime(where, this.#runtime);
    const key = `${spec.relu} ${spec.padBefore.join()} ${spec.padAfter.join()}`;
    const operators = this.#operators.on(runtime);
    const known = operators.get(key);
    try {
      const operator = known ?? create(runtime, where, spec);
      operators.set(key, operator);
      runOperator(runtime, operator, request, this.#parameters);
    } catch (error) {
      const failure = runtime.asError(where, error);
      // What never ran costs nothing.
      if (known === undefined) this.#operators.drop(key);
      throw failure;
    }
  }

  dispose(): void {
    this.#operators.dispose();
  }
}

interface OwnOperator {
  readonly spec: Spec;
  readonly handle: QuantizedOperator;
  planned?: string;
}

function create(runtime: Runtime, where: string, spec: OperatorSpec): OwnOperator {
  const native = toNativeSpec(spec, true);
  runtime.check(where, runtime.module.checkSpec(native));
  const handle = runtime.module.QuantizedOperator.create(native);
  if (handle === null) throw outOfMemory(where, 'an operator', 1);
  return { spec: native, handle };
}

function runOperator(
  runtime: Runtime,
  operator: OwnOperator,
  request: QuantizedRun,
  parameters: QuantizedParameters,
): void {
  const { where, input, output } = request;
  const { handle } = operator;
  plan(runtime, operator, request);
  if (handle.needsParameters()) upload(runtime, where, handle, parameters);

  const from = reserve(runtime, where, 'input', floatsFor(input));
  const to = reserve(runtime, where, 'output', floatsFor(output));
  if (isInt8(input)) runtime.bytes(from, input.length).set(input);
  else runtime.floats(from, input.length).set(input);
  const elements = [input, output].map((values) => (isInt8(values) ? INT8 : FLOAT32));
  runtime.check(where, handle.run(from, elements[0] as number, to, elements[1] as number));
  if (isInt8(output)) output.set(runtime.bytes(to, output.length));
  else output.set(runtime.floats(to, output.length));
}

const FLOAT32 = 0;
const INT8 = 1;

function isInt8(values: Float32Array | Int8Array): values is Int8Array {
  return typedArrayKind(values) === 'Int8Array';
}

/** The buffers that all operators share are counted in floats. */
function floatsFor(values: Float32Array | Int8Array): number {
  return Math.ceil(values.byteLength / 4);
}

function plan(runtime: Runtime, operator: OwnOperator, request: QuantizedRun): void {
  const { where, batch, layout } = request;
  const key = `${batch} ${request.extents.join(' ')} ${layout}`;
  if (operator.planned === key) return;
  const extents = toAxes(request.extents, 1);
  const refusal = runtime.module.QuantizedOperator.refusal(operator.spec, batch, extents, codeOf(layout));
  if (refusal !== '') {
    throw new DeconvError(
      'UNSUPPORTED',
      `${where}: expected a geometry that int8 takes, got one that it refuses: it ${refusal}. Keep the float32 layer for it.`,
      { where, refusal },
    );
  }
  runtime.check(where, operator.handle.plan(batch, extents, codeOf(layout)));
  operator.planned = key;
}

function upload(
  runtime: Runtime,
  where: string,
  operator: QuantizedOperator,
  { weight, scale, bias, activations }: QuantizedParameters,
): void {
  const floats = bias === null ? [scale] : [scale, bias];
  const head = floats.reduce((count, { length }) => count + length, 0);
  const address = reserve(runtime, where, 'parameters', head + floatsFor(weight));
  const staged = runtime.floats(address, head);
  staged.set(scale);
  if (bias !== null) staged.set(bias, scale.length);
  const weightAddress = address + 4 * head;
  runtime.bytes(weightAddress, weight.length).set(weight);
  const biasAddress = bias === null ? 0 : address + scale.byteLength;
  try {
    runtime.check(where, operator.setParameters(weightAddress, address, biasAddress, activations));
  } finally {
    runtime.module.releaseParameters();
  }
}
