#include "layout.h"

#include <algorithm>
#include <cstddef>

#include "relu.h"
#include "simd.h"
#include "transpose_4x4.h"
#include "transpose_tiles.h"

namespace deconv {
namespace {

// The shuffles of `interleave` for strides of 1, of 2, of 3, and of multiples of 4: four columns at
// a time, as many as there are whole. They answer how many columns they did.
ptrdiff_t interleave_one(ptrdiff_t, ptrdiff_t columns, const float* source, ptrdiff_t,
                         float* target) {
  copy_floats(source, columns, target);
  return columns;
}

ptrdiff_t interleave_two(ptrdiff_t, ptrdiff_t columns, const float* source, ptrdiff_t stride,
                         float* target) {
  ptrdiff_t column = 0;
  // Eight columns are loaded before they are stored, as no compiler may do by itself.
  for (; column + 8 <= columns; column += 8, target += 16) {
    const float* const even = source + column;
    const v128_t a[2] = {wasm_v128_load(even), wasm_v128_load(even + 4)};
    const v128_t b[2] = {wasm_v128_load(even + stride), wasm_v128_load(even + stride + 4)};
    wasm_v128_store(target, wasm_i32x4_shuffle(a[0], b[0], 0, 4, 1, 5));
    wasm_v128_store(target + 4, wasm_i32x4_shuffle(a[0], b[0], 2, 6, 3, 7));
    wasm_v128_store(target + 8, wasm_i32x4_shuffle(a[1], b[1], 0, 4, 1, 5));
    wasm_v128_store(target + 12, wasm_i32x4_shuffle(a[1], b[1], 2, 6, 3, 7));
  }
  for (; column + 4 <= columns; column += 4, target += 8) {
    const v128_t even = wasm_v128_load(source + column);
    const v128_t odd = wasm_v128_load(source + stride + column);
    wasm_v128_store(target, wasm_i32x4_shuffle(even, odd, 0, 4, 1, 5));
    wasm_v128_store(target + 4, wasm_i32x4_shuffle(even, odd, 2, 6, 3, 7));
  }
  return column;
}

ptrdiff_t interleave_three(ptrdiff_t, ptrdiff_t columns, const float* source, ptrdiff_t stride,
                           float* target) {
  ptrdiff_t column = 0;
  for (; column + 4 <= columns; column += 4, target += 12) {
    const v128_t a = wasm_v128_load(source + column);
    const v128_t b = wasm_v128_load(source + stride + column);
    const v128_t c = wasm_v128_load(source + 2 * stride + column);
    const v128_t ab = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5);    // a0 b0 a1 b1
    const v128_t bc = wasm_i32x4_shuffle(b, c, 1, 5, 2, 6);    // b1 c1 b2 c2
    const v128_t ca = wasm_i32x4_shuffle(c, a, 2, 7, 0, 6);    // c2 a3 c0 a2
    const v128_t last = wasm_i32x4_shuffle(b, c, 3, 7, 3, 7);  // b3 c3
    wasm_v128_store(target, wasm_i32x4_shuffle(ab, ca, 0, 1, 6, 2));
    wasm_v128_store(target + 4, wasm_i32x4_shuffle(bc, ca, 0, 1, 7, 2));
    wasm_v128_store(target + 8, wasm_i32x4_shuffle(ca, last, 0, 1, 4, 5));
  }
  return column;
}

// Rows are too short for the tiles of a transpose to pay.
ptrdiff_t interleave_fours(ptrdiff_t rows, ptrdiff_t columns, const float* source, ptrdiff_t stride,
                           float* target) {
  ptrdiff_t column = 0;
  for (; column + 4 <= columns; column += 4, target += 4 * rows) {
    for (ptrdiff_t row = 0; row < rows; row += 4) {
      transpose_4x4(source + row * stride + column, stride, target + row, rows);
    }
  }
  return column;
}

ptrdiff_t interleave_any(ptrdiff_t rows, ptrdiff_t columns, const float* source, ptrdiff_t stride,
                         float* target) {
  transpose_block(rows, columns, source, stride, target, rows);
  return columns;
}

// Every matrix with a shuffle, and what is behind its columns without.
template <auto shuffle>
void interleave_all(const Interleave& call, const float* source, float* target) {
  // As wide as an address: a row may be so short that divisions of 64 bits would show.
  const auto rows = static_cast<ptrdiff_t>(call.rows);
  const auto count = static_cast<ptrdiff_t>(call.count);
  const auto stride = static_cast<ptrdiff_t>(call.stride);
  const ptrdiff_t columns = count / rows;
  for (int64_t matrix = 0; matrix < call.matrices; ++matrix) {
    ptrdiff_t at = shuffle(rows, columns, source, stride, target) * rows;
    for (const float* column = source + at / rows; at < count; ++column) {
      for (ptrdiff_t row = 0; row < rows && at < count; ++row) target[at++] = column[row * stride];
    }
    source += call.source_step;
    target += call.target_step;
  }
}

// Of floats, in squares of 4 x 4.
constexpr auto kSquare = [](const float* source, int64_t source_stride, float* target,
                            int64_t target_stride, const auto& change) {
  transpose_4x4(source, source_stride, target, target_stride, change);
};

constexpr auto kRelu = [](auto value) { return relu(value); };

}  // namespace

