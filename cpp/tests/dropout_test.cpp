// What dropout drops: the share that is asked for, the same places for the same keys, in any cut.

#include "deconv/dropout.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "exact_buffer.h"
#include "reference.h"
#include "runtime_threads.h"

using deconv::Dropout;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

// The number that decides on a place.
uint32_t drawn_at(const Dropout& call, uint32_t index) {
  const auto mix = [](uint32_t value) {
    value = (value ^ value >> 16) * 0x21f0aaadu;
    value = (value ^ value >> 15) * 0x735a2d97u;
    return value ^ value >> 15;
  };
  return mix(mix(index + call.first_key) ^ call.second_key);
}

}  // namespace

TEST_CASE("dropout multiplies by its scale or by 0 at every length, anywhere, in place") {
  Random random(9301);
  for (int64_t count = 0; count <= 70; ++count) {
    CAPTURE(count);
    const Dropout call{.threshold = static_cast<uint32_t>(random.next()),
                       .first_key = static_cast<uint32_t>(random.next()),
                       .second_key = static_cast<uint32_t>(random.next()),
                       .scale = 1.5f};
    const ExactBuffer x(
        count, 0, random.one_in(2) ? ExactBuffer::Guard::kBefore : ExactBuffer::Guard::kBehind);
    const ExactBuffer y(count);
    for (int64_t index = 0; index < count; ++index) x.data()[index] = random.value();
    std::copy_n(x.data(), count, y.data());
    deconv::dropout(call, count, random.one_in(2) ? y.data() : x.data(), y.data());
    int64_t wrong = 0;
    for (int64_t index = 0; index < count; ++index) {
      const bool kept = drawn_at(call, static_cast<uint32_t>(index)) >= call.threshold;
      wrong += y[index] != (kept ? 1.5f * x[index] : 0);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("large tensors: the share that is dropped, and no number of threads changes a bit") {
  constexpr int64_t kCount = 400001;
  const std::vector<float> x(kCount, 1.0f);
  std::vector<float> whole(kCount);
  std::vector<float> other(kCount);
  for (const double share : {0.1, 0.5, 0.9}) {
    for (const uint32_t key : {0u, 1u, 0x80000000u}) {
      CAPTURE(share);
      CAPTURE(key);
      const Dropout call{static_cast<uint32_t>(share * 0x1p32), key, key + 1, 1};
      deconv::dropout(call, kCount, x.data(), whole.data());
      const auto dropped = [](const std::vector<float>& values) {
        return static_cast<double>(std::count(values.begin(), values.end(), 0.0f)) / kCount;
      };
      // Six standard deviations.
      const double deviation = std::sqrt(share * (1 - share) / kCount);
      CHECK(std::abs(dropped(whole) - share) < 6 * deviation);
      // Neighbours, and the same places under other keys, have nothing to do with each other.
      int64_t both = 0;
      for (size_t index = 1; index < whole.size(); ++index) {
        both += whole[index] == 0 && whole[index - 1] == 0;
      }
      CHECK(std::abs(static_cast<double>(both) / kCount - share * share) < 6 * deviation);
      deconv::dropout({call.threshold, key + 1, key + 1, 1}, kCount, x.data(), other.data());
      both = 0;
      for (size_t index = 0; index < whole.size(); ++index) {
        both += whole[index] == 0 && other[index] == 0;
      }
      CHECK(std::abs(static_cast<double>(both) / kCount - share * share) < 6 * deviation);
      const deconv_tests::RuntimeThreads running(3);
      deconv::dropout(call, kCount, x.data(), other.data());
      CHECK(other == whole);
    }
  }
}

TEST_CASE("NaN stays, dropped or not, and threshold 0 drops nothing") {
  const std::vector<float> nan(64, std::numeric_limits<float>::quiet_NaN());
  std::vector<float> y(64);
  deconv::dropout({0x80000000u, 1, 2, 2}, 64, nan.data(), y.data());
  CHECK(std::all_of(y.begin(), y.end(), [](float value) { return std::isnan(value); }));
  const std::vector<float> ones(64, 1.0f);
  deconv::dropout({0, 1, 2, 1}, 64, ones.data(), y.data());
  CHECK(y == ones);
}
