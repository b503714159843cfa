// Emscripten's header of the same name, in SIMDe's translation: the core and XNNPACK's kernels
// compile as they are.

#pragma once

// SIMDe would take it for a WebAssembly compiler's.
#pragma push_macro("__wasm_relaxed_simd__")
#undef __wasm_relaxed_simd__

#define SIMDE_WASM_SIMD128_ENABLE_NATIVE_ALIASES
#define SIMDE_WASM_RELAXED_SIMD_ENABLE_NATIVE_ALIASES
#include <simde/wasm/relaxed-simd.h>
#include <simde/wasm/simd128.h>

#pragma pop_macro("__wasm_relaxed_simd__")

typedef simde_v128_t v128_t;

// Old names that XNNPACK uses.
#define wasm_v32x4_shuffle wasm_i32x4_shuffle
#define wasm_v64x2_shuffle wasm_i64x2_shuffle

// SIMDe's end with a semicolon.
#undef wasm_i8x16_const_splat
#undef wasm_i16x8_const_splat
#undef wasm_i32x4_const_splat
#undef wasm_f32x4_const_splat
#define wasm_i8x16_const_splat wasm_i8x16_splat
#define wasm_i16x8_const_splat wasm_i16x8_splat
#define wasm_i32x4_const_splat wasm_i32x4_splat
#define wasm_f32x4_const_splat wasm_f32x4_splat

#ifdef __wasm_relaxed_simd__

// SIMDe lacks this one. Signed times signed, as ARM's instruction does it.
static inline v128_t wasm_i32x4_relaxed_dot_i8x16_i7x16_add(v128_t a, v128_t b, v128_t c) {
  const v128_t low =
      wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(a), wasm_i16x8_extend_low_i8x16(b));
  const v128_t high =
      wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(a), wasm_i16x8_extend_high_i8x16(b));
  const v128_t even = wasm_i32x4_shuffle(low, high, 0, 2, 4, 6);
  const v128_t odd = wasm_i32x4_shuffle(low, high, 1, 3, 5, 7);
  return wasm_i32x4_add(c, wasm_i32x4_add(even, odd));
}

#endif
