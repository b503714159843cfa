import { type LayerSpec, nextEvenKernel } from './geometry';
import { type KernelFill, kernelTaps, resized, signedTaps } from './kernels';
import type { LevelsMode } from './levels';
import type { Move } from './story';
import type { TestImage } from './test-images';

/** Everything a person has chosen. Plain data: it survives JSON, and every picture follows from it. */
export interface State {
  /** The layer that all stations look at, one channel, with its input and its kernel row by row. */
  readonly layer: LayerSpec;
  readonly input: readonly number[];
  readonly weights: readonly number[];
  /** Where the weights came from; `own` once a person has typed one. */
  readonly fill: KernelFill | 'own';
  readonly seed: number;
  readonly speed: number;
  readonly lab: LabState;
}

export interface LabState {
  /** `own` is the picture the person opened; it stays in the page and is not part of the state. */
  readonly source: TestImage | 'own';
  readonly kernel: number;
  readonly stride: number;
  readonly fill: KernelFill;
  readonly seed: number;
  readonly levels: LevelsMode;
}

export const limits = {
  size: { min: 1, max: 5 },
  kernel: { min: 1, max: 6 },
  stride: { min: 1, max: 3 },
  padding: { min: 0, max: 3 },
  dilation: { min: 1, max: 2 },
  labKernel: { min: 1, max: 9 },
  labStride: { min: 1, max: 4 },
} as const;

/** A flat input and a kernel of ones: the output counts the stamps, and the pattern is all theirs. */
export const opening: State = {
  layer: { size: 3, kernel: 3, stride: 2, padding: 0, outputPadding: 0, dilation: 1 },
  input: new Array<number>(9).fill(1),
  weights: new Array<number>(9).fill(1),
  fill: 'ones',
  seed: 26,
  speed: 1,
  lab: { source: 'landscape', kernel: 3, stride: 2, fill: 'ones', seed: 1, levels: 'unit' },
};

/** Changes the layer; input and kernel follow in size, the kernel by the rule that filled it. */
export function withLayer(state: State, change: Partial<LayerSpec>): State {
  const layer = { ...state.layer, ...change };
  const next = {
    ...state,
    layer,
    input:
      layer.size === state.layer.size ? state.input : resized(state.input, state.layer.size, layer.size, 1),
  };
  const same = layer.kernel === state.layer.kernel && layer.stride === state.layer.stride;
  if (same) return next;
  if (state.fill === 'own') {
    return { ...next, weights: resized(state.weights, state.layer.kernel, layer.kernel, 1) };
  }
  return { ...next, weights: filled(layer, state.fill, state.seed) };
}

export function withFill(state: State, fill: KernelFill, seed = state.seed): State {
  return { ...state, fill, seed, weights: filled(state.layer, fill, seed) };
}

export function withTap(state: State, index: number, value: number): State {
  return { ...state, fill: 'own', weights: state.weights.with(index, value) };
}

export function withInputCell(state: State, index: number, value: number): State {
  return { ...state, input: state.input.with(index, value) };
}

export type InputFill = 'flat' | 'one cell' | 'ramp';

export function withInput(state: State, fill: InputFill): State {
  const cells = state.layer.size ** 2;
  const middle = Math.floor(cells / 2);
  return {
    ...state,
    input: Array.from({ length: cells }, (_, index) =>
      fill === 'flat' ? 1 : fill === 'ramp' ? index + 1 : Number(index === middle),
    ),
  };
}

/** The experiment a story proposes. */
export function withMove(state: State, move: Move): State {
  switch (move) {
    case 'even-kernel': {
      const kernel = nextEvenKernel(state.layer.kernel, state.layer.stride);
      return withLayer(state, { kernel, dilation: 1 });
    }
    case 'random-weights':
      return withFill(state, 'random');
    case 'flat-input':
      return withInput(state, 'flat');
    case 'start-over':
      return { ...opening, speed: state.speed, lab: state.lab };
  }
}

function filled(layer: LayerSpec, fill: KernelFill, seed: number): number[] {
  // Signed numbers, as a layer has before training; kernelTaps keeps to positive ones for pictures.
  return fill === 'random'
    ? signedTaps(layer.kernel, seed)
    : kernelTaps(fill, layer.kernel, layer.stride, seed);
}
