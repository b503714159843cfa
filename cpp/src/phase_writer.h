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

// Writes the width phases of a stretch side by side, in the problem's layout:
//   output[channel][column + step * phases + phase] = source[phase][channel][step]
// `pitch` lies between the rows of `source`; the stretch begins with phase 0. Finishes it.
void write_phases(const Problem& problem, int32_t phases, const OutputStretch& stretch,
                  const float* source, int64_t pitch, const Output& output);

// Writes the same value into a whole stretch of each channel; `values` has those of the group.
// Finishes it.
void write_constants(const Problem& problem, const OutputStretch& stretch, const float* values,
                     const Output& output);

}  // namespace deconv
