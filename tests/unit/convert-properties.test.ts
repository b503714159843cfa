// Weights go round through every system exactly; whatever is wrong ends in a DeconvError.

import {
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  DeconvError,
} from 'deconv-wasm';
import { ConvTranspose2d as BrainstateConvTranspose2d } from 'deconv-wasm/brainstate';
import {
  type ConvertedLayer,
  type ExportedParameters,
  fromFlax,
  fromJax,
  fromKeras,
  fromOnnx,
  fromTensorFlow,
  fromTflite,
  fromTorch,
  fromWebnn,
  toFlax,
  toJax,
  toKeras,
  toOnnx,
  toTensorFlow,
  toTflite,
  toTorch,
  toWebnn,
} from 'deconv-wasm/convert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsOf } from '../support/seed.js';

const CONV = { 1: Conv1d, 2: Conv2d, 3: Conv3d } as const;
const TRANSPOSE = { 1: ConvTranspose1d, 2: ConvTranspose2d, 3: ConvTranspose3d } as const;

type Rank = 1 | 2 | 3;
type RootLayer = Conv2d | ConvTranspose2d | Conv1d | ConvTranspose1d | Conv3d | ConvTranspose3d;

interface Trip {
  readonly name: string;
  /** From a layer to the system's weights and into a layer of that system. */
  go(layer: RootLayer): ConvertedLayer;
  readonly back: (layer: ConvertedLayer) => ExportedParameters;
}

const filterLayouts = {
  transposed: ['iohw', 'hwoi', 'ohwi'],
  convolution: ['oihw', 'hwio', 'ohwi', 'ihwo'],
} as const;
const spatial = { 1: 'H', 2: 'HW', 3: 'HWD' } as const;