void transpose_block(int64_t rows, int64_t columns, const float* source, int64_t source_stride,
                     float* target, int64_t target_stride) {
  transpose_tiles(rows, columns, source, source_stride, target, target_stride, kSquare, kKeep);
}

void interleave(const Interleave& call, const float* source, float* target) {
  const auto all = call.rows == 1       ? interleave_all<interleave_one>
                   : call.rows == 2     ? interleave_all<interleave_two>
                   : call.rows == 3     ? interleave_all<interleave_three>
                   : call.rows % 4 == 0 ? interleave_all<interleave_fours>
                                        : interleave_all<interleave_any>;
  all(call, source, target);
}

void deinterleave(int64_t rows, int64_t columns, const float* source, float* target,
                  int64_t target_stride) {
  int64_t column = 0;
  // Sixteen values are loaded before they are stored, as no compiler may do by itself.
  for (; rows == 2 && column + 8 <= columns; column += 8) {
    const float* const from = source + 2 * column;
    const v128_t a[2] = {wasm_v128_load(from), wasm_v128_load(from + 4)};
    const v128_t b[2] = {wasm_v128_load(from + 8), wasm_v128_load(from + 12)};
    float* const even = target + column;
    float* const odd = even + target_stride;
    wasm_v128_store(even, wasm_i32x4_shuffle(a[0], a[1], 0, 2, 4, 6));
    wasm_v128_store(even + 4, wasm_i32x4_shuffle(b[0], b[1], 0, 2, 4, 6));
    wasm_v128_store(odd, wasm_i32x4_shuffle(a[0], a[1], 1, 3, 5, 7));
    wasm_v128_store(odd + 4, wasm_i32x4_shuffle(b[0], b[1], 1, 3, 5, 7));
  }
  for (; rows == 2 && column + 4 <= columns; column += 4) {
    const v128_t low = wasm_v128_load(source + 2 * column);
    const v128_t high = wasm_v128_load(source + 2 * column + 4);
    wasm_v128_store(target + column, wasm_i32x4_shuffle(low, high, 0, 2, 4, 6));
    wasm_v128_store(target + target_stride + column, wasm_i32x4_shuffle(low, high, 1, 3, 5, 7));
  }
  for (; rows == 3 && column + 4 <= columns; column += 4) {
    const v128_t a = wasm_v128_load(source + 3 * column);
    const v128_t b = wasm_v128_load(source + 3 * column + 4);
    const v128_t c = wasm_v128_load(source + 3 * column + 8);
    const v128_t first = wasm_i32x4_shuffle(a, b, 0, 3, 6, 6);
    const v128_t second = wasm_i32x4_shuffle(a, b, 1, 4, 7, 7);
    const v128_t third = wasm_i32x4_shuffle(a, b, 2, 5, 5, 5);
    float* const to = target + column;
    wasm_v128_store(to, wasm_i32x4_shuffle(first, c, 0, 1, 2, 5));
    wasm_v128_store(to + target_stride, wasm_i32x4_shuffle(second, c, 0, 1, 2, 6));
    wasm_v128_store(to + 2 * target_stride, wasm_i32x4_shuffle(third, c, 0, 1, 4, 7));
  }
  transpose_block(columns - column, rows, source + column * rows, rows, target + column,
                  target_stride);
}

void transpose(int64_t count, int64_t rows, int64_t columns, const float* source, float* target) {
  if (rows == 1 || columns == 1) {
    std::copy_n(source, count * rows * columns, target);
    return;
  }
  transpose_all(count, rows, columns, source, target, kSquare, kKeep);
}

void transpose_relu(int64_t count, int64_t rows, int64_t columns, const float* source,
                    float* target) {
  transpose_all(count, rows, columns, source, target, kSquare, kRelu);
}

}  // namespace deconv
