import { analyze, type Kernels, toTransposedKernels } from 'deconv-wasm/checkerboard';
import { describe, expect, it } from 'vitest';
import type { LayerKind, StampGeometry } from '../../web/demo/src/model/family';
import {
  framing,
  ownKernel,
  resizeWeight,
  stampTap,
  subpixelChannels,
  subpixelWeight,
} from '../../web/demo/src/model/family-weights';
import { familySentence } from '../../web/demo/src/model/family-words';
import { type LayerSpec, outputLength } from '../../web/demo/src/model/geometry';
import { signedTaps } from '../../web/demo/src/model/kernels';
import { layerLimits, limitsOf } from '../../web/demo/src/model/layer-state';
import { overlapView } from '../../web/demo/src/model/overlap-view';
import { presets, withPreset } from '../../web/demo/src/model/presets';
import { isResize, nearestResize, resizeKernels, resizeStamps } from '../../web/demo/src/model/resize-stamps';
import {
  opening,
  ownTaps,
  type State,
  withFill,
  withInput,
  withKind,
  withLayer,
  withMove,
  withRandom,
  withTap,
  withWeights,
} from '../../web/demo/src/model/state';
import { story } from '../../web/demo/src/model/story';
import { decodeState, encodeState } from '../../web/demo/src/model/url-state';

const one = { inChannels: 1, outChannels: 1, groups: 1 };
const sizes = (axes: 1 | 2, size: number) => new Array<number>(axes).fill(size);
const taps = ({ axes, kernel }: StampGeometry, seed: number) => signedTaps(kernel ** axes, seed);

function geometries(limit: { kernel: number; stride: number; dilation: number }): StampGeometry[] {
  const all: StampGeometry[] = [];
  for (const axes of [1, 2] as const) {
    for (let kernel = 1; kernel <= limit.kernel; kernel++) {
      for (let stride = 1; stride <= limit.stride; stride++) {
        for (let dilation = 1; dilation <= limit.dilation; dilation++) {
          all.push({ axes, kernel, stride, dilation });
        }
      }
    }
  }
  return all;
}

const withHoles = geometries({ kernel: 6, stride: 4, dilation: 3 });
const resizable = geometries({ kernel: 7, stride: 4, dilation: 1 }).filter((g) => g.kernel >= g.stride);

const transposed = ({ axes, kernel, stride, dilation }: StampGeometry, data: readonly number[]): Kernels => ({
  geometry: { stride, dilation },
  weight: { data, shape: [1, 1, ...sizes(axes, kernel)] },
});
const subpixel = (geometry: StampGeometry, stamp: readonly number[]): Kernels => ({
  geometry: { pixelShuffle: { upscaleFactor: geometry.stride } },
  weight: {
    data: subpixelWeight(geometry, stamp, one),
    shape: [geometry.stride ** geometry.axes, 1, ...sizes(geometry.axes, ownKernel(geometry, 'subpixel'))],
  },
});
const resize = (geometry: StampGeometry, stamp: readonly number[]): Kernels => ({
  geometry: { upsample: { scaleFactor: geometry.stride } },
  weight: {
    data: resizeWeight(geometry, stamp, one),
    shape: [1, 1, ...sizes(geometry.axes, ownKernel(geometry, 'resize'))],
  },
});

/** Taps with the zeros of the dilation between and of another length behind them, without the page's arithmetic. */
function spread({ axes, kernel, dilation }: StampGeometry, stamp: readonly number[], side: number): number[] {
  const dense = new Array<number>(side ** axes).fill(0);
  for (const [i, value] of stamp.entries()) {
    const row = axes === 1 ? 0 : Math.floor(i / kernel) * dilation;
    dense[row * side + (i % kernel) * dilation] = value;
  }
  return dense;
}

