import type { Operator } from './bindings.js';
import { NativeOperators, type OperatorKind } from './native-operators.js';
import type { CanonicalParameters, Operation } from './operation.js';
import { measureOperation, planAfterRun, planOperation, wantsMeasurement } from './planning.js';
import type { Runtime } from './runtime.js';
import { withParameters } from './staging.js';

const FLOAT: OperatorKind<Operator, CanonicalParameters> = {
  create: (module, spec) => module.Operator.create(spec),
  plan: planOperation,
  pack,
  run: (handle, _operation, source, target) => handle.run(source, target, 0),
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

function pack(runtime: Runtime, handle: Operator, { where, parameters, execution }: Operation): void {
  const { weight, bias } = parameters();
  const count = weight.length + (bias?.length ?? 0);
  withParameters(runtime, where, count, (address) => {
    const staged = runtime.floats(address, count);
    staged.set(weight);
    if (bias !== null) staged.set(bias, weight.length);
    if (execution.denormals === 'flush') runtime.module.flushDenormals(count, address, address);
    const biasAddress = bias === null ? 0 : address + weight.byteLength;
    runtime.check(where, handle.setParameters(address, biasAddress));
  });
}
