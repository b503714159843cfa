import { checkOptions, refuse } from '../core/checks.js';
import { sameList, type TensorLike } from '../core/tensor.js';
import type { NamedInputs } from '../graph/named.js';
import type { PatternNetwork } from './pattern-network.js';
import { type PatternStrength, strengthOf } from './pattern-strength.js';
import { type PatternChange, TRACE_OPTIONS, Trace, type TraceOptions } from './trace.js';

/** What other weights make of a network's output; plain data. */
export interface NetworkComparison extends PatternChange {
  readonly output: string;
  /** The period of the pattern along each spatial axis. */
  readonly stride: readonly number[];
  /** What was given to both. */
  readonly inputs: readonly string[];
  readonly before: PatternStrength;
}

/**
 * Runs two networks that differ in their weights alone, as a file and its repaired copy, and tells what becomes of the
 * pattern in an output.
 *
 * @param input for both; without one, flats of several grey levels and a picture that is made of a seed
 * @returns null for a network in which nothing on the way to the output raises the resolution
 * @throws {DeconvError} as `attribute`
 *
 * @example
 * const net = await loadNetwork('fsrcnn-x2.onnx');
 * const [layer] = (await net.upsampling()).layers;
 * const repaired = net.withWeights([{ layer, weight: repairKernels(layer.kernels).weight.data }]);
 * const { fallDb, psnr } = await compareNetworks(net, repaired);
 * console.log(fallDb.toFixed(1), psnr.toFixed(1)); // 13.5 13.9
 */
export async function compareNetworks(
  before: PatternNetwork,
  after: PatternNetwork,
  input?: TensorLike | NamedInputs | null,
  options: TraceOptions = {},
): Promise<NetworkComparison | null> {
  const where = 'compareNetworks';
  const checked = checkOptions<TraceOptions>(where, options, TRACE_OPTIONS);
  const trace = await Trace.of(where, before, input, checked);
  const other = await Trace.of(where, after, trace.tried[0]?.inputs, {
    ...checked,
    output: trace.output.name,
  });
  if (
    !sameList(trace.output.stride, other.output.stride) ||
    !sameList(trace.output.shape, other.output.shape)
  ) {
    refuse('BAD_SHAPE', where, 'two networks that differ in their weights alone', other.output.shape);
  }
  if (!trace.isPatterned) return null;
  trace.total = 2 * trace.tried.length;
  const own = await trace.outputOf(before);
  const { name, stride } = trace.output;
  return {
    output: name,
    stride,
    inputs: trace.tried.map((one) => one.name),
    before: strengthOf(own.measured),
    ...trace.change(own, await trace.outputOf(after)),
  };
}
