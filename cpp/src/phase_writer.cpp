#include "phase_writer.h"

#include "layout.h"

namespace deconv {

void write_phases(const Problem& problem, int32_t phases, const OutputStretch& stretch,
                  const float* source, int64_t pitch, float* output) {
  const Spec& spec = problem.spec;
  const int64_t channels = spec.group_out_channels();
  const int64_t points = problem.output_points();
  const int64_t point =
      (stretch.depth * problem.output[1] + stretch.height) * problem.output[2] + stretch.column;
  // One channel reads the same in both layouts.
  if (problem.layout == Layout::kChannelsFirst || spec.out_channels == 1) {
    float* const target =
        output + (stretch.image * spec.out_channels + stretch.channel_group * channels) * points +
        point;
    for (int64_t channel = 0; channel < channels; ++channel) {
      interleave(phases, stretch.columns, source + channel * pitch, channels * pitch,
                 target + channel * points);
    }
    return;
  }
  float* const target = output + (stretch.image * points + point) * spec.out_channels +
                        stretch.channel_group * channels;
  for (int32_t phase = 0; phase < phases; ++phase) {
    transpose_block(channels, (stretch.columns - phase + phases - 1) / phases,
                    source + phase * channels * pitch, pitch,
                    target + phase * int64_t{spec.out_channels},
                    int64_t{phases} * spec.out_channels);
  }
}

}  // namespace deconv
