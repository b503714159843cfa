import { describe, expect, it } from 'vitest';
import { CASES } from '../../scripts/bench/cases.mjs';
import { geometryOf } from '../../scripts/bench/geometry.mjs';
import { type Geometry, onnxModel } from '../../web/demo/src/engine/onnx-model';
import { benchLayers } from '../../web/demo/src/model/bench-state';
import { comparison, spread } from '../../web/demo/src/model/bench-words';
import { decadesAbove, listedSteps, polyline, short } from '../../web/demo/src/model/curve';
import { withLearn } from '../../web/demo/src/model/learn-state';
import { asLab, asStamp, type OpenedLayer } from '../../web/demo/src/model/opened-layer';
import { opening } from '../../web/demo/src/model/state';

describe('a curve', () => {
  it('has a scale that begins at its floor and ends at 1 or above all values', () => {
    expect(decadesAbove(-4, [0.5, 0.01])).toEqual({ low: -4, high: 0 });
    expect(decadesAbove(-4, [1, Number.POSITIVE_INFINITY])).toEqual({ low: -4, high: 0 });
    expect(decadesAbove(-7, [23, 0])).toEqual({ low: -7, high: 2 });
  });

  it('puts its steps from left to right and its decades from top to bottom', () => {
    const scale = { low: -2, high: 0 };
    expect(polyline([1, 0.1, 0.01], 2, scale, 100, 50)).toBe('0.0,0.0 50.0,25.0 100.0,50.0');
  });

  it('draws zero and what is smaller than its floor on the floor', () => {
    expect(polyline([0, 1e-9], 1, { low: -2, high: 0 }, 10, 50)).toBe('0.0,50.0 10.0,50.0');
  });

  it('says numbers in three digits', () => {
    expect([0, 0.22345, 0.0012345, 0.00098, 8.04e-6, -12.345].map(short)).toEqual([
      '0',
      '0.223',
      '0.00123',
      '9.8e\u22124',
      '8.0e\u22126',
      '\u221212.3',
    ]);
  });

  it('lists the last step once', () => {
    expect(listedSteps(0)).toEqual([0]);
    expect(listedSteps(50)).toEqual([0, 5, 10, 25, 50]);
    expect(listedSteps(60)).toEqual([0, 5, 10, 25, 50, 60]);
  });
});

describe('a layer of a file', () => {
  const layer: OpenedLayer = {
    kernelSize: [3, 3],
    stride: [2, 2],
    dilation: [1, 1],
    padBefore: [1, 1],
    padAfter: [0, 0],
  };
  const taps = Float32Array.from({ length: 9 }, (_, i) => i / 7);

  it('opens in station 1 with its taps to six digits, output padding and all', () => {
    const opened = asStamp(opening, layer, taps);
    expect(opened?.layer).toMatchObject({
      axes: 2,
      kernel: 3,
      stride: 2,
      padding: 1,
      outputPadding: 1,
      dilation: 1,
    });
    expect(opened?.fill).toBe('own');
    expect(opened?.weights[1]).toBe(0.142857);
    expect(opened?.lab).toBe(opening.lab);
  });

  it('opens with one axis, too', () => {
    const line: OpenedLayer = { kernelSize: [5], stride: [2], dilation: [1], padBefore: [2], padAfter: [2] };
    const opened = asStamp(opening, line, new Float32Array(5).fill(1));
    expect(opened?.layer).toMatchObject({ axes: 1, kernel: 5, stride: 2, padding: 2, outputPadding: 0 });
    expect(opened?.weights).toHaveLength(5);
    expect(asLab(opening, line)).toBeNull();
  });

  it.each([
    ['not square', { kernelSize: [3, 5] }],
    ['of unequal strides', { stride: [2, 1] }],
    ['padded more at the end', { padBefore: [0, 0], padAfter: [1, 1] }],
    ['too large', { kernelSize: [31, 31] }],
    ['of three axes', { kernelSize: [3, 3, 3], stride: [2, 2, 2] }],
  ])('has no room in station 1 when it is %s', (_, change) => {
    expect(asStamp(opening, { ...layer, ...change }, taps)).toBeNull();
  });

  it('brings its crop to the lab, if a slider can say it', () => {
    const crop = (change: Partial<OpenedLayer>) => {
      const { crop: which, padding, outputPadding } = asLab(opening, { ...layer, ...change })?.lab ?? {};
      return [which, padding, outputPadding];
    };
    expect(crop({ padBefore: [1, 1], padAfter: [0, 0] })).toEqual(['own', 1, 1]);
    expect(crop({ padBefore: null, padAfter: null })).toEqual(['fit', 0, 0]);
    expect(crop({ padBefore: [0, 0], padAfter: [1, 1] })).toEqual(['fit', 0, 0]);
    expect(asLab(opening, layer)?.lab).toMatchObject({
      fill: 'given',
      groups: 3,
      depth: 1,
      levels: 'shared',
    });
  });

  it('opens in the lab with its kernel and stride, where the sliders reach', () => {
    expect(asLab(opening, { ...layer, kernelSize: [9, 9], stride: [4, 4] })?.lab).toMatchObject({
      kernel: 9,
      stride: 4,
    });
    expect(asLab(opening, { ...layer, kernelSize: [11, 11] })).toBeNull();
    expect(asLab(opening, { ...layer, stride: [5, 5] })).toBeNull();
    expect(asLab(opening, { ...layer, dilation: [2, 2] })?.lab.dilation).toBe(2);
    expect(asLab(opening, { ...layer, dilation: [4, 4] })).toBeNull();
  });
});

