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

}  // namespace deconv
