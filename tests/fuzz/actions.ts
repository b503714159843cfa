// What a fuzzed program may do, as plain data: a sequence that found a fault is kept as JSON, and means the same
// whatever becomes of the generator. Everything that is picked from what lives counts modulo how much there is.

import fc from 'fast-check';
import type { RandomProblem } from '../support/geometries.js';
import { randomProblem } from '../support/geometries.js';

export interface Axis {
  readonly n: number;
  readonly k: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  readonly extra: number;
}

export const FAMILIES = ['torch', 'brainstate', 'onnx', 'resize', 'smooth'] as const;

export const ROUTES = [
  'auto',
  'scalar',
  'polyphase',
  'scatter',
  'winograd-line',
  'winograd-f45',
  'winograd-f43',
  'winograd-f42',
  'winograd-f22',
  'xnnpack-deconvolution',
  'implicit-gemm',
  'depthwise',
] as const;

export const VALUES = ['random', 'quarters', 'zeros', 'nan', 'infinity', 'denormal', 'large'] as const;
export type ValueKind = (typeof VALUES)[number];

const NORMALIZING = [
  'forward',
  'backward',
  'train',
  'eval',
  'parameters',
  'moved',
  'misshapen',
  'proxy',
] as const;

const CHAINED = ['forward', 'out', 'backward', 'train', 'eval', 'misshapen', 'summary', 'dispose'] as const;

export interface MakeLayer {
  readonly do: 'layer';
  readonly family: (typeof FAMILIES)[number];
  readonly transposed: boolean;
  readonly axes: readonly Axis[];
  readonly groups: number;
  readonly groupIn: number;
  readonly groupOut: number;
  readonly bias: boolean;
  readonly route: (typeof ROUTES)[number];
  readonly exact: boolean;
  readonly flush: boolean;
  readonly measure: boolean;
  /** Of a brainstate layer. */
  readonly channelFirst: boolean;
  readonly masked: boolean;
  /** Of a ResizeConv. */
  readonly linear: boolean;
  readonly replicate: boolean;
  /** 0 is the default runtime. */
  readonly seat: number;
  readonly seed: number;
}

/** Where values of a call lie: in an array, a HeapTensor, a part of one, or on another runtime's heap. */
export type PlaceKind = 'array' | 'heap' | 'part' | 'elsewhere';

export interface Scarcity {
  /** 2^room bytes are free on a heap that does not grow. */
  readonly room: number | null;
  /** JavaScript has no arrays above 2^arrays values. */
  readonly arrays: number | null;
}

export interface Forward extends Scarcity {
  readonly do: 'forward';
  readonly layer: number;
  /** -1: without a batch axis. */
  readonly batch: number;
  readonly wider: readonly number[];
  readonly input: PlaceKind;
  readonly out: 'none' | 'same' | 'overlap' | 'misshapen' | PlaceKind;
  readonly values: ValueKind;
  readonly relu: boolean;
  /** One of the ways in which an input can be none. */
  readonly fault: number | null;
  readonly shift: number;
  readonly keep: boolean;
  readonly seed: number;
}

export interface Backward extends Scarcity {
  readonly do: 'backward';
  readonly layer: number;
  readonly batch: number;
  readonly wider: readonly number[];
  readonly input: PlaceKind;
  readonly gradient: PlaceKind;
  readonly values: ValueKind;
  readonly relu: boolean;
  readonly withOutput: boolean;
  readonly fault: number | null;
  readonly faultInGradient: boolean;
  readonly shift: number;
  readonly seed: number;
}

