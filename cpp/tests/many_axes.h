#pragma once

#include <cstdint>

#include "deconv/strided.h"
#include "reference.h"

namespace deconv_tests {

// At most `most` axes of all kinds of sizes, and how many values there are.
struct DrawnAxes {
  int32_t axes = 0;
  deconv::ManyAxes extents{};
  int64_t elements = 1;

  DrawnAxes(Random& random, int32_t most) : axes(random.between(0, most)) {
    for (int32_t axis = 0; axis < axes; ++axis) {
      int32_t extent = random.one_in(4) ? random.between(5, 70) : random.between(1, 4);
      if (elements * extent > 20000) extent = 1;
      extents[static_cast<size_t>(axis)] = extent;
      elements *= extent;
    }
  }

  // Where a value of a contiguous tensor lies by strides.
  int64_t offset(int64_t index, const deconv::ManyAxes& strides) const {
    int64_t offset = 0;
    for (int32_t axis = axes - 1; axis >= 0; --axis) {
      const auto at = static_cast<size_t>(axis);
      offset += index % extents[at] * strides[at];
      index /= extents[at];
    }
    return offset;
  }
};

}  // namespace deconv_tests
