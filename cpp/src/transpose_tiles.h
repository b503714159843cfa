#pragma once

#include <wasm_simd128.h>

#include <algorithm>
#include <cstdint>

namespace deconv {

// square(source, source_stride, target, target_stride, change) transposes as many rows and columns
// as a vector has values; `change` is what happens to every value, or vector of values, on the way.
template <typename Value, typename Square, typename Change>
void transpose_tile(int64_t rows, int64_t columns, const Value* source, int64_t source_stride,
                    Value* target, int64_t target_stride, const Square& square,
                    const Change& change) {
  constexpr int64_t kSide = sizeof(v128_t) / sizeof(Value);
  const int64_t whole_rows = rows / kSide * kSide;
  const int64_t whole_columns = columns / kSide * kSide;
  for (int64_t row = 0; row < whole_rows; row += kSide) {
    for (int64_t column = 0; column < whole_columns; column += kSide) {
      square(source + row * source_stride + column, source_stride,
             target + column * target_stride + row, target_stride, change);
    }
  }
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = row < whole_rows ? whole_columns : 0; column < columns; ++column) {
      target[column * target_stride + row] = change(source[row * source_stride + column]);
    }
  }
}

template <typename Value, typename Square, typename Change>
void transpose_tiles(int64_t rows, int64_t columns, const Value* source, int64_t source_stride,
                     Value* target, int64_t target_stride, const Square& square,
                     const Change& change) {
  // 4 KiB: source and target tile stay in the first-level cache.
  constexpr int64_t kTile = sizeof(Value) == 1 ? 64 : 32;
  for (int64_t row = 0; row < rows; row += kTile) {
    for (int64_t column = 0; column < columns; column += kTile) {
      transpose_tile(std::min(kTile, rows - row), std::min(kTile, columns - column),
                     source + row * source_stride + column, source_stride,
                     target + column * target_stride + row, target_stride, square, change);
    }
  }
}

template <typename Value, typename Square, typename Change>
void transpose_all(int64_t count, int64_t rows, int64_t columns, const Value* source, Value* target,
                   const Square& square, const Change& change) {
  const int64_t size = rows * columns;
  for (int64_t matrix = 0; matrix < count; ++matrix, source += size, target += size) {
    transpose_tiles(rows, columns, source, columns, target, rows, square, change);
  }
}

}  // namespace deconv
