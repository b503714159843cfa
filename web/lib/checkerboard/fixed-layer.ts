import type { OperatorSpec } from '../core/spec.js';
import { canonicalLayout } from '../core/weight-layout.js';
import { Layer } from '../layers/layer.js';
import type { Execution } from '../runtime/execution.js';

/** A step inside another layer: channels first, no bias, a weight that stays. */
export class FixedLayer extends Layer {
  constructor(name: string, spec: OperatorSpec, weight: Float32Array<ArrayBuffer>, execution: Execution) {
    super({
      name,
      spec,
      layout: 'channels-first',
      weightLayout: canonicalLayout(spec),
      biasShape: [spec.outChannels],
      weight,
      bias: null,
      execution,
    });
  }

  extraRepr(): string {
    return `${this.spec.inChannels}, stride=${this.spec.stride.join('x')}`;
  }
}
