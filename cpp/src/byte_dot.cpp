#include "byte_dot.h"

#include <wasm_simd128.h>

namespace deconv {

ByteDot probe_byte_dot() {
#ifdef __wasm_relaxed_simd__
  // Volatile, so that no compiler answers in the engine's place.
  static const volatile int8_t ends[] = {-128, -1, 0, 1, 127};
  bool is_signed = true;
  bool is_unsigned = true;
  for (const volatile int8_t& weight : ends) {
    for (const volatile int8_t& position : ends) {
      const int32_t a = weight;
      const int32_t b = position;
      const v128_t sums = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(
          wasm_i8x16_splat(weight), wasm_i8x16_splat(position), wasm_i32x4_const_splat(1));
      const auto all = [&](int32_t product) {
        return wasm_i32x4_all_true(wasm_i32x4_eq(sums, wasm_i32x4_splat(1 + 4 * product)));
      };
      is_signed = is_signed && all(a * b);
      is_unsigned = is_unsigned && all(a * (b & 255));
    }
  }
  if (is_unsigned) return ByteDot::kUnsigned;
  if (is_signed) return ByteDot::kSigned;
#endif
  return ByteDot::kNone;
}

}  // namespace deconv
