import { limits, type State, withLayer } from './state';

/** What another station needs of a layer of a model file: its geometry, and the taps of one channel pair. */
export interface OpenedLayer {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Rows cropped at both ends; null where they depend on an input. */
  readonly padBefore: readonly number[] | null;
  readonly padAfter: readonly number[] | null;
}

/** The state in which station 1 shows this pair; null if the layer is larger than its grids, or not square. */
export function asStamp(state: State, layer: OpenedLayer, taps: ArrayLike<number>): State | null {
  const square = squareOf(layer);
  if (square === null) return null;
  const next = withLayer(state, square);
  // Limits may have brought a number nearer.
  const fits = (Object.keys(square) as (keyof typeof square)[]).every(
    (name) => next.layer[name] === square[name],
  );
  if (!fits) return null;
  // Six digits are more than a cell shows, and keep a shared link short.
  return { ...next, fill: 'own', weights: Array.from(taps, (tap) => Number(tap.toPrecision(6))) };
}

/** The state in which the lab has this layer's kernel and stride; null where its sliders do not reach. */
export function asLab(state: State, layer: OpenedLayer): State | null {
  const square = squareOf(layer);
  if (square === null || square.dilation !== 1) return null;
  const { kernel, stride } = square;
  if (kernel > limits.labKernel.max || stride > limits.labStride.max) return null;
  return { ...state, lab: { ...state.lab, kernel, stride } };
}

/** The same numbers on both axes, or null. */
function squareOf({ kernelSize, stride, dilation, padBefore, padAfter }: OpenedLayer) {
  if (kernelSize.length !== 2) return null;
  const crop = padBefore ?? [0, 0];
  const end = padAfter ?? crop;
  if ([kernelSize, stride, dilation, crop, end].some(([first, second]) => first !== second)) return null;
  return {
    kernel: kernelSize[0] as number,
    stride: stride[0] as number,
    dilation: dilation[0] as number,
    padding: crop[0] as number,
    outputPadding: (crop[0] as number) - (end[0] as number),
  };
}
