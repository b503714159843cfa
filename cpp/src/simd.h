#pragma once

#include <wasm_simd128.h>

namespace deconv {

// a * b + c in each lane: one instruction in the relaxed builds (fused where the machine can), two
// in the others.
inline v128_t fma_f32x4(v128_t a, v128_t b, v128_t c) {
#ifdef __wasm_relaxed_simd__
  return wasm_f32x4_relaxed_madd(a, b, c);
#else
  return wasm_f32x4_add(c, wasm_f32x4_mul(a, b));
#endif
}

}  // namespace deconv
