/** Values added to (of a transposed convolution: cropped from) the head and the tail of an axis. */
export type Pads = readonly [before: number, after: number];

/**
 * SAME, everywhere: the total in two halves, an odd one's larger half at the tail if `larger` does not
 * say otherwise. A negative total extends the tail and leaves the head alone.
 */
export function splitPads(total: number, larger?: 'head' | 'tail'): Pads {
  const half = Math.max(total, 0) / 2;
  const before = larger === 'head' ? Math.ceil(half) : Math.floor(half);
  return [before, total - before];
}

/** SAME of a convolution whose kernel spans `reach` positions: as many as give `ceil(input / stride)`. */
export function convolutionSamePads(
  input: number,
  reach: number,
  stride: number,
  larger?: 'head' | 'tail',
): Pads {
  return splitPads(Math.max((Math.ceil(input / stride) - 1) * stride + reach - input, 0), larger);
}
