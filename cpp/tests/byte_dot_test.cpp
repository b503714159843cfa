#include "byte_dot.h"

#include <doctest/doctest.h>
#include <wasm_simd128.h>

#include <cstdint>

#include "machine.h"

using deconv::ByteDot;

TEST_CASE("the dot product of bytes is what the probe says, at every pair of bytes") {
  const ByteDot dot = deconv::probe_byte_dot();
  CHECK(deconv::machine.byte_dot == dot);
#ifdef __wasm_relaxed_simd__
  if (dot == ByteDot::kNone) return;
  int64_t wrong = 0;
  for (int32_t weight = -128; weight < 128; ++weight) {
    for (int32_t position = -128; position < 128; ++position) {
      // Neighbours at either end, so that a form of 16 bits cannot hold their sums.
      const auto end = static_cast<int8_t>(position < 0 ? -128 : 127);
      const auto greatest = static_cast<int8_t>(weight < 0 ? -128 : 127);
      int8_t positions[16];
      int8_t weights[16];
      for (int at = 0; at < 16; ++at) {
        positions[at] = at % 2 == 0 ? static_cast<int8_t>(position) : end;
        weights[at] = at % 2 == 0 ? static_cast<int8_t>(weight) : greatest;
      }
      int32_t sums[4];
      wasm_v128_store(
          sums, wasm_i32x4_relaxed_dot_i8x16_i7x16_add(
                    wasm_v128_load(weights), wasm_v128_load(positions), wasm_i32x4_splat(-7)));
      const auto value = [&](int32_t byte) {
        return dot == ByteDot::kUnsigned ? byte & 255 : byte;
      };
      const int32_t wanted = 2 * (weight * value(position) + greatest * value(end)) - 7;
      for (const int32_t sum : sums) wrong += sum != wanted;
    }
  }
  CHECK(wrong == 0);
#else
  CHECK(dot == ByteDot::kNone);
#endif
}
