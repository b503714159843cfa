import { hasBrand, NORMALIZATION } from '../core/brands.js';
import type { OperatorSpec } from '../core/spec.js';
import { internalsOf } from '../layers/internals.js';
import { isLayer } from '../layers/layer.js';
import { type Folding, type Step, stepModuleOf } from '../layers/step.js';
import { FloatOperators } from '../runtime/float-operators.js';
import type { CanonicalParameters, Layout } from '../runtime/operation.js';
import type { ModuleNode } from './definition.js';
import { type ChannelAffine, foldAffine } from './fold-affine.js';

/** What a normalization tells of itself. */
export interface FoldableNorm {
  readonly layout: Layout;
  /** Grows when it changes. */
  readonly version: number;
  /** Null where it computes with the statistics of its input. */
  scaleAndShift(): ChannelAffine | null;
}

/**
 * Whether a normalization is worked into the weight of the layer before it: one that computes with running statistics,
 * behind a layer whose results are not wanted to the last bit.
 */
export function folds({ module: layer }: ModuleNode, { module: next }: ModuleNode): boolean {
  if (!isLayer(layer) || !hasBrand(next, NORMALIZATION)) return false;
  if (stepModuleOf(layer) === undefined || stepModuleOf(next) === undefined) return false;
  const norm = next as ModuleNode['module'] & FoldableNorm;
  const { layout, execution } = internalsOf(layer).arithmetic;
  return execution.precision === 'fast' && norm.layout === layout && norm.scaleAndShift() !== null;
}

/** A normalization in a layer's weight, for all programs of a chain, and what it was when that was packed. */
export class Fold implements Folding {
  readonly operators = new FloatOperators();
  readonly #norm: FoldableNorm;
  #normVersion = -1;
  #layerVersion = -1;

  constructor(norm: FoldableNorm) {
    this.#norm = norm;
  }

  fold(own: CanonicalParameters, spec: OperatorSpec): CanonicalParameters {
    return foldAffine(own, spec, this.#norm.scaleAndShift() as ChannelAffine);
  }

  /** Has the weight packed again if the layer or the normalization has changed; allocates nothing. */
  refresh(layer: Step): void {
    const ofNorm = this.#norm.version;
    const ofLayer = layer.version?.() ?? 0;
    if (ofNorm === this.#normVersion && ofLayer === this.#layerVersion) return;
    this.operators.invalidateParameters();
    this.#normVersion = ofNorm;
    this.#layerVersion = ofLayer;
  }
}
