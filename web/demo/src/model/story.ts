import type { LayerKind } from './family';
import { interior, type LayerSpec, nextEvenKernel, outputLength, overlap } from './geometry';
import { layerLimits } from './layer-state';
import { count, listed } from './numbers';

export type Move = 'even-kernel' | 'random-weights' | 'start-over' | 'flat-input';

/** What the full output shows, in words, and the one experiment that teaches most from here. */
export interface Story {
  readonly verdict: string;
  readonly text: string;
  readonly move: Move;
  readonly label: string;
}

export interface Scene {
  readonly spec: LayerSpec;
  readonly kind: LayerKind;
  readonly input: readonly number[];
  /** The full output, row by row. */
  readonly output: Float32Array;
  /** Whether the reader has been told that a pattern is gone: to others none can be back. */
  readonly sawItGo: boolean;
}

/** The verdict on a flat input that comes out flat of stamps that meet evenly. */
export const GONE = 'The pattern is gone.';

/** How many stamps meet on a cell away from the border: the distinct counts, ascending. */
export function innerCounts(spec: LayerSpec): number[] {
  const { from, to } = interior(spec);
  const all = overlap(spec);
  const inner = all.slice(from, Math.max(from, to));
  const lines = spec.axes === 1 ? [1] : inner;
  return [...new Set(lines.flatMap((row) => inner.map((column) => row * column)))].sort((a, b) => a - b);
}

/** Whether the part of the output that the border does not touch is one value; in lanes, one in each. */
export function innerIsFlat(spec: LayerSpec, output: Float32Array): boolean {
  const lanes = spec.axes === 1 ? Array.from({ length: spec.groups }, (_, lane) => [lane, lane + 1]) : [];
  const { from, to } = interior(spec);
  return (spec.axes === 1 ? lanes : [[from, to]]).every(([first = 0, end = 0]) =>
    isFlatPart(spec, output, first, end),
  );
}

function isFlatPart(spec: LayerSpec, output: Float32Array, firstRow: number, endRow: number): boolean {
  const { from, to } = interior(spec);
  const width = outputLength(spec);
  let lowest = Infinity;
  let highest = -Infinity;
  for (let row = firstRow; row < endRow; row++) {
    for (let column = from; column < to; column++) {
      const value = output[row * width + column] ?? 0;
      lowest = Math.min(lowest, value);
      highest = Math.max(highest, value);
    }
  }
  return highest - lowest <= 1e-5 * Math.max(Math.abs(highest), Math.abs(lowest), 1e-3);
}

export function story({ spec, kind, input, output, sawItGo }: Scene): Story {
  const inner = interior(spec);
  if (inner.from >= inner.to) {
    return {
      verdict: 'All border.',
      text: 'No cell lies away from the border. A larger input has an inside, where patterns live.',
      move: 'start-over',
      label: 'From the start',
    };
  }
  const counts = innerCounts(spec);
  const { kernel, stride } = spec;
  const even = nextEvenKernel(kernel, stride, layerLimits(spec.axes).kernel.max);
  const flatInput = input.every((value) => value === input[0]);

  const came = ` A flat input came out ${spec.axes === 2 ? 'as a grid' : 'striped'}.`;
  const flatInputMove = { move: 'flat-input', label: 'Flat input' } as const;
  const evenKernel = { move: 'even-kernel', label: kernelStep(kernel, even, spec.dilation) } as const;

  const isFlat = flatInput && innerIsFlat(spec, output);

  if (kind === 'resize') {
    return flatInput
      ? {
          verdict: 'No pattern, whatever the weights.',
          text: 'A resize copies the cells of a flat input, and the convolution behind it sums all of its taps everywhere. Try other weights: none bring it back.',
          move: 'random-weights',
          label: 'Random weights',
        }
      : {
          verdict: 'Your picture, stamped.',
          text: 'Away from the border, what varies comes from the input: every cell sums all taps of the convolution behind the resize.',
          ...flatInputMove,
        };
  }
  if (counts[0] === 0) {
    return {
      verdict: 'Holes.',
      text: 'Some cells collect no stamp at all, whatever the weights are.',
      ...evenKernel,
    };
  }
  if (counts.length > 1 && isFlat) {
    return {
      verdict: 'Uneven stamps, equal sums.',
      text: `${spread(spec, counts)}, and still one sum: these weights make up for it.`,
      move: 'random-weights',
      label: 'Random weights',
    };
  }
  if (counts.length > 1) {
    return {
      verdict: 'A pattern nobody drew.',
      text: `${spread(spec, counts)}, because ${reason(spec)}.${flatInput ? came : ''}`,
      ...evenKernel,
    };
  }
  const equal = `Away from the border, every cell collects ${count(counts[0] ?? 0, 'stamp')}`;
  if (!flatInput) {
    return {
      verdict: 'Your picture, stamped.',
      text: `${equal}. What varies now comes from the input and the weights together.`,
      ...flatInputMove,
    };
  }
  if (isFlat) {
    return {
      verdict: GONE,
      text: `${equal}, and they add up to the same sum \u2026 and with random weights it is back. Try it.`,
      move: 'random-weights',
      label: 'Random weights',
    };
  }
  return {
    verdict: sawItGo ? 'And it is back.' : 'Equal counts, unequal sums.',
    text: `${equal}, but not with the same weights. Equal counts are not enough: the sums must be equal.`,
    move: 'start-over',
    label: 'From the start',
  };
}

/** "2 stamps here, 1 there, 4 at the crossings": the words for an axis that alternates between two counts. */
function spread(spec: LayerSpec, counts: readonly number[]): string {
  const { from, to } = interior(spec);
  const [few, many, ...more] = [...new Set(overlap(spec).slice(from, to))].sort((a, b) => a - b);
  if (few === undefined || many === undefined || more.length > 0) {
    return `Away from the border, cells collect ${listed(counts, 'or')} stamps`;
  }
  if (spec.axes === 1) return `${count(few, 'stamp')} here, ${many} there`;
  return `${count(few * many, 'stamp')} here, ${few * few} there, ${many * many} at the crossings`;
}

function reason({ kernel, stride, dilation }: LayerSpec): string {
  return kernel % stride === 0
    ? `dilation ${dilation} spreads the taps unevenly over stride ${stride}`
    : `stride ${stride} does not divide kernel ${kernel}`;
}

function kernelStep(from: number, to: number, dilation: number): string {
  const undilated = dilation > 1 ? ', dilation 1' : '';
  return from === to ? `Kernel ${from}${undilated}` : `Kernel ${from} \u2192 ${to}${undilated}`;
}
