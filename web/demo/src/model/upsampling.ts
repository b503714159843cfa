/**
 * Padding and output padding that make a transposed convolution give `stride` times the input size;
 * `reach` is the kernel with its dilation. With stride 1 and an even reach no legal pair does; the
 * output is then one larger.
 */
export function sameSize(reach: number, stride: number): { padding: number; outputPadding: number } {
  const excess = reach - stride;
  if (excess < 0) return { padding: 0, outputPadding: -excess };
  if (excess % 2 === 1 && stride === 1) return { padding: (excess - 1) / 2, outputPadding: 0 };
  const padding = Math.ceil(excess / 2);
  return { padding, outputPadding: 2 * padding - excess };
}

/** The shape of `[inChannels, outChannels/groups, ...kernel]`, with as many channels out as in. */
export interface Channels {
  readonly channels: number;
  readonly groups: number;
}

/**
 * Taps scaled so that those of every output channel have a sum, in place. With `stride * stride`
 * a transposed convolution keeps the mean of a flat picture.
 */
export function withSums(taps: Float32Array, { channels, groups }: Channels, sum: number): Float32Array {
  const each = channels / groups;
  const kernel = taps.length / (channels * each);
  for (let out = 0; out < channels; out++) {
    const group = Math.floor(out / each);
    // Where the kernels of this output channel begin, one for each input channel of its group.
    const begins = Array.from(
      { length: each },
      (_, i) => ((group * each + i) * each + (out % each)) * kernel,
    );
    let total = 0;
    for (const begin of begins) {
      for (let tap = 0; tap < kernel; tap++) total += taps[begin + tap] ?? 0;
    }
    for (const begin of begins) {
      for (let tap = 0; tap < kernel; tap++) taps[begin + tap] = ((taps[begin + tap] ?? 0) * sum) / total;
    }
  }
  return taps;
}

/** `[in, out/groups, ...kernel]` as `[out, in/groups, ...kernel]`, which an ordinary convolution wants. */
export function turned(taps: Float32Array, { channels, groups }: Channels): Float32Array {
  const each = channels / groups;
  const kernel = taps.length / (channels * each);
  const result = new Float32Array(taps.length);
  for (let from = 0; from < channels; from++) {
    const first = Math.floor(from / each) * each;
    for (let to = 0; to < each; to++) {
      const begin = (from * each + to) * kernel;
      result.set(taps.subarray(begin, begin + kernel), ((first + to) * each + (from % each)) * kernel);
    }
  }
  return result;
}
