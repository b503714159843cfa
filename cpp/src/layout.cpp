#include "layout.h"

#include <algorithm>

#include "transpose_4x4.h"

namespace deconv {
namespace {

// A tile of 32 x 32 floats is 4 KiB: source and target tile stay in the first-level cache.
constexpr int64_t kTile = 32;

void transpose_tile(int64_t rows, int64_t columns, const float* source, int64_t source_stride,
                    float* target, int64_t target_stride) {
  const int64_t whole_rows = rows / 4 * 4;
  const int64_t whole_columns = columns / 4 * 4;
  for (int64_t row = 0; row < whole_rows; row += 4) {
    for (int64_t column = 0; column < whole_columns; column += 4) {
      transpose_4x4(source + row * source_stride + column, source_stride,
                    target + column * target_stride + row, target_stride);
    }
  }
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = row < whole_rows ? whole_columns : 0; column < columns; ++column) {
      target[column * target_stride + row] = source[row * source_stride + column];
    }
  }
}

}  // namespace

void transpose(int64_t count, int64_t rows, int64_t columns, const float* source, float* target) {
  const int64_t size = rows * columns;
  if (rows == 1 || columns == 1) {
    std::copy_n(source, count * size, target);
    return;
  }
  for (int64_t matrix = 0; matrix < count; ++matrix, source += size, target += size) {
    for (int64_t row = 0; row < rows; row += kTile) {
      for (int64_t column = 0; column < columns; column += kTile) {
        transpose_tile(std::min(kTile, rows - row), std::min(kTile, columns - column),
                       source + row * columns + column, columns, target + column * rows + row,
                       rows);
      }
    }
  }
}

}  // namespace deconv
