import type { Plan, RuntimeInfo, Tensor } from 'deconv-wasm';
import type { HarmonicLevel, ImageVerdict, Verdict } from 'deconv-wasm/checkerboard';
import type { LayerGeometry, TensorGeometry } from 'deconv-wasm/models';
import type { BenchLayer } from '../model/bench-state';
import type { Convention } from '../model/conventions';
import type { LayerKind } from '../model/family';
import type { LayerSpec } from '../model/geometry';
import type { LabFill, PanelKind, SoundLayer } from '../model/lab-state';
import type { LearnState } from '../model/learn-state';
import type { Levels, LevelsMode, Summary } from '../model/levels';
import type { MadeNetwork } from '../model/made-networks';
import type { OwnInput } from '../model/own-input';
import type { PhaseGeometry } from '../model/phases';
import type { Excerpt, Planes } from '../model/picture';
import type { TestImage } from '../model/test-images';

/** All of station 1's numbers for one layer, one input and one kernel. */
export interface StampRequest {
  readonly spec: LayerSpec;
  readonly kind: LayerKind;
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

/** The same numbers, read by another system's rules. */
export interface ConventionRequest extends Omit<StampRequest, 'kind'> {
  readonly which: Convention;
}

export interface ConventionResult {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
  /** Shape under which the system reads the weights. */
  readonly weightShape: readonly number[];
  /** The layer in the package's words. */
  readonly call: string;
}

export interface LabRequest {
  readonly picture: Planes;
  /** Of the layer that the others are compared with. */
  readonly kind: LayerKind;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly groups: number;
  readonly crop: 'fit' | 'own';
  readonly padding: number;
  readonly outputPadding: number;
  readonly fill: Exclude<LabFill, 'learned'>;
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
  readonly picture: Planes;
  readonly scale: number;
}

export interface LabScore {
  readonly verdict: ImageVerdict;
  readonly phaseScore: number;
  readonly spectralScoreDb: number;
  readonly harmonics: readonly HarmonicLevel[];
  /** `side * side` levels in dB, entry 0 the constant. */
  readonly spectrum: Float32Array;
  readonly side: number;
}

export interface SoundRequest {
  /** As the page runs with, so that both of its workers use, and keep offline, the same build. */
  readonly threads: number;
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

export type LearnSetup = Pick<LearnState, 'network' | 'seed' | 'rate' | 'penalty'>;

export interface LearnRequest {
  readonly setup: LearnSetup;
  /** How many steps both networks have taken in the answer. */
  readonly step: number;
  /** Whether the answer should bring what stays the same over the whole run. */
  readonly still: boolean;
}

export interface LearnSide {
  /** Mean squared error on the patches of every step, and U of the transposed layer before it. */
  readonly losses: readonly number[];
  readonly unevenness: readonly number[];
  readonly now: Planes;
  /** Highest minus lowest value inside of what a flat grey of one half becomes. */
  readonly ripple: number;
  readonly layer: string;
  /** The transposed layer's kernel where it is its only one. */
  readonly taps: readonly number[] | null;
  /** The transposed layer and, where there is one, the convolution behind a ReLU. */
  readonly layers: readonly LearnedLayer[];
}

export interface LearnedLayer {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
}

/** What a run does not change: the task, and what the first weights made of it. */
export interface LearnStill {
  readonly input: Planes;
  readonly target: Planes;
  readonly first: { readonly random: Planes; readonly icnr: Planes };
}

export interface LearnResult {
  readonly setup: LearnSetup;
  readonly step: number;
  readonly random: LearnSide;
  readonly icnr: LearnSide;
  readonly still: LearnStill | null;
}

export type GradientRequest = Pick<LearnState, 'kernel' | 'stride' | 'fill' | 'seed'>;

export interface GradientResult {
  readonly picture: Planes;
  /** dL/dx where L is the sum of the outputs, one plane. */
  readonly ofSum: Planes;
  /** dL/dx where L is half the sum of their squares. */
  readonly ofSquares: Planes;
  readonly layer: string;
  readonly unevenness: number;
  readonly levelDbc: number;
  readonly sentence: string;
  readonly overlap: readonly number[];
}

export interface ModelRequest {
  /** The model, and what it names if its weights lie in files beside it. */
  readonly files: readonly File[];
  /** For files of bare tensors: what layers they are, by the names of their weights. */
  readonly geometry?: Readonly<Record<string, TensorGeometry>>;
}

/** The taps of one channel pair, at `[first][second]` of the weight, row by row. */
export interface KernelPicture {
  readonly first: number;
  readonly second: number;
  readonly taps: Float32Array;
  /** U of this kernel alone. */
  readonly unevenness: number;
}

export interface ModelLayerInfo {
  readonly name: string;
  readonly operator: string;
  readonly transposed: boolean;
  readonly geometry: LayerGeometry | null;
  /** Why nothing is known of it. */
  readonly problem: string | null;
  readonly found: {
    readonly unevenness: number;
    readonly levelDbc: number;
    readonly verdict: Verdict;
    readonly sentence: string;
    /** Stamps that meet at each phase, of each axis. */
    readonly overlap: readonly (readonly number[])[];
  } | null;
  /** Channel pairs of the weight. */
  readonly pairs: number;
  /** The most uneven pair first. */
  readonly kernels: readonly KernelPicture[];
}

export interface ModelResult {
  readonly format: string;
  readonly producer: string;
  /** Transposed ones first. */
  readonly layers: readonly ModelLayerInfo[];
  readonly leftOut: number;
  /** Tensors that could be the weight of a convolution. */
  readonly candidates: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: string;
  }[];
  readonly moreCandidates: number;
}

export interface TraceRequest {
  /** A network that the page makes, with its seed, or has trained, or a file with what it names beside it. */
  readonly network:
    | { readonly made: MadeNetwork; readonly seed: number }
    | { readonly learned: Pick<LearnResult, 'setup' | 'step'>; readonly layers: readonly LearnedLayer[] }
    | { readonly files: readonly File[] };
  /** What a network of pictures is given, unless there is one of the person's own. */
  readonly picture: TestImage;
  readonly own: OwnInput | null;
  /** Places in the list of layers of those that are repaired. */
  readonly repaired: readonly number[];
  readonly threads: number;
}

/** What a network was given. */
export interface TracedInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly takes: 'picture' | 'sound' | 'numbers';
  readonly picture: Excerpt;
}

