#include "deconv/pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "exact_buffer.h"
#include "volumes.h"

using deconv::Axes;
using deconv::Pool;
using deconv::Status;
using deconv::Volume;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;
using deconv_tests::VolumeFunction;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

VolumeFunction average_of(const Pool& call) {
  return {[&call](const float* input, float* output) { return average_pool(call, input, output); },
          [&call](const float* grad_output, float* grad_input) {
            return average_pool_gradient(call, grad_output, grad_input);
          }};
}

VolumeFunction adaptive_of(const Volume& volume) {
  return {[&volume](const float* input, float* output) {
            return adaptive_average_pool(volume, input, output);
          },
          [&volume](const float* grad_output, float* grad_input) {
            return adaptive_average_pool_gradient(volume, grad_output, grad_input);
          }};
}

// PyTorch's sizes, with windows that hang over or without, and sometimes further ones still.
Pool random_pool(Random& random, bool dilates) {
  Pool call;
  call.volume = deconv_tests::random_volume(random);
  call.count_padding = random.one_in(2);
  if (random.one_in(4)) call.divisor = random.between(1, 7);
  const bool hangs = random.one_in(2);
  for (size_t axis = 0; axis < 3; ++axis) {
    const int32_t extent = call.volume.input[axis];
    call.kernel[axis] = random.between(1, extent + 1);
    call.stride[axis] = random.between(1, 4);
    call.padding[axis] = random.between(0, call.kernel[axis] / 2);
    if (dilates) call.dilation[axis] = random.between(1, 3);
    const int32_t reach = call.dilation[axis] * (call.kernel[axis] - 1) + 1;
    const int32_t room = extent + 2 * call.padding[axis] - reach;
    const int32_t more = hangs ? call.stride[axis] - 1 : 0;
    call.volume.output[axis] =
        std::max(1, (room + more) / call.stride[axis] + 1 + (random.one_in(10) ? 2 : 0));
  }
  return call;
}

double average_weight(const Pool& call, int axis, int32_t target, int32_t source) {
  const auto at = static_cast<size_t>(axis);
  int32_t on_input = 0;
  int32_t on_padding = 0;
  bool in_window = false;
  for (int32_t tap = 0; tap < call.kernel[at]; ++tap) {
    const int32_t place = target * call.stride[at] - call.padding[at] + tap;
    in_window = in_window || place == source;
    if (place >= 0 && place < call.volume.input[at]) {
      ++on_input;
    } else if (place < call.volume.input[at] + call.padding[at]) {
      ++on_padding;
    }
  }
  if (!in_window) return 0;
  if (call.divisor != 0) return axis == 2 ? 1.0 / call.divisor : 1;
  return 1.0 / (on_input + (call.count_padding != 0 ? on_padding : 0));
}

// The place of a window's maximum among the input's, -1 for none.
int64_t place_of_maximum(const Pool& call, const Axes& target, int64_t batch, int64_t channel,
                         const float* input) {
  const auto& [outer, sizes, output, inner] = call.volume;
  int64_t best = -1;
  Axes tap{};
  for (tap[0] = 0; tap[0] < call.kernel[0]; ++tap[0]) {
    for (tap[1] = 0; tap[1] < call.kernel[1]; ++tap[1]) {
      for (tap[2] = 0; tap[2] < call.kernel[2]; ++tap[2]) {
        bool inside = true;
        int64_t place = batch;
        for (size_t axis = 0; axis < 3; ++axis) {
          const int32_t at = target[axis] * call.stride[axis] - call.padding[axis] +
                             tap[axis] * call.dilation[axis];
          inside = inside && at >= 0 && at < sizes[axis];
          place = place * sizes[axis] + at;
        }
        if (!inside) continue;
        place = place * inner + channel;
        if (best < 0 || input[place] > input[best] || std::isnan(input[place])) best = place;
      }
    }
  }
  return best;
}

int64_t count_wrong_maxima(const Pool& call, Random& random) {
  const Volume& volume = call.volume;
  ExactBuffer input(deconv_tests::input_elements(volume));
  const ExactBuffer output(deconv_tests::output_elements(volume), 0, ExactBuffer::Guard::kBefore);
  ExactBuffer grads(deconv_tests::output_elements(volume), 0, ExactBuffer::Guard::kBefore);
  const ExactBuffer result(deconv_tests::input_elements(volume));
  // Few values, so that many are equal; some that are none.
  input.fill_whole(random, 3);
  grads.fill_whole(random, 50);
  for (int64_t index = 0; index < input.size(); ++index) {
    if (random.one_in(20)) input.data()[index] = random.one_in(2) ? kNan : -kInfinity;
  }
  std::vector<float> wanted(static_cast<size_t>(input.size()));
  int64_t wrong = max_pool(call, input.data(), output.data()) != Status::kOk;
  wrong += max_pool_gradient(call, input.data(), grads.data(), result.data()) != Status::kOk;
  int64_t index = 0;
  for (int64_t batch = 0; batch < volume.outer; ++batch) {
    Axes at{};
    for (at[0] = 0; at[0] < volume.output[0]; ++at[0]) {
      for (at[1] = 0; at[1] < volume.output[1]; ++at[1]) {
        for (at[2] = 0; at[2] < volume.output[2]; ++at[2]) {
          for (int64_t channel = 0; channel < volume.inner; ++channel, ++index) {
            const int64_t place = place_of_maximum(call, at, batch, channel, input.data());
            const float value = place < 0 ? -kInfinity : input[place];
            wrong += !(output[index] == value || (std::isnan(output[index]) && std::isnan(value)));
            if (place >= 0) wanted[static_cast<size_t>(place)] += grads[index];
          }
        }
      }
    }
  }
  for (int64_t place = 0; place < input.size(); ++place) {
    wrong += !(result[place] == wanted[static_cast<size_t>(place)]);
  }
  return wrong;
}

}  // namespace

