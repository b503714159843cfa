#include "phase_writer.h"

#include <algorithm>
#include <utility>

#include "layout.h"
#include "simd.h"

namespace deconv {

PhaseWriter::PhaseWriter(const Problem& problem, const Output& output)
    : problem_(problem), output_(output), channels_(problem.spec.group_out_channels()) {
  const bool planes = problem.output_in_planes();
  channel_step_ = planes ? problem.output_points() : 1;
  column_step_ = planes ? 1 : problem.spec.out_channels;
}

float* PhaseWriter::start_of(const OutputStretch& stretch) const {
  const Problem& problem = problem_;
  const int64_t point =
      (stretch.depth * problem.output[1] + stretch.height) * problem.output[2] + stretch.column;
  return output_.values + stretch.image * problem.output_points() * problem.spec.out_channels +
         stretch.channel_group * channels_ * channel_step_ + point * column_step_;
}

void PhaseWriter::write_phases(int32_t phases, const OutputStretch& stretch, const float* source,
                               int64_t pitch) {
  const int64_t phase_pitch = channels_ * pitch;
  float* const start = start_of(stretch);
  if (column_step_ == 1) {
    interleave({phases, stretch.columns, phase_pitch, channels_, pitch, channel_step_}, source,
               start);
  } else {
    for (int32_t phase = 0; phase < phases; ++phase) {
      transpose_block(channels_, (stretch.columns - phase + phases - 1) / phases,
                      source + phase * phase_pitch, pitch, start + phase * column_step_,
                      phases * column_step_);
    }
  }
  add(start, stretch.columns);
}

void PhaseWriter::write_constants(const OutputStretch& stretch, const float* values) {
  float* const start = start_of(stretch);
  if (column_step_ == 1) {
    for (int64_t channel = 0; channel < channels_; ++channel) {
      fill_floats(start + channel * channel_step_, stretch.columns, values[channel]);
    }
  } else {
    for (int64_t column = 0; column < stretch.columns; ++column) {
      std::copy_n(values, channels_, start + column * column_step_);
    }
  }
  add(start, stretch.columns);
}

void PhaseWriter::add(const float* start, int64_t columns) {
  if (output_.done()) return;
  // 128 KiB: longer rows gain nothing, and a second-level cache still has what was written.
  constexpr int64_t kMost = 1 << 15;
  if (start != start_ + columns_ * column_step_ || columns_ * channels_ >= kMost) {
    finish();
    start_ = start;
  }
  columns_ += columns;
}

void PhaseWriter::finish() {
  if (columns_ == 0) return;
  // Behind each other lie the columns of a channel, the channels of a column, or all.
  const bool planes = column_step_ == 1;
  const int64_t step = planes ? channel_step_ : column_step_;
  int64_t rows = planes ? channels_ : columns_;
  int64_t length = planes ? columns_ : channels_;
  if (step == length) length *= std::exchange(rows, 1);
  for (int64_t row = 0; row < rows; ++row) output_.finish(start_ + row * step, length);
  columns_ = 0;
}

}  // namespace deconv