/** A step of a network as it ran. */
export interface TracedStep {
  /** Places of what it takes in the list of the inputs and, behind them, the steps. */
  readonly takes: readonly number[];
  readonly names: readonly string[];
  readonly types: readonly string[];
  readonly shape: readonly number[];
  readonly milliseconds: number;
  /** Period of the pattern that may be there by now, of each axis; empty before anything raises the resolution. */
  readonly stride: readonly number[];
  /** How strong that pattern is against the values themselves, in dB; null where it cannot be told. */
  readonly level: number | null;
  /** Places in the list of layers of those that this step computes. */
  readonly layers: readonly number[];
  /** Of what it gives. */
  readonly channels: number;
}

export interface TracedLayer {
  readonly name: string;
  readonly kind: 'transposed' | 'sub-pixel' | 'resize';
  readonly unevenness: number;
  readonly verdict: Verdict;
  /** Of the output's pattern, by repairing this layer alone. */
  readonly share: number;
  /** By how many dB the pattern falls then; null where nothing can be repaired. */
  readonly fall: number | null;
  readonly problem: string | null;
}

export interface TraceResult {
  readonly format: 'onnx' | 'tflite';
  /** The network as a file, where the page made or trained it. */
  readonly file: Uint8Array<ArrayBuffer> | null;
  readonly sentence: string;
  readonly culprit: string | null;
  readonly steps: readonly TracedStep[];
  readonly layers: readonly TracedLayer[];
  readonly inputs: readonly TracedInput[];
  readonly before: Excerpt;
  /** Null where nothing is chosen to be repaired. */
  readonly repair: {
    readonly after: Excerpt;
    readonly psnr: number;
    readonly ssim: number;
    /** Pattern of the output in dB against the output itself. */
    readonly level: number | null;
  } | null;
  /** Pattern of the output as it is. */
  readonly level: number | null;
  /** Of an output that can be heard: its samples, and how loud the tones of its pattern are. */
  readonly sound: {
    readonly before: Float32Array;
    readonly after: Float32Array | null;
    readonly tones: readonly {
      readonly frequency: number;
      readonly before: number;
      readonly after: number | null;
    }[];
  } | null;
}

