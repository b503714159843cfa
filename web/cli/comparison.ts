import type { Tensor } from 'deconv-wasm';
import { type Meaning, readTensor } from './tensor-files.js';
import { printable } from './terminal.js';
import { UsageError } from './usage.js';

/** How far an output is from what it was compared with. */
export interface Comparison {
  readonly name: string;
  readonly file: string;
  /** The largest one of a value, over the root of the mean square of the finite values compared with. */
  readonly difference: number;
  readonly within: boolean;
}

/** Holds an output against the values of a file, which are to be of its shape. */
export async function compare(
  file: string,
  name: string,
  { data, shape }: Tensor,
  format: 'onnx' | 'tflite',
  meaning: Meaning,
  tolerance: number,
): Promise<Comparison> {
  const port = { name, shape, type: 'float32' };
  // A picture that was drawn to the output's size would be another one.
  const { tensor } = await readTensor('--compare', file, port, format, meaning, 'own');
  if (tensor.shape.join() !== shape.join()) {
    throw new UsageError(
      `--compare ${printable(file)}: expected the shape [${shape.join(', ')}] of ${printable(name)}, got [${tensor.shape.join(', ')}]`,
    );
  }
  const difference = differenceOf(data, tensor.data);
  return { name, file, difference, within: difference <= tolerance };
}

function differenceOf(data: ArrayLike<number>, expected: Float32Array): number {
  let [largest, squares, finite] = [0, 0, 0];
  for (const [index, value] of expected.entries()) {
    // Infinities and NaN have no distance: they agree where they are the same, and else not at all.
    const difference = Object.is(value, data[index]) ? 0 : Math.abs(value - (data[index] as number));
    largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    if (!Number.isFinite(value)) continue;
    squares += value * value;
    finite += 1;
  }
  return largest === 0 ? 0 : largest / Math.sqrt(squares / Math.max(1, finite));
}
