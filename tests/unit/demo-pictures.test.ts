import { describe, expect, it } from 'vitest';
import { contrast, diverging, swatch } from '../../web/demo/src/model/colour';
import { kernelTaps, scaledTo } from '../../web/demo/src/model/kernels';
import {
  lensCorner,
  lensMoved,
  lensWindow,
  lensZooms,
  pixelAt,
  placeAt,
  shownSize,
} from '../../web/demo/src/model/lens';
import { levelsOf, summary, toBytes } from '../../web/demo/src/model/levels';
import {
  fixed,
  inCell,
  listed,
  milliseconds,
  parsed,
  percent,
  plain,
} from '../../web/demo/src/model/numbers';
import { sumText } from '../../web/demo/src/model/phases';
import { fitted, fromBytes } from '../../web/demo/src/model/picture';
import { testImage } from '../../web/demo/src/model/test-image';
import { testImages } from '../../web/demo/src/model/test-images';
import { sameSize, turned, withSums } from '../../web/demo/src/model/upsampling';

describe('the colour map', () => {
  const values = Array.from({ length: 201 }, (_, i) => i / 100 - 1);

  it.each(['light', 'dark'] as const)('carries its numbers readably, %s', (theme) => {
    for (const value of values) {
      const { ink } = swatch(value, 1, theme);
      const text = ink === '#000' ? ([0, 0, 0] as const) : ([255, 255, 255] as const);
      expect(contrast(diverging(value, 1, theme), text)).toBeGreaterThanOrEqual(4.5);
    }
  });

  it.each(['light', 'dark'] as const)('grows away from the page with the magnitude, %s', (theme) => {
    const page = theme === 'light' ? ([255, 255, 255] as const) : ([0, 0, 0] as const);
    for (const sign of [1, -1]) {
      const steps = [0, 0.25, 0.5, 0.75, 1].map((m) => contrast(diverging(sign * m, 1, theme), page));
      expect(steps).toEqual([...steps].sort((a, b) => a - b));
    }
  });

  it('survives a picture of zeros', () => {
    expect(diverging(0, 0, 'light')).toEqual(diverging(0, 1, 'light'));
  });
});

describe('numbers', () => {
  it('fit a cell with as many digits as it holds, and are near to the value', () => {
    expect([1, -1.25, 0.333, -318.75, 99.94, -12.345].map(inCell)).toEqual([
      '1',
      '\u22121.25',
      '0.33',
      '\u2212319',
      '99.94',
      '\u221212.3',
    ]);
    expect([9999, -9999, 123_456, -123_456, 1e6, 3.2e7].map(inCell)).toEqual([
      '9999',
      '\u22129999',
      '1.2e5',
      '\u22121e5',
      '1e6',
      '3.2e7',
    ]);
  });

  it('of a sum add up to it as far as it is shown', () => {
    expect(sumText([0.5, 1, -0.2])).toBe('0.50 + 1.00 \u2212 0.20');
    expect(sumText([-0.001, 0.001])).toBe('0.00 + 0.00');
    // A kernel of ones, repaired: both come to 2.25.
    expect(sumText([1.125, 1.125])).toBe('1.125 + 1.125');
    expect(sumText([0.5625, 0.5625, 0.5625, 0.5625])).toBe('0.5625 + 0.5625 + 0.5625 + 0.5625');
    expect(sumText(new Array(9).fill(1 / 9))).toContain('0.1111 + 0.1111');
    expect(sumText(new Array(10).fill(1 / 9))).toBe('0.11 + 0.11 + 0.11 + 0.11 \u2026 (10 taps)');
  });

  it('read as people write them', () => {
    expect([plain(-0.001), plain(1 / 3), plain(-2.5), plain(4)]).toEqual(['0', '0.33', '\u22122.5', '4']);
    expect([fixed(-0.001), fixed(1)]).toEqual(['0.00', '1.00']);
    expect(listed([1, 2, 4], 'or')).toBe('1, 2 or 4');
    expect([milliseconds(0.001), milliseconds(0.123), milliseconds(12.34)]).toEqual([
      '< 0.01 ms',
      '0.12 ms',
      '12.3 ms',
    ]);
    expect([percent(0), percent(0.001), percent(0.126)]).toEqual(['0 %', 'under 1 %', '13 %']);
  });

  it('are taken from people, or refused', () => {
    expect([parsed(' -1,5 '), parsed('\u22122'), parsed('.5')]).toEqual([-1.5, -2, 0.5]);
    expect([parsed(''), parsed('abc'), parsed('1e9'), parsed('Infinity')]).toEqual([null, null, null, null]);
  });
});

