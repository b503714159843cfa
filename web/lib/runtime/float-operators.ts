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
  { where, parameters, epilogue, execution }: Operation,
): void {
  const { weight, bias, scale } = parameters();
  const behind = epilogue?.();
  const staged = [weight, bias, behind?.channels, scale].map((values) => values ?? []);
  const count = staged.reduce((sum, { length }) => sum + length, 0);
  withParameters(runtime, where, count, (address) => {
    const room = runtime.floats(address, count);
    let end = 0;
    const [kernels = 0, biases = 0, channels = 0, factors = 0] = staged.map((values) => {
      room.set(values, end);
      end += values.length;
      return values.length === 0 ? 0 : address + 4 * (end - values.length);
    });
    if (scale !== undefined) handle.scaleKernels(factors, kernels);
    if (execution.denormals === 'flush') runtime.module.flushDenormals(count, address, address);
    runtime.check(where, handle.setParameters(kernels, biases));
    if (behind === undefined) return;
    runtime.check(where, handle.setEpilogue(behind.op, behind.a, behind.b, channels));
  });
}
