import { type BenchState, benchSlice } from './bench-state';
import type { LayerKind } from './family';
import { inputCells, type LayerSpec, nextEvenKernel, rowsOf, tapRows } from './geometry';
import { type KernelFill, resized } from './kernels';
import { type LabState, labLimits, labSlice } from './lab-state';
import {
  bounded,
  filled,
  fitted,
  flatLayer,
  type LayerState,
  layerLimits,
  layerSlice,
  nextSeed,
  openingLayer,
  unflatLayer,
} from './layer-state';
import { type LearnState, learnSlice } from './learn-state';
import { type NetworkState, networkSlice } from './network-state';
import { resizeKernels, resizeStamps } from './resize-stamps';
import type { Slice } from './slice';
import type { Move } from './story';

export type { LabState } from './lab-state';
export type { LayerState } from './layer-state';

/** Everything a person has chosen. Plain data: it survives JSON, and every picture follows from it. */
export interface State extends LayerState {
  readonly lab: LabState;
  readonly learn: LearnState;
  readonly bench: BenchState;
  readonly network: NetworkState;
}

export const limits = { labKernel: labLimits.kernel, labStride: labLimits.stride } as const;

export const opening: State = {
  ...openingLayer,
  lab: labSlice.defaults,
  learn: learnSlice.defaults,
  bench: benchSlice.defaults,
  network: networkSlice.defaults,
};

/** A slice with its place in the state. */
export interface Placed {
  readonly slice: Slice<object>;
  readonly read: (state: State) => object;
  readonly write: (state: State, part: object) => State;
}

/** All slices, in the order in which links name them; a new station adds its line. */
export const slices: readonly Placed[] = [
  {
    slice: layerSlice as unknown as Slice<object>,
    read: flatLayer,
    write: (state, part) => ({ ...state, ...unflatLayer(part as ReturnType<typeof flatLayer>) }),
  },
  placed('lab', labSlice),
  placed('learn', learnSlice),
  placed('bench', benchSlice),
  placed('network', networkSlice),
];

function placed<N extends Exclude<keyof State, keyof LayerState>>(name: N, slice: Slice<State[N]>): Placed {
  return {
    slice: slice as unknown as Slice<object>,
    read: (state) => state[name],
    write: (state, part) => ({ ...state, [name]: part }),
  };
}

/** Changes the layer; input and kernel follow in size, the kernel by the rule that filled it. */
export function withLayer(state: State, change: Partial<LayerSpec>): State {
  return made(state, state.kind, { ...state.layer, ...change });
}

/** The same stamps by a layer of another kind, or the nearest that it has. */
export function withKind(state: State, kind: LayerKind): State {
  return made(state, kind, state.layer);
}

function made(state: State, kind: LayerKind, wanted: LayerSpec): State {
  const old = state.layer;
  const layer = bounded(wanted, kind);
  const grown = { ...state, kind, layer, input: resized(state.input, inputShape(old), inputShape(layer), 1) };
  const same =
    kind === state.kind &&
    layer.kernel === old.kernel &&
    layer.stride === old.stride &&
    layer.axes === old.axes &&
    layer.groups === old.groups;
  if (same) return grown;
  if (state.fill === 'own') {
    const weights = resized(state.weights, tapShape(old), tapShape(layer), 1);
    return { ...grown, weights: fitted(layer, kind, weights) };
  }
  return { ...grown, weights: filled(layer, state.fill, state.seed, kind) };
}

const inputShape = (layer: LayerSpec) => [rowsOf(layer), layer.size] as const;
const tapShape = (layer: LayerSpec) => [tapRows(layer), layer.kernel] as const;

export function withFill(state: State, fill: KernelFill, seed = state.seed): State {
  return { ...state, fill, seed, weights: filled(state.layer, fill, seed, state.kind) };
}

/** Random taps: those of the seed, or of the next one when they are random already. */
export function withRandom(state: State): State {
  return withFill(state, 'random', state.fill === 'random' ? nextSeed(state.seed) : state.seed);
}

/** What is drawn of a layer. */
export interface Drawn {
  readonly spec: Partial<LayerSpec>;
  readonly kind: LayerKind;
}

/**
 * A change that a person makes to what is drawn. The state may have another layer by then, as a link brings it: the
 * cell that was meant is gone, and another one must not be taken for it.
 */
export function withDrawn(state: State, { spec, kind }: Drawn, make: (state: State) => State): State {
  const same =
    kind === state.kind &&
    Object.entries(spec).every(([name, value]) => state.layer[name as keyof LayerSpec] === value);
  return same ? make(state) : state;
}

/** A tap of the kernel that the layer has itself, which behind a resize is not its stamp. */
export function withTap(state: State, index: number, value: number): State {
  return { ...state, fill: 'own', weights: stampsOf(state, ownTaps(state).with(index, value)) };
}

/** The taps that a person may change, row by row. */
export function ownTaps({ layer, kind, weights }: LayerState): readonly number[] {
  return kind === 'resize' ? resizeKernels(layer, weights) : weights;
}

const stampsOf = ({ layer, kind }: LayerState, taps: readonly number[]) =>
  kind === 'resize' ? resizeStamps(layer, taps) : taps;

/** All taps at once, as a repair or a drag gives them. */
export function withWeights(state: State, weights: readonly number[]): State {
  return { ...state, fill: 'own', weights: fitted(state.layer, state.kind, weights) };
}

export function withInputCell(state: State, index: number, value: number): State {
  return { ...state, input: state.input.with(index, value) };
}

export type InputFill = 'flat' | 'one cell' | 'ramp';

export function withInput(state: State, fill: InputFill): State {
  const cells = inputCells(state.layer);
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
      const kernel = nextEvenKernel(
        state.layer.kernel,
        state.layer.stride,
        layerLimits(state.layer.axes).kernel.max,
      );
      return withLayer(state, { kernel, dilation: 1 });
    }
    case 'random-weights':
      return withRandom(state);
    case 'flat-input':
      return withInput(state, 'flat');
    case 'start-over':
      return {
        ...state,
        ...openingLayer,
        speed: state.speed,
        view: state.view,
        convention: state.convention,
      };
  }
}
