import { weightLayout } from '../core/axis-order.js';
import { refuse } from '../core/checks.js';
import type { OperatorSpec } from '../core/spec.js';
import type { Tensor } from '../core/tensor.js';
import { internalsOf } from '../layers/internals.js';
import { isLayer, type Layer } from '../layers/layer.js';
import type { KernelFormat } from './kernel.js';

/** A layer's parameters in another system's order: copies, which belong to the caller. */
export interface ExportedParameters {
  readonly weight: Tensor<ArrayBuffer>;
  /** `[outChannels]`; null for a layer without. */
  readonly bias: Tensor<ArrayBuffer> | null;
}

/** `name` is the public function; `formatFor` gives its system's order for one operator. */
export function exportParameters(
  name: string,
  layer: Layer,
  formatFor: (spec: OperatorSpec, where: string) => KernelFormat,
): ExportedParameters {
  if (!isLayer(layer)) refuse('BAD_TYPE', name, 'a layer of this package', layer);
  internalsOf(layer).requireOneOperator(name);
  const { spec, weight, bias } = internalsOf(layer).canonical(name);
  const { order, flip } = formatFor(spec, name);
  if (spec.groups > 1 && !order.includes('group')) {
    refuse(
      'UNSUPPORTED',
      name,
      'groups 1, as that system has no grouped transposed convolution',
      spec.groups,
      'Split it into one layer for each group.',
    );
  }
  const layout = weightLayout(spec, order, flip);
  return {
    weight: { data: layout.fromCanonical(weight), shape: layout.shape },
    bias: bias === null ? null : { data: bias.slice(), shape: [spec.outChannels] },
  };
}

/** A system has operators of some ranks only. */
export function checkRank(where: string, spec: OperatorSpec, ranks: readonly number[]): void {
  const rank = spec.kernel.length;
  if (ranks.includes(rank)) return;
  refuse(
    'UNSUPPORTED',
    where,
    `a layer with ${ranks.join(' or ')} spatial axes, as that system has`,
    rank,
    'Add an axis of 1.',
  );
}
