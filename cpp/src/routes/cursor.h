#pragma once

#include <algorithm>
#include <cstdint>

#include "deconv/geometry.h"

namespace deconv {

// Walks from cell to cell along the width, from row to row, and so on to the next image.
struct Cursor {
  const Axes& cells;
  Axes cell{};
  int64_t image;

  Cursor(int64_t first, const Axes& of_image) : cells(of_image), image(first) {
    for (int axis = 2; axis >= 0; --axis) {
      cell[axis] = static_cast<int32_t>(image % cells[axis]);
      image /= cells[axis];
    }
  }

  // Cells from here to the end of the row, `most` of them at most.
  int64_t beside(int64_t most) const { return std::min<int64_t>(most, cells[2] - cell[2]); }

  // At most to the end of the row.
  void advance(int64_t count) {
    cell[2] += static_cast<int32_t>(count);
    for (int axis = 2; cell[axis] == cells[axis]; --axis) {
      cell[axis] = 0;
      if (axis == 0) {
        ++image;
        return;
      }
      ++cell[axis - 1];
    }
  }
};

}  // namespace deconv
