#pragma once

#include <wasm_simd128.h>

#include <cstdint>

namespace deconv {

// The ReLU of every route: what is below zero becomes 0, -0 as well, and NaN stays NaN. Two
// instructions wherever it runs; a max that keeps NaN is eight on x86.
inline v128_t relu(v128_t values) {
  return wasm_v128_andnot(values, wasm_f32x4_le(values, wasm_f32x4_const_splat(0)));
}

// -0 becomes 0 by the sum: LLVM takes `value <= 0` for f32x4.pmax, which leaves it.
inline float relu(float value) { return (value < 0 ? 0.0f : value) + 0.0f; }

inline void relu(int64_t count, float* values) {
  const int64_t whole = count / 4 * 4;
  for (int64_t index = 0; index < whole; index += 4) {
    wasm_v128_store(values + index, relu(wasm_v128_load(values + index)));
  }
  for (int64_t index = whole; index < count; ++index) values[index] = relu(values[index]);
}

}  // namespace deconv
