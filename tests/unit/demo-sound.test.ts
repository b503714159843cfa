import { describe, expect, it } from 'vitest';
import { SAMPLE_RATE, soundGeometry, soundTaps, voice } from '../../web/demo/src/model/voice';

/** y[m] = sum of x[i] w[m - i s], written out. */
function stamped(x: Float32Array, taps: ArrayLike<number>, stride: number): Float64Array {
  const y = new Float64Array((x.length - 1) * stride + taps.length);
  x.forEach((value, i) => {
    for (let tap = 0; tap < taps.length; tap++) {
      y[i * stride + tap] = (y[i * stride + tap] ?? 0) + value * (taps[tap] ?? 0);
    }
  });
  return y;
}

/** dB of a full sine at one frequency, under a Hann window. */
function level(y: Float64Array, frequency: number): number {
  const inner = y.subarray(400, y.length - 400);
  let [re, im, sum] = [0, 0, 0];
  inner.forEach((value, n) => {
    const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / inner.length);
    const angle = (2 * Math.PI * frequency * n) / SAMPLE_RATE;
    re += value * hann * Math.cos(angle);
    im += value * hann * Math.sin(angle);
    sum += hann;
  });
  return 20 * Math.log10((2 * Math.hypot(re, im)) / sum + 1e-12);
}

describe('the voice', () => {
  it.each(['k16s8', 'k15s10', 'k11s5'])('through %s rings at fs m/s until its sums are equal', (name) => {
    const { kernel, stride } = soundGeometry(name);
    const x = voice(SAMPLE_RATE / stride);
    const taps = soundTaps({ kernel, stride }, 1);
    const sums = new Array<number>(stride).fill(0);
    const counts = new Array<number>(stride).fill(0);
    taps.forEach((tap, j) => {
      sums[j % stride] = (sums[j % stride] ?? 0) + tap;
      counts[j % stride] = (counts[j % stride] ?? 0) + 1;
    });
    const mean = sums.reduce((a, b) => a + b, 0) / stride;
    const repaired = Array.from(taps, (tap, j) => {
      const phase = j % stride;
      return tap - ((sums[phase] ?? 0) - mean) / (counts[phase] ?? 1);
    });
    const [raw, clean] = [stamped(x, taps, stride), stamped(x, repaired, stride)];
    const tones = Array.from({ length: Math.floor(stride / 2) }, (_, m) => ((m + 1) * SAMPLE_RATE) / stride);
    const before = tones.map((tone) => level(raw, tone));
    const after = tones.map((tone) => level(clean, tone));
    expect(Math.max(...before)).toBeGreaterThan(-45);
    before.forEach((decibels, m) => {
      if (decibels > -70) expect(decibels - (after[m] ?? 0)).toBeGreaterThan(40);
    });
    expect(Math.max(...after)).toBeLessThan(-100);
  });

  it('stays between 0 and 1, as features behind a ReLU do, and is the same every time', () => {
    const x = voice(2000);
    expect(Math.min(...x)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...x)).toBeLessThanOrEqual(1);
    expect([...voice(2000)]).toEqual([...x]);
  });
});
