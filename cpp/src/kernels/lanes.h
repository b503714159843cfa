#pragma once

#include <wasm_simd128.h>

#include <cstdint>

namespace deconv {

// A vector of fewer values than it has lanes, 1 to 3. Not by memcpy, whose sizes are not known: for
// that engines leave the code that they compile, which takes as long as a hundred values.

// The values, before `others` in the lanes that are left.
inline v128_t load_lanes(const float* values, int64_t lanes, v128_t others) {
  if (lanes == 1) return wasm_v128_load32_lane(values, others, 0);
  const v128_t two = wasm_v128_load64_lane(values, others, 0);
  return lanes == 2 ? two : wasm_v128_load32_lane(values + 2, two, 2);
}

inline void store_lanes(float* values, int64_t lanes, v128_t vector) {
  if (lanes == 1) return wasm_v128_store32_lane(values, vector, 0);
  wasm_v128_store64_lane(values, vector, 0);
  if (lanes == 3) wasm_v128_store32_lane(values + 2, vector, 2);
}

// The same of few vectors.
inline void copy_lanes(const float* from, float* to, int64_t count) {
  const int64_t whole = count / 4 * 4;
  for (int64_t at = 0; at < whole; at += 4) wasm_v128_store(to + at, wasm_v128_load(from + at));
  if (whole == count) return;
  store_lanes(to + whole, count - whole,
              load_lanes(from + whole, count - whole, wasm_f32x4_splat(0)));
}

}  // namespace deconv
