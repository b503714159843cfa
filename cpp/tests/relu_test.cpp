#include "relu.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>

#include "reference.h"
#include "simd.h"

using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

constexpr float kValues[] = {
    0.0f,
    -0.0f,
    std::numeric_limits<float>::denorm_min(),
    -std::numeric_limits<float>::denorm_min(),
    1.5f,
    -1.5f,
    std::numeric_limits<float>::max(),
    std::numeric_limits<float>::lowest(),
    std::numeric_limits<float>::infinity(),
    -std::numeric_limits<float>::infinity(),
    std::numeric_limits<float>::quiet_NaN(),
    -std::numeric_limits<float>::quiet_NaN(),
};
constexpr int64_t kCount = std::size(kValues);

// Above 0 as it was, below it and -0 exactly +0, NaN a NaN.
bool is_clamped(float value, float clamped) {
  if (std::isnan(value)) return std::isnan(clamped);
  return std::bit_cast<uint32_t>(clamped) == std::bit_cast<uint32_t>(value > 0 ? value : 0.0f);
}

}  // namespace

TEST_CASE("the ReLU of a value, of a vector and of a row are one") {
  for (const float value : kValues) CHECK(is_clamped(value, deconv::relu(value)));
  for (int64_t count = 0; count <= 2 * kCount; ++count) {
    CAPTURE(count);
    ExactBuffer row(count);
    for (int64_t index = 0; index < count; ++index) row.data()[index] = kValues[index % kCount];
    deconv::relu(count, row.data());
    for (int64_t index = 0; index < count; ++index) {
      CHECK(is_clamped(kValues[index % kCount], row[index]));
    }
  }
  for (int64_t first = 0; first + 4 <= kCount; ++first) {
    float lanes[4];
    wasm_v128_store(lanes, deconv::relu(wasm_v128_load(kValues + first)));
    for (int64_t lane = 0; lane < 4; ++lane) {
      CHECK(is_clamped(kValues[first + lane], lanes[lane]));
    }
  }
}

TEST_CASE("a fused multiply-add multiplies the first two and adds the third, lane by lane") {
  Random random(1);
  ExactBuffer terms(12);
  terms.fill_whole(random, 99);
  float lanes[4];
  wasm_v128_store(lanes,
                  deconv::fma_f32x4(wasm_v128_load(terms.data()), wasm_v128_load(terms.data() + 4),
                                    wasm_v128_load(terms.data() + 8)));
  for (int64_t lane = 0; lane < 4; ++lane) {
    CHECK(lanes[lane] == terms[lane] * terms[4 + lane] + terms[8 + lane]);
  }
}
