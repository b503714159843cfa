#pragma once

#include <algorithm>
#include <cstdint>

#include "deconv/geometry.h"

namespace deconv {

// What the routes' cost models share. All costs are nanoseconds of one thread on the machine of the
// performance notes; scripts/bench/planner.mjs compares them with measured times and with each
// other.

// Reading and writing what does not stay in the second-level cache.
inline double memory_nanoseconds(const Problem& problem, double a_value) {
  constexpr double kCachedValues = 4e5;
  const double values = static_cast<double>(problem.input_elements()) +
                        static_cast<double>(problem.output_elements());
  return a_value * std::max(0.0, values - kCachedValues);
}

// One channel reads the same in both layouts.
inline bool writes_channels_last(const Problem& problem) {
  return problem.layout == Layout::kChannelsLast && problem.spec.out_channels > 1;
}

}  // namespace deconv
