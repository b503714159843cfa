import type { Slice } from './slice';

/** What a person has chosen in station 6. Every number there follows from it. */
export interface LearnState {
  readonly view: LearnView;
  readonly network: LearnNetwork;
  readonly seed: number;
  readonly rate: number;
  readonly penalty: number;
  /** Steps that the networks have taken: with the four above they make the result. */
  readonly steps: number;
  /** The strided convolution of the second view. */
  readonly kernel: number;
  readonly stride: number;
  readonly fill: GradientFill;
}

export const learnViews = ['upsampler', 'gradient'] as const;
export type LearnView = (typeof learnViews)[number];

/** One transposed layer, or one of eight channels with a ReLU and a convolution behind it. */
export const learnNetworks = ['one', 'small'] as const;
export type LearnNetwork = (typeof learnNetworks)[number];

export const gradientFills = ['ones', 'random'] as const;
export type GradientFill = (typeof gradientFills)[number];

export const learningRates = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1] as const;
/** Strength of the spectral penalty; 0 for none. */
export const penalties = [0, 0.001, 0.01, 0.1, 1] as const;

/** The layer that is trained. */
export const UPSAMPLER = { kernel: 4, stride: 2, padding: 1 } as const;

/** Steps of a training run. */
export const LAST_STEP = 300;

export const learnLimits = {
  steps: { min: 0, max: LAST_STEP },
  seed: { min: 1, max: 999 },
  kernel: { min: 1, max: 7 },
  stride: { min: 1, max: 4 },
} as const;

export const learnSlice: Slice<LearnState> = {
  key: 'T',
  defaults: {
    view: 'upsampler',
    network: 'one',
    seed: 1,
    rate: 0.01,
    penalty: 0,
    steps: 0,
    kernel: 3,
    stride: 2,
    fill: 'ones',
  },
  fields: [
    { name: 'view', key: 'v', kind: 'choice', of: learnViews },
    { name: 'network', key: 'n', kind: 'choice', of: learnNetworks },
    { name: 'seed', key: 'r', kind: 'integer', ...learnLimits.seed },
    { name: 'rate', key: 'e', kind: 'choice', of: learningRates },
    { name: 'penalty', key: 'p', kind: 'choice', of: penalties },
    { name: 'steps', key: 't', kind: 'integer', ...learnLimits.steps },
    { name: 'kernel', key: 'k', kind: 'integer', ...learnLimits.kernel },
    { name: 'stride', key: 's', kind: 'integer', ...learnLimits.stride },
    { name: 'fill', key: 'f', kind: 'choice', of: gradientFills },
  ],
};

/** The state with a change; another setup begins at step 0. */
export function withLearn(learn: LearnState, change: Partial<LearnState>): LearnState {
  const next = { ...learn, ...change };
  const same = setupFields.every((field) => next[field] === learn[field]);
  return same ? next : { ...next, steps: change.steps ?? 0 };
}

const setupFields = ['network', 'seed', 'rate', 'penalty'] as const;
