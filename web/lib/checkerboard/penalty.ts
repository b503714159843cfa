import { refuse } from '../core/checks.js';
import { isList, memberOf } from '../core/realms.js';
import { checkParameter, type Tensor } from '../core/tensor.js';
import { checkLayers } from '../graph/layer-list.js';
import { internalsOf } from '../layers/internals.js';
import { isLayer, type Layer } from '../layers/layer.js';
import type { ParameterGradients } from '../training/optimizer.js';
import { pairGains } from './pair-gains.js';
import { phaseCount, tapPhases } from './phases.js';
import { type Kernels, layerStamps, type Stamps } from './stamps.js';
import { readOwnStamps } from './transposed-kernels.js';

/** A penalty on weights and its derivative. */
export interface KernelsPenalty {
  readonly loss: number;
  /** Derivative of the loss with respect to each value of the weight, in its order. */
  readonly gradient: Float64Array;
}

/** A penalty on a layer's weight and its derivative. */
export interface LayerPenalty {
  readonly loss: number;
  /** Derivative of the loss with respect to the layer's weight, in its shape. */
  readonly gradient: Tensor<ArrayBuffer>;
}

/**
 * `strength * sum (G - mean G)^2` over all phases and channel pairs, in double precision: by Parseval
 * `strength * sum |H|^2 / phases` over the stride's harmonics, the power that the weights have where a pattern
 * comes from. The derivative by tap j is `2 * strength * (G_r - mean G)`, r the tap's phase.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_SHAPE`, `BAD_TYPE`, `TOO_LARGE`
 *
 * @example
 * const weight = { data: [1, 2, 3], shape: [1, 1, 3] };
 * const { loss, gradient } = kernelsPenalty({ geometry: { stride: 2 }, weight });
 * console.log(loss, gradient.join(' ')); // 2 2 -2 2
 */
export function kernelsPenalty(kernels: Kernels, strength = 1): KernelsPenalty {
  const where = 'kernelsPenalty';
  checkStrength(where, strength);
  const own = readOwnStamps(where, kernels);
  if (own === null) return { loss: 0, gradient: new Float64Array(kernels.weight.data.length) };
  const { loss, gradient } = penaltyOf(where, own.stamps, strength);
  return { loss, gradient: own.restore(gradient) };
}

/**
 * The spectral penalty on the weight of one layer, to be added to a loss: `strength * sum (G - mean G)^2` over
 * the phase gains of all channel pairs.
 *
 * @param layer a transposed layer of any convention, or a convolution for the sake of its input gradient
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`, `UNSUPPORTED` (dilated input), `DISPOSED`
 *
 * @example
 * const layer = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 3, stride: 2 });
 * layer.setWeight([1, 2, 3]);
 * const { loss, gradient } = spectralPenalty(layer, 0.5);
 * console.log(loss, gradient.data.join(' ')); // 1 1 -1 1
 */
export function spectralPenalty(layer: Layer, strength = 1): LayerPenalty {
  const where = 'spectralPenalty';
  checkStrength(where, strength);
  const { loss, gradient } = penaltyOf(where, layerStamps(where, layer), strength);
  return { loss, gradient: internalsOf(layer).weightGradient(where, Float32Array.from(gradient)) };
}

/**
 * Adds the spectral penalty of every transposed layer among `layers` to their gradients, between a backward pass and
 * an optimizer's step. Other layers' gradients come back as they are; nothing is changed in place.
 *
 * @param gradients one entry per layer, in the layers' order
 * @throws {DeconvError} as `spectralPenalty`; `BAD_SHAPE` for another number of gradients than layers, or another shape
 *
 * @example
 * await init();
 * const up = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 3, stride: 2 });
 * up.setWeight([1, 2, 3]);
 * const decoder = new Sequential(up, new Tanh());
 * const pass = decoder.trace({ data: [1, 2], shape: [1, 1, 2] });
 * const { layers } = pass.backward({ data: new Float32Array(5), shape: [1, 1, 5] });
 * const { loss, gradients } = addSpectralPenalty(decoder.layers, layers, 0.5);
 * console.log(loss, gradients[0].weight.data.join(' ')); // 1 1 -1 1
 */
export function addSpectralPenalty<Gradients extends ParameterGradients>(
  layers: readonly unknown[],
  gradients: readonly Gradients[],
  strength = 1,
): { readonly loss: number; readonly gradients: Gradients[] } {
  const where = 'addSpectralPenalty';
  checkStrength(where, strength);
  checkLayers(where, layers);
  if (!isList(gradients)) refuse('BAD_TYPE', where, 'a list of gradients', gradients);
  if (layers.length !== gradients.length) {
    refuse('BAD_SHAPE', where, `${layers.length} gradients, one per layer`, gradients.length);
  }
  let loss = 0;
  const sums = Array.from(gradients as readonly Gradients[], (own, index) => {
    const layer = layers[index];
    if (!isLayer(layer) || !internalsOf(layer).canonical(where).spec.transposed) return own;
    const penalty = spectralPenalty(layer, strength);
    loss += penalty.loss;
    const { shape, data: added } = penalty.gradient;
    const weight = checkParameter(where, `gradients[${index}].weight`, memberOf(own, 'weight'), shape);
    const data = Float32Array.from(weight, (value, at) => value + (added[at] as number));
    return { ...own, weight: { data, shape } };
  });
  return { loss, gradients: sums };
}

function penaltyOf(where: string, stamps: Stamps, strength: number): KernelsPenalty {
  const { axes, weight } = stamps;
  const phases = phaseCount(axes);
  const phaseOf = tapPhases(axes);
  const { values } = pairGains(where, stamps);
  const gradient = new Float64Array(weight.length);
  let loss = 0;
  for (let pair = 0; pair * phases < values.length; pair += 1) {
    const gains = values.subarray(pair * phases, (pair + 1) * phases);
    const mean = gains.reduce((sum, gain) => sum + gain, 0) / phases;
    for (const gain of gains) loss += (gain - mean) ** 2;
    for (let tap = 0; tap < phaseOf.length; tap += 1) {
      // The deviations sum to 0, so the mean's own derivative drops out.
      const deviation = (gains[phaseOf[tap] as number] as number) - mean;
      gradient[pair * phaseOf.length + tap] = 2 * strength * deviation;
    }
  }
  return { loss: strength * loss, gradient };
}

function checkStrength(where: string, strength: unknown): void {
  if (typeof strength !== 'number') refuse('BAD_TYPE', where, 'strength to be a number', strength);
  if (!Number.isFinite(strength) || strength < 0) {
    refuse('BAD_OPTION', where, 'strength to be finite and not negative', strength);
  }
}