export type Action =
  | MakeLayer
  | Forward
  | Backward
  | {
      readonly do: 'parameters';
      readonly layer: number;
      readonly how: 'tensor' | 'bare' | 'heap' | 'half' | 'state' | 'nested' | 'misshapen' | 'read';
      readonly values: ValueKind;
      readonly seed: number;
    }
  | {
      readonly do: 'optimize';
      readonly layers: readonly number[];
      readonly optimizer: 'sgd' | 'adam';
      readonly relu: boolean;
      readonly seed: number;
    }
  | { readonly do: 'study'; readonly layer: number; readonly what: number }
  | {
      readonly do: 'quantize';
      readonly layer: number;
      readonly fixed: boolean;
      readonly zeroPoint: number;
      readonly seed: number;
    }
  | ({
      readonly do: 'int8';
      readonly layer: number;
      readonly batch: number;
      readonly bytesIn: boolean;
      readonly bytesOut: boolean;
      readonly input: PlaceKind;
      readonly values: ValueKind;
      readonly shift: number;
      readonly seed: number;
    } & Scarcity)
  | ({
      readonly do: 'call';
      readonly problem: RandomProblem;
      readonly route: (typeof ROUTES)[number];
      readonly values: ValueKind;
      readonly seat: number;
    } & Scarcity)
  | {
      readonly do: 'misuse';
      readonly layer: number;
      readonly quantized: boolean;
      readonly member: number;
      readonly receiver: 'itself' | 'proxy' | 'heir';
      readonly args: readonly number[];
    }
  | { readonly do: 'dispose'; readonly layer: number; readonly quantized: boolean; readonly times: number }
  | {
      readonly do: 'normalize';
      readonly kind: 'batch' | 'instance' | 'group';
      /** Of a group. */
      readonly channels: number;
      readonly groups: number;
      readonly affine: boolean;
      readonly tracks: boolean;
      readonly batch: number;
      readonly height: number;
      readonly width: number;
      readonly steps: readonly { readonly what: (typeof NORMALIZING)[number]; readonly seed: number }[];
    }
  | {
      readonly do: 'chain';
      readonly modules: readonly { readonly kind: number; readonly a: number; readonly b: number }[];
      /** Two chains in one. */
      readonly nested: boolean;
      readonly channels: number;
      readonly batch: number;
      readonly height: number;
      readonly width: number;
      readonly steps: readonly ({
        readonly what: (typeof CHAINED)[number];
        readonly seed: number;
      } & Scarcity)[];
    }
  | { readonly do: 'drop tensor'; readonly tensor: number; readonly layer: number }
  | { readonly do: 'grow'; readonly seat: number; readonly megabytes: number }
  | { readonly do: 'init'; readonly threads: number; readonly race: boolean }
  | { readonly do: 'shutdown' }
  | { readonly do: 'runtime'; readonly threads: number }
  | { readonly do: 'end runtime'; readonly seat: number };

