#pragma once

#include "steps/axis_map.h"

namespace deconv {

// The taps of one target on all three axes, and how far apart the sources lie.
struct TapPoint {
  AxisMap::Taps depth;
  AxisMap::Taps height;
  AxisMap::Taps width;
  int64_t depth_stride;
  int64_t height_stride;
  int64_t width_stride;
};

// The loops of one way to combine taps.
struct TapLoops {
  void (*combine)(const TapPoint& point, int64_t count, const float* source, float* target);
  // Where the width has no taps: of 4 values and more, and of fewer.
  void (*combine_rows)(const TapPoint& point, int64_t count, const float* source, float* target);
  void (*combine_few)(const TapPoint& point, int64_t count, const float* source, float* target);
  // By the number of vectors.
  void (*columns[4])(const AxisMap& width, int64_t step, const float* source, float* target);

  // Along the width, of positions of `count` values, 4 or more; the last vector may overlap the one
  // before it.
  void along(const AxisMap& width, int64_t count, const float* source, float* target) const;
};

extern const TapLoops kSumOfTaps;
// NaN before all numbers; weights do not count.
extern const TapLoops kMaximumOfTaps;

}  // namespace deconv
