import type { Plan, RuntimeInfo } from 'deconv-wasm';
import type { Convention } from '../model/conventions';
import type { LayerSpec } from '../model/geometry';

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

/** The same numbers, read by another system's rules. */
export interface ConventionRequest extends StampRequest {
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
  readonly padding: number;
  readonly outputPadding: number;
  readonly rawWeights: Float32Array;
  readonly resizeWeights: Float32Array;
}

export interface LabResult {
  readonly raw: Planes;
  readonly rawReport: Report;
  readonly resized: Planes;
  readonly resizedReport: Report;
}

/** What ran, in the package's own words, and how long the forward calls took. */
export interface Report {
  readonly layers: readonly string[];
  readonly plans: readonly Plan[];
  readonly milliseconds: number;
}

/** What runs, and the addresses of the files it took. */
export type StartResult = RuntimeInfo & { readonly files: readonly string[] };

/** Every question the worker answers, with its answer. */
export interface Calls {
  start: { request: { readonly threads: number }; result: StartResult };
  stamp: { request: StampRequest; result: StampResult };
  convention: { request: ConventionRequest; result: ConventionResult };
  lab: { request: LabRequest; result: LabResult };
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