/** Every way out of this package and into it again. */
function tripsOf(transposed: boolean, rank: Rank, groups: number, inChannels: number): Trip[] {
  const ones = new Array<number>(rank).fill(1);
  const trips: Trip[] = [
    {
      name: 'torch',
      go: (layer) =>
        transposed
          ? fromTorch(`ConvTranspose${rank}d`, { groups }, toTorch(layer))
          : fromTorch(`Conv${rank}d`, { groups }, toTorch(layer)),
      back: toTorch,
    },
    {
      name: 'onnx',
      go: (layer) => fromOnnx(transposed ? 'ConvTranspose' : 'Conv', { group: groups }, toOnnx(layer)),
      back: toOnnx,
    },
  ];
  if (rank === 2) {
    for (const filterLayout of filterLayouts.convolution) {
      if (transposed) break;
      trips.push({
        name: `webnn ${filterLayout}`,
        go: (layer) => fromWebnn('conv2d', { groups, filterLayout }, toWebnn(layer, { filterLayout })),
        back: (layer) => toWebnn(layer, { filterLayout }),
      });
    }
    for (const filterLayout of filterLayouts.transposed) {
      if (!transposed) break;
      trips.push({
        name: `webnn ${filterLayout}`,
        go: (layer) =>
          fromWebnn('convTranspose2d', { groups, filterLayout }, toWebnn(layer, { filterLayout })),
        back: (layer) => toWebnn(layer, { filterLayout }),
      });
    }
  }
  if (!transposed) {
    const [taps, sides] = [
      spatial[rank],
      { window_strides: ones, padding: 'VALID', feature_group_count: groups } as const,
    ];
    for (const rhs of [undefined, `${taps}IO`, `O${taps}I`, `IO${taps}`]) {
      const dimensionNumbers = rhs === undefined ? null : ([`N${taps}C`, rhs, `N${taps}C`] as const);
      trips.push({
        name: `jax ${rhs}`,
        go: (layer) =>
          fromJax(
            'conv_general_dilated',
            { ...sides, dimension_numbers: dimensionNumbers },
            toJax(layer, { dimensionNumbers }),
          ),
        back: (layer) => toJax(layer, { dimensionNumbers }),
      });
    }
    trips.push(
      {
        name: 'flax',
        go: (layer) => fromFlax('Conv', { feature_group_count: groups }, toFlax(layer)),
        back: toFlax,
      },
      { name: 'keras', go: (layer) => fromKeras(`Conv${rank}D`, { groups }, toKeras(layer)), back: toKeras },
      {
        name: 'tensorflow',
        go: (layer) =>
          rank === 1
            ? fromTensorFlow('conv1d', { stride: 1, padding: 'SAME' }, toTensorFlow(layer), { inChannels })
            : fromTensorFlow(`conv${rank}d`, { strides: 1, padding: 'SAME' }, toTensorFlow(layer), {
                inChannels,
              }),
        back: toTensorFlow,
      },
    );
    const strides = { stride_d: 1, stride_h: 1, stride_w: 1 };
    const { stride_d: _, ...plane } = strides;
    if (rank === 2) {
      trips.push({
        name: 'tflite',
        go: (layer) => fromTflite('CONV_2D', plane, toTflite(layer), { inChannels }),
        back: toTflite,
      });
    }
    if (rank === 3) {
      trips.push({
        name: 'tflite',
        go: (layer) => fromTflite('CONV_3D', strides, toTflite(layer), { inChannels }),
        back: toTflite,
      });
    }
    return trips;
  }
  if (groups > 1) return trips;
  const taps = spatial[rank];
  for (const transposeKernel of [false, true]) {
    for (const rhs of [undefined, `OI${taps}`]) {
      const dimensionNumbers = rhs === undefined ? null : ([`NC${taps}`, rhs, `NC${taps}`] as const);
      const words = { transpose_kernel: transposeKernel, dimension_numbers: dimensionNumbers };
      const options = { transposeKernel, dimensionNumbers };
      trips.push({
        name: `jax ${rhs} ${transposeKernel}`,
        go: (layer) =>
          fromJax('conv_transpose', { strides: ones, padding: 'SAME', ...words }, toJax(layer, options)),
        back: (layer) => toJax(layer, options),
      });
    }
    trips.push({
      name: `flax ${transposeKernel}`,
      go: (layer) =>
        fromFlax('ConvTranspose', { transpose_kernel: transposeKernel }, toFlax(layer, { transposeKernel })),
      back: (layer) => toFlax(layer, { transposeKernel }),
    });
  }
  trips.push({
    name: 'keras',
    go: (layer) => fromKeras(`Conv${rank}DTranspose`, {}, toKeras(layer)),
    back: toKeras,
  });
  const output_shape = (layer: RootLayer): (number | null)[] => [null, ...ones, layer.outChannels];
  trips.push({
    name: 'tensorflow',
    go: (layer) =>
      fromTensorFlow(
        `conv${rank}d_transpose`,
        { output_shape: output_shape(layer), strides: 1 },
        toTensorFlow(layer),
      ),
    back: toTensorFlow,
  });
  if (rank === 2) {
    trips.push({
      name: 'tflite',
      go: (layer) =>
        fromTflite(
          'TRANSPOSE_CONV',
          { output_shape: output_shape(layer), stride_h: 1, stride_w: 1 },
          toTflite(layer),
        ),
      back: toTflite,
    });
  }
  if (rank === 3) {
    trips.push({
      name: 'tflite',
      go: (layer) =>
        fromTflite(
          'CONV_3D_TRANSPOSE',
          { output_shape: output_shape(layer), stride_d: 1, stride_h: 1, stride_w: 1 },
          toTflite(layer),
        ),
      back: toTflite,
    });
  }
  return trips;
}

