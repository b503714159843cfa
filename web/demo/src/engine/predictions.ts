import { signedTaps } from '../model/kernels';
import { phases } from './phases';
import type { PredictionsRequest, PredictionsResult, PredictionView } from './protocol';

/** What each layer of two axes makes of a flat picture, with equal weights and with weights at random. */
export async function predictions({ layers, seed }: PredictionsRequest): Promise<PredictionsResult> {
  const found: { equal: PredictionView; random: PredictionView }[] = [];
  for (const { kernel, stride } of layers) {
    const view = async (weights: readonly number[]): Promise<PredictionView> => {
      const geometry = { axes: 2, groups: 1, kernel, stride, dilation: 1 } as const;
      const { unevenness, flat } = await phases({ kind: 'transposed', ...geometry, weights });
      return { unevenness, flat };
    };
    const taps = kernel ** 2;
    found.push({
      equal: await view(new Array<number>(taps).fill(1)),
      random: await view(signedTaps(taps, seed)),
    });
  }
  return { layers: found };
}
