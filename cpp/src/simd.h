#pragma once

#include <wasm_simd128.h>

namespace deconv {

// a * b + c in every lane: one rounding in the relaxed build on machines that can, else two.
inline v128_t fma_f32x4(v128_t a, v128_t b, v128_t c) {
#ifdef __wasm_relaxed_simd__
  return wasm_f32x4_relaxed_madd(a, b, c);
#else
  return wasm_f32x4_add(wasm_f32x4_mul(a, b), c);
#endif
}

}  // namespace deconv
