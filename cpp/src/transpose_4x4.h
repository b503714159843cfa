#pragma once

#include <wasm_simd128.h>

#include <concepts>

namespace deconv {

// Makes columns of the four rows.
[[gnu::always_inline]] inline void transpose_4x4(v128_t (&rows)[4]) {
  const v128_t low01 = wasm_i32x4_shuffle(rows[0], rows[1], 0, 4, 1, 5);
  const v128_t low23 = wasm_i32x4_shuffle(rows[2], rows[3], 0, 4, 1, 5);
  const v128_t high01 = wasm_i32x4_shuffle(rows[0], rows[1], 2, 6, 3, 7);
  const v128_t high23 = wasm_i32x4_shuffle(rows[2], rows[3], 2, 6, 3, 7);
  rows[0] = wasm_i64x2_shuffle(low01, low23, 0, 2);
  rows[1] = wasm_i64x2_shuffle(low01, low23, 1, 3);
  rows[2] = wasm_i64x2_shuffle(high01, high23, 0, 2);
  rows[3] = wasm_i64x2_shuffle(high01, high23, 1, 3);
}

inline constexpr auto kKeep = [](auto value) { return value; };

// Writes the transpose of the 4 x 4 floats at `source`; the strides are those of the rows. `change`
// is what happens to every vector on the way.
template <std::integral Stride, typename Change = decltype(kKeep)>
[[gnu::always_inline]] inline void transpose_4x4(const float* source, Stride source_stride,
                                                 float* target, Stride target_stride,
                                                 const Change& change = kKeep) {
  v128_t rows[4] = {wasm_v128_load(source), wasm_v128_load(source + source_stride),
                    wasm_v128_load(source + 2 * source_stride),
                    wasm_v128_load(source + 3 * source_stride)};
  transpose_4x4(rows);
#pragma unroll
  for (int row = 0; row < 4; ++row) {
    wasm_v128_store(target + row * target_stride, change(rows[row]));
  }
}

}  // namespace deconv