describe('weights', () => {
  it('go round through every system exactly', () => {
    const runs = 1000;
    let trips = 0;
    fc.assert(
      fc.property(
        fc.record({
          transposed: fc.boolean(),
          rank: fc.constantFrom<Rank>(1, 2, 3),
          taps: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }),
          groups: fc.constantFrom(1, 1, 2, 3),
          groupIn: fc.integer({ min: 1, max: 4 }),
          groupOut: fc.integer({ min: 1, max: 4 }),
          bias: fc.boolean(),
          seed: fc.nat(),
        }),
        ({ transposed, rank, taps, groups, groupIn, groupOut, bias, seed }) => {
          const inChannels = groupIn * groups;
          const Layer = transposed ? TRANSPOSE[rank] : CONV[rank];
          const layer = new Layer({
            inChannels,
            outChannels: groupOut * groups,
            kernelSize: taps.slice(0, rank),
            groups,
            bias,
            seed,
          });
          for (const { name, go, back } of tripsOf(transposed, rank, groups, inChannels)) {
            const converted = go(layer);
            trips += 1;
            // The system's own words for the weight, and from there home.
            expect(back(converted), name).toEqual({ weight: converted.weight, bias: converted.bias });
            expect(toTorch(converted), name).toEqual({ weight: layer.weight, bias: layer.bias });
          }
        },
      ),
      runsOf(runs),
    );
    console.log(`convert: ${runs} layers, ${trips} round trips of weights`);
  });

  it('come from brainstate layers, with the mask in them', () => {
    const layer = new BrainstateConvTranspose2d({
      inSize: [2, 2, 4],
      outChannels: 2,
      kernelSize: [1, 3],
      groups: 2,
      wMask: 0.5,
    });
    const own = layer.weight;
    expect(own.shape).toEqual([1, 3, 2, 2]);
    const { weight } = toTorch(layer);
    expect(weight.shape).toEqual([4, 1, 1, 3]);
    for (let i = 0; i < 4; i += 1) {
      for (let tap = 0; tap < 3; tap += 1) {
        // W[tap, group * O/g + ol, il] of brainstate, as semantics.md has it.
        const source = (tap * 2 + Math.floor(i / 2)) * 2 + (i % 2);
        expect(weight.data[i * 3 + tap]).toBe((own.data[source] as number) * 0.5);
      }
    }
  });
});

// Half of the values are nearly right: those come further than noise does.
const scrap = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.anything({
      withBigInt: true,
      withNullPrototype: true,
      withTypedArray: true,
      withSparseArray: true,
    }),
  },
  { weight: 3, arbitrary: fc.integer({ min: -2, max: 4 }) },
  { weight: 3, arbitrary: fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 6 }) },
  {
    weight: 1,
    arbitrary: fc.array(fc.array(fc.integer({ min: -3, max: 4 }), { maxLength: 3 }), { maxLength: 5 }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(
      'SAME',
      'VALID',
      'same',
      'valid',
      'CAUSAL',
      'NOTSET',
      'SAME_UPPER',
      'nhwc',
      'hwoi',
      'ohwi',
      'NHWC',
      'NCHW',
      'channels_first',
      'relu',
      'RELU',
      ['NHWC', 'HWIO', 'NHWC'],
      ['NCHW', 'OIHW', 'NCHW'],
      null,
      true,
      false,
      Number.NaN,
      2 ** 31,
      2 ** 53,
    ),
  },
);

function rarely<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

/** What an operator cannot do without, for a weight of this shape. */
function basicsOf(from: unknown, operator: unknown, shape: readonly number[]): Record<string, unknown> {
  const ones = shape.slice(2).map(() => 1);
  if (from === fromJax) {
    return { [operator === 'conv_transpose' ? 'strides' : 'window_strides']: ones, padding: 'SAME' };
  }
  if (from !== fromTensorFlow && from !== fromTflite) return {};
  const transposed = typeof operator === 'string' && /transpose/i.test(operator);
  const outChannels = operator === 'TRANSPOSE_CONV' ? shape[0] : shape.at(-2);
  const sizes = transposed ? { output_shape: [null, ...ones, outChannels] } : {};
  if (from === fromTflite) {
    return { ...sizes, stride_h: 1, stride_w: 1, ...(ones.length === 3 ? { stride_d: 1 } : {}) };
  }
  return { ...sizes, [operator === 'conv1d' ? 'stride' : 'strides']: 1, padding: 'SAME' };
}

