import { hasBrand, NORMALIZATION } from '../core/brands.js';
import { fault } from '../core/checks.js';
import { isDeconvError } from '../core/errors.js';
import { internalsOf, type LayerArithmetic } from '../layers/internals.js';
import { isLayer } from '../layers/layer.js';
import { EPILOGUE, type EpilogueModule, type Fusion, type Step, stepModuleOf } from '../layers/step.js';
import { FloatOperators } from '../runtime/float-operators.js';
import type { CanonicalParameters, Epilogue, Layout } from '../runtime/operation.js';
import type { Fuses, ModuleNode, Unit } from './definition.js';
import { type ChannelAffine, foldAffine } from './fold-affine.js';

/** What a normalization tells of itself. */
interface FoldableNorm {
  readonly layout: Layout;
  /** Grows when it changes. */
  readonly version: number;
  /** Null where it computes with the statistics of its input. */
  scaleAndShift(): ChannelAffine | null;
}

/** What layers that are one operator of float32 compute beside themselves. */
export const FUSES: Fuses = {
  /** Normalizations with running statistics, where results are not wanted to the last bit. */
  norm(layer, { module }) {
    const arithmetic = arithmeticOf(layer);
    if (arithmetic?.execution.precision !== 'fast' || !hasBrand(module, NORMALIZATION)) return false;
    const norm = module as unknown as FoldableNorm;
    return (
      stepModuleOf(module) !== undefined && norm.layout === arithmetic.layout && norm.scaleAndShift() !== null
    );
  },
  sum: (layer) => arithmeticOf(layer) !== undefined,
  activation(layer, { module }) {
    const arithmetic = arithmeticOf(layer);
    if (arithmetic === undefined || stepModuleOf(module) === undefined || !(EPILOGUE in module)) return false;
    const { spec, layout } = arithmetic;
    return (module as unknown as EpilogueModule)[EPILOGUE](spec.outChannels, layout) !== undefined;
  },
};

/** Undefined for what is no layer, or more than one operator. */
function arithmeticOf({ module }: ModuleNode): LayerArithmetic | undefined {
  if (!isLayer(module) || stepModuleOf(module) === undefined) return undefined;
  try {
    const { requireOneOperator, arithmetic } = internalsOf(module);
    requireOneOperator('chain');
    return arithmetic;
  } catch (error) {
    if (isDeconvError(error)) return undefined;
    throw error;
  }
}

/** What a layer of a chain computes beside itself, for all programs, and what that was when it was packed. */
export class ChainFusion implements Fusion {
  readonly operators = new FloatOperators();
  readonly epilogue: (() => Epilogue) | undefined;
  readonly #norm: FoldableNorm | null;
  readonly #activation: EpilogueModule | null;
  #normVersion = -1;
  #activationVersion = -1;
  #layerVersion = -1;

  constructor({ module, norm, activation }: Unit & ModuleNode) {
    const { spec, layout } = internalsOf(module as never).arithmetic;
    this.#norm = norm && (norm.module as unknown as FoldableNorm);
    const behind = activation && (activation.module as unknown as EpilogueModule);
    this.#activation = behind;
    this.epilogue =
      behind === null ? undefined : () => behind[EPILOGUE](spec.outChannels, layout) as Epilogue;
  }

  fold(own: CanonicalParameters): CanonicalParameters {
    if (this.#norm === null) return own;
    // A module of the user's may have put it into training since the call began.
    const affine = this.#norm.scaleAndShift();
    if (affine === null) {
      throw fault(
        'UNSUPPORTED',
        'the norm behind it',
        'the mode in which the call began',
        'training',
        'Call train() before or after it.',
      );
    }
    return foldAffine(own, affine);
  }

  /** Has all packed again if something has changed; allocates nothing. */
  refresh(layer: Step): void {
    const ofNorm = this.#norm?.version ?? 0;
    const ofActivation = this.#activation?.version ?? 0;
    const ofLayer = layer.version?.() ?? 0;
    const known = ofNorm === this.#normVersion && ofActivation === this.#activationVersion;
    if (known && ofLayer === this.#layerVersion) return;
    this.operators.invalidateParameters();
    this.#normVersion = ofNorm;
    this.#activationVersion = ofActivation;
    this.#layerVersion = ofLayer;
  }
}
