// What the front ends refuse and how sizes follow from their words: pure arithmetic, no wasm.

import { Conv2d, ConvTranspose2d, type DeconvErrorCode, type Tensor } from 'deconv-wasm';
import {
  ConvertedLayer,
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
import { describe, expect, it } from 'vitest';
import { caught } from '../support/errors.js';
import { zeros } from '../support/tensors.js';

const weight = (...shape: number[]): { readonly weight: Tensor } => ({ weight: zeros(...shape) });

/** What every message of the package promises: where, what was expected, what came. */
function expectRefusal(act: () => unknown, code: DeconvErrorCode, where: string, words: RegExp): void {
  const error = caught(act);
  expect({ code: error.code, message: error.message }).toEqual({
    code,
    message: expect.stringMatching(words),
  });
  expect(error.message.startsWith(`${where}: expected `)).toBe(true);
  expect(error.message).toContain(', got ');
}

describe('words of another system', () => {
  // Each line is refused twice: by the compiler, which must find the error it is told of, and here.
  it('are refused by types and at run time', () => {
    const refused = (act: () => unknown): void => {
      expect(['BAD_OPTION', 'BAD_TYPE']).toContain(caught(act).code);
    };
    const kernel = weight(1, 1, 3, 3);
    // @ts-expect-error ONNX's and Keras's word
    refused(() => fromTorch('ConvTranspose2d', { strides: [2, 2] }, kernel));
    // @ts-expect-error Keras's spelling
    refused(() => fromTorch('Conv2d', { padding: 'SAME' }, kernel));
    // @ts-expect-error only a convolution knows it
    refused(() => fromTorch('ConvTranspose2d', { padding: 'same' }, kernel));
    // @ts-expect-error only transposed layers know it
    refused(() => fromTorch('Conv2d', { output_padding: 1 }, kernel));
    // @ts-expect-error a function has no such argument, a module has
    refused(() => fromTorch('conv2d', { in_channels: 1 }, kernel));
    // @ts-expect-error ours
    refused(() => fromTorch('ConvTranspose2d', { outputPadding: 1 }, kernel));
    // @ts-expect-error an operator of Keras
    refused(() => fromTorch('Conv2DTranspose', {}, kernel));
    // @ts-expect-error PyTorch's word
    refused(() => fromOnnx('ConvTranspose', { padding: [1, 1] }, kernel));
    // @ts-expect-error WebNN's word
    refused(() => fromOnnx('ConvTranspose', { groups: 1 }, kernel));
    // @ts-expect-error ONNX has lists only
    refused(() => fromOnnx('ConvTranspose', { strides: 2 }, kernel));
    // @ts-expect-error ConvTranspose's word
    refused(() => fromOnnx('Conv', { output_shape: [3, 3] }, kernel));
    // @ts-expect-error TensorFlow's word
    refused(() => fromOnnx('Conv', { auto_pad: 'SAME' }, kernel));
    // @ts-expect-error ONNX's word
    refused(() => fromWebnn('convTranspose2d', { pads: [1, 1, 1, 1] }, kernel));
    // @ts-expect-error conv2d's layout
    refused(() => fromWebnn('convTranspose2d', { filterLayout: 'oihw' }, kernel));
    // @ts-expect-error PyTorch's word
    refused(() => fromKeras('Conv2DTranspose', { stride: 2 }, kernel));
    // @ts-expect-error no groups in Keras's transposed layers
    refused(() => fromKeras('Conv2DTranspose', { groups: 2 }, kernel));
    // @ts-expect-error one spatial axis only
    refused(() => fromKeras('Conv2D', { padding: 'causal' }, kernel));
    // @ts-expect-error lax's word
    refused(() => fromFlax('ConvTranspose', { rhs_dilation: 1 }, kernel));
    const lax = { strides: [1, 1], padding: 'SAME' } as const;
    // @ts-expect-error flax's word
    refused(() => fromJax('conv_transpose', { ...lax, kernel_dilation: [1, 1] }, kernel));
    // @ts-expect-error a number means nothing to lax
    refused(() => fromJax('conv_transpose', { strides: [1, 1], padding: 1 }, kernel));
    // @ts-expect-error conv1d has stride, the others have strides
    refused(() => fromTensorFlow('conv2d', { stride: 1, padding: 'SAME' }, kernel));
    // @ts-expect-error TFLite's word
    refused(() => fromTensorFlow('conv2d', { stride_h: 1, strides: 1, padding: 'SAME' }, kernel));
    // @ts-expect-error TensorFlow's word
    refused(() => fromTflite('CONV_2D', { strides: 1, stride_h: 1, stride_w: 1 }, kernel));
    const lite = { output_shape: [1, 3, 3, 1], stride_h: 1, stride_w: 1 };
    // @ts-expect-error TRANSPOSE_CONV has no dilation
    refused(() => fromTflite('TRANSPOSE_CONV', { ...lite, dilation_h_factor: 1 }, kernel));
    // @ts-expect-error a parameter's name
    refused(() => fromTorch('Conv2d', {}, { kernel: zeros(1, 1, 3, 3) }));
  });
});

describe('refusals', () => {
  it('PyTorch', () => {
    const where = 'fromTorch ConvTranspose2d';
    expectRefusal(
      () => fromTorch('ConvTranspose2d', { stride: 2, output_padding: 2 }, weight(1, 1, 3, 3)),
      'BAD_OPTION',
      where,
      /output_padding\[0\] below stride or dilation \(2\), got 2/,
    );
    expect(
      fromTorch('ConvTranspose2d', { output_padding: 1, dilation: 2 }, weight(1, 1, 3, 3)).outputShape([
        1, 1, 4, 4,
      ]),
    ).toEqual([1, 1, 9, 9]);
    expectRefusal(
      () => fromTorch('ConvTranspose2d', { groups: 2 }, weight(3, 1, 3, 3)),
      'BAD_OPTION',
      where,
      /multiple of groups \(2\)/,
    );
    expectRefusal(
      () => fromTorch('ConvTranspose2d', { in_channels: 4 }, weight(3, 1, 3, 3)),
      'BAD_SHAPE',
      where,
      /in_channels 3/,
    );
    expectRefusal(
      () => fromTorch('ConvTranspose2d', { kernel_size: 5 }, weight(3, 1, 3, 3)),
      'BAD_SHAPE',
      where,
      /kernel_size \[3, 3\]/,
    );
    expectRefusal(
      () => fromTorch('ConvTranspose2d', { bias: true }, weight(3, 1, 3, 3)),
      'BAD_OPTION',
      where,
      /bias to be false/,
    );
    expectRefusal(
      () => fromTorch('ConvTranspose2d', {}, weight(3, 1, 3)),
      'BAD_SHAPE',
      where,
      /weight with 4 axes/,
    );
    expectRefusal(
      () => fromTorch('ConvTranspose2d', {}, weight(3, 0, 3, 3)),
      'BAD_SHAPE',
      where,
      /at least 1/,
    );
    expectRefusal(
      () => fromTorch('ConvTranspose2d', {}, { ...weight(3, 2, 3, 3), bias: new Float32Array(3) }),
      'BAD_SHAPE',
      where,
      /bias of 2 values/,
    );
    expectRefusal(
      () => fromTorch('Conv2d', { stride: 2, padding: 'same' }, weight(1, 1, 3, 3)),
      'BAD_OPTION',
      'fromTorch Conv2d',
      /stride 1 with padding 'same'/,
    );
    expectRefusal(
      () => fromTorch('Conv2d', { padding_mode: 'reflect' as 'zeros' }, weight(1, 1, 3, 3)),
      'UNSUPPORTED',
      'fromTorch Conv2d',
      /padding_mode 'zeros'/,
    );
  });

  it('ONNX', () => {
    const where = 'fromOnnx ConvTranspose';
    expectRefusal(
      () => fromOnnx('ConvTranspose', { auto_pad: 'SAME_UPPER', pads: [0, 0, 0, 0] }, weight(1, 1, 3, 3)),
      'BAD_OPTION',
      where,
      /no pads beside auto_pad 'SAME_UPPER'/,
    );
    expectRefusal(
      () => fromOnnx('ConvTranspose', { kernel_shape: [3, 4] }, weight(1, 1, 3, 3)),
      'BAD_SHAPE',
      where,
      /kernel_shape \[3, 3\]/,
    );
    expectRefusal(
      () => fromOnnx('ConvTranspose', { group: 2 }, weight(3, 1, 3, 3)),
      'BAD_OPTION',
      where,
      /multiple of group \(2\)/,
    );
    expectRefusal(
      () => fromOnnx('ConvTranspose', { pads: [1, 1] }, weight(1, 1, 3, 3)),
      'BAD_OPTION',
      where,
      /pads to have 4 entries/,
    );
    expectRefusal(
      () => fromOnnx('ConvTranspose', { pads: [-1, 0, 0, 0] }, weight(1, 1, 3, 3)),
      'BAD_OPTION',
      where,
      /pads\[0\]/,
    );
    expectRefusal(
      () => fromOnnx('ConvTranspose', { output_shape: [1, 1, 3, 3] }, weight(1, 1, 3, 3)),
      'BAD_OPTION',
      where,
      /output_shape to have 2 entries/,
    );
    expectRefusal(
      () => fromOnnx('ConvTranspose', { output_padding: [1, 0] }, weight(1, 1, 3, 3)),
      'BAD_OPTION',
      where,
      /output_padding\[0\] below stride or dilation/,
    );
    expectRefusal(
      () => fromOnnx('ConvTranspose', {}, weight(1, 1, 3, 3, 3, 3)),
      'BAD_SHAPE',
      where,
      /3, 4 or 5 axes/,
    );
  });

  it('TensorFlow', () => {
    const layer = fromTensorFlow(
      'conv2d_transpose',
      { output_shape: [2, 8, 8, 3], strides: 2 },
      weight(3, 3, 3, 4),
    );
    expect(layer.outputShape([2, 4, 4, 4])).toEqual([2, 8, 8, 3]);
    expectRefusal(
      () => layer.outputShape([2, 5, 4, 4]),
      'BAD_SHAPE',
      'conv2d_transpose.outputShape',
      /input size 5 along spatial axis 0, got 8. Its convolution gives 4/,
    );
    expectRefusal(
      () => layer.outputShape([1, 4, 4, 4]),
      'BAD_SHAPE',
      'conv2d_transpose.outputShape',
      /a batch of 2/,
    );
    const where = 'fromTensorFlow conv2d_transpose';
    expectRefusal(
      () =>
        fromTensorFlow('conv2d_transpose', { output_shape: [1, 8, 8, 4], strides: 2 }, weight(3, 3, 3, 4)),
      'BAD_SHAPE',
      where,
      /output_shape with 3 channels/,
    );
    expectRefusal(
      () =>
        fromTensorFlow(
          'conv2d_transpose',
          { output_shape: [1, 8, 8, 3], strides: [2, 2, 2, 1] },
          weight(3, 3, 3, 4),
        ),
      'BAD_OPTION',
      where,
      /strides of 1 along batch and channels/,
    );
    expectRefusal(
      () =>
        fromTensorFlow(
          'conv2d',
          {
            strides: 1,
            padding: [
              [0, 0],
              [1, 1],
              [1, 1],
              [0, 1],
            ],
          },
          weight(3, 3, 3, 4),
        ),
      'BAD_OPTION',
      'fromTensorFlow conv2d',
      /padding\[3\] of 0 along batch and channels/,
    );
    expectRefusal(
      () => fromTensorFlow('conv2d', { strides: 1, padding: 'SAME' }, weight(3, 3, 3, 4), { inChannels: 4 }),
      'BAD_OPTION',
      'fromTensorFlow conv2d',
      /multiple of the filters' 3/,
    );
  });

  it('TFLite', () => {
    const options = { output_shape: [1, 8, 8, 3], stride_h: 2, stride_w: 2 };
    const where = 'fromTflite TRANSPOSE_CONV';
    expect(fromTflite('TRANSPOSE_CONV', options, weight(3, 3, 3, 4)).outputShape([1, 4, 4, 4])).toEqual([
      1, 8, 8, 3,
    ]);
    expectRefusal(
      () =>
        fromTflite(
          'TRANSPOSE_CONV',
          { ...options, fused_activation_function: 'RELU6' as 'RELU' },
          weight(3, 3, 3, 4),
        ),
      'UNSUPPORTED',
      where,
      /'NONE' or 'RELU', got "RELU6"/,
    );
  });

  it('Keras', () => {
    const where = 'fromKeras Conv2DTranspose';
    expectRefusal(
      () => fromKeras('Conv2DTranspose', { strides: 2, output_padding: 2 }, weight(3, 3, 1, 1)),
      'BAD_OPTION',
      where,
      /output_padding\[0\] below strides\[0\] \(2\)/,
    );
    expectRefusal(
      () => fromKeras('Conv2DTranspose', { strides: [2, 1], dilation_rate: [1, 2] }, weight(3, 3, 1, 1)),
      'BAD_OPTION',
      where,
      /strides 1 beside a dilation_rate above 1/,
    );
    expectRefusal(
      () => fromKeras('Conv2DTranspose', { filters: 2 }, weight(3, 3, 1, 2)),
      'BAD_SHAPE',
      where,
      /filters 1/,
    );
    expectRefusal(
      () => fromKeras('Conv2DTranspose', { activation: 'gelu' as 'relu' }, weight(3, 3, 1, 2)),
      'UNSUPPORTED',
      where,
      /'linear' or 'relu'/,
    );
  });

  it('JAX and flax', () => {
    const where = 'fromJax conv_general_dilated';
    expectRefusal(
      () =>
        fromJax(
          'conv_general_dilated',
          { window_strides: [1, 1], padding: 'SAME', lhs_dilation: [2, 1] },
          weight(1, 1, 3, 3),
        ),
      'BAD_OPTION',
      where,
      /padding in numbers for an input dilation of 2, 1/,
    );
    expectRefusal(
      () =>
        fromJax(
          'conv_general_dilated',
          { window_strides: [1, 1], padding: 'SAME', dimension_numbers: new Array(3) as never },
          weight(1, 1, 3, 3),
        ),
      'BAD_TYPE',
      where,
      /three strings/,
    );
    expectRefusal(
      () =>
        fromJax(
          'conv_general_dilated',
          { window_strides: [1, 1], padding: 'SAME', dimension_numbers: ['HWNC', 'HWIO', 'HWNC'] },
          weight(1, 1, 3, 3),
        ),
      'UNSUPPORTED',
      where,
      /the spatial axes together/,
    );
    expectRefusal(
      () =>
        fromJax(
          'conv_general_dilated',
          { window_strides: [1, 1], padding: 'SAME', batch_group_count: 2 as 1 },
          weight(1, 1, 3, 3),
        ),
      'UNSUPPORTED',
      where,
      /batch_group_count 1/,
    );
    expectRefusal(
      () => fromFlax('ConvTranspose', { padding: 'CIRCULAR' as 'SAME' }, weight(3, 3, 1, 1)),
      'UNSUPPORTED',
      'fromFlax ConvTranspose',
      /padding with zeros/,
    );
    expectRefusal(
      () => fromFlax('Conv', { padding: 'CAUSAL' }, weight(3, 3, 1, 1)),
      'BAD_OPTION',
      'fromFlax Conv',
      /padding to be 'SAME'/,
    );
    expectRefusal(
      () => fromFlax('Conv', { padding: 0.5 }, weight(3, 3, 1, 1)),
      'BAD_OPTION',
      'fromFlax Conv',
      /padding/,
    );
  });

  it('WebNN', () => {
    const where = 'fromWebnn convTranspose2d';
    expectRefusal(
      () => fromWebnn('convTranspose2d', { strides: [2, 2], outputPadding: [2, 0] }, weight(1, 1, 3, 3)),
      'BAD_OPTION',
      where,
      /outputPadding\[0\] below the stride \(2\)/,
    );
    const layer = fromWebnn('convTranspose2d', { strides: [2, 2], outputSizes: [7, 9] }, weight(1, 1, 3, 3));
    expectRefusal(
      () => layer.outputShape([1, 1, 3, 3]),
      'BAD_SHAPE',
      'convTranspose2d.outputShape',
      /outputSizes\[1\] from 7 to 8 for input size 3, got 9/,
    );
    expect(layer.outputShape([1, 1, 3, 4])).toEqual([1, 1, 7, 9]);
  });

  it('weights for a system that has no such layer', () => {
    const grouped = new ConvTranspose2d({ inChannels: 4, outChannels: 4, kernelSize: 3, groups: 2 });
    for (const [name, to] of Object.entries({ toKeras, toTensorFlow, toTflite, toFlax, toJax })) {
      expectRefusal(() => to(grouped), 'UNSUPPORTED', name, /expected groups 1/);
    }
    expect(toTorch(grouped).weight.shape).toEqual([4, 2, 3, 3]);
    const line = fromTorch('Conv1d', {}, weight(2, 1, 3));
    expectRefusal(() => toWebnn(line), 'UNSUPPORTED', 'toWebnn', /2 spatial axes/);
    expectRefusal(() => toTflite(line), 'UNSUPPORTED', 'toTflite', /2 or 3 spatial axes/);
    expectRefusal(
      () => toJax(line, { transposeKernel: true }),
      'BAD_OPTION',
      'toJax',
      /transposed layers only/,
    );
    expectRefusal(
      () => toFlax(line, { transposeKernel: true }),
      'BAD_OPTION',
      'toFlax',
      /transposed layers only/,
    );
    expectRefusal(() => toOnnx({} as ConvertedLayer), 'BAD_TYPE', 'toOnnx', /a layer of this package/);
    line.dispose();
    expectRefusal(() => toTorch(line), 'DISPOSED', 'Conv1d.toTorch', /a live layer/);
  });
});

describe('a converted layer', () => {
  it('shows the words it was made with', () => {
    const layer = fromOnnx('ConvTranspose', { strides: [2, 2], pads: [1, 1, 1, 1] }, weight(8, 3, 4, 4));
    expect(String(layer)).toBe('ConvTranspose(8, 3, kernel=[4,4], strides=[2,2], pads=[1,1,1,1])');
    expect(layer).toBeInstanceOf(ConvertedLayer);
    expect([layer.inChannels, layer.outChannels, layer.groups, layer.kernelSize]).toEqual([8, 3, 1, [4, 4]]);
  });

  it('keeps a copy of the weight, in its own order', () => {
    const kernel = { data: Float32Array.from({ length: 12 }, (_, index) => index), shape: [3, 2, 2] };
    const layer = fromKeras('Conv1DTranspose', {}, { weight: kernel });
    expect(layer.weight).toEqual(kernel);
    kernel.data[0] = 9;
    expect(layer.weight.data[0]).toBe(0);
  });

  // semantics.md: the odd value goes to the head unless auto_pad is SAME_UPPER.
  it('splits an odd ONNX total as onnxruntime does', () => {
    const shape = { strides: [2], output_shape: [6] };
    for (const auto_pad of ['NOTSET', 'SAME_LOWER', 'SAME_UPPER', 'VALID'] as const) {
      expect(
        fromOnnx('ConvTranspose', { ...shape, auto_pad }, weight(1, 1, 3)).outputShape([1, 1, 3]),
      ).toEqual([1, 1, 6]);
    }
  });

  // D2L's check: 16 -> 6 -> 18 with SAME, back to 16 with PyTorch's padding of 2.
  it('gives the sizes of the chapter', () => {
    const down = fromFlax('Conv', { strides: 3 }, weight(5, 5, 10, 20));
    const up = fromFlax('ConvTranspose', { strides: 3 }, weight(5, 5, 20, 10));
    const half = down.outputShape([1, 16, 16, 10]);
    expect(half).toEqual([1, 6, 6, 20]);
    expect(up.outputShape(half)).toEqual([1, 18, 18, 10]);
    const torchDown = fromTorch('Conv2d', { stride: 3, padding: 2 }, weight(20, 10, 5, 5));
    const torchUp = fromTorch('ConvTranspose2d', { stride: 3, padding: 2 }, weight(20, 10, 5, 5));
    expect(torchUp.outputShape(torchDown.outputShape([1, 10, 16, 16]))).toEqual([1, 10, 16, 16]);
  });

  it('takes weights from the root layers', () => {
    const layer = new Conv2d({ inChannels: 2, outChannels: 3, kernelSize: [1, 2], seed: 1 });
    const onnx = fromOnnx('Conv', {}, toOnnx(layer));
    expect(onnx.weight).toEqual(layer.weight);
    expect(onnx.bias).toEqual(layer.bias);
    expect(toWebnn(onnx, { filterLayout: 'hwio' }).weight.shape).toEqual([1, 2, 2, 3]);
  });
});