const pick = fc.nat(99);
const seed = fc.nat(2 ** 31 - 1);
const rarely = fc.oneof(
  { weight: 5, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);
const seat = fc.constantFrom(0, 0, 0, 1, 2);
const values = fc.oneof(
  { weight: 6, arbitrary: fc.constant<ValueKind>('random') },
  { weight: 4, arbitrary: fc.constantFrom(...VALUES) },
);
const place = fc.constantFrom<PlaceKind>('array', 'heap', 'part', 'elsewhere');
/** Null most of the time. */
function seldom<Value>(times: number, arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> {
  return fc.oneof({ weight: times, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
}

const fault = seldom(7, fc.nat(40));
const route = fc.oneof(
  { weight: 2, arbitrary: fc.constant('auto' as const) },
  { weight: 1, arbitrary: fc.constantFrom(...ROUTES) },
);
const batch = fc.constantFrom(-1, 1, 1, 2, 3, 0);
const threads = fc.constantFrom(1, 1, 2);

const scarcity = {
  room: seldom(5, fc.integer({ min: 4, max: 20 })),
  arrays: seldom(15, fc.integer({ min: 3, max: 12 })),
};

function axisOf(rank: number): fc.Arbitrary<Axis> {
  const pad = fc.integer({ min: 0, max: 3 });
  return fc.record({
    n: fc.integer({ min: 1, max: [0, 16, 8, 4][rank] as number }),
    k: fc.integer({ min: 1, max: rank === 3 ? 3 : 5 }),
    stride: fc.constantFrom(1, 1, 2, 2, 3, 4, 5),
    dilation: fc.constantFrom(1, 1, 1, 2, 3),
    before: pad,
    after: pad,
    extra: fc.integer({ min: 0, max: 4 }),
  });
}

const width = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 1, arbitrary: fc.integer({ min: 15, max: 18 }) },
);
const wider = fc.array(fc.constantFrom(0, 0, 0, 1, -1, 2), { minLength: 3, maxLength: 3 });

const makeLayer: fc.Arbitrary<MakeLayer> = fc.constantFrom(1, 2, 2, 2, 3).chain((rank) =>
  fc.record({
    do: fc.constant('layer' as const),
    family: fc.constantFrom('torch', 'torch', ...FAMILIES),
    transposed: fc.boolean(),
    axes: fc.array(axisOf(rank), { minLength: rank, maxLength: rank }),
    groups: fc.constantFrom(1, 1, 1, 2, 3),
    groupIn: width,
    groupOut: width,
    bias: fc.boolean(),
    route,
    exact: rarely,
    flush: rarely,
    measure: rarely,
    channelFirst: rarely,
    masked: rarely,
    linear: rarely,
    replicate: rarely,
    seat,
    seed,
  }),
);

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: makeLayer },
  {
    weight: 12,
    arbitrary: fc.record<Forward>({
      do: fc.constant('forward'),
      layer: pick,
      batch,
      wider,
      input: place,
      out: fc.constantFrom(
        'none',
        'none',
        'array',
        'heap',
        'part',
        'elsewhere',
        'same',
        'overlap',
        'misshapen',
      ),
      values,
      relu: fc.boolean(),
      fault,
      shift: fc.nat(9),
      keep: fc.boolean(),
      seed,
      ...scarcity,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record<Backward>({
      do: fc.constant('backward'),
      layer: pick,
      batch,
      wider,
      input: place,
      gradient: place,
      values,
      relu: fc.boolean(),
      withOutput: fc.boolean(),
      fault,
      faultInGradient: fc.boolean(),
      shift: fc.nat(9),
      seed,
      ...scarcity,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('parameters' as const),
      layer: pick,
      how: fc.constantFrom('tensor', 'bare', 'heap', 'half', 'state', 'nested', 'misshapen', 'read'),
      values,
      seed,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('optimize' as const),
      layers: fc.array(pick, { minLength: 1, maxLength: 3 }),
      optimizer: fc.constantFrom('sgd', 'adam'),
      relu: fc.boolean(),
      seed,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('study' as const), layer: pick, what: pick }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('quantize' as const),
      layer: pick,
      fixed: fc.boolean(),
      zeroPoint: fc.integer({ min: -128, max: 127 }),
      seed,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('int8' as const),
      layer: pick,
      batch,
      bytesIn: fc.boolean(),
      bytesOut: fc.boolean(),
      input: place,
      values,
      shift: fc.nat(9),
      seed,
      ...scarcity,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      problem: randomProblem,
      route,
      values,
      seat,
      ...scarcity,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('misuse' as const),
      layer: pick,
      quantized: fc.boolean(),
      member: pick,
      receiver: fc.constantFrom('itself', 'itself', 'proxy', 'heir'),
      args: fc.array(pick, { maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('dispose' as const),
      layer: pick,
      quantized: fc.boolean(),
      times: fc.integer({ min: 1, max: 2 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('normalize' as const),
      kind: fc.constantFrom('batch', 'instance', 'group'),
      channels: fc.integer({ min: 1, max: 3 }),
      groups: fc.integer({ min: 1, max: 3 }),
      affine: fc.boolean(),
      tracks: fc.boolean(),
      batch: fc.integer({ min: 1, max: 3 }),
      height: fc.integer({ min: 1, max: 5 }),
      width: fc.integer({ min: 1, max: 5 }),
      steps: fc.array(fc.record({ what: fc.constantFrom(...NORMALIZING), seed }), {
        minLength: 1,
        maxLength: 8,
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('chain' as const),
      modules: fc.array(fc.record({ kind: pick, a: pick, b: pick }), { minLength: 1, maxLength: 8 }),
      nested: fc.boolean(),
      channels: fc.integer({ min: 1, max: 8 }),
      batch: fc.integer({ min: 1, max: 2 }),
      height: fc.integer({ min: 1, max: 8 }),
      width: fc.integer({ min: 1, max: 8 }),
      steps: fc.array(
        fc.record({
          what: fc.constantFrom('forward' as const, 'forward' as const, 'out' as const, ...CHAINED),
          seed,
          ...scarcity,
        }),
        { minLength: 1, maxLength: 8 },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('drop tensor' as const), tensor: pick, layer: pick }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('grow' as const),
      seat,
      megabytes: fc.constantFrom(1, 17, 40),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('init' as const), threads, race: rarely }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'shutdown' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('runtime' as const), threads }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end runtime' as const), seat }) },
);

/** A program: some layers to begin with, then anything. */
export const program: fc.Arbitrary<readonly Action[]> = fc
  .tuple(
    fc.array(makeLayer, { minLength: 1, maxLength: 3 }),
    fc.array(action, { minLength: 1, maxLength: 30, size: 'max' }),
  )
  .map(([layers, actions]) => [...layers, ...actions]);
