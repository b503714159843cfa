import { labLimits } from './lab-state';
import { type State, withLayer, withWeights } from './state';

/** What another station needs of a layer of a model file: its geometry, and the taps of one channel pair. */
export interface OpenedLayer {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Rows cropped at both ends; null where they depend on an input. */
  readonly padBefore: readonly number[] | null;
  readonly padAfter: readonly number[] | null;
}

/** The state in which station 1 shows this pair; null if its grids have no room for it. */
export function asStamp(state: State, layer: OpenedLayer, taps: ArrayLike<number>): State | null {
  const alike = alikeOf(layer);
  if (alike === null) return null;
  const next = withLayer({ ...state, kind: 'transposed' }, { ...alike, groups: 1 });
  // Limits may have brought a number nearer.
  const fits = (Object.keys(alike) as (keyof typeof alike)[]).every(
    (name) => next.layer[name] === alike[name],
  );
  if (!fits) return null;
  // Six digits are more than a cell shows, and keep a shared link short.
  return withWeights(
    next,
    Array.from(taps, (tap) => Number(tap.toPrecision(6))),
  );
}

/**
 * The state in which the lab has this layer's geometry and waits for one of its kernels; null where its
 * sliders do not reach. A crop that they cannot say becomes the one to a multiple of the input.
 */
export function asLab(state: State, layer: OpenedLayer): State | null {
  const alike = alikeOf(layer);
  if (alike === null || alike.axes !== 2) return null;
  const { axes: _, padding, outputPadding, ...sizes } = alike;
  if (!(['kernel', 'stride', 'dilation'] as const).every((name) => within(sizes[name], labLimits[name]))) {
    return null;
  }
  const known =
    layer.padBefore !== null &&
    within(padding, labLimits.padding) &&
    within(outputPadding, labLimits.outputPadding);
  return {
    ...state,
    lab: {
      ...state.lab,
      ...sizes,
      ...(known ? { crop: 'own', padding, outputPadding } : { crop: 'fit' }),
      fill: 'given',
      groups: 3,
      depth: 1,
      // Weights of a network give values of any size, which the input beside them would leave no room for.
      panels: ['raw', 'resize', 'repaired'],
      levels: 'shared',
    },
  };
}

const within = (value: number, { min, max }: { min: number; max: number }) => value >= min && value <= max;

/** The geometry of one or two axes with the same numbers on each, or null. */
function alikeOf({ kernelSize, stride, dilation, padBefore, padAfter }: OpenedLayer) {
  const axes = kernelSize.length;
  if (axes !== 1 && axes !== 2) return null;
  const crop = padBefore ?? kernelSize.map(() => 0);
  const end = padAfter ?? crop;
  const lists = [kernelSize, stride, dilation, crop, end];
  if (lists.some((values) => values.some((value) => value !== values[0]))) return null;
  return {
    axes: axes as 1 | 2,
    kernel: kernelSize[0] as number,
    stride: stride[0] as number,
    dilation: dilation[0] as number,
    padding: crop[0] as number,
    outputPadding: (crop[0] as number) - (end[0] as number),
  };
}
