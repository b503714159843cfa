#include "deconv/geometry.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "reference.h"

using deconv::Axes;
using deconv::check_spec;
using deconv::Layout;
using deconv::make_problem;
using deconv::Problem;
using deconv::Spec;
using deconv::Status;
using deconv_tests::Random;

namespace {

constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
constexpr int32_t kMin = std::numeric_limits<int32_t>::min();

Spec layer(bool transposed, int32_t kernel, int32_t stride, int32_t pad, int32_t dilation = 1) {
  Spec spec;
  spec.transposed = transposed;
  spec.kernel = {1, kernel, kernel};
  spec.stride = {1, stride, stride};
  spec.dilation = {1, dilation, dilation};
  spec.pad_before = {0, pad, pad};
  spec.pad_after = {0, pad, pad};
  return spec;
}

// Width of the output, or minus the status.
int32_t output_width(const Spec& spec, int32_t width) {
  Problem problem;
  const Status status = make_problem(spec, 1, {1, width, width}, Layout::kChannelsFirst, &problem);
  return status == Status::kOk ? problem.output[2] : -static_cast<int32_t>(status);
}

Status status_for(const Spec& spec, int32_t batch, const Axes& input) {
  Problem problem;
  return make_problem(spec, batch, input, Layout::kChannelsFirst, &problem);
}

}  // namespace

TEST_CASE("check_spec takes the smallest spec and refuses every field outside its domain") {
  CHECK(check_spec(Spec{}) == Status::kOk);
  for (const int32_t bad : {0, -1, kMin}) {
    CAPTURE(bad);
    Spec spec;
    spec.groups = bad;
    CHECK(check_spec(spec) == Status::kBadSpec);
    spec = Spec{};
    spec.in_channels = bad;
    CHECK(check_spec(spec) == Status::kBadSpec);
    spec = Spec{};
    spec.out_channels = bad;
    CHECK(check_spec(spec) == Status::kBadSpec);
    for (int axis = 0; axis < 3; ++axis) {
      for (Axes Spec::* field :
           {&Spec::kernel, &Spec::stride, &Spec::dilation, &Spec::input_dilation}) {
        for (const bool transposed : {true, false}) {
          spec = Spec{};
          spec.transposed = transposed;
          (spec.*field)[axis] = bad;
          CHECK(check_spec(spec) == Status::kBadSpec);
        }
      }
    }
  }
  for (const int32_t bad : {kMin, -1, 3, kMax}) {
    CAPTURE(bad);
    Spec spec;
    spec.arithmetic = static_cast<deconv::Arithmetic>(bad);
    CHECK(check_spec(spec) == Status::kBadSpec);
  }
}

TEST_CASE("check_spec wants groups that divide both channel counts") {
  Spec spec;
  spec.groups = 3;
  spec.in_channels = 6;
  spec.out_channels = 9;
  CHECK(check_spec(spec) == Status::kOk);
  spec.in_channels = 7;
  CHECK(check_spec(spec) == Status::kBadSpec);
  spec.in_channels = 6;
  spec.out_channels = 10;
  CHECK(check_spec(spec) == Status::kBadSpec);
}

TEST_CASE("only a convolution dilates its input") {
  Spec spec;
  spec.input_dilation = {1, 2, 1};
  CHECK(check_spec(spec) == Status::kBadSpec);
  spec.transposed = false;
  CHECK(check_spec(spec) == Status::kOk);
}

TEST_CASE("check_spec counts weights without leaving 64 bits") {
  for (const bool transposed : {true, false}) {
    CAPTURE(transposed);
    Spec spec;
    spec.transposed = transposed;
    for (const auto [in, out] : {std::pair{1 << 9, 1 << 11}, std::pair{1 << 11, 1 << 9}}) {
      spec.in_channels = in;
      spec.out_channels = out;
      spec.kernel = {1, 1 << 4, 1 << 5};
      CHECK(check_spec(spec) == Status::kOk);
      CHECK(spec.weight_elements() == deconv::kMaxTensorElements);
      spec.kernel[2] += 1;
      CHECK(check_spec(spec) == Status::kTooLarge);
    }
    spec.kernel = {kMax, kMax, kMax};
    CHECK(check_spec(spec) == Status::kTooLarge);
    spec.in_channels = spec.out_channels = kMax;
    CHECK(check_spec(spec) == Status::kTooLarge);
    // One weight a channel.
    spec.groups = kMax;
    spec.kernel = {1, 1, 1};
    CHECK(check_spec(spec) == Status::kTooLarge);
  }
}

