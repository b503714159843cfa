import type { Geometry } from '../convert/converted-layer.js';
import { fromTorch, type TorchOperators } from '../convert/index.js';
import { torchGeometry } from '../convert/torch.js';
import { checkBoolean, checkOptions, describe, refuse } from '../core/checks.js';
import { biasProblem, ModelLayer } from './layer.js';
import type { NormalizedWeight } from './normalized-weights.js';
import type { ModelTensor } from './tensor.js';

/**
 * What files of bare tensors leave out, in the words of the package's own layers; weights are ordered as
 * PyTorch does. One number counts for every spatial axis.
 */
export interface TensorGeometry {
  /** Default true. */
  readonly transposed?: boolean;
  readonly stride?: number | readonly number[];
  readonly padding?: number | readonly number[];
  /** Transposed only. */
  readonly outputPadding?: number | readonly number[];
  readonly dilation?: number | readonly number[];
  readonly groups?: number;
  /**
   * Name of the bias; null for none. Default: the weight's name with `bias` for `weight`, if there is such a
   * tensor of the right size.
   */
  readonly bias?: string | null;
}

const WORDS = ['transposed', 'stride', 'padding', 'outputPadding', 'dilation', 'groups', 'bias'] as const;

/** The layers that the caller described. */
export function describedLayers(
  tensors: readonly ModelTensor[],
  normalized: readonly NormalizedWeight[],
  geometries: Readonly<Record<string, TensorGeometry>>,
): ModelLayer[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  // Whoever names the direction means the weight that is made of it.
  for (const { weight, direction } of normalized) {
    byName.set(weight.name, weight);
    byName.set(direction.name, weight);
  }
  return Object.entries(geometries).map(([name, given]) => {
    const where = `readModel ${describe(name)}`;
    const weight = byName.get(name);
    if (weight === undefined)
      refuse('BAD_OPTION', 'readModel', 'geometry for names of tensors in the file', name);
    const words = checkOptions<TensorGeometry>(where, given, WORDS);
    const transposed = checkBoolean(where, 'transposed', words.transposed, true);
    const rank = weight.shape.length - 2;
    const operator = `Conv${transposed ? 'Transpose' : ''}${rank}d` as keyof TorchOperators;
    if (rank < 1 || rank > 3) refuse('BAD_SHAPE', where, 'a weight with 3, 4 or 5 axes', [...weight.shape]);
    const attributes = {
      ...(words.stride !== undefined && { stride: words.stride }),
      ...(words.padding !== undefined && { padding: words.padding }),
      ...(words.outputPadding !== undefined && { output_padding: words.outputPadding }),
      ...(words.dilation !== undefined && { dilation: words.dilation }),
      ...(words.groups !== undefined && { groups: words.groups }),
    };
    // What the caller wrote is checked as an option: it throws.
    const geometry = torchGeometry(where, operator, attributes, weight.shape);
    const bias = findBias(where, weight.name, words.bias, byName, geometry);
    return new ModelLayer({
      name,
      operator,
      input: '',
      output: '',
      transposed,
      weight,
      bias,
      problem: biasProblem(bias, geometry),
      geometry,
      build: (parameters, options) => fromTorch(operator, attributes, parameters, options),
    });
  });
}

function findBias(
  where: string,
  weight: string,
  given: string | null | undefined,
  tensors: ReadonlyMap<string, ModelTensor>,
  geometry: Geometry,
): ModelTensor | null {
  if (given === null) return null;
  if (given !== undefined) {
    return tensors.get(given) ?? refuse('BAD_OPTION', where, 'bias to name a tensor of the file', given);
  }
  const guess = tensors.get(weight.replace(/weight$/, 'bias'));
  return guess !== undefined && guess.name !== weight && biasProblem(guess, geometry) === null ? guess : null;
}
