#pragma once

#include <cstdint>

#include "deconv/geometry.h"
#include "output.h"

namespace deconv {

// A stretch of one row of the output, of the channels of one group.
struct OutputStretch {
  int64_t image;
  int32_t channel_group;
  int64_t depth;
  int64_t height;
  int64_t column;
  int64_t columns;
};

// Writes stretches of an output in the problem's layout, and finishes them: those that lie behind
// each other at once, the last ones when its life ends.
class PhaseWriter {
 public:
  PhaseWriter(const Problem& problem, const Output& output);
  PhaseWriter(const PhaseWriter&) = delete;
  PhaseWriter& operator=(const PhaseWriter&) = delete;
  ~PhaseWriter() { finish(); }

  // The width phases of a stretch side by side:
  //   output[channel][column + step * phases + phase] = source[phase][channel][step]
  // `pitch` lies between the rows of `source`; the stretch begins with phase 0.
  void write_phases(int32_t phases, const OutputStretch& stretch, const float* source,
                    int64_t pitch);

  // The same value in a whole stretch of each channel; `values` has those of the group.
  void write_constants(const OutputStretch& stretch, const float* values);

  // What a route has written itself.
  void add(const OutputStretch& stretch) { add(start_of(stretch), stretch.columns); }

  // Where the first channel of a stretch stands.
  float* start_of(const OutputStretch& stretch) const;

 private:
  void add(const float* start, int64_t columns);
  void finish();

  const Problem& problem_;
  const Output& output_;
  const int64_t channels_;  // of a group
  int64_t channel_step_;
  int64_t column_step_;
  // What is not finished yet: columns behind each other, of the first channel.
  const float* start_ = nullptr;
  int64_t columns_ = 0;
};

}  // namespace deconv