TEST_CASE("output sizes of layers that everyone knows") {
  CHECK(output_width(layer(true, 4, 2, 1), 4) == 8);
  CHECK(output_width(layer(true, 3, 2, 1), 6) == 11);
  CHECK(output_width(layer(true, 2, 2, 0), 7) == 14);
  CHECK(output_width(layer(true, 5, 1, 4, 2), 10) == 10);
  CHECK(output_width(layer(true, 4, 4, 1), 1) == 2);
  CHECK(output_width(layer(false, 3, 1, 1), 9) == 9);
  CHECK(output_width(layer(false, 4, 2, 1), 8) == 4);
  CHECK(output_width(layer(false, 3, 2, 0), 8) == 3);
  CHECK(output_width(layer(false, 3, 2, 2, 2), 16) == 8);
}

TEST_CASE("a convolution dilates its input before it pads") {
  Spec spec = layer(false, 3, 1, 2);
  spec.input_dilation = {1, 2, 3};
  Problem problem;
  REQUIRE(make_problem(spec, 1, {1, 4, 5}, Layout::kChannelsLast, &problem) == Status::kOk);
  CHECK(problem.output == Axes{1, 9, 15});
}

TEST_CASE("sizes without output, without input and below zero are bad shapes") {
  CHECK(output_width(layer(true, 3, 1, 1), 1) == 1);
  CHECK(status_for(layer(true, 2, 1, 1), 1, {1, 1, 1}) == Status::kBadShape);
  CHECK(status_for(layer(true, 2, 1, 40), 1, {1, 9, 9}) == Status::kBadShape);
  CHECK(status_for(layer(false, 5, 1, 0), 1, {1, 4, 4}) == Status::kBadShape);
  CHECK(status_for(layer(false, 5, 3, 0), 1, {1, 2, 2}) == Status::kBadShape);
  for (const int32_t bad : {0, -1, kMin}) {
    CAPTURE(bad);
    CHECK(status_for(layer(true, 4, 2, 1), 1, {1, bad, 4}) == Status::kBadShape);
    CHECK(status_for(layer(false, 1, 1, 0), 1, {bad, 4, 4}) == Status::kBadShape);
    // Nor do pads alone make an image.
    CHECK(status_for(layer(false, 3, 1, 2), 1, {1, 4, bad}) == Status::kBadShape);
  }
  CHECK(status_for(layer(true, 4, 2, 1), -1, {1, 4, 4}) == Status::kBadShape);
  CHECK(status_for(layer(true, 4, 2, 1), kMin, {1, 4, 4}) == Status::kBadShape);
}

TEST_CASE("batch 0 is a problem without elements") {
  Problem problem;
  REQUIRE(make_problem(layer(true, 4, 2, 1), 0, {1, 4, 4}, Layout::kChannelsFirst, &problem) ==
          Status::kOk);
  CHECK(problem.input_elements() == 0);
  CHECK(problem.output_elements() == 0);
  CHECK(problem.output == Axes{1, 8, 8});
  CHECK(problem.multiply_accumulates() == 0);
}

TEST_CASE("sizes that no 32-bit heap holds are too large, whatever the arithmetic would give") {
  CHECK(status_for(layer(true, 4, 2, 1), 1, {1, kMax, kMax}) == Status::kTooLarge);
  CHECK(status_for(layer(true, 1, kMax, 0), 1, {1, kMax, 1}) == Status::kTooLarge);
  CHECK(status_for(layer(true, 2, kMax, 0, kMax), kMax, {kMax, kMax, kMax}) == Status::kTooLarge);
  CHECK(status_for(layer(true, 1, 1, kMin), 1, {1, 1, 1}) == Status::kTooLarge);
  // A batch of none does not make images that nobody could count.
  CHECK(status_for(layer(true, 1, 1, 0), 0, {kMax, kMax, kMax}) == Status::kTooLarge);
  CHECK(status_for(layer(true, 1, 1, 0), 0, {1, 1, 1}) == Status::kOk);
  CHECK(status_for(layer(false, 1, 1, kMax), 1, {1, 1, 1}) == Status::kTooLarge);
  CHECK(status_for(layer(false, 1, 1, 0), kMax, {1, 1, 1}) == Status::kTooLarge);
  CHECK(status_for(layer(true, 1, 1, 0), 2, {1, 1 << 14, 1 << 14}) == Status::kOk);
  CHECK(status_for(layer(true, 1, 1, 0), 2, {1, 1 << 14, (1 << 14) + 1}) == Status::kTooLarge);
  // The output fits, the input alone does not.
  CHECK(status_for(layer(false, 1, 1 << 16, 0), 1, {1, 1 << 15, 1 << 15}) == Status::kTooLarge);
}

