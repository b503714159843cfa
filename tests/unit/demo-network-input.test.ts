import { describe, expect, it } from 'vitest';
import {
  cut,
  laidOut,
  layoutOf,
  planeOf,
  planesOf,
  reduced,
  spatialAxesOf,
} from '../../web/demo/src/engine/value-planes';
import { bandsOf, melSpectrogram } from '../../web/demo/src/model/mel';
import { audible, resampled } from '../../web/demo/src/model/own-input';

const RATE = 16_000;
const tone = (frequency: number, loud: number, length: number) =>
  Float32Array.from({ length }, (_, n) => loud * Math.sin((2 * Math.PI * frequency * n) / RATE));

describe('values as planes', () => {
  const shapes: readonly ['onnx' | 'tflite', readonly number[], readonly number[]][] = [
    ['onnx', [1, 3, 2, 4], [3, 2, 4]],
    ['tflite', [1, 2, 4, 3], [3, 2, 4]],
    ['onnx', [1, 3, 4], [3, 1, 4]],
    ['tflite', [1, 4, 3], [3, 1, 4]],
    ['onnx', [3, 4], [1, 3, 4]],
  ];

  it.each(shapes)('%s %j', (format, shape, [channels, height, width]) => {
    const data = Float32Array.from({ length: 24 }, (_, n) => n + 1).subarray(
      0,
      shape.reduce((a, b) => a * b),
    );
    const layout = layoutOf(shape, spatialAxesOf(format, shape.length));
    expect(layout).toMatchObject({ channels, height, width });
    const planes = planesOf(data, layout);
    expect([...planes.data].sort((a, b) => a - b)).toEqual([...data]);
    expect(laidOut(planes, layout)).toEqual(data);
    // The second channel lies behind the first, or beside it.
    const own = planeOf({ data, shape }, layout, 1);
    const area = (height as number) * (width as number);
    expect(own).toMatchObject({ channels: 1, height, width });
    if ((channels as number) > 1) {
      expect(own.data).toEqual(planes.data.subarray(area, 2 * area));
      expect(own.data[0]).toBe(format === 'onnx' ? area + 1 : 2);
    }
    const mean = Float32Array.from(own.data, (_, place) =>
      Array.from({ length: channels as number }, (_, one) => planes.data[one * area + place] ?? 0).reduce(
        (sum, value) => sum + value / (channels as number),
        0,
      ),
    );
    expect(planeOf({ data, shape }, layout, null).data).toEqual(mean);
    expect(planeOf({ data, shape }, layout, channels as number).data).toEqual(mean);
  });

  it('keep a pattern where they are cut and lose it where they are shrunk', () => {
    const width = 128;
    const board = Float32Array.from({ length: width ** 2 }, (_, n) => (n + Math.floor(n / width)) % 2);
    const planes = { channels: 1, width, height: width, data: board };
    expect(new Set(cut(planes, 64).data)).toEqual(new Set([0, 1]));
    expect(new Set(reduced(planes, 64).data)).toEqual(new Set([0.5]));
    expect([cut(planes, 64).width, reduced(planes, 64).width]).toEqual([64, 64]);
  });

  it('tell of what they are cut from, and of nothing where they are all there is', () => {
    const planes = (width: number, height: number) => ({
      channels: 1,
      width,
      height,
      data: new Float32Array(width * height),
    });
    expect(cut(planes(128, 32), 64).cutFrom).toEqual({ width: 128, height: 32, part: 'middle' });
    expect(reduced(planes(128, 1), 64).cutFrom).toEqual({ width: 128, height: 1, part: 'beginning' });
    expect(cut(planes(128, 1), 64).cutFrom).toEqual({ width: 128, height: 1, part: 'beginning' });
    expect(cut(planes(64, 64), 64).cutFrom).toBeNull();
    expect(reduced(planes(64, 1), 64).cutFrom).toBeNull();
    // Smaller, and still the whole of it.
    expect(reduced(planes(128, 128), 64).cutFrom).toBeNull();
  });
});

describe('a sound of one\u2019s own', () => {
  it('begins where it can be heard, as loud as the voice of the page', () => {
    const samples = new Float32Array(3000);
    samples.set(tone(500, 0.05, 2000), 1000);
    const heard = audible(samples) as Float32Array;
    expect(heard.length).toBeGreaterThan(1980);
    expect(heard.length).toBeLessThanOrEqual(2000);
    expect(Math.max(...heard)).toBeCloseTo(0.9, 2);
    expect(Math.min(...heard)).toBeCloseTo(0.1, 2);
    expect(audible(new Float32Array(100))).toBeNull();
    expect(audible(new Float32Array(0))).toBeNull();
  });

  it('keeps a tone at another rate', () => {
    const slow = resampled(tone(200, 1, RATE), RATE, 2000);
    expect(slow.length).toBe(2000);
    // Ten samples a turn: from peak to peak.
    expect(slow[12]).toBeCloseTo(slow[2] as number, 4);
    expect(Math.max(...slow)).toBeGreaterThan(0.9);
    expect(resampled(Float32Array.of(1, 2, 3), 1, 2)).toEqual(Float32Array.of(1, 1, 2, 2, 3, 3));
  });

  it('is loudest in the band of its tone, and silent in none of silence', () => {
    const [bands, frames] = [40, 12];
    const middles = bandsOf(bands, RATE);
    expect(middles.every((middle, band) => band === 0 || middle > (middles[band - 1] as number))).toBe(true);
    for (const frequency of [400, 1000, 3000]) {
      const levels = melSpectrogram(tone(frequency, 0.5, RATE), RATE, bands, frames);
      const column = Array.from({ length: bands }, (_, band) => levels[band * frames + 5] as number);
      const loudest = column.indexOf(Math.max(...column));
      const nearest = middles.reduce(
        (best, middle, band) =>
          Math.abs(middle - frequency) < Math.abs((middles[best] as number) - frequency) ? band : best,
        0,
      );
      expect(loudest).toBe(nearest);
    }
    expect(Math.max(...melSpectrogram(new Float32Array(RATE), RATE, bands, frames))).toBe(0);
  });
});
