import { product } from '../core/lists.js';
import type { Operator, Spec } from './bindings.js';
import { NativeOperators, type OperatorKind } from './native-operators.js';
import type { CanonicalParameters, Operation } from './operation.js';
import { measureOperation, planAfterRun, planOperation, wantsMeasurement } from './planning.js';
import type { Runtime } from './runtime.js';
import { withParameters } from './staging.js';

const FLOAT: OperatorKind<Operator, CanonicalParameters> = {
  create: (module, spec) => module.Operator.create(spec),
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
  const channels = behind?.channels ?? null;
  const first = weight.length + (bias?.length ?? 0);
  const count = first + (channels?.length ?? 0);
  withParameters(runtime, where, count, (address) => {
    const staged = runtime.floats(address, count);
    staged.set(weight);
    if (scale !== undefined) scaleChannels(staged.subarray(0, weight.length), spec, scale);
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

/** Multiplies what belongs to every output channel. */
function scaleChannels(
  weight: Float32Array,
  { transposed, groups, inChannels, outChannels, kernel }: Spec,
  scale: ArrayLike<number>,
): void {
  const taps = product(kernel);
  const [groupIn, groupOut] = [inChannels / groups, outChannels / groups];
  // Rows of a transposed convolution go by input channels, which lie around the output's.
  const [around, together] = transposed ? [groupIn, taps] : [1, groupIn * taps];
  let index = 0;
  for (let group = 0; group < groups; group += 1) {
    for (let outer = 0; outer < around; outer += 1) {
      for (let channel = group * groupOut; channel < (group + 1) * groupOut; channel += 1) {
        const factor = scale[channel] as number;
        for (const end = index + together; index < end; index += 1) {
          weight[index] = (weight[index] as number) * factor;
        }
      }
    }
  }
}
