// One operator in the words of every system that can say it: all layers compute the same, exactly.

import { host } from '@host';
import type { Tensor } from 'deconv-wasm';
import {
  type ConvertedLayer,
  fromFlax,
  fromJax,
  fromKeras,
  fromOnnx,
  fromTensorFlow,
  fromTflite,
  fromTorch,
  fromWebnn,
} from 'deconv-wasm/convert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeEachBuild, SOME_BUILDS } from '../support/builds.js';
import { compareExactly } from '../support/compare.js';
import { type Geometry, reference } from '../support/reference.js';
import { runsOf } from '../support/seed.js';
import { permute, quarters, sizeOf, toChannelsFirst, toChannelsLast } from '../support/tensors.js';

type Rank = 1 | 2 | 3;

interface Axis {
  readonly n: number;
  readonly k: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
  readonly extra: number;
}

interface Problem {
  readonly transposed: boolean;
  readonly same: boolean;
  readonly axes: readonly Axis[];
  readonly batch: number;
  readonly groups: number;
  readonly groupIn: number;
  readonly groupOut: number;
  readonly seed: number;
}

const few = (most: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: most });
const oneOr = (most: number): fc.Arbitrary<number> => fc.oneof(fc.constant(1), few(most));

const problems: fc.Arbitrary<Problem> = fc.constantFrom<Rank>(1, 2, 2, 3).chain((rank) =>
  fc
    .record({
      transposed: fc.boolean(),
      same: fc.boolean(),
      unpadded: fc.boolean(),
      strides: fc.boolean(),
      axes: fc.array(
        fc.record({
          n: few(rank === 3 ? 3 : 6),
          k: few(rank === 3 ? 3 : 4),
          stride: few(4),
          dilation: oneOr(3),
          pad: fc.integer({ min: 0, max: 4 }),
          extra: fc.integer({ min: 0, max: 3 }),
        }),
        { minLength: rank, maxLength: rank },
      ),
      batch: few(2),
      groups: oneOr(3),
      groupIn: few(4),
      groupOut: few(4),
      seed: fc.nat(),
    })
    .map(({ unpadded, strides, axes, ...rest }) => ({
      ...rest,
      axes: axes.map((axis) => {
        // Half of the problems have no mixture of stride and dilation, which Keras refuses.
        const stride = strides ? axis.stride : 1;
        const dilation = strides && unpadded ? 1 : axis.dilation;
        const reach = dilation * (axis.k - 1) + 1;
        const extra = Math.min(axis.extra, stride - 1);
        const most = Math.floor(((axis.n - 1) * stride + reach + extra - 1) / 2);
        const least = Math.ceil(Math.max(reach - axis.n, 0) / 2);
        const pad = unpadded ? 0 : axis.pad;
        return {
          ...axis,
          stride,
          dilation,
          extra,
          pad: rest.transposed ? Math.min(pad, most) : Math.max(pad, least),
        };
      }),
    })),
);

/** A layer under its name, with the layout of its tensors. */
interface Spoken {
  readonly name: string;
  readonly layer: ConvertedLayer;
  readonly channelsLast: boolean;
}

interface Words {
  readonly rank: Rank;
  readonly stride: number[];
  readonly dilation: number[];
  readonly pads: number[];
  readonly extra: number[];
  readonly ends: [number, number][];
  /** Of the output. */
  readonly sizes: readonly number[];
  /** Canonical, with its permutations below. */
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly groups: number;
  readonly inChannels: number;
}

/** Axes of a canonical weight by letter: the first two as named, `*` for the taps. */
function reorder(weight: Tensor, from: 'IO' | 'OI', to: string): Tensor {
  const taps = weight.shape.slice(2).map((_, axis) => axis + 2);
  return permute(
    weight,
    [...to].flatMap((letter) => (letter === '*' ? taps : [from.indexOf(letter)])),
  );
}

function flipTaps(weight: Tensor): Tensor {
  const taps = sizeOf(weight.shape.slice(2));
  const data = weight.data.map(
    (_, index) => weight.data[index - (index % taps) + taps - 1 - (index % taps)] as number,
  );
  return { data, shape: weight.shape };
}

