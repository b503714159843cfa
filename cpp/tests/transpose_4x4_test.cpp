#include "transpose_4x4.h"

#include <doctest/doctest.h>

#include "reference.h"

using deconv_tests::ExactBuffer;
using deconv_tests::Random;

TEST_CASE("sixteen values change sides, with any strides, and nothing beside them") {
  Random random(1);
  for (int64_t source_stride = 4; source_stride <= 7; ++source_stride) {
    for (int64_t target_stride = 4; target_stride <= 7; ++target_stride) {
      for (const float factor : {1.0f, -2.0f}) {
        ExactBuffer source(3 * source_stride + 4);
        ExactBuffer target(3 * target_stride + 4);
        source.fill(random);
        if (factor == 1.0f) {
          deconv::transpose_4x4(source.data(), source_stride, target.data(), target_stride);
        } else {
          deconv::transpose_4x4(
              source.data(), source_stride, target.data(), target_stride,
              [&](v128_t values) { return wasm_f32x4_mul(values, wasm_f32x4_splat(factor)); });
        }
        for (int64_t index = 0; index < target.size(); ++index) {
          const int64_t row = index / target_stride;
          const int64_t column = index % target_stride;
          if (column < 4) {
            CHECK(target[index] == factor * source[column * source_stride + row]);
          } else {
            CHECK(target.untouched(index));
          }
        }
      }
    }
  }
}
