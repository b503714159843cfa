// Networks of which one layer is known to draw the pattern, as ONNX files.

import { analyze, repairKernels } from 'deconv-wasm/checkerboard';
import { type Attribute, floats, input, node, onnx, output, type Write } from './onnx-writer.js';
import { mulberry32 } from './random.js';

export interface CulpritOptions {
  readonly seed: number;
  /** Spatial axes. */
  readonly rank: 1 | 2;
  /** Which of the three upsampling layers has U = 0.5; the others are repaired, or have `others`. */
  readonly place: 0 | 1 | 2;
  readonly others?: number;
  /** A sum of each upsampling layer and a nearest-neighbour resize beside it. */
  readonly skips?: boolean;
  readonly norm?: 'BatchNormalization' | 'InstanceNormalization' | null;
  readonly subPixel?: boolean;
  readonly relu?: boolean;
}

export interface CulpritNetwork {
  readonly bytes: Uint8Array;
  readonly culprit: string;
  readonly layers: readonly string[];
}

const CHANNELS = 6;

/** Weights of the unevenness that is asked for: the even ones, and so much of the pattern that there was. */
export function withUnevenness(
  data: Float32Array,
  shape: readonly number[],
  geometry: object,
  unevenness: number,
): Float32Array {
  const kernels = { geometry, weight: { data, shape } };
  const even = repairKernels(kernels).weight.data;
  if (unevenness === 0) return Float32Array.from(even);
  const own = analyze(kernels, { gains: false }).unevenness;
  const by = Math.sqrt(((1 - own) / own) * (unevenness / (1 - unevenness)));
  return data.map((value, index) => (even[index] as number) + by * (value - (even[index] as number)));
}

/** Convolution, upsampling by 2, three times, and a convolution to one channel. */
export function culpritNetwork(options: CulpritOptions): CulpritNetwork {
  const {
    seed,
    rank,
    place,
    others = 0,
    skips = false,
    norm = null,
    subPixel = false,
    relu = true,
  } = options;
  const random = mulberry32(seed);
  const parts: Write[] = [input('x', [1, 1, ...new Array<string>(rank).fill('n')]), output('y')];
  const axes = (value: number): number[] => new Array<number>(rank).fill(value);
  const weights = (count: number, spread: number): Float32Array =>
    Float32Array.from({ length: count }, () => spread * (2 * random() - 1));
  const named = (
    type: string,
    inputs: readonly string[],
    name: string,
    attributes: Record<string, Attribute> = {},
  ) => {
    parts.push(node(type, inputs, [name], attributes));
    return name;
  };
  const conv = (x: string, from: number, to: number, name: string): string => {
    const shape = [to, from, ...axes(3)];
    const spread = Math.sqrt(3 / (from * 3 ** rank));
    parts.push(floats(`${name}.w`, shape, weights(to * from * 3 ** rank, spread)));
    parts.push(floats(`${name}.b`, [to], weights(to, 0.3)));
    return named('Conv', [x, `${name}.w`, `${name}.b`], name, { pads: axes(1).concat(axes(1)) });
  };
  const up = (x: string, name: string, unevenness: number): string => {
    if (subPixel) {
      const phases = 2 ** rank;
      const shape = [CHANNELS * phases, CHANNELS, ...axes(3)];
      const raw = weights(CHANNELS * phases * CHANNELS * 3 ** rank, Math.sqrt(3 / (CHANNELS * 3 ** rank)));
      const geometry = { pixelShuffle: { upscaleFactor: 2, mode: 'CRD' }, padding: 1 };
      parts.push(floats(`${name}.w`, shape, withUnevenness(raw, shape, geometry, unevenness)));
      named('Conv', [x, `${name}.w`], name, { pads: axes(1).concat(axes(1)) });
      return named('DepthToSpace', [name], `${name}.shuffled`, { blocksize: 2, mode: 'CRD' });
    }
    const shape = [CHANNELS, CHANNELS, ...axes(4)];
    const raw = weights(CHANNELS * CHANNELS * 4 ** rank, Math.sqrt(3 / (CHANNELS * 2 ** rank)));
    parts.push(floats(`${name}.w`, shape, withUnevenness(raw, shape, { stride: 2, padding: 1 }, unevenness)));
    parts.push(floats(`${name}.b`, [CHANNELS], weights(CHANNELS, 0.3)));
    return named('ConvTranspose', [x, `${name}.w`, `${name}.b`], name, {
      strides: axes(2),
      pads: axes(1).concat(axes(1)),
    });
  };
  if (skips) parts.push(floats('scales', [2 + rank], [1, 1, ...axes(2)]));
  let x = conv('x', 1, CHANNELS, 'enter');
  const layers = [0, 1, 2].map((index) => `up${index}`);
  for (const [index, name] of layers.entries()) {
    const before = x;
    x = up(x, name, index === place ? 0.5 : others);
    if (norm !== null) {
      for (const [part, middle] of [
        ['scale', 1],
        ['shift', 0],
        ...(norm === 'BatchNormalization'
          ? ([
              ['mean', 0],
              ['variance', 1],
            ] as const)
          : []),
      ] as const) {
        parts.push(
          floats(
            `${name}.${part}`,
            [CHANNELS],
            weights(CHANNELS, 0.2).map((value) => middle + value),
          ),
        );
      }
      const own = ['scale', 'shift', ...(norm === 'BatchNormalization' ? ['mean', 'variance'] : [])];
      x = named(norm, [x, ...own.map((part) => `${name}.${part}`)], `${name}.norm`);
    }
    if (relu) x = named('Relu', [x], `${name}.relu`);
    if (skips) {
      const wide = named('Resize', [before, '', 'scales'], `${name}.wide`, {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      });
      x = named('Add', [x, wide], `${name}.sum`);
    }
    x = conv(x, CHANNELS, CHANNELS, `${name}.conv`);
    if (relu && index < 2) x = named('Relu', [x], `${name}.out`);
  }
  conv(x, CHANNELS, 1, 'leave');
  named('Identity', ['leave'], 'y');
  return { bytes: onnx(parts), culprit: layers[place] as string, layers };
}