const SPATIAL = { 1: 'H', 2: 'HW', 3: 'HWD' } as const;

function transposedWithPads(words: Words): Spoken[] {
  const { rank, stride, dilation, pads, extra, ends, sizes, weight, bias, groups } = words;
  const spoken: Spoken[] = [];
  const say = (name: string, layer: ConvertedLayer, channelsLast = false): void => {
    spoken.push({ name, layer, channelsLast });
  };
  say(
    'torch',
    fromTorch(
      `ConvTranspose${rank}d`,
      { stride, padding: pads, output_padding: extra, dilation, groups },
      { weight, bias },
    ),
  );
  say(
    'onnx',
    fromOnnx(
      'ConvTranspose',
      {
        strides: stride,
        pads: [...pads, ...pads],
        output_padding: extra,
        dilations: dilation,
        group: groups,
      },
      { weight, bias },
    ),
  );
  if (rank === 2) {
    const [top, left] = pads as [number, number];
    for (const filterLayout of ['iohw', 'hwoi', 'ohwi'] as const) {
      const filter = reorder(weight, 'IO', filterLayout.replace('hw', '*').toUpperCase());
      const shared = {
        strides: stride,
        dilations: dilation,
        padding: [top, top, left, left],
        groups,
        filterLayout,
      };
      const inputLayout = filterLayout === 'hwoi' ? 'nhwc' : 'nchw';
      say(
        `webnn ${filterLayout}`,
        fromWebnn(
          'convTranspose2d',
          { ...shared, outputPadding: extra, inputLayout },
          { weight: filter, bias },
        ),
        inputLayout === 'nhwc',
      );
      say(
        `webnn ${filterLayout}, sizes`,
        fromWebnn('convTranspose2d', { ...shared, outputSizes: sizes }, { weight: filter, bias }),
      );
    }
  }
  if (groups > 1) return spoken;
  const spatial = SPATIAL[rank];
  const kernel = reorder(weight, 'IO', '*OI');
  const unflipped = reorder(flipTaps(weight), 'IO', '*IO');
  // JAX pads the dilated input: the kernel's overhang less the crop.
  const padding = ends.map(([low, high], axis) => {
    const overhang = reachAlong(words, axis) - 1;
    return [overhang - low, overhang - high] as const;
  });
  say(
    'jax',
    fromJax(
      'conv_transpose',
      { strides: stride, padding, rhs_dilation: dilation },
      { weight: unflipped, bias },
    ),
    true,
  );
  say(
    'jax, transpose_kernel and consistent padding',
    fromJax(
      'conv_transpose',
      {
        strides: stride,
        padding: ends,
        rhs_dilation: dilation,
        transpose_kernel: true,
        use_consistent_padding: true,
      },
      { weight: kernel, bias },
    ),
    true,
  );
  say(
    'jax, channels first',
    fromJax(
      'conv_transpose',
      {
        strides: stride,
        padding,
        rhs_dilation: dilation,
        dimension_numbers: [`NC${spatial}`, `IO${spatial}`, `NC${spatial}`],
      },
      { weight: flipTaps(weight), bias },
    ),
  );
  say(
    'flax',
    fromFlax(
      'ConvTranspose',
      { strides: stride, padding, kernel_dilation: dilation, transpose_kernel: true },
      { weight: kernel, bias },
    ),
    true,
  );
  const outChannels = bias.data.length;
  if (rank === 2) {
    const [rows, columns] = pads.map((pad) => [pad, pad] as const) as [[number, number], [number, number]];
    say(
      'tensorflow, explicit',
      fromTensorFlow(
        'conv2d_transpose',
        {
          output_shape: [null, ...sizes, outChannels],
          strides: stride,
          dilations: dilation,
          padding: [[0, 0], rows, columns, [0, 0]],
        },
        { weight: kernel, bias },
      ),
      true,
    );
  }
  if (pads.some((pad) => pad > 0)) return spoken;
  say('tensorflow, VALID', tensorFlowTranspose(words, sizes, 'VALID'), true);
  const tflite = tfliteTranspose(words, sizes, 'VALID');
  if (tflite !== undefined) say('tflite, VALID', tflite, true);
  if (Math.max(...stride) === 1 || Math.max(...dilation) === 1) {
    say(
      'keras, valid',
      fromKeras(
        `Conv${rank}DTranspose`,
        { strides: stride, dilation_rate: dilation, output_padding: extra },
        { weight: kernel, bias },
      ),
      true,
    );
  }
  return spoken;
}

