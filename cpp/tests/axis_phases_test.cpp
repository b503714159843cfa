#include "axis_phases.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "failing_memory.h"
#include "reference.h"

using deconv::AxisPhases;
using deconv::Problem;
using deconv::Range;
using deconv::Spec;
using deconv_tests::Random;

namespace {

Spec random_axis(Random& random, int axis) {
  Spec spec;
  spec.transposed = random.one_in(2);
  spec.kernel[axis] = random.between(1, 9);
  spec.stride[axis] = random.between(1, 6);
  spec.dilation[axis] = random.between(1, 6);
  if (!spec.transposed) spec.input_dilation[axis] = random.between(1, 6);
  spec.pad_before[axis] = random.between(-9, 9);
  return spec;
}

// The input position under `at`, which is a tap times the dilation, for one output position; none
// between two input positions.
std::optional<int64_t> source_of(const Spec& spec, int axis, int64_t output, int64_t at) {
  const int64_t pad = spec.pad_before[axis];
  const int64_t divisor = spec.transposed ? spec.stride[axis] : spec.input_dilation[axis];
  const int64_t zero_inserted =
      spec.transposed ? output + pad - at : output * spec.stride[axis] + at - pad;
  if (zero_inserted % divisor != 0) return std::nullopt;
  return zero_inserted / divisor;
}

// (input position, tap) of all taps of an output position, by rising input position.
std::vector<std::pair<int64_t, int64_t>> sources_of(const Spec& spec, int axis, int64_t output) {
  std::vector<std::pair<int64_t, int64_t>> sources;
  for (int64_t tap = 0; tap < spec.kernel[axis]; ++tap) {
    const auto source = source_of(spec, axis, output, tap * spec.dilation[axis]);
    if (source) sources.emplace_back(*source, tap);
  }
  std::sort(sources.begin(), sources.end());
  return sources;
}

}  // namespace

TEST_CASE("every output position reads what its phase says, and no other") {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const int axis = random.between(0, 2);
    const Spec spec = random_axis(random, axis);
    AxisPhases phases;
    REQUIRE(phases.derive(spec, axis));
    CHECK(phases.step() == AxisPhases::step(spec, axis));
    for (int64_t output = 0; output < 3 * phases.count() + 2; ++output) {
      const auto expected = sources_of(spec, axis, output);
      std::vector<std::pair<int64_t, int64_t>> found;
      for (const AxisPhases::Tap& tap :
           phases.taps(static_cast<int32_t>(output % phases.count()))) {
        found.emplace_back(output / phases.count() * phases.step() + tap.offset, tap.tap);
        CHECK(phases.offset(tap.rank) == tap.offset);
      }
      CHECK(found == expected);

      const int64_t extent = random.between(1, 9);
      std::vector<std::pair<int64_t, int64_t>> visited;
      const AxisPhases::Sources sources = phases.sources(output, extent);
      for (const AxisPhases::Tap& tap : sources.taps) {
        visited.emplace_back(sources.first + tap.offset, tap.tap);
      }
      std::vector<std::pair<int64_t, int64_t>> inside;
      for (const auto& source : expected) {
        if (source.first >= 0 && source.first < extent) inside.push_back(source);
      }
      CHECK(visited == inside);
    }
  }
}

TEST_CASE("taps, offsets and classes of an axis are in order, and complete") {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const int axis = random.between(0, 2);
    const Spec spec = random_axis(random, axis);
    AxisPhases phases;
    REQUIRE(phases.derive(spec, axis));
    std::vector<bool> used(static_cast<size_t>(phases.offset_count()));
    std::vector<std::vector<int32_t>> offsets;
    int32_t taps = 0;
    for (int32_t phase = 0; phase < phases.count(); ++phase) {
      CHECK(phases.first_tap(phase) == taps);
      offsets.emplace_back();
      for (const AxisPhases::Tap& tap : phases.taps(phase)) {
        offsets.back().push_back(tap.offset);
        used[static_cast<size_t>(tap.rank)] = true;
        CHECK(&phases.taps()[static_cast<size_t>(taps++)] == &tap);
        int64_t at = -1;
        int64_t offset = -1;
        CHECK(AxisPhases::find(spec, axis, phases.count(), tap.tap, &at, &offset));
        CHECK(at == phase);
        CHECK(offset == tap.offset);
      }
      for (int32_t other = 0; other <= phase; ++other) {
        CHECK(phases.same_offsets(phase, other) ==
              (offsets[static_cast<size_t>(other)] == offsets.back()));
      }
    }
    CHECK(phases.taps().size() == static_cast<size_t>(taps));
    for (int32_t index = 0; index < phases.offset_count(); ++index) {
      CHECK(used[static_cast<size_t>(index)]);
      if (index > 0) CHECK(phases.offset(index - 1) < phases.offset(index));
    }
    // A tap that belongs to no phase is found in none.
    int32_t without = 0;
    for (int64_t tap = 0; tap < spec.kernel[axis]; ++tap) {
      int64_t phase = 0;
      int64_t offset = 0;
      without += !AxisPhases::find(spec, axis, phases.count(), tap, &phase, &offset);
    }
    CHECK(without == spec.kernel[axis] - taps);
  }
}