TEST_CASE("input and output are as large as a tensor may be, each by itself") {
  const auto made = [](int32_t in, int32_t out, int32_t batch, const Axes& input) {
    Spec spec;
    spec.in_channels = in;
    spec.out_channels = out;
    Problem problem;
    return make_problem(spec, batch, input, Layout::kChannelsFirst, &problem);
  };
  const Axes largest{1 << 4, 1 << 12, 1 << 13};
  CHECK(made(1, 1, 1, largest) == Status::kOk);
  CHECK(made(2, 1, 1, largest) == Status::kTooLarge);
  CHECK(made(1, 2, 1, largest) == Status::kTooLarge);
  CHECK(made(1, 1, 2, largest) == Status::kTooLarge);
  for (int axis = 0; axis < 3; ++axis) {
    Axes more = largest;
    ++more[axis];
    CHECK(made(1, 1, 1, more) == Status::kTooLarge);
    // The output alone grows, or the input alone is too large.
    Spec spec;
    spec.pad_after[axis] = -1;
    Problem problem;
    CHECK(make_problem(spec, 1, largest, Layout::kChannelsFirst, &problem) == Status::kTooLarge);
    spec.pad_after[axis] = 1;
    CHECK(make_problem(spec, 1, more, Layout::kChannelsFirst, &problem) == Status::kTooLarge);
  }
}

TEST_CASE("the largest numbers that cancel give a small output") {
  Spec spec = layer(true, 2, kMax, 0, kMax);
  spec.pad_before = {0, kMax, kMax};
  spec.pad_after = {0, kMax - 2, kMax - 2};
  CHECK(output_width(spec, 2) == 3);
  spec = layer(false, 2, kMax, kMax, kMax);
  CHECK(output_width(spec, 1) == 2);
}

TEST_CASE("a refused size leaves the problem as it was") {
  Problem problem;
  REQUIRE(make_problem(layer(true, 4, 2, 1), 3, {1, 4, 5}, Layout::kChannelsLast, &problem) ==
          Status::kOk);
  const Problem before = problem;
  CHECK(make_problem(layer(true, 2, 1, 9), 1, {1, 1, 1}, Layout::kChannelsFirst, &problem) ==
        Status::kBadShape);
  CHECK(problem == before);
}

TEST_CASE("the output is as long as the stamps reach, minus the crops") {
  Random random(3);
  for (int round = 0; round < 300; ++round) {
    const Problem problem = deconv_tests::random_problem(random);
    const Spec& spec = problem.spec;
    INFO(deconv_tests::describe(problem));
    for (int axis = 0; axis < 3; ++axis) {
      const int32_t pads = spec.pad_before[axis] + spec.pad_after[axis];
      int32_t expected = 0;
      if (spec.transposed) {
        for (int32_t at = 0; at < problem.input[axis]; ++at) {
          for (int32_t tap = 0; tap < spec.kernel[axis]; ++tap) {
            expected =
                std::max(expected, at * spec.stride[axis] + tap * spec.dilation[axis] + 1 - pads);
          }
        }
      } else {
        const int32_t room = (problem.input[axis] - 1) * spec.input_dilation[axis] + 1 + pads;
        const int32_t reach = (spec.kernel[axis] - 1) * spec.dilation[axis] + 1;
        for (int32_t start = 0; start + reach <= room; start += spec.stride[axis]) ++expected;
      }
      CHECK(problem.output[axis] == expected);
    }
  }
}

TEST_CASE("multiply-accumulates of a layer") {
  Problem problem;
  Spec spec = layer(true, 4, 2, 1);
  spec.groups = 2;
  spec.in_channels = 6;
  spec.out_channels = 8;
  REQUIRE(make_problem(spec, 3, {1, 5, 7}, Layout::kChannelsFirst, &problem) == Status::kOk);
  CHECK(problem.multiply_accumulates() == 3.0 * 5 * 7 * 6 * 4 * 16);
  spec.transposed = false;
  REQUIRE(make_problem(spec, 3, {1, 8, 8}, Layout::kChannelsFirst, &problem) == Status::kOk);
  CHECK(problem.multiply_accumulates() == 3.0 * 4 * 4 * 8 * 3 * 16);
}

TEST_CASE("every status has a name of its own") {
  std::set<std::string> names;
  for (int status = 0; status < deconv::kStatusCount; ++status) {
    names.insert(deconv::status_name(static_cast<Status>(status)));
  }
  CHECK(names.size() == static_cast<size_t>(deconv::kStatusCount));
  CHECK(std::string(deconv::status_name(static_cast<Status>(deconv::kStatusCount))) == "internal");
}