const SYSTEMS: readonly (readonly [from: unknown, operators: readonly string[], words: readonly string[]])[] =
  [
    [
      fromTorch,
      ['Conv1d', 'Conv2d', 'ConvTranspose2d', 'ConvTranspose3d', 'conv_transpose2d', 'conv2d'],
      [
        'stride',
        'padding',
        'output_padding',
        'dilation',
        'groups',
        'in_channels',
        'kernel_size',
        'bias',
        'padding_mode',
      ],
    ],
    [
      fromOnnx,
      ['Conv', 'ConvTranspose'],
      ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides', 'output_padding', 'output_shape'],
    ],
    [
      fromWebnn,
      ['conv2d', 'convTranspose2d'],
      [
        'padding',
        'strides',
        'dilations',
        'groups',
        'inputLayout',
        'filterLayout',
        'outputPadding',
        'outputSizes',
      ],
    ],
    [
      fromJax,
      ['conv_transpose', 'conv_general_dilated'],
      [
        'strides',
        'window_strides',
        'padding',
        'lhs_dilation',
        'rhs_dilation',
        'dimension_numbers',
        'transpose_kernel',
        'use_consistent_padding',
        'feature_group_count',
        'batch_group_count',
      ],
    ],
    [
      fromFlax,
      ['Conv', 'ConvTranspose'],
      [
        'features',
        'kernel_size',
        'strides',
        'padding',
        'kernel_dilation',
        'input_dilation',
        'feature_group_count',
        'use_bias',
        'transpose_kernel',
      ],
    ],
    [
      fromKeras,
      ['Conv1D', 'Conv2D', 'Conv2DTranspose', 'Conv3DTranspose'],
      [
        'filters',
        'kernel_size',
        'strides',
        'padding',
        'data_format',
        'dilation_rate',
        'activation',
        'use_bias',
        'groups',
        'output_padding',
      ],
    ],
    [
      fromTensorFlow,
      ['conv1d', 'conv2d', 'conv2d_transpose', 'conv3d_transpose'],
      ['output_shape', 'stride', 'strides', 'padding', 'data_format', 'dilations'],
    ],
    [
      fromTflite,
      ['CONV_2D', 'CONV_3D', 'TRANSPOSE_CONV', 'CONV_3D_TRANSPOSE'],
      [
        'output_shape',
        'padding',
        'stride_d',
        'stride_h',
        'stride_w',
        'dilation_h_factor',
        'fused_activation_function',
      ],
    ],
  ];

describe('whatever is wrong', () => {
  it('ends in a DeconvError', () => {
    const runs = 20_000;
    let layers = 0;
    let refusals = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...SYSTEMS).chain(([from, operators, words]) =>
          fc.record({
            from: fc.constant(from as (...args: unknown[]) => ConvertedLayer),
            operator: fc.oneof(
              { weight: 20, arbitrary: fc.constantFrom<unknown>(...operators) },
              { weight: 1, arbitrary: scrap },
            ),
            attributes: fc.oneof(
              { weight: 20, arbitrary: fc.dictionary(fc.constantFrom(...words), scrap, { maxKeys: 2 }) },
              { weight: 1, arbitrary: scrap },
            ),
            // Enough of what is required that some calls succeed.
            required: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.boolean()),
          }),
        ),
        // Mostly weights that some operator takes.
        fc.oneof(
          { weight: 8, arbitrary: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 5 }) },
          { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 7 }) },
        ),
        rarely(scrap),
        scrap,
        rarely(scrap),
        ({ from, operator, attributes, required }, shape, bias, odd, input) => {
          const size = shape.reduce((product, extent) => product * extent, 1);
          const weight = required ? { data: new Float32Array(size), shape } : odd;
          const words =
            required && typeof attributes === 'object' && attributes !== null && !Array.isArray(attributes)
              ? { ...basicsOf(from, operator, shape), ...attributes }
              : attributes;
          try {
            const layer = from(operator, words, { weight, ...(bias === undefined ? {} : { bias }) });
            layers += 1;
            expect(String(layer)).toContain(`${operator}(`);
            const ones = layer.kernelSize.map(() => 1);
            layer.outputShape((input as number[] | undefined) ?? [1, layer.inChannels, ...ones]);
          } catch (error) {
            if (!(error instanceof DeconvError)) throw error;
            expect(error.message).toMatch(/: expected /);
            refusals += 1;
          }
        },
      ),
      runsOf(runs),
    );
    console.log(
      `convert: ${runs} calls with wrong attributes, ${layers} of them legal, ${refusals} refusals`,
    );
    expect(layers).toBeGreaterThan(runs / 20);
  });

  it('in toX too', () => {
    fc.assert(
      fc.property(scrap, scrap, (layer, options) => {
        for (const to of [toTorch, toOnnx, toWebnn, toJax, toFlax, toKeras, toTensorFlow, toTflite]) {
          try {
            (to as (...args: unknown[]) => unknown)(layer, options);
          } catch (error) {
            if (!(error instanceof DeconvError)) throw error;
          }
        }
      }),
      runsOf(1000),
    );
  });
});