function transposedSame(words: Words, extents: readonly number[]): Spoken[] {
  const { rank, stride, dilation, weight, bias, groups } = words;
  const spoken: Spoken[] = [
    {
      name: 'onnx, SAME_UPPER',
      layer: fromOnnx(
        'ConvTranspose',
        { strides: stride, dilations: dilation, group: groups, auto_pad: 'SAME_UPPER' },
        { weight, bias },
      ),
      channelsLast: false,
    },
  ];
  if (groups > 1) return spoken;
  const kernel = reorder(weight, 'IO', '*OI');
  const unflipped = reorder(flipTaps(weight), 'IO', '*IO');
  const say = (name: string, layer: ConvertedLayer, channelsLast = true): void => {
    spoken.push({ name, layer, channelsLast });
  };
  say(
    'jax, SAME',
    fromJax(
      'conv_transpose',
      { strides: stride, padding: 'SAME', rhs_dilation: dilation },
      { weight: unflipped, bias },
    ),
  );
  say(
    'flax, SAME',
    fromFlax('ConvTranspose', { strides: stride, kernel_dilation: dilation }, { weight: unflipped, bias }),
  );
  const sizes = extents.map((n, axis) => n * (stride[axis] as number));
  say('tensorflow, SAME', tensorFlowTranspose(words, sizes, 'SAME'));
  const tflite = tfliteTranspose(words, sizes, 'SAME');
  if (tflite !== undefined) say('tflite, SAME', tflite);
  if (Math.max(...stride) === 1 || Math.max(...dilation) === 1) {
    const shared = { strides: stride, dilation_rate: dilation, padding: 'same' } as const;
    const name = `Conv${rank}DTranspose` as const;
    say('keras, same', fromKeras(name, shared, { weight: kernel, bias }));
    say(
      'keras, same, channels first',
      fromKeras(name, { ...shared, data_format: 'channels_first' }, { weight: kernel, bias }),
      false,
    );
  }
  return spoken;
}

function tensorFlowTranspose(
  words: Words,
  sizes: readonly number[],
  padding: 'SAME' | 'VALID',
): ConvertedLayer {
  const { rank, stride, dilation, weight, bias } = words;
  return fromTensorFlow(
    `conv${rank}d_transpose`,
    { output_shape: [null, ...sizes, bias.data.length], strides: stride, dilations: dilation, padding },
    { weight: reorder(weight, 'IO', '*OI'), bias },
  );
}

function tfliteTranspose(
  words: Words,
  sizes: readonly number[],
  padding: 'SAME' | 'VALID',
): ConvertedLayer | undefined {
  const { rank, stride, dilation, weight, bias } = words;
  const output_shape = [null, ...sizes, bias.data.length];
  const [deep = 1, high = 1, wide = 1] = stride;
  if (rank === 2 && dilation.every((step) => step === 1)) {
    return fromTflite(
      'TRANSPOSE_CONV',
      { output_shape, padding, stride_h: deep, stride_w: high },
      { weight: reorder(weight, 'IO', 'O*I'), bias },
    );
  }
  if (rank !== 3) return undefined;
  const [dilation_d_factor = 1, dilation_h_factor = 1, dilation_w_factor = 1] = dilation;
  return fromTflite(
    'CONV_3D_TRANSPOSE',
    {
      output_shape,
      padding,
      stride_d: deep,
      stride_h: high,
      stride_w: wide,
      dilation_d_factor,
      dilation_h_factor,
      dilation_w_factor,
    },
    { weight: reorder(weight, 'IO', '*OI'), bias },
  );
}