describe('pictures', () => {
  it.each(testImages)('%s is the same every time and within 0 to 1', (which) => {
    const picture = testImage(which);
    expect(picture.data).toHaveLength(3 * picture.width * picture.height);
    expect(picture.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(testImage(which).data).toEqual(picture.data);
  });

  it('shrink to fit and never grow', () => {
    expect(fitted(600, 300, 256)).toEqual({ width: 256, height: 128 });
    expect(fitted(3, 2000, 256)).toEqual({ width: 1, height: 256 });
    expect(fitted(20, 10, 256)).toEqual({ width: 20, height: 10 });
  });

  it('lay transparency over white', () => {
    const picture = fromBytes('', 1, 1, new Uint8ClampedArray([255, 0, 0, 0]));
    expect([...picture.data]).toEqual([1, 1, 1]);
  });
});

describe('levels', () => {
  const planes = { channels: 1, width: 2, height: 1, data: Float32Array.of(-0.5, 1.5) };

  it('follow one rule for all panels', () => {
    expect(levelsOf('unit', [planes])).toEqual({ black: 0, white: 1 });
    expect(levelsOf('shared', [planes])).toEqual({ black: -0.5, white: 1.5 });
    const flat = { ...planes, data: Float32Array.of(0.5, 0.5) };
    expect(levelsOf('shared', [flat])).toEqual({ black: 0.5, white: 1.5 });
  });

  it('clip and say how much', () => {
    expect([...toBytes(planes, { black: 0, white: 1 })]).toEqual([0, 0, 0, 255, 255, 255, 255, 255]);
    expect(summary(planes, { black: 0, white: 1 })).toEqual({ lowest: -0.5, highest: 1.5, clipped: 1 });
    expect(summary(planes, { black: -1, white: 2 }).clipped).toBe(0);
  });
});

describe('the magnifier', () => {
  it('shows the same area of input and output', () => {
    for (const stride of [1, 2, 3, 4]) {
      const { input, output } = lensZooms(stride, 18);
      expect(input).toBe(stride * output);
      expect(Number.isInteger(output)).toBe(true);
    }
  });

  it('centres on a whole pixel', () => {
    const { left, side } = lensWindow({ x: 0.5, y: 0.5 }, 10, 10, 126, 18);
    expect(side).toBe(7);
    expect(left + side / 2).toBe(5.5);
  });

  it('moves by pixels of the input and stays on the picture', () => {
    const place = placeAt(0, 0, 100, 100);
    expect(lensMoved(place, 'ArrowLeft', false, 10, 10)).toEqual({ x: 0.05, y: 0.05 });
    const right = lensMoved(place, 'ArrowRight', true, 10, 10);
    expect(right && pixelAt(right, 10, 10)).toEqual({ x: 8, y: 0 });
    expect(lensMoved(place, 'a', false, 10, 10)).toBeNull();
    expect(pixelAt(placeAt(200, -5, 100, 100), 10, 10)).toEqual({ x: 9, y: 0 });
  });

  it('stays inside its panel and above a finger', () => {
    expect(lensCorner({ x: 0, y: 0 }, 300, 200, 100, false)).toEqual({ x: 0, y: 0 });
    const on = lensCorner({ x: 0.5, y: 0.9 }, 300, 200, 100, false);
    expect(lensCorner({ x: 0.5, y: 0.9 }, 300, 200, 100, true).y).toBeLessThan(on.y);
  });

  it('keeps whole device pixels where they fit', () => {
    expect(shownSize(176, 352, 1)).toEqual({ scale: 2, smoothed: false });
    expect(shownSize(352, 352, 1)).toEqual({ scale: 1, smoothed: false });
    expect(shownSize(352, 328, 2)).toEqual({ scale: 328 / 352, smoothed: true });
    expect(shownSize(512, 352, 1)).toEqual({ scale: 352 / 512, smoothed: true });
  });
});

describe('upsampling', () => {
  it('makes the output stride times as large, with legal output padding', () => {
    for (let kernel = 1; kernel <= 9; kernel++) {
      for (let stride = 1; stride <= 4; stride++) {
        const { padding, outputPadding } = sameSize(kernel, stride);
        const length = (10 - 1) * stride + kernel + outputPadding - 2 * padding;
        expect(padding).toBeGreaterThanOrEqual(0);
        expect(outputPadding === 0 || outputPadding < stride).toBe(true);
        expect(length).toBe(10 * stride + (stride === 1 && kernel % 2 === 0 ? 1 : 0));
      }
    }
  });

  it('scales the taps of every output channel to one sum', () => {
    for (const groups of [1, 3]) {
      const size = { channels: 3, groups };
      const each = 3 / groups;
      const taps = withSums(
        Float32Array.from({ length: 3 * each * 4 }, (_, i) => 1 + ((i * 7) % 5)),
        size,
        4,
      );
      for (let out = 0; out < 3; out++) {
        let sum = 0;
        // [in, out/groups, kernel]
        for (let from = 0; from < 3; from++) {
          if (Math.floor(from / each) !== Math.floor(out / each)) continue;
          for (let tap = 0; tap < 4; tap++) sum += taps[(from * each + (out % each)) * 4 + tap] ?? 0;
        }
        expect(sum).toBeCloseTo(4, 5);
      }
      const back = turned(turned(taps, size), size);
      expect([...back]).toEqual([...taps]);
    }
    expect([...scaledTo([1, 1], 4)]).toEqual([2, 2]);
    // [in 0: to 0, to 1; in 1: to 0, to 1] becomes [out 0: from 0, from 1; ...]
    expect([...turned(Float32Array.of(1, 2, 3, 4), { channels: 2, groups: 1 })]).toEqual([1, 3, 2, 4]);
  });

  it('has a tent that gives every phase the same sum once it is wide enough', () => {
    for (const [kernel, stride] of [
      [3, 2],
      [4, 2],
      [5, 3],
      [8, 4],
    ] as const) {
      const row = kernelTaps('bilinear', kernel, stride, 0);
      const phases = new Array<number>(stride * stride).fill(0);
      row.forEach((tap, i) => {
        const phase = (Math.floor(i / kernel) % stride) * stride + ((i % kernel) % stride);
        phases[phase] = (phases[phase] ?? 0) + tap;
      });
      expect(Math.max(...phases) - Math.min(...phases)).toBeLessThan(1e-12);
    }
  });
});
