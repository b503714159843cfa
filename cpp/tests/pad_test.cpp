#include "deconv/pad.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "volumes.h"

using deconv::Pad;
using deconv::Padding;
using deconv::Status;
using deconv_tests::Random;
using deconv_tests::VolumeFunction;

namespace {

VolumeFunction function_of(const Pad& call) {
  return {[&call](const float* input, float* output) { return pad(call, input, output); },
          [&call](const float* grad_output, float* grad_input) {
            return pad_gradient(call, grad_output, grad_input);
          }};
}

// Step by step from the ends inwards.
double weight_of(const Pad& call, int axis, int32_t target, int32_t source) {
  const auto at = static_cast<size_t>(axis);
  const int32_t last = call.volume.input[at] - 1;
  int32_t place = target - call.before[at];
  if (call.padding == Padding::kReplicate) {
    while (place < 0) ++place;
    while (place > last) --place;
  } else if (call.padding == Padding::kReflect) {
    if (place < 0) place = -place;
    if (place > last) place = last - (place - last);
  }
  return place == source ? 1 : 0;
}

}  // namespace

TEST_CASE("pads and crops of all kinds and their gradients are plain copies and sums") {
  Random random(7201);
  for (int round = 0; round < 400; ++round) {
    Pad call;
    call.volume = deconv_tests::random_volume(random);
    call.padding = static_cast<Padding>(random.between(0, 2));
    call.value = random.one_in(2) ? 0 : random.value();
    for (size_t axis = 0; axis < 3; ++axis) {
      const int32_t extent = call.volume.input[axis];
      const int32_t most = call.padding == Padding::kReflect ? extent - 1 : 5;
      const auto end = [&] { return random.between(std::max(-extent + 1, -2), most); };
      call.before[axis] = end();
      call.volume.output[axis] = std::max(1, extent + call.before[axis] + end());
    }
    CAPTURE(deconv_tests::describe(call.volume));
    CAPTURE(static_cast<int>(call.padding));
    const auto weight = [&](int axis, int32_t target, int32_t source) {
      return weight_of(call, axis, target, source);
    };
    const double fill = call.padding == Padding::kConstant ? call.value : 0;
    CHECK(deconv_tests::count_wrong(call.volume, function_of(call), weight, random, fill) == 0);
  }
}

TEST_CASE("pads do not depend on threads, and write nothing without memory") {
  for (const Padding padding : {Padding::kConstant, Padding::kReflect, Padding::kReplicate}) {
    for (const int32_t inner : {1, 3, 20}) {
      CAPTURE(inner);
      const Pad call = {
          .volume = {.outer = 7, .input = {3, 23, 37}, .output = {5, 30, 40}, .inner = inner},
          .before = {1, 4, 1},
          .padding = padding};
      deconv_tests::check_threads_and_memory(call.volume, function_of(call));
    }
  }
}

TEST_CASE("pads of an empty batch ask for no memory, however long its axes are") {
  for (const Padding padding : {Padding::kConstant, Padding::kReflect, Padding::kReplicate}) {
    const Pad call = {.volume = deconv_tests::kNoVolume, .before = {0, 0, 1}, .padding = padding};
    deconv_tests::check_empty(function_of(call));
  }
}

TEST_CASE("all values are copied bit by bit, a constant too") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> input = {nan, -0.0f, infinity, 1e-45f, -infinity};
  std::vector<float> output(9);
  const Pad call = {
      .volume = {.input = {1, 1, 5}, .output = {1, 1, 9}}, .before = {0, 0, 2}, .value = nan};
  REQUIRE(pad(call, input.data(), output.data()) == Status::kOk);
  for (const size_t pad : {0, 1, 7, 8}) CHECK(std::isnan(output[pad]));
  CHECK(std::isnan(output[2]));
  CHECK(std::signbit(output[3]));
  CHECK(output[4] == infinity);
  CHECK(output[5] == 1e-45f);
  CHECK(output[6] == -infinity);
}

TEST_CASE("what would be reflected twice is refused") {
  float values[] = {1, 2, 3};
  Pad call = {.volume = {.input = {1, 1, 3}, .output = {1, 1, 6}},
              .before = {0, 0, 3},
              .padding = Padding::kReflect};
  float output[6] = {9, 9, 9, 9, 9, 9};
  CHECK(pad(call, values, output) == Status::kBadShape);
  CHECK(pad_gradient(call, output, values) == Status::kBadShape);
  CHECK(output[0] == 9);
  call.before[2] = 0;
  CHECK(pad(call, values, output) == Status::kBadShape);
  call.volume.output[2] = 5;
  CHECK(pad(call, values, output) == Status::kOk);
  CHECK(output[4] == 1);
}