export interface StepPicturesRequest {
  /** What was asked for before: its pictures are of the same network and input. */
  readonly of: TraceRequest;
  /** Null for the mean of all; where a step has none of this number, it is the mean too. */
  readonly channel: number | null;
}

export interface CompareRequest {
  /** What was asked for before, of an ONNX file. */
  readonly of: TraceRequest;
  /** Where onnxruntime-web lies, as a whole address. */
  readonly onnxruntime: string;
}

export type ComparisonResult =
  /** Why onnxruntime-web does not run it, in its own words. */
  | { readonly refusal: string }
  | {
      readonly refusal: null;
      /** Medians of whole runs, in milliseconds. */
      readonly ours: number;
      readonly theirs: number;
      /** Of each of the two. */
      readonly threads: number;
      /** The largest between values of the outputs, and the largest value. */
      readonly difference: number;
      readonly largest: number;
    };

export interface BenchRequest {
  readonly layer: BenchLayer;
  /** Folders of the peers that a person has asked for, as whole addresses. */
  readonly peers: { readonly onnxruntime?: string; readonly tfjs?: string };
  /** Measured because a person has come to it, who may have come for something else. */
  readonly unasked: boolean;
}

export interface BenchEntry {
  readonly name: string;
  readonly status: 'ok' | 'wrong values' | 'not supported' | 'failed';
  readonly note: string;
  /** Largest difference from the double-precision result, as a share of its largest value. */
  readonly error: number | null;
  /** Of the turns: their median, and the range that holds four fifths of them. */
  readonly milliseconds: {
    readonly median: number;
    readonly p10: number;
    readonly p90: number;
    readonly count: number;
  } | null;
}

export interface BenchResult {
  readonly layer: BenchLayer;
  readonly build: string;
  readonly threads: number;
  /** Operations of one run. */
  readonly flop: number;
  readonly entries: readonly BenchEntry[];
}

/** What ran, in the package's own words, and how long the forward calls took. */
export interface Report {
  readonly layers: readonly string[];
  readonly plans: readonly Plan[];
  readonly milliseconds: number;
}

/** One kernel of station 4, for all its pictures. */
export interface PhasesRequest extends PhaseGeometry {
  readonly kind: LayerKind;
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

/** Layers of two axes that a person makes predictions about. */
export interface PredictionsRequest {
  readonly layers: readonly { readonly kernel: number; readonly stride: number }[];
  readonly seed: number;
}

/** Of one kernel: U, and a window of what a flat picture becomes. */
export type PredictionView = Pick<PhasesResult, 'unevenness' | 'flat'>;

export interface PredictionsResult {
  readonly layers: readonly { readonly equal: PredictionView; readonly random: PredictionView }[];
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

/** What runs, and the addresses of the files it took. */
export type StartResult = RuntimeInfo & { readonly files: readonly string[] };

/** Every question the worker answers, with its answer. */
export interface Calls {
  start: { request: { readonly threads: number }; result: StartResult };
  sound: { request: SoundRequest; result: SoundResult };
  phases: { request: PhasesRequest; result: PhasesResult };
  predictions: { request: PredictionsRequest; result: PredictionsResult };
  seeds: { request: SeedsRequest; result: SeedsResult };
  stamp: { request: StampRequest; result: StampResult };
  convention: { request: ConventionRequest; result: ConventionResult };
  lab: { request: LabRequest; result: LabResult };
  learn: { request: LearnRequest; result: LearnResult };
  model: { request: ModelRequest; result: ModelResult };
  trace: { request: TraceRequest; result: TraceResult };
  stepPictures: { request: StepPicturesRequest; result: readonly (Excerpt | null)[] | null };
  compareRuns: { request: CompareRequest; result: ComparisonResult | null };
  bench: { request: BenchRequest; result: BenchResult };
  gradient: { request: GradientRequest; result: GradientResult };
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

/** How far a question is that takes long. */
export interface Progress {
  readonly done: number;
  readonly of: number;
}

export type Answer =
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly ok: true; readonly result: Calls[CallName]['result'] }
  | { readonly id: number; readonly ok: false; readonly failure: Failure };
