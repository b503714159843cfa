#include "axis_phases.h"

#include <doctest/doctest.h>

#include "reference.h"

using deconv::AxisPhases;
using deconv::Spec;

TEST_CASE("what is said of an axis without deriving it") {
  for (uint64_t seed = 1; seed <= 4000; ++seed) {
    CAPTURE(seed);
    deconv_tests::Random random(seed);
    Spec spec;
    spec.transposed = random.one_in(2);
    spec.kernel[2] = random.between(1, 9);
    spec.stride[2] = random.between(1, 6);
    spec.dilation[2] = random.between(1, 6);
    if (!spec.transposed) spec.input_dilation[2] = random.between(1, 6);
    spec.pad_before[2] = random.between(-9, 9);
    AxisPhases axis;
    REQUIRE(axis.derive(spec, 2) == deconv::Status::kOk);
    int32_t tapped = 0;
    for (int32_t phase = 0; phase < axis.count(); ++phase) tapped += !axis.taps(phase).empty();
    CHECK(AxisPhases::count(spec, 2) == axis.count());
    const int64_t most_offsets = AxisPhases::most_offsets(spec, 2);
    const int64_t most_tapped = AxisPhases::most_tapped(spec, 2);
    if (spec.transposed || spec.input_dilation[2] == 1 || spec.stride[2] == 1) {
      CHECK(most_offsets == axis.offset_count());
      CHECK(most_tapped == tapped);
    } else {
      CHECK(most_offsets >= axis.offset_count());
      CHECK(most_tapped >= tapped);
    }
  }
}
