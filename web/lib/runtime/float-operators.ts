import type { Operator } from './bindings.js';
import { NativeOperators, type OperatorKind } from './native-operators.js';
import type { CanonicalParameters, Operation } from './operation.js';
import { measureOperation, planAfterRun, planOperation, wantsMeasurement } from './planning.js';
import type { Runtime } from './runtime.js';
import { withParameters } from './staging.js';

const FLOAT: OperatorKind<Operator, CanonicalParameters> = {
  create: ({ Operator }) => Operator.create(),
  plan: planOperation,
  pack,
  run: (handle, { residual }, source, target) => handle.run(source, target, residual),
  planAfterRun,
  wantsMeasurement,
  measure: measureOperation,
};

/** The float32 operators of one layer. */
export class FloatOperators extends NativeOperators<Operator, CanonicalParameters> {
  constructor() {
    super(FLOAT);
  }
}

function pack(
  runtime: Runtime,
  handle: Operator,
  { where, spec, parameters, epilogue, execution }: Operation,
): void {
  const { weight, bias, rescale } = parameters();
  const behind = epilogue?.();
  const channels = behind?.channels ?? null;
  const first = weight.length + (bias?.length ?? 0);
  const count = first + (channels?.length ?? 0);
  withParameters(runtime, where, count, (address) => {
    const staged = runtime.floats(address, count);
    staged.set(weight);
    rescale?.(staged.subarray(0, weight.length), spec);
    if (bias !== null) staged.set(bias, weight.length);
    if (channels !== null) staged.set(channels, first);
    if (execution.denormals === 'flush') runtime.module.flushDenormals(count, address, address);
    const biasAddress = bias === null ? 0 : address + weight.byteLength;
    runtime.check(where, handle.setParameters(address, biasAddress));
    if (behind === undefined) return;
    const { op, a, b } = behind;
    runtime.check(where, handle.setEpilogue(op, a, b, channels === null ? 0 : address + 4 * first));
  });
}
