import { product } from './lists.js';
import { kernelReach, type OperatorSpec } from './spec.js';

/**
 * The operator that carries an output's gradient back to the input, for one input size. It uses the
 * same numbers as weight: what is `[in, out/groups, ...]` for one is `[out, in/groups, ...]` for the other.
 *
 * The input of a convolution with input dilation comes back dilated; `undilate` takes the values out.
 */
export function adjointSpec(
  spec: OperatorSpec,
  input: readonly number[],
  output: readonly number[],
): OperatorSpec {
  // The adjoint must give exactly the (dilated) input's size back.
  const padAfter = dilatedExtents(spec, input).map((n, axis) => {
    const o = output[axis] as number;
    const reach = kernelReach(spec, axis);
    const [stride, before] = [spec.stride[axis] as number, spec.padBefore[axis] as number];
    return spec.transposed ? (n - 1) * stride + reach - o - before : (o - 1) * stride + reach - n - before;
  });
  return {
    ...spec,
    transposed: !spec.transposed,
    inChannels: spec.outChannels,
    outChannels: spec.inChannels,
    inputDilation: input.map(() => 1),
    padAfter,
    relu: false,
  };
}

/** Sizes of the input with its zeros inserted. */
export function dilatedExtents(spec: OperatorSpec, input: readonly number[]): number[] {
  return input.map((extent, axis) => (extent - 1) * (spec.inputDilation[axis] as number) + 1);
}

/** Every `step`-th value of each spatial axis; `values` is `[outer, ...from, inner]`. */
export function undilate(
  values: Float32Array,
  outer: number,
  from: readonly number[],
  to: readonly number[],
  step: readonly number[],
  inner: number,
): Float32Array<ArrayBuffer> {
  const count = product(to);
  const fromCount = product(from);
  const result = new Float32Array(outer * count * inner);
  for (let point = 0; point < count; point += 1) {
    let rest = point;
    let source = 0;
    let stride = 1;
    for (let axis = to.length - 1; axis >= 0; axis -= 1) {
      const extent = to[axis] as number;
      source += (rest % extent) * (step[axis] as number) * stride;
      rest = Math.floor(rest / extent);
      stride *= from[axis] as number;
    }
    for (let block = 0; block < outer; block += 1) {
      const begin = (block * fromCount + source) * inner;
      result.set(values.subarray(begin, begin + inner), (block * count + point) * inner);
    }
  }
  return result;
}
