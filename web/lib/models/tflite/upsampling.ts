// What makes a convolution of stride 1 raise the resolution: DEPTH_TO_SPACE behind it, a resize in front of it.

import type { FlatTable } from '../flat.js';
import type { LayerUpsampling } from '../layer.js';
import { LIMITS } from '../limits.js';
import { BUILTIN, ELEMENTWISE, OPERATOR, readOptions } from './schema.js';
import type { Subgraph } from './subgraph.js';

const BORDERS: ReadonlySet<number> = new Set([BUILTIN.pad, BUILTIN.padV2, BUILTIN.mirrorPad]);

/** The convolution whose channels an operator makes positions of, or why there is none. */
export function convolutionBefore(
  subgraph: Subgraph,
  shuffle: FlatTable,
): { readonly output: number; readonly problem: string | null } {
  const [input = -1] = shuffle.integers(OPERATOR.inputs);
  const source = sourceOf(subgraph, input, false);
  const format = source === null ? undefined : subgraph.format(source);
  const [output = -1] = source?.integers(OPERATOR.outputs) ?? [];
  if (source === null || format === undefined) {
    const what = source === null ? 'an input of the model' : 'what another operator makes';
    return { output, problem: `it rearranges ${what}, and no convolution's output alone` };
  }
  const { attributes } = readOptions(source.table(OPERATOR.options), format);
  const strided = Object.entries(attributes).some(([word, step]) => word.startsWith('stride') && step !== 1);
  const problem =
    format.base.includes('TRANSPOSE') || strided
      ? `it rearranges the output of a ${format.name} with a stride`
      : null;
  return { output, problem };
}

/** What follows a convolution. */
interface Shuffle {
  readonly geometry: NonNullable<LayerUpsampling['pixelShuffle']>;
  readonly operator: string;
}

/** The DEPTH_TO_SPACE of a subgraph, by the output of the convolution whose channels it makes positions of. */
export function shufflesOf(subgraph: Subgraph): ReadonlyMap<number, Shuffle> {
  const found = new Map<number, Shuffle>();
  for (const operator of subgraph.operators) {
    if (subgraph.code(operator) !== BUILTIN.depthToSpace) continue;
    const { output, problem } = convolutionBefore(subgraph, operator);
    const factor = operator.table(OPERATOR.options)?.integer(0, 0) ?? 0;
    if (problem !== null || factor < 1) continue;
    found.set(output, {
      geometry: { upscaleFactor: [factor, factor], mode: 'DCR' },
      operator: 'DEPTH_TO_SPACE',
    });
  }
  return found;
}

/** The resize by whole factors that a convolution reads from; null for none, and for what is none on a grid. */
export function resizeBefore(subgraph: Subgraph, x: number) {
  const source = sourceOf(subgraph, x, true);
  if (source === null) return null;
  const nearest = subgraph.code(source) === BUILTIN.resizeNearest;
  if (!nearest && subgraph.code(source) !== BUILTIN.resizeBilinear) return null;
  const options = source.table(OPERATOR.options);
  const [aligned, halves] = (nearest ? [0, 1] : [2, 3]).map((field) => options?.byte(field, 0) === 1);
  // A nearest-neighbour resize repeats, wherever it begins; a linear one has half a pixel to mind.
  if (aligned || (!nearest && !halves)) return null;
  const [input = -1] = source.integers(OPERATOR.inputs);
  const [output = -1] = source.integers(OPERATOR.outputs);
  const [from, to] = [subgraph.shape(input)?.slice(1, -1), subgraph.shape(output)?.slice(1, -1)];
  if (from === undefined || to === undefined || from.length !== to.length) return null;
  const scaleFactor = to.map((extent, axis) => extent / (from[axis] as number));
  const whole = scaleFactor.every((factor) => Number.isInteger(factor));
  if (!whole || scaleFactor.every((factor) => factor === 1)) return null;
  const geometry: NonNullable<LayerUpsampling['upsample']> = {
    scaleFactor,
    mode: nearest ? 'nearest' : 'linear',
  };
  return { geometry, operator: nearest ? 'RESIZE_NEAREST_NEIGHBOR' : 'RESIZE_BILINEAR' };
}

/** The operator that makes a tensor but for what is done to each number of it. */
function sourceOf(subgraph: Subgraph, index: number, borders: boolean): FlatTable | null {
  let maker = subgraph.maker(index);
  for (let steps = 0; maker !== undefined && steps < LIMITS.steps; steps += 1) {
    const code = subgraph.code(maker);
    if (!ELEMENTWISE.has(code) && !(borders && BORDERS.has(code))) return maker;
    maker = subgraph.maker(maker.integers(OPERATOR.inputs)[0] ?? -1);
  }
  return maker ?? null;
}
