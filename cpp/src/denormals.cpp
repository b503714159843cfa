#include "deconv/denormals.h"

#include <wasm_simd128.h>

#include "simd.h"

namespace deconv {
namespace {

v128_t flushed(v128_t bits) {
  const v128_t exponent = wasm_v128_and(bits, constant<0x7f800000>());
  const v128_t sign = wasm_v128_and(bits, constant<INT32_MIN>());
  return wasm_v128_bitselect(sign, bits, wasm_i32x4_eq(exponent, wasm_i32x4_const_splat(0)));
}

}  // namespace

void flush_denormals(int64_t count, const float* source, float* target) {
  int64_t index = 0;
  for (; index + 4 <= count; index += 4) {
    wasm_v128_store(target + index, flushed(wasm_v128_load(source + index)));
  }
  for (; index < count; ++index) {
    wasm_v128_store32_lane(target + index, flushed(wasm_v128_load32_splat(source + index)), 0);
  }
}

}  // namespace deconv
