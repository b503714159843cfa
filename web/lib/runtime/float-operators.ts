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
  const { weight, bias, scale } = parameters();
  const behind = epilogue?.();
  // Layers of one shape take as much, whatever stands behind them: one finds the place of the other.
  const count = weight.length + 3 * spec.outChannels;
  withParameters(runtime, where, count, (address) => {
    const room = runtime.floats(address, count);
    let end = 0;
    const put = (values: ArrayLike<number> | null | undefined): number => {
      if (!values) return 0;
      room.set(values, end);
      end += values.length;
      return address + 4 * (end - values.length);
    };
    const kernels = put(weight);
    const biases = put(bias);
    const channels = put(behind?.channels);
    if (scale !== undefined) handle.scaleKernels(put(scale), kernels);
    if (execution.denormals === 'flush') runtime.module.flushDenormals(count, address, address);
    runtime.check(where, handle.setParameters(kernels, biases));
    if (behind === undefined) return;
    runtime.check(where, handle.setEpilogue(behind.op, behind.a, behind.b, channels));
  });
}
