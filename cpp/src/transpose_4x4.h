#pragma once

#include <wasm_simd128.h>

#include <cstdint>

namespace deconv {

// Writes the transpose of the 4 x 4 floats at `source`; the strides are those of the rows.
inline void transpose_4x4(const float* source, int64_t source_stride, float* target,
                          int64_t target_stride) {
  const v128_t row0 = wasm_v128_load(source);
  const v128_t row1 = wasm_v128_load(source + source_stride);
  const v128_t row2 = wasm_v128_load(source + 2 * source_stride);
  const v128_t row3 = wasm_v128_load(source + 3 * source_stride);
  const v128_t low01 = wasm_i32x4_shuffle(row0, row1, 0, 4, 1, 5);
  const v128_t low23 = wasm_i32x4_shuffle(row2, row3, 0, 4, 1, 5);
  const v128_t high01 = wasm_i32x4_shuffle(row0, row1, 2, 6, 3, 7);
  const v128_t high23 = wasm_i32x4_shuffle(row2, row3, 2, 6, 3, 7);
  wasm_v128_store(target, wasm_i64x2_shuffle(low01, low23, 0, 2));
  wasm_v128_store(target + target_stride, wasm_i64x2_shuffle(low01, low23, 1, 3));
  wasm_v128_store(target + 2 * target_stride, wasm_i64x2_shuffle(high01, high23, 0, 2));
  wasm_v128_store(target + 3 * target_stride, wasm_i64x2_shuffle(high01, high23, 1, 3));
}

}  // namespace deconv
