import { type LayerDefinition, OperatorLayer } from '../layers/operator-layer.js';

/** An operator inside another layer, which speaks for it. */
export class InnerLayer extends OperatorLayer {
  // Its base's is protected.
  constructor(definition: LayerDefinition) {
    super(definition);
  }

  /** @internal */
  protected repr(): string {
    return '';
  }
}