describe('a sub-pixel convolution with given stamps', () => {
  it('is to the package the transposed convolution with those stamps, and zeros behind them', () => {
    for (const [seed, geometry] of withHoles.entries()) {
      const stamp = taps(geometry, seed);
      const side = ownKernel(geometry, 'subpixel') * geometry.stride;
      const { weight } = toTransposedKernels(subpixel(geometry, stamp));
      expect([...weight.data], JSON.stringify(geometry)).toEqual(spread(geometry, stamp, side));
    }
  });

  it('has the same U to the last bit', () => {
    for (const [seed, geometry] of withHoles.entries()) {
      const stamp = taps(geometry, 1000 + seed);
      const [before, after] = [transposed(geometry, stamp), subpixel(geometry, stamp)].map((kernels) =>
        analyze(kernels),
      );
      expect(after?.unevenness, JSON.stringify(geometry)).toBe(before?.unevenness);
      expect(after?.gains).toEqual(before?.gains);
    }
  });

  it('keeps channels and groups apart as PixelShuffle counts them', () => {
    const geometry: StampGeometry = { axes: 1, kernel: 3, stride: 2, dilation: 1 };
    const stamps = signedTaps(4 * 2 * 3, 5);
    const channels = { inChannels: 4, outChannels: 4, groups: 2 };
    const made = toTransposedKernels({
      geometry: { pixelShuffle: { upscaleFactor: 2 }, groups: 2 },
      weight: { data: subpixelWeight(geometry, stamps, channels), shape: [8, 2, 2] },
    });
    const padded = Array.from({ length: 8 }, (_, pair) => [...stamps.slice(3 * pair, 3 * pair + 3), 0]);
    expect([...made.weight.data]).toEqual(padded.flat());
  });

  it('names for every tap of the stamp one tap of one channel', () => {
    for (const geometry of withHoles) {
      const own = ownKernel(geometry, 'subpixel');
      const rows = geometry.axes === 1 ? 1 : own;
      const found = subpixelChannels(geometry).flatMap((channel) =>
        Array.from({ length: rows * own }, (_, at) =>
          stampTap(geometry, channel, Math.floor(at / own), at % own),
        ),
      );
      const there = found.filter((tap) => tap !== null).sort((a, b) => a - b);
      expect(there).toEqual(Array.from({ length: geometry.kernel ** geometry.axes }, (_, tap) => tap));
    }
  });
});

describe('a resize and a convolution', () => {
  it('have the stamps that the package says, there and back', () => {
    for (const [seed, geometry] of resizable.entries()) {
      const own = ownKernel(geometry, 'resize');
      const kernel = signedTaps(own ** geometry.axes, seed);
      const stamp = resizeStamps(geometry, kernel);
      const { weight } = toTransposedKernels(resize(geometry, stamp));
      for (const [i, value] of [...weight.data].entries()) expect(value).toBeCloseTo(stamp[i] ?? NaN, 10);
      expect(resizeKernels(geometry, stamp)).toEqual(kernel);
      expect(isResize(geometry, stamp)).toBe(true);
      expect(nearestResize(geometry, stamp)).toBe(stamp);
    }
  });

  it('are found nearest, with the sum as it was and no pattern', () => {
    const distance = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0);
    const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    for (const [seed, geometry] of resizable.entries()) {
      const stamp = taps(geometry, seed);
      const nearest = nearestResize(geometry, stamp);
      expect(isResize(geometry, nearest)).toBe(true);
      expect(total(nearest)).toBeCloseTo(total(stamp), 9);
      expect(analyze(resize(geometry, nearest)).unevenness).toBe(0);
      const kernel = resizeKernels(geometry, nearest);
      for (let i = 0; i + 1 < kernel.length; i++) {
        // A step that keeps the sum leads away.
        const step = kernel.with(i, (kernel[i] ?? 0) + 0.05).with(i + 1, (kernel[i + 1] ?? 0) - 0.05);
        expect(distance(stamp, resizeStamps(geometry, step))).toBeGreaterThan(
          distance(stamp, nearest) - 1e-9,
        );
      }
    }
  });

  it('have no stamp with holes, and none of a dilated kernel', () => {
    expect(isResize({ axes: 1, kernel: 1, stride: 2, dilation: 1 }, [1])).toBe(false);
    expect(isResize({ axes: 1, kernel: 2, stride: 2, dilation: 3 }, [1, 1])).toBe(false);
    expect(isResize({ axes: 1, kernel: 4, stride: 2, dilation: 1 }, [1, 2, 3, 4])).toBe(false);
  });
});

it('every output of a kind holds what the transposed layer crops out of it', () => {
  for (const geometry of withHoles) {
    for (const padding of [0, 1, 3]) {
      for (
        let outputPadding = 0;
        outputPadding < Math.max(geometry.stride, geometry.dilation);
        outputPadding++
      ) {
        for (const kind of ['subpixel', 'resize'] as const) {
          if (kind === 'resize' && (geometry.dilation > 1 || geometry.kernel < geometry.stride)) continue;
          const spec: LayerSpec = { ...geometry, groups: 1, size: 4, padding, outputPadding };
          const { pad, from } = framing(spec, kind);
          const own = ownKernel(spec, kind);
          const { stride, size } = spec;
          const [length, step] = kind === 'subpixel' ? [size, stride] : [size * stride, 1];
          const made = (length + 2 * pad - own + 1) * step;
          expect(from).toBeGreaterThanOrEqual(0);
          expect(from + outputLength(spec)).toBeLessThanOrEqual(made);
          // The first stamp begins there less what is cropped.
          expect((pad - own + 1) * step).toBe(from - padding);
        }
      }
    }
  }
});

