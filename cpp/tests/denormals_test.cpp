#include "deconv/denormals.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <iterator>

#include "reference.h"

using deconv::flush_denormals;
using deconv_tests::ExactBuffer;

TEST_CASE("denormals become 0 of their sign, and nothing else changes by a bit") {
  const uint32_t patterns[] = {
      0x00000000, 0x80000000,                                      // zeros
      0x00000001, 0x80000001, 0x007fffff, 0x807fffff, 0x00400000,  // denormals
      0x00800000, 0x80800000, 0x3f800000, 0xff7fffff,              // normal, the least first
      0x7f800000, 0xff800000, 0x7fc00001, 0xffc12345, 0x7f800001,  // infinities, NaNs
  };
  constexpr int64_t kPatterns = std::size(patterns);
  for (int64_t count = 0; count <= 2 * kPatterns; ++count) {
    for (const bool in_place : {false, true}) {
      ExactBuffer source(count);
      ExactBuffer apart(count);
      const auto pattern = [&](int64_t index) { return patterns[(index + count) % kPatterns]; };
      for (int64_t index = 0; index < count; ++index) {
        source.data()[index] = std::bit_cast<float>(pattern(index));
      }
      float* target = in_place ? source.data() : apart.data();
      flush_denormals(count, source.data(), target);
      for (int64_t index = 0; index < count; ++index) {
        const uint32_t before = pattern(index);
        const bool denormal = (before & 0x7f800000) == 0;
        CHECK(std::bit_cast<uint32_t>(target[index]) == (denormal ? before & 0x80000000 : before));
        if (!in_place) CHECK(std::bit_cast<uint32_t>(source.data()[index]) == before);
      }
    }
  }
}
