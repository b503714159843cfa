import { describe, expect, it } from 'vitest';
import type { TraceResult } from '../../web/demo/src/engine/protocol';
import { culpritText, excerptText, repairText } from '../../web/demo/src/stations/model/network-words';

function found(share: number, level: number, after: number): TraceResult {
  const layer = { name: 'up', kind: 'transposed', unevenness: 0.5, verdict: 'overlap', share } as const;
  const planes = { width: 1, height: 1, planes: [] } as never;
  return {
    format: 'onnx',
    file: null,
    sentence: '',
    culprit: 'up',
    steps: [],
    layers: [{ ...layer, fall: 1, problem: null }],
    inputs: [],
    before: planes,
    repair: { after: planes, difference: planes, psnr: 30, ssim: 0.9, level: after },
    level,
  } as unknown as TraceResult;
}

describe('words of a network', () => {
  it('say of a layer what its share is, and no more', () => {
    expect(culpritText(found(0.73, -18, -40))).toMatch(/^up draws the grid: 73 % of the output's pattern/);
    const alone = found(0.18, -14, -13);
    const other = { ...alone.layers[0], name: 'other', share: 0.1 } as TraceResult['layers'][number];
    expect(culpritText({ ...alone, layers: [...alone.layers, other] })).toMatch(
      /^up draws more of the grid than any other layer: 18 % of the output's pattern/,
    );
    expect(culpritText(alone)).toMatch(/^up draws part of the grid: 18 % of the output's pattern/);
  });

  it('say of a picture which part it shows, where it is not all', () => {
    const planes = { channels: 1, width: 64, height: 32, data: new Float32Array(0) };
    expect(excerptText({ ...planes, cutFrom: null })).toBe('');
    expect(excerptText({ ...planes, cutFrom: { width: 128, height: 32, part: 'middle' } })).toBe(
      'Shown: the middle 32 × 64 of 32 × 128',
    );
    expect(
      excerptText({ ...planes, height: 1, cutFrom: { width: 2000, height: 1, part: 'beginning' } }),
    ).toBe('Shown: the first 64 of 2000');
  });

  it('say of a repair what it did, whichever way', () => {
    expect(repairText(found(1, -18, -40))).toMatch(/^The pattern falls from −18 dB to −40 dB\. /);
    expect(repairText(found(1, -18, -200))).toMatch(/^The pattern is gone: from −18 dB to below −60 dB\. /);
    expect(repairText(found(0.2, -14, -13.5))).toMatch(/^The pattern grows from −14 dB to −13\.5 dB\. /);
    expect(repairText(found(0.2, -18.14, -18.13))).toMatch(/^The pattern stays at −18\.1 dB\. /);
  });
});
