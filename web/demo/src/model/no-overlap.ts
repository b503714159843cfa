import type { LayerSpec } from './geometry';
import { type State, withFill, withLayer } from './state';

/** The case of SAM's decoder and of many courses: stamps side by side. */
export const noOverlap = { kernel: 2, stride: 2, dilation: 1 } as const;

/** Whether stamps lie side by side and no two of them touch a cell. */
export const hasNoOverlap = ({ kernel, stride, dilation }: LayerSpec) =>
  kernel === stride && kernel > 1 && dilation === 1;

/** A transposed convolution of that case with weights at random, as before any training. */
export function withNoOverlap(state: State): State {
  return withFill(withLayer({ ...state, kind: 'transposed' }, { axes: 2, ...noOverlap }), 'random');
}
