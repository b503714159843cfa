#include "deconv/dropout.h"

#include <wasm_simd128.h>

#include "kernels/lanes.h"
#include "parallel.h"

namespace deconv {
namespace {

constexpr int64_t kChunk = 1 << 14;

// A bijection of 32 bits that scatters neighbours, as in splitmix32.
v128_t mix(v128_t value) {
  value = wasm_v128_xor(value, wasm_u32x4_shr(value, 16));
  value = wasm_i32x4_mul(value, wasm_u32x4_splat(0x21f0aaad));
  value = wasm_v128_xor(value, wasm_u32x4_shr(value, 15));
  value = wasm_i32x4_mul(value, wasm_u32x4_splat(0x735a2d97));
  return wasm_v128_xor(value, wasm_u32x4_shr(value, 15));
}

}  // namespace

void dropout(const Dropout& call, int64_t count, const float* input, float* output) {
  const v128_t threshold = wasm_u32x4_splat(call.threshold);
  const v128_t first = wasm_u32x4_splat(call.first_key);
  const v128_t second = wasm_u32x4_splat(call.second_key);
  const v128_t scale = wasm_f32x4_splat(call.scale);
  const auto vector = [&](int64_t index, v128_t values) {
    const v128_t places =
        wasm_i32x4_add(wasm_u32x4_splat(static_cast<uint32_t>(index)), wasm_u32x4_make(0, 1, 2, 3));
    const v128_t drawn = mix(wasm_v128_xor(mix(wasm_i32x4_add(places, first)), second));
    const v128_t kept = wasm_u32x4_ge(drawn, threshold);
    return wasm_f32x4_mul(values, wasm_v128_and(kept, scale));
  };
  for_each_piece(count, kChunk, [&](int64_t begin, int64_t end, int) {
    int64_t index = begin;
    for (; index + 4 <= end; index += 4) {
      wasm_v128_store(output + index, vector(index, wasm_v128_load(input + index)));
    }
    if (index == end) return;
    const int64_t rest = end - index;
    const v128_t last = load_lanes(input + index, rest, wasm_f32x4_splat(0));
    store_lanes(output + index, rest, vector(index, last));
  });
}

}  // namespace deconv
