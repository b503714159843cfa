import type { Analysis } from 'deconv-wasm/checkerboard';
import type { ModelLayer } from 'deconv-wasm/models';

/** What to do about a layer. `text` is empty where nothing has to be done. */
export interface Fix {
  /**
   * - `none`: there is no pattern.
   * - `repair`: `deconv-wasm repair` can mend these weights.
   * - `repair-source`: repair would, but not in the form in which this file stores them.
   * - `geometry`: no weights can mend it, the layer has to change.
   */
  readonly action: 'none' | 'repair' | 'repair-source' | 'geometry';
  readonly text: string;
}

export function fixFor(analysis: Analysis, { patchObstacle: obstacle }: ModelLayer): Fix {
  const { verdict, pass } = analysis;
  if (verdict === 'free') return { action: 'none', text: '' };
  if (verdict === 'holes')
    return { action: 'geometry', text: `${fillHoles(analysis)}, or resize and convolve` };
  if (obstacle !== null) {
    return { action: 'repair-source', text: `repair the model that this file was made of (${obstacle})` };
  }
  const kernel = verdict === 'overlap' ? `kernel ${evenKernel(analysis)}` : '';
  return pass === 'backward'
    ? { action: 'repair', text: `only if gradients matter: repair --layer NAME${kernel && `, or ${kernel}`}` }
    : {
        action: 'repair',
        text: `repair, then fine-tune; for a new training: ${kernel && `${kernel} and `}ICNR initialisation`,
      };
}

/** The nearest larger kernel that overlaps evenly. */
function evenKernel({ kernelSize, stride }: Analysis): string {
  return kernelSize
    .map((size, axis) => Math.ceil(size / (stride[axis] as number)) * (stride[axis] as number))
    .join('x');
}

function fillHoles({ kernelSize, stride, dilation }: Analysis): string {
  const steps = stride.map((step, axis) => [step, dilation[axis] as number] as const);
  return steps.some(([step, spread]) => commonDivisor(step, spread) > 1)
    ? `dilation without a common factor with stride ${stride.join('x')}`
    : `kernel of at least the stride, ${evenKernel({ kernelSize, stride } as Analysis)}`;
}

function commonDivisor(one: number, other: number): number {
  return other === 0 ? one : commonDivisor(other, one % other);
}
