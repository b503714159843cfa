// Lists of a known length must fit the layer; others are checked when they are used.

import {
  AdaptiveAvgPool2d,
  AvgPool3d,
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeOptions,
  MaxPool2d,
  ReflectionPad2d,
  type Tensor,
  ZeroPad1d,
} from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import { ResizeConv2d, SmoothConvTranspose3d } from 'deconv-wasm/checkerboard';
import { convTransposeJax, fromBrainstate, fromKeras, fromTensorFlow, fromTorch } from 'deconv-wasm/convert';

const channels = { inChannels: 1, outChannels: 1 };
declare const list: number[];
declare const fixed: readonly number[];

new Conv1d({ ...channels, kernelSize: [3], stride: 2, padding: 'same' });
new Conv2d({ ...channels, kernelSize: [3, 2], stride: [2], padding: [1, 0], dilation: 2 });
new Conv3d({ ...channels, kernelSize: [3, 2, 1], padding: 'valid' });
new ConvTranspose2d({ ...channels, kernelSize: list, stride: fixed, padding: list.map((size) => size >> 1) });
new ConvTranspose3d({ ...channels, kernelSize: [1, 2, 3], outputPadding: [0, 1, 0] });
const inferred = { ...channels, kernelSize: [3, 3] };
new Conv2d(inferred);

// @ts-expect-error three entries
new Conv2d({ ...channels, kernelSize: [2, 2, 2] });
// @ts-expect-error two entries
new Conv1d({ ...channels, kernelSize: [2, 2] });
// @ts-expect-error two entries
new Conv3d({ ...channels, kernelSize: 2, stride: [1, 1] });
// @ts-expect-error three entries
new ConvTranspose2d({ ...channels, kernelSize: 2, outputPadding: [0, 0, 0] });
// @ts-expect-error two entries
new ConvTranspose1d({ ...channels, kernelSize: 2, padding: [1, 1] });
// @ts-expect-error a word of convolutions only
new ConvTranspose2d({ ...channels, kernelSize: 2, padding: 'same' });
// @ts-expect-error two entries
new ResizeConv2d({ ...channels, kernelSize: 3, scaleFactor: [2, 2, 2] });
// @ts-expect-error two entries
new SmoothConvTranspose3d({ ...channels, kernelSize: [3, 3], stride: 2 });
const three = [2, 2, 2] as const;
// @ts-expect-error three entries
new Conv2d({ ...channels, kernelSize: three });

new MaxPool2d({ kernelSize: [2, 3], stride: list, padding: 1 });
new AvgPool3d({ kernelSize: [1, 2, 2], stride: null });
new AdaptiveAvgPool2d({ outputSize: [null, 4] });
new ReflectionPad2d({ padding: [1, 1, 0, 0] });
new ZeroPad1d({ padding: list });
// @ts-expect-error three entries
new MaxPool2d({ kernelSize: [2, 2, 2] });
// @ts-expect-error two entries
new AvgPool3d({ kernelSize: 2, stride: [1, 1] });
// @ts-expect-error one entry
new AdaptiveAvgPool2d({ outputSize: [1] });
// @ts-expect-error both ends of one axis
new ReflectionPad2d({ padding: [1, 1] });

// What a layer shows may make another one of its kind.
const up = new ConvTranspose2d({ ...channels, kernelSize: [4, 3], stride: 2 });
new Conv2d({ ...channels, kernelSize: up.kernelSize, stride: up.stride });
// @ts-expect-error it has two axes
new ConvTranspose3d({ ...channels, kernelSize: up.kernelSize });
const [height, width]: readonly [number, number] = up.kernelSize;
height + width;
// @ts-expect-error a layer does not change
up.stride[0] = 3;

// Options without a rank fit every layer, those with one their own.
const any: ConvTransposeOptions = { ...channels, kernelSize: 4, stride: list };
new ConvTranspose1d(any);
new ConvTranspose3d(any);
const planes: ConvOptions<2> = { ...channels, kernelSize: [3, 3] };
new Conv2d(planes);
// @ts-expect-error of images
new Conv1d(planes);

new brainstate.Conv2d({ inSize: [8, 8, 3], outChannels: 4, kernelSize: [3, 3], padding: [[1, 0]] });
new brainstate.Conv1d({ inSize: [8, 3], outChannels: 4, kernelSize: 3, padding: [1, 2] });
new brainstate.ConvTranspose3d({
  inSize: list,
  outChannels: 4,
  kernelSize: 3,
  padding: 'VALID',
  rhsDilation: [1, 1, 2],
});
new brainstate.ConvTranspose2d({
  inSize: [8, 8, 3],
  outChannels: 4,
  kernelSize: 3,
  padding: [
    [1, 1],
    [2, 2],
  ],
});
// @ts-expect-error no channels
new brainstate.Conv2d({ inSize: [8, 8], outChannels: 4, kernelSize: 3 });
// @ts-expect-error three entries
new brainstate.Conv2d({ inSize: [8, 8, 3], outChannels: 4, kernelSize: [3, 3, 3] });
// @ts-expect-error two entries
new brainstate.ConvTranspose1d({ inSize: [8, 3], outChannels: 4, kernelSize: 3, lhsDilation: [1, 1] });
const pair = [1, 1] as const;
const pads = [pair, pair, pair] as const;
// @ts-expect-error three pairs
new brainstate.Conv2d({ inSize: [8, 8, 3], outChannels: 4, kernelSize: 3, padding: pads });

declare const weight: Tensor;
const given = { weight };
fromTorch('ConvTranspose2d', { stride: [2, 1], padding: list, output_padding: [1] }, given);
fromTorch('conv1d', { padding: 'same', dilation: [2] }, given);
// @ts-expect-error three entries
fromTorch('ConvTranspose2d', { stride: [2, 2, 2] }, given);
// @ts-expect-error two entries
fromTorch('conv3d', { padding: [1, 1] }, given);
fromKeras('Conv2DTranspose', { strides: [2, 2], output_padding: null }, given);
// @ts-expect-error two entries
fromKeras('Conv1DTranspose', { strides: [2, 2] }, given);
// @ts-expect-error keras takes a number or an entry per axis
fromKeras('Conv3D', { kernel_size: [3] }, given);
fromTensorFlow('conv2d', { strides: [1, 2, 2, 1], padding: 'SAME', dilations: [2, 1] }, given);
// @ts-expect-error three entries
fromTensorFlow('conv2d', { strides: [2, 2, 2], padding: 'SAME' }, given);
fromBrainstate('Conv2d', { in_size: list, kernel_size: [3, 3] }, given);
// @ts-expect-error three entries
fromBrainstate('Conv2d', { in_size: list, kernel_size: [3, 3, 3] }, given);
const none = [
  [0, 0],
  [0, 0],
];
convTransposeJax(weight, weight, { padding: none });
