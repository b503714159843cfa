import { evenOverlap, overlap, overlapMap } from 'deconv-wasm/checkerboard';
import type { LayerKind } from './family';
import { ownKernel } from './family-weights';
import { type LayerSpec, reach } from './geometry';
import { plain } from './numbers';

/** What station 2 shows: how many stamps meet where, whatever the weights are. */
export interface OverlapView {
  /** Stamps at each phase of one axis. */
  readonly phases: readonly number[];
  readonly even: boolean;
  readonly holes: boolean;
  readonly mean: number;
  /** Deviation of the counts over their mean: of one axis, and of the whole layer. */
  readonly variation: { readonly axis: number; readonly layer: number };
  readonly ratio: number | null;
  /** Common divisor of stride and dilation: above 1, taps reach only one phase in so many. */
  readonly divisor: number;
  /** Counts along one axis of the map, its borders included. */
  readonly line: readonly number[];
  /** Lines [from, to) of it that more input would not change. */
  readonly interior: { readonly from: number; readonly to: number };
  readonly axes: 1 | 2;
  /** Row-major counts of the map; `line` by itself where there is one axis. */
  readonly map: readonly number[];
  readonly verdict: string;
  readonly text: string;
}

/** Counts are of the stamps, and so the same for every kind of layer that has them. */
export function overlapView(spec: LayerSpec, kind: LayerKind = 'transposed'): OverlapView {
  const { axes, kernel, stride, dilation } = spec;
  const axis = { kernelSize: kernel, stride, dilation };
  const one = overlap([axis]);
  const all = axes === 1 ? one : overlap([axis, axis]);
  // As much input as gives the map an inside of two strides.
  const inputSize = Math.ceil(reach(spec) / stride) + 2;
  const finite = { ...axis, inputSize };
  const map = overlapMap(axes === 1 ? [finite] : [finite, finite]);
  const divisor = commonDivisor(stride, dilation);
  const view = {
    phases: one.perAxis[0] ?? [],
    even: evenOverlap(axis),
    holes: one.holes,
    mean: all.mean,
    variation: { axis: one.coefficientOfVariation, layer: all.coefficientOfVariation },
    ratio: all.ratio,
    divisor,
    line: overlapMap([finite]).counts,
    interior: { from: Math.max(reach(spec) - stride, 0), to: inputSize * stride },
    axes,
    map: map.counts,
  };
  return { ...view, ...inWords(spec, kind, view) };
}

type Counts = Omit<OverlapView, 'verdict' | 'text'>;

function inWords(spec: LayerSpec, kind: LayerKind, { phases, even, holes, divisor, mean, ratio }: Counts) {
  const { kernel, stride, dilation } = spec;
  if (kind === 'resize') {
    return {
      verdict: even
        ? `Even: ${plain(mean)} on every cell.`
        : `Uneven: ${plain(ratio ?? 0)} times as many on some cells.`,
      text: `And it does not matter: however many taps of the stamp meet on a cell, behind a resize they sum to the whole kernel everywhere. No weights bring a pattern.`,
    };
  }
  const whole =
    kind === 'subpixel' && !even
      ? ` A sub-pixel convolution has ${ownKernel(spec, kind)} of them for every phase: here some have to stay zero.`
      : '';
  if (holes) {
    const why =
      divisor > 1
        ? `Stride ${stride} and dilation ${dilation} share the divisor ${divisor}: every tap lands on one line in ${divisor}, and the others stay empty.`
        : `Kernel ${kernel} is shorter than stride ${stride}: between stamps, nothing lands.`;
    return { verdict: 'Holes: no weights can fix this.', text: why + whole };
  }
  if (even && kernel === stride && dilation === 1) {
    return {
      verdict: 'Even: 1 on every cell.',
      text: `Kernel ${kernel} is as wide as stride ${stride}: stamps lie side by side, and every phase gets one tap of an axis. Equal counts, and still not equal sums: that is up to the weights.`,
    };
  }
  if (even) {
    return {
      verdict: `Even: ${plain(mean)} on every cell.`,
      text: `${stride} divides ${kernel}, so every phase gets ${phases[0]} of the ${kernel} taps of an axis. Equal counts, and still not equal sums: that is up to the weights.`,
    };
  }
  return {
    verdict: `Uneven: ${plain(ratio ?? 0)} times as many on some cells.`,
    text: `${stride} does not divide ${kernel}: of an axis, some phases get ${Math.max(...phases)} taps and others ${Math.min(...phases)}. Weights can make up for it; equal weights cannot.${whole}`,
  };
}

/** What the dilation does to the taps, in a sentence. */
export function dilationRule({ stride, dilation }: LayerSpec): string {
  const divisor = commonDivisor(stride, dilation);
  const sum = `gcd(${stride}, ${dilation}) = ${divisor}`;
  if (divisor === 1) return `${sum}: the taps visit every phase in turn, as without dilation.`;
  return `${sum}: the taps visit only every ${divisor === 2 ? '2nd' : divisor === 3 ? '3rd' : `${divisor}th`} phase.`;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