function convolutionWithPads(words: Words): Spoken[] {
  const { rank, stride, dilation, pads, ends, weight, bias, groups, inChannels } = words;
  const spoken: Spoken[] = [];
  const say = (name: string, layer: ConvertedLayer, channelsLast = false): void => {
    spoken.push({ name, layer, channelsLast });
  };
  const kernel = reorder(weight, 'OI', '*IO');
  say('torch', fromTorch(`conv${rank}d`, { stride, padding: pads, dilation, groups }, { weight, bias }));
  say(
    'onnx',
    fromOnnx(
      'Conv',
      { strides: stride, pads: [...pads, ...pads], dilations: dilation, group: groups },
      { weight, bias },
    ),
  );
  say(
    'jax',
    fromJax(
      'conv_general_dilated',
      { window_strides: stride, padding: ends, rhs_dilation: dilation, feature_group_count: groups },
      { weight, bias },
    ),
  );
  say(
    'flax',
    fromFlax(
      'Conv',
      { strides: stride, padding: pads, kernel_dilation: dilation, feature_group_count: groups },
      { weight: kernel, bias },
    ),
    true,
  );
  if (rank !== 2) return spoken;
  const [top, left] = pads as [number, number];
  for (const filterLayout of ['oihw', 'hwio', 'ohwi', 'ihwo'] as const) {
    say(
      `webnn ${filterLayout}`,
      fromWebnn(
        'conv2d',
        {
          strides: stride,
          dilations: dilation,
          padding: [top, top, left, left],
          groups,
          filterLayout,
          inputLayout: 'nhwc',
        },
        { weight: reorder(weight, 'OI', filterLayout.replace('hw', '*').toUpperCase()), bias },
      ),
      true,
    );
  }
  say(
    'tensorflow, explicit',
    fromTensorFlow(
      'conv2d',
      {
        strides: stride,
        dilations: dilation,
        padding: [
          [0, 0],
          [top, top],
          [left, left],
          [0, 0],
        ],
      },
      { weight: kernel, bias },
      { inChannels },
    ),
    true,
  );
  return spoken;
}

function convolutionSame(words: Words): Spoken[] {
  const { rank, stride, dilation, weight, bias, groups, inChannels } = words;
  const spoken: Spoken[] = [];
  const say = (name: string, layer: ConvertedLayer, channelsLast = true): void => {
    spoken.push({ name, layer, channelsLast });
  };
  const spatial = SPATIAL[rank];
  const kernel = reorder(weight, 'OI', '*IO');
  say(
    'onnx, SAME_UPPER',
    fromOnnx(
      'Conv',
      { strides: stride, dilations: dilation, group: groups, auto_pad: 'SAME_UPPER' },
      { weight, bias },
    ),
    false,
  );
  say(
    'jax, SAME',
    fromJax(
      'conv_general_dilated',
      {
        window_strides: stride,
        padding: 'SAME',
        rhs_dilation: dilation,
        feature_group_count: groups,
        dimension_numbers: [`N${spatial}C`, `${spatial}IO`, `N${spatial}C`],
      },
      { weight: kernel, bias },
    ),
  );
  say(
    'flax, SAME',
    fromFlax(
      'Conv',
      { strides: stride, kernel_dilation: dilation, feature_group_count: groups },
      { weight: kernel, bias },
    ),
  );
  if (rank === 1) {
    say(
      'tensorflow, SAME',
      fromTensorFlow(
        'conv1d',
        { stride, dilations: dilation, padding: 'SAME' },
        { weight: kernel, bias },
        { inChannels },
      ),
    );
  } else {
    say(
      'tensorflow, SAME',
      fromTensorFlow(
        `conv${rank}d`,
        { strides: stride, dilations: dilation, padding: 'SAME' },
        { weight: kernel, bias },
        { inChannels },
      ),
    );
  }
  const [deep = 1, high = 1, wide = 1] = stride;
  const [dilateDeep = 1, dilateHigh = 1, dilateWide = 1] = dilation;
  if (rank === 2) {
    const strides = { stride_h: deep, stride_w: high };
    say(
      'tflite, SAME',
      fromTflite(
        'CONV_2D',
        { ...strides, dilation_h_factor: dilateDeep, dilation_w_factor: dilateHigh },
        { weight: reorder(weight, 'OI', 'O*I'), bias },
        { inChannels },
      ),
    );
  }
  if (rank === 3) {
    const strides = { stride_d: deep, stride_h: high, stride_w: wide };
    const dilations = {
      dilation_d_factor: dilateDeep,
      dilation_h_factor: dilateHigh,
      dilation_w_factor: dilateWide,
    };
    say(
      'tflite, SAME',
      fromTflite('CONV_3D', { ...strides, ...dilations }, { weight: kernel, bias }, { inChannels }),
    );
  }
  if (Math.max(...stride) === 1 || Math.max(...dilation) === 1) {
    say(
      'keras, same',
      fromKeras(
        `Conv${rank}D`,
        { strides: stride, dilation_rate: dilation, padding: 'same', groups },
        { weight: kernel, bias },
      ),
    );
  }
  return spoken;
}

