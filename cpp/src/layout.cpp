#include "layout.h"

#include <algorithm>

#include "relu.h"
#include "transpose_4x4.h"

namespace deconv {
namespace {

// A tile of 32 x 32 floats is 4 KiB: source and target tile stay in the first-level cache.
constexpr int64_t kTile = 32;

// Two rows become one of pairs: what a stride of 2 needs everywhere.
void interleave_two(int64_t columns, const float* even, const float* odd, float* target) {
  const int64_t whole = columns / 4 * 4;
  for (int64_t column = 0; column < whole; column += 4) {
    const v128_t left = wasm_v128_load(even + column);
    const v128_t right = wasm_v128_load(odd + column);
    wasm_v128_store(target + 2 * column, wasm_i32x4_shuffle(left, right, 0, 4, 1, 5));
    wasm_v128_store(target + 2 * column + 4, wasm_i32x4_shuffle(left, right, 2, 6, 3, 7));
  }
  for (int64_t column = whole; column < columns; ++column) {
    target[2 * column] = even[column];
    target[2 * column + 1] = odd[column];
  }
}

// `change` is what happens to every value, or vector of values, on the way.
template <typename Change>
void transpose_tile(int64_t rows, int64_t columns, const float* source, int64_t source_stride,
                    float* target, int64_t target_stride, const Change& change) {
  const int64_t whole_rows = rows / 4 * 4;
  const int64_t whole_columns = columns / 4 * 4;
  for (int64_t row = 0; row < whole_rows; row += 4) {
    for (int64_t column = 0; column < whole_columns; column += 4) {
      transpose_4x4(source + row * source_stride + column, source_stride,
                    target + column * target_stride + row, target_stride, change);
    }
  }
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = row < whole_rows ? whole_columns : 0; column < columns; ++column) {
      target[column * target_stride + row] = change(source[row * source_stride + column]);
    }
  }
}

template <typename Change>
void transpose_tiles(int64_t rows, int64_t columns, const float* source, int64_t source_stride,
                     float* target, int64_t target_stride, const Change& change) {
  for (int64_t row = 0; row < rows; row += kTile) {
    for (int64_t column = 0; column < columns; column += kTile) {
      transpose_tile(std::min(kTile, rows - row), std::min(kTile, columns - column),
                     source + row * source_stride + column, source_stride,
                     target + column * target_stride + row, target_stride, change);
    }
  }
}

constexpr auto kRelu = [](auto value) { return relu(value); };

}  // namespace

void transpose_block(int64_t rows, int64_t columns, const float* source, int64_t source_stride,
                     float* target, int64_t target_stride) {
  transpose_tiles(rows, columns, source, source_stride, target, target_stride, kKeep);
}

void interleave(int64_t rows, int64_t count, const float* source, int64_t source_stride,
                float* target) {
  const int64_t whole = count / rows;
  if (rows == 1) {
    std::copy_n(source, count, target);
  } else if (rows == 2) {
    interleave_two(whole, source, source + source_stride, target);
  } else {
    transpose_block(rows, whole, source, source_stride, target, rows);
  }
  for (int64_t rest = 0; rest < count - whole * rows; ++rest) {
    target[whole * rows + rest] = source[rest * source_stride + whole];
  }
}

void transpose(int64_t count, int64_t rows, int64_t columns, const float* source, float* target) {
  const int64_t size = rows * columns;
  if (rows == 1 || columns == 1) {
    std::copy_n(source, count * size, target);
    return;
  }
  for (int64_t matrix = 0; matrix < count; ++matrix, source += size, target += size) {
    transpose_block(rows, columns, source, columns, target, rows);
  }
}

void transpose_relu(int64_t count, int64_t rows, int64_t columns, const float* source,
                    float* target) {
  const int64_t size = rows * columns;
  for (int64_t matrix = 0; matrix < count; ++matrix, source += size, target += size) {
    transpose_tiles(rows, columns, source, columns, target, rows, kRelu);
  }
}

}  // namespace deconv
