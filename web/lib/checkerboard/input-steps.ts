import { product } from '../core/lists.js';
import { type OperatorSpec, outputExtents } from '../core/spec.js';
import type { Tensor } from '../core/tensor.js';
import { canonicalLayout } from '../core/weight-layout.js';
import type { Execution } from '../runtime/execution.js';
import { InnerLayer } from './inner-layer.js';
import { type Ends, foldEdges, replicateEdges } from './replicate.js';

/** Something that happens to the input of a layer before its operator sees it. */
export interface InputStep {
  /** In errors: what it does. */
  readonly verb: string;
  /** The spatial sizes that it makes of `extents`. */
  extents(where: string, extents: readonly number[]): readonly number[];
  forward(where: string, x: Tensor): Tensor<ArrayBuffer>;
  /** The gradient of an input of `shape`, from that of the result. */
  backward(where: string, gradient: Tensor, shape: readonly number[]): Tensor<ArrayBuffer>;
  dispose(): void;
}

/** Repeats the values at the ends of each axis. */
export function repeatedEdges(edges: readonly Ends[]): InputStep {
  return {
    verb: 'repeats the edges of',
    extents: (_, extents) =>
      extents.map((extent, axis) => extent + (edges[axis] as Ends)[0] + (edges[axis] as Ends)[1]),
    forward: (where, x) => replicateEdges(where, x, edges),
    backward: (where, gradient, shape) => foldEdges(where, gradient, shape, edges),
    dispose: () => {},
  };
}

/** Stamps the same taps for every value of every channel. */
export function resized(
  name: string,
  { spec, taps }: { readonly spec: OperatorSpec; readonly taps: ArrayLike<number> },
  given: Execution,
): InputStep {
  const weight = new Float32Array(spec.inChannels * product(spec.kernel));
  for (let channel = 0; channel < spec.inChannels; channel += 1) weight.set(taps, channel * taps.length);
  // A route forced for the convolution may not exist for the resize.
  const execution: Execution = { ...given, route: given.route === 'scalar' ? 'scalar' : 'auto' };
  const layerOf = (inner: OperatorSpec) =>
    new InnerLayer({
      name,
      spec: inner,
      layout: 'channels-first',
      weightLayout: canonicalLayout(inner),
      biasShape: [spec.outChannels],
      weight,
      bias: null,
      execution,
    });
  const resize = layerOf(spec);
  const adjoint = layerOf({ ...spec, transposed: false });
  return {
    verb: 'resizes',
    extents: (where, extents) => outputExtents(where, spec, extents),
    forward: (_, x) => resize.forward(x),
    backward: (_, gradient) => adjoint.forward(gradient),
    dispose: () => {
      resize.dispose();
      adjoint.dispose();
    },
  };
}