describe('what is trained', () => {
  it('begins again with another setup, and only then', () => {
    const there = { ...opening.learn, steps: 300 };
    expect(withLearn(there, { kernel: 5, view: 'gradient' }).steps).toBe(300);
    for (const change of [{ seed: 2 }, { rate: 0.02 }, { penalty: 1 }, { network: 'small' }] as const) {
      expect(withLearn(there, change).steps).toBe(0);
    }
    expect(withLearn(there, { seed: there.seed }).steps).toBe(300);
    expect(withLearn(there, { network: 'small', steps: 20 }).steps).toBe(20);
  });
});

describe('the Bench', () => {
  it('has a case for each of its layers', () => {
    const names = CASES.map(({ name }) => name);
    for (const layer of benchLayers) expect(names).toContain(layer);
  });

  it('says plainly who is faster', () => {
    expect(comparison(2, 1)).toBe('▼ 2.0× slower');
    expect(comparison(1, 2)).toBe('▲ 2.0× faster');
    expect(comparison(30, 1)).toBe('▼ 30× slower');
    expect(comparison(1.02, 1)).toBe('as fast');
    expect(spread({ p10: 1.21, p90: 1.38 })).toBe('1.2 to 1.4 ms');
    expect(spread({ p10: 1.21, p90: 1.22 })).toBe('1.2 ms');
  });

  it('writes ONNX models that the reader reads back, geometry and weight', async () => {
    const { readModel } = await import('../../dist/models/index.js');
    for (const name of ['sam_up', 'fsrcnn_x4', 'kokoro', 'htdemucs', 'fcn8_depthwise']) {
      const geometry = geometryOf(CASES.find((one) => one.name === name)) as Geometry;
      const taps = geometry.kernel.reduce((a, b) => a * b, 1);
      const count = (geometry.inChannels * geometry.outChannels * taps) / geometry.groups;
      const weight = Float32Array.from({ length: count }, (_, i) => Math.sin(i));
      const model = await readModel(onnxModel(geometry, weight));
      const [layer] = model.layers;
      expect(layer?.problem).toBeNull();
      expect(layer?.geometry).toMatchObject({
        transposed: true,
        inChannels: geometry.inChannels,
        outChannels: geometry.outChannels,
        groups: geometry.groups,
        kernelSize: geometry.kernel,
        stride: geometry.stride,
        dilation: geometry.dilation,
        padBefore: geometry.padding,
        padAfter: geometry.padding.map((rows, axis) => rows - (geometry.outputPadding[axis] ?? 0)),
      });
      expect((await layer?.weight())?.data).toEqual(weight);
      await model.close();
    }
  });
});