describe('the kind of the layer', () => {
  const even = withRandom(withLayer(opening, { kernel: 4 }));

  it('changes no number where the weights correspond', () => {
    for (const state of [even, withFill(even, 'bilinear'), withFill(even, 'ones')]) {
      const { kind, ...same } = withKind(state, 'subpixel');
      expect(kind).toBe('subpixel');
      expect({ ...same, kind: 'transposed' }).toEqual(state);
    }
    for (const fill of ['ones', 'bilinear'] as const) {
      const state = withFill(even, fill);
      expect(withKind(state, 'resize').weights).toEqual(state.weights);
    }
  });

  it('takes the nearest stamp behind a resize, and comes back to the rule', () => {
    const there = withKind(opening, 'resize');
    expect(there.weights[0]).toBeCloseTo(0.5625, 12);
    expect(ownTaps(there)).toEqual([0.5625, 0.5625, 0.5625, 0.5625]);
    expect(withKind(there, 'transposed')).toEqual(opening);
    const own = withKind(withTap(opening, 4, 3), 'resize');
    expect(isResize(own.layer, own.weights)).toBe(true);
    expect(withWeights(own, opening.weights).weights).toEqual(there.weights);
  });

  it('changes the kernel behind the resize, which every stamp follows', () => {
    const there = withTap(withKind(even, 'resize'), 4, 2);
    expect(there.fill).toBe('own');
    expect(ownTaps(there)[4]).toBe(2);
    expect(isResize(there.layer, there.weights)).toBe(true);
    expect(ownTaps(withTap(withKind(even, 'subpixel'), 4, 2))[4]).toBe(2);
  });

  it('keeps a resize without holes and without dilation', () => {
    const narrow = withLayer(opening, { kernel: 2, stride: 3, dilation: 2 });
    const there = withKind(narrow, 'resize');
    expect(there.layer).toMatchObject({ kernel: 3, stride: 3, dilation: 1 });
    expect(withLayer(there, { stride: 4 }).layer.kernel).toBe(4);
    expect(limitsOf(there)).toMatchObject({ kernel: { min: 3 }, dilation: { max: 1 } });
    expect(limitsOf(opening)).toEqual(layerLimits(2));
    for (const preset of presets) {
      const state = withPreset(there, preset);
      expect(isResize(state.layer, state.weights), preset.name).toBe(true);
    }
  });

  it('is two letters of a link, and refused where the stamp is none of its', () => {
    expect(encodeState(withKind(even, 'subpixel'))).toBe('v1&k=4&m=subpixel&f=random');
    const resized = withTap(withKind(even, 'resize'), 4, 0.1);
    for (const state of [withKind(even, 'resize'), resized]) {
      expect(decodeState(`#${encodeState(state)}`)).toEqual({ state, notice: null });
    }
    for (const link of [
      '#v1&m=resize&f=own&w=1,2,1*7',
      '#v1&k=1&m=resize',
      '#v1&d=2&m=resize',
      '#v1&m=conv',
    ]) {
      expect(decodeState(link).notice, link).toMatch(/shows its beginning instead/);
    }
  });

  it('goes back to a transposed convolution with the first layer', () => {
    expect(withMove(withKind(even, 'resize'), 'start-over')).toEqual(opening);
  });
});

describe('in words', () => {
  it('every kind says with its sizes that it is of one family', () => {
    const { layer } = opening;
    expect(familySentence(layer, 'transposed')).toMatch(
      /^One family: .*kernel 3 is a sub-pixel convolution with another kernel, 4 channels of 2 × 2 taps/,
    );
    expect(familySentence(layer, 'subpixel')).toMatch(/4 channels with 2 × 2 taps each.*kernel 3/);
    expect(familySentence(layer, 'resize')).toMatch(/copied 2 × 2 times.*2 × 2 taps/);
    expect(familySentence({ ...layer, axes: 1, kernel: 5, stride: 3 }, 'subpixel')).toMatch(
      /3 channels with 2 taps each/,
    );
  });

  const told = (state: State, output: ArrayLike<number>) =>
    story({
      spec: state.layer,
      kind: state.kind,
      input: state.input,
      output: Float32Array.from(output),
      sawItGo: false,
    });
  const side = (state: State) => outputLength(state.layer);
  const flat = (state: State) => new Float32Array(side(state) ** 2).fill(1);

  it('the story blames no count for a pattern that is not there', () => {
    expect(told(opening, flat(opening)).verdict).toBe('Uneven stamps, equal sums.');
    const resized = withKind(opening, 'resize');
    expect(told(resized, flat(resized)).verdict).toBe('No pattern, whatever the weights.');
    expect(told(withInput(resized, 'ramp'), flat(resized)).move).toBe('flat-input');
  });

  it('station 2 counts the same stamps for every kind', () => {
    const kinds: LayerKind[] = ['transposed', 'subpixel', 'resize'];
    const [first, ...others] = kinds.map((kind) => overlapView(opening.layer, kind));
    for (const { verdict: _, text, ...counts } of others) {
      expect(first).toMatchObject(counts);
      expect(text).not.toBe(first?.text);
    }
  });
});