TEST_CASE("the input positions of a stretch of the output go from the first to the last") {
  for (uint64_t seed = 1; seed <= 4000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const int axis = random.between(0, 2);
    const Spec spec = random_axis(random, axis);
    CHECK(AxisPhases::reach(spec, axis) == (spec.kernel[axis] - 1) * spec.dilation[axis]);
    Range outputs{random.between(0, 9), 0};
    outputs.end = outputs.begin + random.between(1, 9);
    CHECK(outputs.count() == outputs.end - outputs.begin);
    std::vector<int64_t> sources;
    for (int64_t output = outputs.begin; output < outputs.end; ++output) {
      for (int64_t at = 0; at <= AxisPhases::reach(spec, axis); ++at) {
        if (const auto source = source_of(spec, axis, output, at)) sources.push_back(*source);
      }
    }
    const Range inputs = AxisPhases::inputs_of(spec, axis, outputs);
    const bool touching = spec.transposed || AxisPhases::reach(spec, axis) + 1 >= spec.stride[axis];
    if (sources.empty()) {
      if (touching) CHECK(inputs.count() <= 0);
      continue;
    }
    const auto [first, last] = std::minmax_element(sources.begin(), sources.end());
    if (touching) {
      CHECK(inputs.begin == *first);
      CHECK(inputs.end == *last + 1);
    } else {
      // Between the windows of two outputs may lie what neither reads.
      CHECK(inputs.begin <= *first);
      CHECK(inputs.end > *last);
    }
  }
}

TEST_CASE("indices whose positions lie inside of an extent") {
  for (uint64_t seed = 1; seed <= 4000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const int64_t first = random.between(-20, 20);
    const int64_t step = random.between(1, 5);
    const int64_t extent = random.between(0, 15);
    Range indices{random.between(0, 8), 0};
    indices.end = indices.begin + random.between(0, 8);
    const Range inside = deconv::indices_inside(first, step, extent, indices);
    CHECK(inside.begin >= indices.begin);
    CHECK(inside.begin <= inside.end);
    CHECK(inside.end <= indices.end);
    for (int64_t index = indices.begin; index < indices.end; ++index) {
      const int64_t at = first + index * step;
      CHECK((at >= 0 && at < extent) == (index >= inside.begin && index < inside.end));
    }
  }
}

TEST_CASE("quotients round down and up, below zero as well") {
  for (int64_t divisor = 1; divisor <= 5; ++divisor) {
    for (int64_t dividend = -20; dividend <= 20; ++dividend) {
      const int64_t down = deconv::floor_divide(dividend, divisor);
      CHECK(down * divisor <= dividend);
      CHECK((down + 1) * divisor > dividend);
      const int64_t up = deconv::ceil_divide(dividend, divisor);
      CHECK(up * divisor >= dividend);
      CHECK((up - 1) * divisor < dividend);
    }
  }
}

TEST_CASE("axes are refused from 4096 phases on, and where 32 bits do not hold their positions") {
  constexpr int32_t kFarthest = 1 << 28;
  for (int axis = 0; axis < 3; ++axis) {
    CAPTURE(axis);
    Problem problem;
    const int next = (axis + 1) % 3;
    problem.spec.stride[axis] = 64;
    problem.spec.stride[next] = 64;
    CHECK(AxisPhases::refusal(problem) == nullptr);
    problem.spec.stride[next] = 65;
    CHECK(AxisPhases::refusal(problem) != nullptr);
    problem.spec.stride[next] = 1;
    problem.spec.stride[axis] = 4096;
    CHECK(AxisPhases::refusal(problem) == nullptr);
    ++problem.spec.stride[axis];
    CHECK(AxisPhases::refusal(problem) != nullptr);

    // Each of the five numbers takes what the others leave.
    const auto refused = [&](int32_t kernel, int32_t dilation, int32_t before, int32_t after,
                             int32_t input, int32_t output) {
      Problem large;
      large.spec.kernel[axis] = kernel;
      large.spec.dilation[axis] = dilation;
      large.spec.pad_before[axis] = before;
      large.spec.pad_after[axis] = after;
      large.input[axis] = input;
      large.output[axis] = output;
      return AxisPhases::refusal(large) != nullptr;
    };
    CHECK_FALSE(refused(3, 100, 5, -7, 11, kFarthest - 218));
    CHECK(refused(3, 100, 5, -7, 11, kFarthest - 217));
    CHECK(refused(3, 101, 5, -7, 11, kFarthest - 218));
    CHECK(refused(4, 100, 5, -7, 11, kFarthest - 218));
    CHECK(refused(3, 100, -8, -7, 11, kFarthest - 218));
    CHECK(refused(3, 100, 5, 8, 11, kFarthest - 218));
    CHECK_FALSE(refused(3, 100, -7, -7, 11, kFarthest - 218));
    CHECK(refused(3, 100, 5, -7, 12, kFarthest - 218));
    CHECK(refused(1, 1, 0, 0, kFarthest, 1));
    CHECK_FALSE(refused(1, 1, 0, 0, kFarthest - 1, 1));
  }
}

TEST_CASE("an axis for which there is no memory says so") {
  Spec spec;
  spec.kernel[1] = 5;
  spec.stride[1] = 3;
  for (int64_t failing = 0; failing < 3; ++failing) {
    AxisPhases phases;
    {
      const deconv_tests::FailingMemory memory(1 << 20, failing);
      CHECK_FALSE(phases.derive(spec, 1));
    }
    CHECK(phases.derive(spec, 1));
  }
}

TEST_CASE("what is said of an axis without deriving it") {
  for (uint64_t seed = 1; seed <= 4000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Spec spec = random_axis(random, 2);
    AxisPhases axis;
    REQUIRE(axis.derive(spec, 2));
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
