#include "volumes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "exact_buffer.h"
#include "failing_memory.h"
#include "runtime_threads.h"

namespace deconv_tests {
namespace {

using deconv::Axes;
using deconv::Status;
using deconv::Volume;

int64_t points(const Axes& axes) { return int64_t{axes[0]} * axes[1] * axes[2]; }

ExactBuffer::Guard any_guard(Random& random) {
  return random.one_in(3) ? ExactBuffer::Guard::kBefore : ExactBuffer::Guard::kBehind;
}

struct Sums {
  std::vector<double> values;
  std::vector<double> magnitudes;
  std::vector<int64_t> terms;
};

// Both ways round: a source's share of a target goes from `from` to `to`.
Sums plain_sums(const Volume& volume, const AxisWeight& weight, bool backwards, const float* from) {
  const auto count =
      static_cast<size_t>(backwards ? input_elements(volume) : output_elements(volume));
  Sums sums{std::vector<double>(count), std::vector<double>(count), std::vector<int64_t>(count)};
  std::vector<double> weights[3];
  for (int axis = 0; axis < 3; ++axis) {
    const auto at = static_cast<size_t>(axis);
    for (int32_t target = 0; target < volume.output[at]; ++target) {
      for (int32_t source = 0; source < volume.input[at]; ++source) {
        weights[axis].push_back(weight(axis, target, source));
      }
    }
  }
  const auto weight_at = [&](size_t axis, int32_t target, int32_t source) {
    return weights[axis][static_cast<size_t>(int64_t{target} * volume.input[axis] + source)];
  };
  const auto& [outer, input, output, inner] = volume;
  const auto join = [&](int64_t source, int64_t target, double share) {
    for (int64_t batch = 0; batch < outer; ++batch) {
      for (int64_t channel = 0; channel < inner; ++channel) {
        const int64_t in = (batch * points(input) + source) * inner + channel;
        const int64_t out = (batch * points(output) + target) * inner + channel;
        const auto to = static_cast<size_t>(backwards ? in : out);
        const double term = share * from[backwards ? out : in];
        sums.values[to] += term;
        sums.magnitudes[to] += std::abs(term);
        ++sums.terms[to];
      }
    }
  };
  const auto each = [](const Axes& axes, const auto& work) {
    int64_t index = 0;
    for (int32_t depth = 0; depth < axes[0]; ++depth) {
      for (int32_t height = 0; height < axes[1]; ++height) {
        for (int32_t width = 0; width < axes[2]; ++width) work(depth, height, width, index++);
      }
    }
  };
  each(output, [&](int32_t depth, int32_t height, int32_t width, int64_t target) {
    each(input, [&](int32_t from_depth, int32_t from_height, int32_t from_width, int64_t source) {
      const double share = weight_at(0, depth, from_depth) * weight_at(1, height, from_height) *
                           weight_at(2, width, from_width);
      if (share != 0) join(source, target, share);
    });
  });
  return sums;
}

int64_t count_off(const Sums& sums, const ExactBuffer& got, double fill) {
  int64_t wrong = 0;
  for (size_t index = 0; index < sums.values.size(); ++index) {
    const double wanted = sums.terms[index] == 0 ? fill : sums.values[index];
    // A rounding for every term and weight; weights are products of up to three roundings.
    const double most =
        0x1p-24 * static_cast<double>(sums.terms[index] + 8) * sums.magnitudes[index];
    wrong += !(std::abs(got[static_cast<int64_t>(index)] - wanted) <= most);
  }
  return wrong;
}

}  // namespace

Volume random_volume(Random& random) {
  constexpr int32_t kInner[] = {1, 1, 1, 1, 2, 3, 3, 4, 5, 7, 8, 9, 12, 16, 21, 64, 67, 130};
  Volume volume;
  volume.outer = random.one_in(20) ? 0 : random.between(1, 6);
  volume.inner = kInner[random.between(0, 17)];
  const int32_t rank = random.between(1, 3);
  const int32_t most = volume.inner > 16 ? 4 : rank == 3 ? 6 : 9;
  for (auto axis = static_cast<size_t>(3 - rank); axis < 3; ++axis) {
    volume.input[axis] = random.between(1, most);
  }
  if (volume.inner < 4 && random.one_in(3)) volume.input[2] = random.between(10, 40);
  return volume;
}

std::string describe(const Volume& volume) {
  const auto text = [](const Axes& axes) {
    return std::to_string(axes[0]) + "x" + std::to_string(axes[1]) + "x" + std::to_string(axes[2]);
  };
  return std::to_string(volume.outer) + " of " + text(volume.input) + " to " + text(volume.output) +
         " of " + std::to_string(volume.inner);
}

int64_t input_elements(const Volume& volume) {
  return points(volume.input) * volume.outer * volume.inner;
}

int64_t output_elements(const Volume& volume) {
  return points(volume.output) * volume.outer * volume.inner;
}

int64_t count_wrong(const Volume& volume, const VolumeFunction& function, const AxisWeight& weight,
                    Random& random, double fill) {
  int64_t wrong = 0;
  for (const bool backwards : {false, true}) {
    const int64_t from = backwards ? output_elements(volume) : input_elements(volume);
    const int64_t to = backwards ? input_elements(volume) : output_elements(volume);
    ExactBuffer source(from, 0, any_guard(random));
    const ExactBuffer target(to, 0, any_guard(random));
    source.fill(random);
    const auto& compute = backwards ? function.gradient : function.values;
    wrong += compute(source.data(), target.data()) != Status::kOk;
    wrong += count_off(plain_sums(volume, weight, backwards, source.data()), target,
                       backwards ? 0 : fill);
  }
  return wrong;
}

void check_threads_and_memory(const Volume& volume, const VolumeFunction& function) {
  Random random(77);
  for (const bool backwards : {false, true}) {
    const auto from = backwards ? output_elements(volume) : input_elements(volume);
    const auto to =
        static_cast<size_t>(backwards ? input_elements(volume) : output_elements(volume));
    ExactBuffer source(from);
    source.fill(random);
    const auto& compute = backwards ? function.gradient : function.values;
    std::vector<float> once(to);
    std::vector<float> again(to);
    REQUIRE(compute(source.data(), once.data()) == Status::kOk);
    {
      const RuntimeThreads running(3);
      REQUIRE(compute(source.data(), again.data()) == Status::kOk);
    }
    CHECK(std::memcmp(once.data(), again.data(), to * sizeof(float)) == 0);
    Status status = Status::kOutOfMemory;
    for (int64_t failing = 0; status != Status::kOk; ++failing) {
      REQUIRE(failing < 100);
      std::fill(again.begin(), again.end(), 99.0f);
      {
        const FailingMemory memory(std::numeric_limits<size_t>::max(), failing);
        status = compute(source.data(), again.data());
      }
      if (status == Status::kOk) break;
      CHECK(status == Status::kOutOfMemory);
      CHECK(std::all_of(again.begin(), again.end(), [](float value) { return value == 99; }));
    }
    CHECK(again == once);
  }
}

void check_empty(const VolumeFunction& function) {
  const FailingMemory memory(std::numeric_limits<size_t>::max(), 0);
  float none = 0;
  CHECK(function.values(&none, &none) == Status::kOk);
  CHECK(function.gradient(&none, &none) == Status::kOk);
  CHECK(memory.asked() == 0);
}

}  // namespace deconv_tests
