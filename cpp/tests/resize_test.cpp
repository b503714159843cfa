#include "deconv/resize.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "volumes.h"

using deconv::Interpolation;
using deconv::Resize;
using deconv::Status;
using deconv_tests::Random;
using deconv_tests::VolumeFunction;

namespace {

VolumeFunction function_of(const Resize& call) {
  return {[&call](const float* input, float* output) { return resize(call, input, output); },
          [&call](const float* grad_output, float* grad_input) {
            return resize_gradient(call, grad_output, grad_input);
          }};
}

double weight_of(const Resize& call, int axis, int32_t target, int32_t source) {
  const auto at = static_cast<size_t>(axis);
  const int32_t sources = call.volume.input[at];
  const int32_t targets = call.volume.output[at];
  if (call.interpolation == Interpolation::kNearest) {
    const float step = call.step[at] > 0
                           ? static_cast<float>(call.step[at])
                           : static_cast<float>(sources) / static_cast<float>(targets);
    const auto place = static_cast<int32_t>(std::floor(static_cast<float>(target) * step));
    return source == std::min(place, sources - 1) ? 1 : 0;
  }
  if (sources == targets) return source == target ? 1 : 0;
  double place = 0;
  if (call.align_corners == 0) {
    const double step = call.step[at] > 0 ? call.step[at] : 1.0 * sources / targets;
    place = (target + 0.5) * step - 0.5;
  } else if (targets > 1) {
    place = 1.0 * target * (sources - 1) / (targets - 1);
  }
  const double inside = std::clamp(place, 0.0, sources - 1.0);
  const double share = std::max(0.0, 1 - std::abs(inside - source));
  // What rounding makes of a place upon a source is no share.
  return share < 1e-12 ? 0 : share;
}

Resize random_resize(Random& random) {
  Resize call;
  call.volume = deconv_tests::random_volume(random);
  call.interpolation = random.one_in(2) ? Interpolation::kNearest : Interpolation::kLinear;
  call.align_corners = random.one_in(3);
  const bool doubles = random.one_in(3);
  for (size_t axis = 0; axis < 3; ++axis) {
    const int32_t extent = call.volume.input[axis];
    if (doubles) {
      call.volume.output[axis] = 2 * extent;
    } else if (random.one_in(2)) {
      call.volume.output[axis] = random.between(1, 2 * extent + 3);
    } else {
      const double factor = 0.3 + 2.5 * std::abs(random.value());
      call.volume.output[axis] = std::max(1, static_cast<int32_t>(extent * factor));
      call.step[axis] = 1 / factor;
    }
  }
  return call;
}

}  // namespace

TEST_CASE("resizes and their gradients are plain sums, in all sizes and both layouts") {
  Random random(7101);
  for (int round = 0; round < 400; ++round) {
    const Resize call = random_resize(random);
    CAPTURE(deconv_tests::describe(call.volume));
    CAPTURE(static_cast<int>(call.interpolation));
    CAPTURE(call.align_corners);
    const auto weight = [&](int axis, int32_t target, int32_t source) {
      return weight_of(call, axis, target, source);
    };
    CHECK(deconv_tests::count_wrong(call.volume, function_of(call), weight, random) == 0);
  }
}

TEST_CASE("resizes do not depend on threads, and write nothing without memory") {
  for (const Interpolation interpolation : {Interpolation::kNearest, Interpolation::kLinear}) {
    for (const int32_t inner : {1, 3, 20}) {
      CAPTURE(inner);
      const Resize call = {
          .volume = {.outer = 7, .input = {1, 23, 37}, .output = {2, 46, 80}, .inner = inner},
          .interpolation = interpolation};
      deconv_tests::check_threads_and_memory(call.volume, function_of(call));
    }
  }
}

TEST_CASE("resizes of an empty batch ask for no memory, however long its axes are") {
  for (const Interpolation interpolation : {Interpolation::kNearest, Interpolation::kLinear}) {
    const Resize call = {.volume = deconv_tests::kNoVolume, .interpolation = interpolation};
    deconv_tests::check_empty(function_of(call));
  }
}

TEST_CASE("NaN shows in all that is made of it, and nowhere else") {
  const Resize call = {.volume = {.input = {1, 1, 5}, .output = {1, 1, 10}},
                       .interpolation = Interpolation::kLinear};
  std::vector<float> input(5, 1.0f);
  input[2] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> output(10);
  REQUIRE(resize(call, input.data(), output.data()) == Status::kOk);
  for (int32_t target = 0; target < 10; ++target) {
    CHECK(std::isnan(output[static_cast<size_t>(target)]) == (weight_of(call, 2, target, 2) > 0));
  }
}

TEST_CASE("what is no tensor is refused") {
  float value = 5;
  Resize call;
  call.volume.input[1] = 0;
  CHECK(resize(call, &value, &value) == Status::kBadShape);
  call.volume = {.output = {1, 0, 1}};
  CHECK(resize_gradient(call, &value, &value) == Status::kBadShape);
  call.volume = {.outer = -1};
  CHECK(resize(call, &value, &value) == Status::kBadShape);
  call.volume = {.inner = 0};
  CHECK(resize(call, &value, &value) == Status::kBadShape);
  call.volume = {.output = {1 << 12, 1 << 12, 1 << 12}};
  CHECK(resize(call, &value, &value) == Status::kTooLarge);
  CHECK(value == 5);
}
