#include "phase_writer.h"

#include <algorithm>
#include <utility>

#include "layout.h"

namespace deconv {
namespace {

// Where a stretch begins, and how far apart its channels and its columns lie.
struct Target {
  float* start;
  int64_t channel_step;
  int64_t column_step;
};

Target locate(const Problem& problem, const OutputStretch& stretch, float* output) {
  const Spec& spec = problem.spec;
  const int64_t channel = int64_t{stretch.channel_group} * spec.group_out_channels();
  const int64_t points = problem.output_points();
  const int64_t point =
      (stretch.depth * problem.output[1] + stretch.height) * problem.output[2] + stretch.column;
  if (problem.layout == Layout::kChannelsFirst || !problem.output_layout_matters()) {
    return {output + (stretch.image * spec.out_channels + channel) * points + point, points, 1};
  }
  return {output + (stretch.image * points + point) * spec.out_channels + channel, 1,
          spec.out_channels};
}

// What lies behind each other at once: the columns of a channel, the channels of a column, or all.
void finish(const Target& target, int64_t channels, int64_t columns, const Output& output) {
  if (output.done()) return;
  const bool planes = target.column_step == 1;
  const int64_t step = planes ? target.channel_step : target.column_step;
  int64_t rows = planes ? channels : columns;
  int64_t length = planes ? columns : channels;
  if (step == length) length *= std::exchange(rows, 1);
  for (int64_t row = 0; row < rows; ++row) output.finish(target.start + row * step, length);
}

}  // namespace

void write_phases(const Problem& problem, int32_t phases, const OutputStretch& stretch,
                  const float* source, int64_t pitch, const Output& output) {
  const int64_t channels = problem.spec.group_out_channels();
  const int64_t phase_pitch = channels * pitch;
  const Target target = locate(problem, stretch, output.values);
  if (target.column_step == 1) {
    interleave({phases, stretch.columns, phase_pitch, channels, pitch, target.channel_step}, source,
               target.start);
  } else {
    for (int32_t phase = 0; phase < phases; ++phase) {
      transpose_block(channels, (stretch.columns - phase + phases - 1) / phases,
                      source + phase * phase_pitch, pitch,
                      target.start + phase * target.column_step, phases * target.column_step);
    }
  }
  finish(target, channels, stretch.columns, output);
}

void write_constants(const Problem& problem, const OutputStretch& stretch, const float* values,
                     const Output& output) {
  const int64_t channels = problem.spec.group_out_channels();
  const Target target = locate(problem, stretch, output.values);
  if (target.column_step == 1) {
    for (int64_t channel = 0; channel < channels; ++channel) {
      std::fill_n(target.start + channel * target.channel_step, stretch.columns, values[channel]);
    }
  } else {
    for (int64_t column = 0; column < stretch.columns; ++column) {
      std::copy_n(values, channels, target.start + column * target.column_step);
    }
  }
  finish(target, channels, stretch.columns, output);
}

}  // namespace deconv
