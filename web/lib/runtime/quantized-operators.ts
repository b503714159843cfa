import { fault } from '../core/checks.js';
import type { QuantizedOperator } from './bindings.js';
import { NativeOperators, type OperatorKind } from './native-operators.js';
import type { Operation } from './operation.js';
import {
  measureOperation,
  type Plan,
  planAfterRun,
  planOperation,
  refusalsOf,
  wantsMeasurement,
} from './planning.js';
import type { Runtime } from './runtime.js';
import { withParameters } from './staging.js';

/** real = scale * (value - zeroPoint), with value from -128 to 127. */
export interface Quantization {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** How the tensors around an operator of static int8 become int8. */
export interface Activations {
  readonly input: Quantization;
  readonly output: Quantization;
}

/** What a quantized layer packs; the weight is canonical. */
export interface QuantizedParameters {
  readonly weight: Int8Array;
  readonly scale: Float32Array;
  readonly bias: Float32Array | null;
  readonly activations: Activations;
}

const INT8_KIND: OperatorKind<QuantizedOperator, QuantizedParameters> = {
  create: ({ QuantizedOperator }) => QuantizedOperator.create(),
  plan,
  pack,
  run: (handle, { inputElement, outputElement }, source, target) =>
    handle.run(source, inputElement, target, outputElement),
  planAfterRun,
  wantsMeasurement,
  measure: measureOperation,
};

/** The int8 operators of one layer. */
export class QuantizedOperators extends NativeOperators<QuantizedOperator, QuantizedParameters> {
  constructor() {
    super(INT8_KIND);
  }
}

function plan(runtime: Runtime, handle: QuantizedOperator, operation: Operation<QuantizedParameters>): Plan {
  const { where, spec, execution } = operation;
  if (execution.route === 'auto') {
    const refusalOf = refusalsOf(runtime, operation);
    const refusals = runtime.routeNames.map((_, index) => refusalOf(index));
    if (!refusals.includes(null)) {
      const refusal = refusals[spec.transposed ? 0 : 1] as string;
      throw fault(
        'UNSUPPORTED',
        where,
        'a geometry that int8 takes',
        `one that it refuses: it ${refusal}`,
        'Keep the float32 layer for it.',
        { refusal },
      );
    }
  }
  return planOperation(runtime, handle, operation);
}

function pack(
  runtime: Runtime,
  handle: QuantizedOperator,
  { where, parameters }: Operation<QuantizedParameters>,
): void {
  const { weight, scale, bias, activations } = parameters();
  const head = scale.length + (bias?.length ?? 0);
  withParameters(runtime, where, head + Math.ceil(weight.length / 4), (address) => {
    const staged = runtime.floats(address, head);
    staged.set(scale);
    if (bias !== null) staged.set(bias, scale.length);
    const weightAddress = address + 4 * head;
    runtime.heapBytes.set(weight, weightAddress);
    const biasAddress = bias === null ? 0 : address + scale.byteLength;
    const { input, output } = activations;
    const status = handle.setParameters(
      weightAddress,
      address,
      biasAddress,
      input.scale,
      input.zeroPoint,
      output.scale,
      output.zeroPoint,
    );
    runtime.check(where, status);
  });
}
