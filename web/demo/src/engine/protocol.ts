import type { Plan, RuntimeInfo } from 'deconv-wasm';
import type { HarmonicLevel, Verdict } from 'deconv-wasm/checkerboard';
import type { LayerSpec } from '../model/geometry';
import type { LabFill, PanelKind, SoundLayer } from '../model/lab-state';
import type { Levels, LevelsMode, Summary } from '../model/levels';
import type { PhaseGeometry } from '../model/phases';

/** All of station 1's numbers for one layer, one input and one kernel. */
export interface StampRequest {
  readonly spec: LayerSpec;
  readonly input: readonly number[];
  readonly weights: readonly number[];
}

export interface StampResult {
  /** Rows and columns of the output. */
  readonly shape: readonly [number, number];
  /** `states[t]` is the output when only the first t input cells are set. */
  readonly states: readonly Float32Array[];
  /** `stamps[i]` is what input cell i alone gives, uncropped, `reach` by `reach`. */
  readonly stamps: readonly Float32Array[];
  readonly report: Report;
}

/** Planes of one picture, channel after channel. */
export interface Planes {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

export interface LabRequest {
  readonly picture: Planes;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly groups: number;
  readonly crop: 'fit' | 'own';
  readonly padding: number;
  readonly outputPadding: number;
  readonly fill: LabFill;
  readonly seed: number;
  /** `kernel * kernel` taps for the fill `given`. */
  readonly given: readonly number[] | null;
  readonly depth: number;
  readonly panels: readonly PanelKind[];
  readonly levels: LevelsMode;
}

export interface LabDeveloped {
  readonly output: Planes;
  /** The output as a canvas takes it. */
  readonly bytes: Uint8ClampedArray<ArrayBuffer>;
  readonly summary: Summary;
  /** Null for the input, which is no layer's. */
  readonly pattern: {
    readonly unevenness: number;
    readonly levelDbc: number;
    readonly verdict: Verdict;
  } | null;
  readonly report: Report;
}

export type LabPanel =
  | { readonly kind: PanelKind; readonly refusal: null; readonly developed: LabDeveloped }
  | { readonly kind: PanelKind; readonly refusal: string; readonly developed: null };

export interface LabResult {
  /** How many times larger the outputs are. */
  readonly scale: number;
  readonly levels: Levels;
  readonly panels: readonly LabPanel[];
}

export interface LabScoreRequest {
  readonly kind: PanelKind;
  readonly scale: number;
}

export interface LabScore {
  readonly phaseScore: number;
  readonly spectralScoreDb: number;
  readonly harmonics: readonly HarmonicLevel[];
  /** `side * side` levels in dB, entry 0 the constant. */
  readonly spectrum: Float32Array;
  readonly side: number;
}

export interface SoundRequest {
  readonly layer: SoundLayer;
  readonly seed: number;
}

export interface Heard {
  readonly samples: Float32Array;
  /** Levels at the sampling rate times m/s, up to half of it. */
  readonly tones: readonly { readonly frequency: number; readonly decibels: number }[];
  readonly frames: number;
  readonly bins: number;
  /** Levels in dB, frame after frame. */
  readonly spectrogram: Float32Array;
}

export interface SoundResult {
  readonly raw: Heard;
  readonly repaired: Heard;
  readonly unevennessBefore: number;
  readonly unevennessAfter: number;
}

/** What ran, in the package's own words, and how long the forward calls took. */
export interface Report {
  readonly layers: readonly string[];
  readonly plans: readonly Plan[];
  readonly milliseconds: number;
}

/** One kernel of station 4, for all its pictures. */
export interface PhasesRequest extends PhaseGeometry {
  /** Row by row; lane by lane on one axis. */
  readonly weights: readonly number[];
}

export interface PhasesResult {
  /** Phase gains in the order of `phasesOf`. */
  readonly gains: readonly number[];
  readonly unevenness: number;
  readonly levelDbc: number;
  readonly verdict: Verdict;
  readonly sentence: string;
  /** |H| of each lane at the frequencies v / `spectrumSize`, row by row, entry 0 the constant. */
  readonly spectra: readonly Float64Array[];
  /** What the layer makes of ones away from its borders: `flatSide` squared, or a row for each lane. */
  readonly flat: Float32Array;
  /** The taps after repair, with the same numbers; null where no weights can mend the layer. */
  readonly repaired: {
    readonly weights: readonly number[];
    readonly flat: Float32Array;
    readonly largestChange: number;
    readonly relativeChange: number;
  } | null;
  readonly report: Report;
}

/** U of many random kernels of one geometry. */
export interface SeedsRequest extends PhaseGeometry {
  readonly seeds: number;
}

export interface SeedsResult {
  readonly mean: number;
  /** Kernels in each tenth of U from 0 to 1. */
  readonly tenths: readonly number[];
}

/** Every question the worker answers, with its answer. */
export interface Calls {
  sound: { request: SoundRequest; result: SoundResult };
  phases: { request: PhasesRequest; result: PhasesResult };
  seeds: { request: SeedsRequest; result: SeedsResult };
  start: { request: { readonly threads: number }; result: RuntimeInfo };
  stamp: { request: StampRequest; result: StampResult };
  lab: { request: LabRequest; result: LabResult };
  labScore: { request: LabScoreRequest; result: LabScore | null };
}

export type CallName = keyof Calls;

export interface Failure {
  readonly code: string;
  readonly message: string;
}

export interface Question<K extends CallName = CallName> {
  readonly id: number;
  readonly name: K;
  readonly request: Calls[K]['request'];
}

export type Answer =
  | { readonly id: number; readonly ok: true; readonly result: Calls[CallName]['result'] }
  | { readonly id: number; readonly ok: false; readonly failure: Failure };