TEST_CASE("averages of windows and their gradients are plain sums") {
  Random random(7301);
  for (int round = 0; round < 400; ++round) {
    const Pool call = random_pool(random, false);
    CAPTURE(deconv_tests::describe(call.volume));
    CAPTURE(call.count_padding);
    CAPTURE(call.divisor);
    const auto weight = [&](int axis, int32_t target, int32_t source) {
      return average_weight(call, axis, target, source);
    };
    CHECK(deconv_tests::count_wrong(call.volume, average_of(call), weight, random) == 0);
  }
}

TEST_CASE("averages of as many parts as there are outputs") {
  Random random(7302);
  for (int round = 0; round < 200; ++round) {
    Volume volume = deconv_tests::random_volume(random);
    for (size_t axis = 0; axis < 3; ++axis) {
      volume.output[axis] = random.one_in(3) ? 1 : random.between(1, volume.input[axis] + 2);
    }
    CAPTURE(deconv_tests::describe(volume));
    const auto weight = [&](int axis, int32_t target, int32_t source) {
      const auto at = static_cast<size_t>(axis);
      const double part = 1.0 * volume.input[at] / volume.output[at];
      const double first = std::floor(target * part + 1e-9);
      const double end = std::ceil((target + 1) * part - 1e-9);
      return source >= first && source < end ? 1 / (end - first) : 0;
    };
    CHECK(deconv_tests::count_wrong(volume, adaptive_of(volume), weight, random) == 0);
  }
}

TEST_CASE("the average of very many values keeps its digits") {
  const Volume volume = {.outer = 1, .input = {1, 700, 701}};
  std::vector<float> input(static_cast<size_t>(deconv_tests::input_elements(volume)), 0.1f);
  float average = 0;
  REQUIRE(adaptive_average_pool(volume, input.data(), &average) == Status::kOk);
  CHECK(average == doctest::Approx(0.1).epsilon(1e-5));
}

TEST_CASE("maxima of windows and where their gradients go, the first of equal ones") {
  Random random(7303);
  for (int round = 0; round < 400; ++round) {
    const Pool call = random_pool(random, true);
    CAPTURE(deconv_tests::describe(call.volume));
    CHECK(count_wrong_maxima(call, random) == 0);
  }
}

TEST_CASE("pools do not depend on threads, and write nothing without memory") {
  Random random(7304);
  for (const int32_t inner : {1, 3, 20}) {
    CAPTURE(inner);
    const Pool call = {
        .volume = {.outer = 7, .input = {3, 23, 37}, .output = {2, 12, 19}, .inner = inner},
        .kernel = {2, 3, 3},
        .stride = {1, 2, 2},
        .padding = {0, 1, 1}};
    deconv_tests::check_threads_and_memory(call.volume, average_of(call));
    deconv_tests::check_threads_and_memory(call.volume, adaptive_of(call.volume));
    ExactBuffer input(deconv_tests::input_elements(call.volume));
    input.fill(random);
    deconv_tests::check_threads_and_memory(
        call.volume, {[&](const float* from, float* to) { return max_pool(call, from, to); },
                      [&](const float* from, float* to) {
                        return max_pool_gradient(call, input.data(), from, to);
                      }});
  }
}

TEST_CASE("pools of an empty batch ask for no memory, however long its axes are") {
  const Pool call = {.volume = deconv_tests::kNoVolume, .kernel = {1, 3, 3}, .padding = {0, 1, 1}};
  deconv_tests::check_empty(average_of(call));
  deconv_tests::check_empty(adaptive_of(call.volume));
  deconv_tests::check_empty(
      {[&](const float* from, float* to) { return max_pool(call, from, to); },
       [&](const float* from, float* to) { return max_pool_gradient(call, from, from, to); }});
}

TEST_CASE("windows that are none are refused, and huge ones end with the input") {
  float value = 5;
  float result = 9;
  for (const Pool& call :
       {Pool{.volume = {}, .kernel = {1, 0, 1}}, Pool{.volume = {}, .stride = {0, 1, 1}},
        Pool{.volume = {}, .padding = {0, 0, -1}}}) {
    CHECK(average_pool(call, &value, &result) == Status::kBadSpec);
    CHECK(average_pool_gradient(call, &value, &result) == Status::kBadSpec);
    CHECK(max_pool(call, &value, &result) == Status::kBadSpec);
    CHECK(max_pool_gradient(call, &value, &value, &result) == Status::kBadSpec);
  }
  CHECK(deconv::max_pool({.volume = {}, .dilation = {1, 1, 0}}, &value, &result) ==
        Status::kBadSpec);
  CHECK(result == 9);
  constexpr int32_t kMost = std::numeric_limits<int32_t>::max();
  const Pool huge = {.volume = {},
                     .kernel = {kMost, kMost, kMost},
                     .stride = {kMost, kMost, kMost},
                     .padding = {kMost / 2, kMost / 2, kMost / 2},
                     .dilation = {kMost, kMost, kMost},
                     .count_padding = 0};
  CHECK(average_pool(huge, &value, &result) == Status::kOk);
  CHECK(result == 5);
  result = 9;
  Pool dilated = huge;
  dilated.padding = {0, 0, 0};
  CHECK(max_pool(dilated, &value, &result) == Status::kOk);
  CHECK(result == 5);
}
