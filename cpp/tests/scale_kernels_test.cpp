#include "deconv/scale_kernels.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "reference.h"

using deconv::Spec;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

TEST_CASE("kernels are multiplied by the factor of their output channel, whatever the order") {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    Spec spec;
    spec.transposed = random.one_in(2);
    spec.groups = random.between(1, 3);
    spec.in_channels = spec.groups * random.between(1, 4);
    spec.out_channels = spec.groups * random.between(1, 4);
    spec.kernel = {random.between(1, 2), random.between(1, 3), random.between(1, 4)};
    ExactBuffer weight(spec.weight_elements());
    weight.fill(random);
    ExactBuffer factors(spec.out_channels);
    factors.fill(random);
    const std::vector<float> before(weight.data(), weight.data() + weight.size());
    deconv::scale_kernels(spec, factors.data(), weight.data());
    int64_t seen = 0;
    for (int32_t out = 0; out < spec.out_channels; ++out) {
      for (int32_t in = 0; in < spec.group_in_channels(); ++in) {
        for (int64_t tap = 0; tap < spec.kernel_elements(); ++tap, ++seen) {
          const int64_t at = spec.first_kernel(out) + in * spec.kernel_stride() + tap;
          CHECK(weight[at] == before[static_cast<size_t>(at)] * factors[out]);
        }
      }
    }
    CHECK(seen == weight.size());
  }
}
