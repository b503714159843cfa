// Resize-convolutions, and the layers that equal them, against the rules that prove them, in double precision and without wasm.

import { Conv2d, ConvTranspose1d, ConvTranspose2d } from 'deconv-wasm';
import {
  analyze,
  ResizeConv1d,
  ResizeConv2d,
  ResizeConv3d,
  repair,
  toConvTranspose,
  toResizeConv,
} from 'deconv-wasm/checkerboard';
import { toOnnx } from 'deconv-wasm/convert';
import { quantize } from 'deconv-wasm/quantize';
import { describe, expect, it } from 'vitest';
import { caught, expectError } from '../../support/errors.js';

describe('resize-convolution', () => {
  it('is free of patterns whatever its weight is', () => {
    for (const [mode, order] of [
      ['nearest', 1],
      ['linear', 2],
    ] as const) {
      for (const scaleFactor of [2, 3, 4]) {
        const layer = new ResizeConv1d({
          inChannels: 3,
          outChannels: 2,
          scaleFactor,
          mode,
          kernelSize: 5,
          padding: 2,
          seed: 1,
        });
        const found = analyze(layer);
        expect(found).toMatchObject({ verdict: 'free', stride: [scaleFactor] });
        expect(found.order).toBeGreaterThanOrEqual(order);
        expect(found.phaseShift).not.toBeNull();
      }
    }
    expect(
      analyze(
        new ResizeConv2d({
          inChannels: 1,
          outChannels: 1,
          scaleFactor: 2,
          mode: 'bilinear',
          kernelSize: 3,
          padding: 1,
        }),
        {
          inputShape: [1, 1, 4, 4],
        },
      ),
    ).toMatchObject({ verdict: 'free', stride: [2, 2] });
  });

  it('sizes and words are those of nn.Upsample and nn.Conv', () => {
    const layer = new ResizeConv2d({
      inChannels: 4,
      outChannels: 6,
      groups: 2,
      scaleFactor: [2, 3],
      kernelSize: [3, 4],
      padding: 'same',
      dilation: [1, 2],
      bias: false,
    });
    expect(layer.weight.shape).toEqual([6, 2, 3, 4]);
    expect(layer.outputShape([1, 4, 5, 5])).toEqual([1, 6, 10, 15]);
    expect(String(layer)).toBe(
      "ResizeConv2d(4, 6, kernel_size=(3, 4), scale_factor=(2, 3), mode='nearest', padding='same', dilation=(1, 2), groups=2, bias=False)",
    );
    const volume = new ResizeConv3d({
      inChannels: 1,
      outChannels: 1,
      scaleFactor: 2,
      mode: 'trilinear',
      kernelSize: 3,
      padding: [0, 1, 2],
    });
    expect(volume.outputShape([1, 2, 2, 2])).toEqual([1, 2, 4, 6]);
    // The draws of a Conv2d.
    const options = { inChannels: 4, outChannels: 6, kernelSize: 3, seed: 9 };
    const convolution = new Conv2d(options);
    expect(new ResizeConv2d({ ...options, scaleFactor: 2 }).weight).toEqual(convolution.weight);
    expect(new ResizeConv2d({ ...options, scaleFactor: 2 }).bias).toEqual(convolution.bias);
  });

  it('refuses what is none of its words', () => {
    const make = (options: object) => () =>
      new ResizeConv2d({ inChannels: 1, outChannels: 1, scaleFactor: 2, kernelSize: 3, ...options });
    for (const [options, code] of [
      [{ mode: 'linear' }, 'BAD_OPTION'],
      [{ mode: 'bicubic' }, 'BAD_OPTION'],
      [{ scaleFactor: 1.5 }, 'BAD_OPTION'],
      [{ scaleFactor: undefined }, 'BAD_TYPE'],
      [{ padding: -1 }, 'BAD_OPTION'],
      [{ paddingMode: 'reflect' }, 'BAD_OPTION'],
      [{ stride: 2 }, 'BAD_OPTION'],
      [{ scaleFactor: [2 ** 17, 1] }, 'TOO_LARGE'],
      [{ scaleFactor: [1, 2 ** 30], mode: 'bilinear' }, 'TOO_LARGE'],
      [{ dilation: 2 ** 14 }, 'TOO_LARGE'],
    ] as const) {
      expectError(caught(make(options)), code, 'ResizeConv2d');
    }
    const layer = make({ padding: 1 })();
    expectError(
      caught(() => layer.outputShape([1, 2, 3, 3])),
      'BAD_SHAPE',
      'ResizeConv2d.outputShape',
    );
    for (const options of [
      { mode: 'bilinear', padding: 1 },
      { paddingMode: 'replicate', padding: 1 },
    ]) {
      const prepared = make(options)();
      for (const [act, where] of [
        [() => quantize(prepared), 'quantize'],
        [() => toOnnx(prepared), 'toOnnx'],
        [() => toConvTranspose(prepared), 'toConvTranspose'],
      ] as const) {
        expectError(caught(act), 'UNSUPPORTED', where);
      }
    }
  });
});

describe('conversions', () => {
  it('a repaired 1-D layer is a resize-convolution, and the way back gives its weight', () => {
    for (const options of [
      { kernelSize: 4, stride: 2, padding: 1 },
      { kernelSize: 5, stride: 2, padding: 2, outputPadding: 1 },
      { kernelSize: 3, stride: 3, padding: 2 },
      { kernelSize: 4, stride: 3, dilation: 2, padding: 3 },
      { kernelSize: 16, stride: 10, padding: 3 },
    ]) {
      const layer = new ConvTranspose1d({ inChannels: 4, outChannels: 6, groups: 2, seed: 3, ...options });
      expect(caught(() => toResizeConv(layer)).detail).toMatchObject({ axis: 0 });
      repair(layer);
      const resize = toResizeConv(layer);
      expect(resize.outputShape([4, 9])).toEqual(layer.outputShape([4, 9]));
      const back = toConvTranspose(resize);
      expect(back.outputShape([4, 9])).toEqual(layer.outputShape([4, 9]));
      expect(back.bias).toEqual(layer.bias);
      if (back.kernelSize[0] !== layer.kernelSize[0]) continue;
      for (const [at, value] of back.weight.data.entries()) {
        expect(Math.abs(value - (layer.weight.data[at] as number))).toBeLessThan(1e-6);
      }
    }
  });

  it('says why there is no equal layer', () => {
    // In 2-D equal gains do not make a kernel divisible.
    const layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 4, stride: 2, seed: 3 });
    repair(layer);
    expect(analyze(layer).verdict).toBe('free');
    const error = caught(() => toResizeConv(layer));
    expectError(error, 'UNSUPPORTED', 'toResizeConv');
    expect(error.detail.remainder).toBeGreaterThan(1e-3);
    const holes = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 1, stride: 2 });
    expect(caught(() => toResizeConv(holes)).detail).toMatchObject({ verdict: 'holes' });
    expectError(
      caught(() => toConvTranspose(layer as never)),
      'BAD_TYPE',
      'toConvTranspose',
    );
    expectError(
      caught(() => toResizeConv(new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1 }) as never)),
      'BAD_TYPE',
      'toResizeConv',
    );
  });
});
