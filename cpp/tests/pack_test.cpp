#include "pack.h"

#include <doctest/doctest.h>

#include "reference.h"

using deconv::Spec;
using deconv_tests::ExactBuffer;

namespace {

// Every weight names its place: output channel, channel within the group, tap.
float name_of(int64_t out, int64_t group_in, int64_t tap) {
  return static_cast<float>(out * 10000 + group_in * 100 + tap);
}

void check_packing(const Spec& spec) {
  const int64_t taps = spec.kernel_elements();
  const int64_t group_in = spec.group_in_channels();
  const int64_t group_out = spec.group_out_channels();
  ExactBuffer weight(spec.weight_elements());
  for (int64_t out = 0; out < spec.out_channels; ++out) {
    for (int64_t in = 0; in < group_in; ++in) {
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t global_in = out / group_out * group_in + in;
        const int64_t row =
            spec.transposed ? global_in * group_out + out % group_out : out * group_in + in;
        weight.data()[row * taps + tap] = name_of(out, in, tap);
      }
    }
  }
  ExactBuffer packed(spec.weight_elements());
  deconv::pack_out_tap_in(spec, weight.data(), packed.data());
  int64_t index = 0;
  int64_t wrong = 0;
  for (int64_t out = 0; out < spec.out_channels; ++out) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t in = 0; in < group_in; ++in) wrong += packed[index++] != name_of(out, in, tap);
    }
  }
  CHECK(index == spec.weight_elements());
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("pack_out_tap_in reorders both weight layouts, with and without groups") {
  for (const bool transposed : {true, false}) {
    for (const int32_t groups : {1, 3}) {
      CAPTURE(transposed);
      CAPTURE(groups);
      Spec spec;
      spec.transposed = transposed;
      spec.groups = groups;
      spec.in_channels = groups * 2;
      spec.out_channels = groups * 5;
      spec.kernel = {2, 3, 4};
      check_packing(spec);
    }
  }
}

TEST_CASE("pack_out_tap_in of a single weight copies it") {
  const float weight = 0.5f;
  float packed = 0;
  deconv::pack_out_tap_in(Spec{}, &weight, &packed);
  CHECK(packed == 0.5f);
}