function reachAlong({ weight, dilation }: Words, axis: number): number {
  return (dilation[axis] as number) * ((weight.shape[axis + 2] as number) - 1) + 1;
}

/** How many systems spoke. */
function run(problem: Problem): number {
  const { transposed, same, axes, batch, groups, groupIn, groupOut, seed } = problem;
  const all = (read: (axis: Axis) => number): number[] => axes.map(read);
  const extents = all(({ n }) => n);
  const kernel = all(({ k }) => k);
  const [inChannels, outChannels] = [groupIn * groups, groupOut * groups];
  const weight = quarters(
    [...(transposed ? [inChannels, groupOut] : [outChannels, groupIn]), ...kernel],
    seed,
  );
  const bias = quarters([outChannels], seed + 1);
  const x = quarters([batch, inChannels, ...extents], seed + 2);
  const ends = axes.map((axis): [number, number] => {
    const reach = axis.dilation * (axis.k - 1) + 1;
    if (!same) return [axis.pad, transposed ? axis.pad - axis.extra : axis.pad];
    const total = transposed
      ? reach - axis.stride
      : Math.max((Math.ceil(axis.n / axis.stride) - 1) * axis.stride + reach - axis.n, 0);
    const low = Math.max(Math.floor(total / 2), 0);
    return [low, total - low];
  });
  const geometry: Geometry = {
    transposed,
    groups,
    stride: all(({ stride }) => stride),
    dilation: all(({ dilation }) => dilation),
    padBefore: ends.map(([low]) => low),
    padAfter: ends.map(([, high]) => high),
    outputPadding: axes.map(() => 0),
    inputDilation: axes.map(() => 1),
  };
  const wanted = reference(geometry, x, weight, bias.data);
  const words: Words = {
    rank: axes.length as Rank,
    stride: [...geometry.stride],
    dilation: [...geometry.dilation],
    pads: all(({ pad }) => pad),
    extra: all(({ extra }) => extra),
    ends,
    sizes: wanted.shape.slice(2),
    weight,
    bias,
    groups,
    inChannels,
  };
  const spoken = transposed
    ? same
      ? transposedSame(words, extents)
      : transposedWithPads(words)
    : same
      ? convolutionSame(words)
      : convolutionWithPads(words);
  const result: Tensor = { data: Float32Array.from(wanted.data), shape: wanted.shape };
  for (const { name, layer, channelsLast } of spoken) {
    const y = layer.forward(channelsLast ? toChannelsLast(x) : x);
    layer.dispose();
    const difference = compareExactly(channelsLast ? toChannelsFirst(y) : y, result);
    if (difference !== undefined) throw new Error(`${name}: ${difference}`);
  }
  return spoken.length;
}

const RUNS = 1000;

describeEachBuild((build) => {
  describe('convert', () => {
    it('says one operator in every system', () => {
      let layers = 0;
      fc.assert(
        fc.property(problems, (problem) => {
          layers += run(problem);
        }),
        runsOf(RUNS, build.name),
      );
      console.log(`convert agreement: ${RUNS} geometries, ${layers} layers, ${build.name} in ${host.name}`);
      expect(layers).toBeGreaterThan(4 * RUNS);
    });
  });
}, SOME_BUILDS);
