// What a transposed convolution is, in double precision: for each output value the sum over the taps
// that reach it. It gathers where every candidate's definition scatters, so that it shares no mistake.

import { product, raised } from './geometry.mjs';
import { toChannelsLast, transposed } from './layouts.mjs';

/** Expected output `[N, C, ...]`. */
export function reference(geometry, parameters) {
  const { batch, groups, inChannels, outChannels, input, output, kernel, stride, padding, dilation } = raised(
    geometry,
    3,
  );
  const [inGroup, outGroup] = [inChannels / groups, outChannels / groups];
  const taps = product(kernel);
  const x = toChannelsLast(Float64Array.from(parameters.input), batch, inChannels, input);
  // [in, out / g, taps] to [group, tap, out, in].
  const shape = [groups, inGroup, outGroup, taps];
  const w = transposed(Float64Array.from(parameters.weight), shape, [0, 3, 2, 1]);
  const result = new Float64Array(batch * outChannels * product(output));
  const positions = product(output);
  const sums = new Float64Array(outChannels);

  for (let image = 0; image < batch; image += 1) {
    for (let position = 0; position < positions; position += 1) {
      sums.fill(0);
      const at = [
        Math.floor(position / (output[1] * output[2])),
        Math.floor(position / output[2]) % output[1],
        position % output[2],
      ];
      for (let tap = 0; tap < taps; tap += 1) {
        const tapAt = [
          Math.floor(tap / (kernel[1] * kernel[2])),
          Math.floor(tap / kernel[2]) % kernel[1],
          tap % kernel[2],
        ];
        let source = image;
        for (let axis = 0; axis < 3 && source >= 0; axis += 1) {
          const reach = at[axis] + padding[axis] - tapAt[axis] * dilation[axis];
          const index = reach / stride[axis];
          source =
            Number.isInteger(index) && index >= 0 && index < input[axis] ? source * input[axis] + index : -1;
        }
        if (source < 0) continue;
        for (let group = 0; group < groups; group += 1) {
          const from = source * inChannels + group * inGroup;
          for (let channel = 0; channel < outGroup; channel += 1) {
            const weights = ((group * taps + tap) * outGroup + channel) * inGroup;
            let sum = 0;
            for (let k = 0; k < inGroup; k += 1) sum += x[from + k] * w[weights + k];
            sums[group * outGroup + channel] += sum;
          }
        }
      }
      for (let channel = 0; channel < outChannels; channel += 1) {
        result[(image * outChannels + channel) * positions + position] = sums[channel];
      }
    }
  }
  return result;
}
