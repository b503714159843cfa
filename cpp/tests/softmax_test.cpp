// Softmax and its gradient against the definition in double precision, along every axis. Buffers
// end with their last value, and begin anywhere.

#include "deconv/softmax.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "exact_buffer.h"
#include "reference.h"
#include "runtime_threads.h"

using deconv::Softmax;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Values : ExactBuffer {
  Values(int64_t count, float scale, Random& random)
      : ExactBuffer(count, 0, random.one_in(4) ? Guard::kBefore : Guard::kBehind) {
    for (int64_t index = 0; index < count; ++index) data()[index] = scale * random.value();
  }
};

int64_t elements(const Softmax& call) { return call.outer * call.count * call.inner; }

// Counts what is wrong.
int64_t count_wrong(const Softmax& call, bool in_place, float scale, Random& random) {
  const int64_t count = elements(call);
  const Values x(count, scale, random);
  const Values g(count, 1, random);
  const Values y(count, 1, random);
  const Values slopes(count, 1, random);
  std::copy_n(x.data(), count, y.data());
  std::copy_n(x.data(), count, slopes.data());
  softmax(call, in_place ? y.data() : x.data(), y.data());
  softmax_gradient(call, in_place ? slopes.data() : x.data(), g.data(), slopes.data());
  int64_t wrong = 0;
  for (int64_t line = 0; line < call.outer * call.inner; ++line) {
    const int64_t first = line / call.inner * call.count * call.inner + line % call.inner;
    const auto at = [&](int64_t index) { return first + index * call.inner; };
    double most = -std::numeric_limits<double>::infinity();
    for (int64_t index = 0; index < call.count; ++index) {
      most = std::max(most, double{x[at(index)]});
    }
    double sum = 0;
    double product = 0;
    for (int64_t index = 0; index < call.count; ++index) {
      const double value = std::exp(x[at(index)] - most);
      sum += value;
      product += value * g[at(index)];
    }
    for (int64_t index = 0; index < call.count; ++index) {
      const double wanted = std::exp(x[at(index)] - most) / sum;
      const double slope = wanted * (g[at(index)] - product / sum);
      // The distance from the largest value is rounded once.
      const double allowed = (3e-6 + 0x1p-24 * (most - x[at(index)])) * wanted + 1e-37;
      wrong += !(std::abs(y[at(index)] - wanted) <= allowed);
      wrong += !(std::abs(slopes[at(index)] - slope) <= 2 * allowed);
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("softmax and its gradient are their formulas along every axis, anywhere, in place") {
  Random random(9201);
  for (const int64_t outer : {0, 1, 2, 3, 19, 33}) {
    for (const int64_t count : {1, 2, 3, 4, 5, 7, 8, 16, 23, 24, 67}) {
      for (const int64_t inner : {0, 1, 2, 3, 4, 5, 15, 16, 17, 39}) {
        CAPTURE(outer);
        CAPTURE(count);
        CAPTURE(inner);
        const float scale = random.one_in(2) ? 3.0f : 60.0f;
        CHECK(count_wrong({outer, count, inner}, random.one_in(2), scale, random) == 0);
      }
    }
  }
}

TEST_CASE("large softmaxes in pieces: no number of threads changes a bit") {
  Random random(9202);
  for (const Softmax& call :
       {Softmax{1, 50003, 1}, Softmax{9001, 5, 1}, Softmax{2, 21, 5003}, Softmax{1, 3001, 37}}) {
    CAPTURE(call.count);
    CHECK(count_wrong(call, false, 3, random) == 0);
    const Values x(elements(call), 4, random);
    const Values g(elements(call), 1, random);
    const auto results = [&] {
      std::vector<float> all(static_cast<size_t>(2 * elements(call)));
      softmax(call, x.data(), all.data());
      softmax_gradient(call, x.data(), g.data(), all.data() + elements(call));
      return all;
    };
    const std::vector<float> whole = results();
    const deconv_tests::RuntimeThreads running(3);
    CHECK(results() == whole);
  }
}

TEST_CASE("softmax of NaN and of infinities is PyTorch's") {
  const auto of = [](std::vector<float> values, bool columns) {
    const auto count = static_cast<int64_t>(values.size());
    if (!columns) {
      deconv::softmax({1, count, 1}, values.data(), values.data());
      return values;
    }
    // Beside a column of zeros.
    std::vector<float> both(2 * values.size());
    for (size_t index = 0; index < values.size(); ++index) both[2 * index] = values[index];
    deconv::softmax({1, count, 2}, both.data(), both.data());
    for (size_t index = 0; index < values.size(); ++index) {
      CHECK(both[2 * index + 1] == 1.0f / static_cast<float>(count));
      values[index] = both[2 * index];
    }
    return values;
  };
  for (const bool columns : {false, true}) {
    for (const std::vector<float>& bad :
         {std::vector<float>{0, kNan, 1, 2}, std::vector<float>{kNan, 0, 1, 2},
          std::vector<float>{0, kInfinity, 1, 2}, std::vector<float>(4, -kInfinity)}) {
      for (const float value : of(bad, columns)) CHECK(std::isnan(value));
    }
    const std::vector<float> half = of({0, -kInfinity, 0, -kInfinity}, columns);
    CHECK(half == std::vector<float>{0.5f, 0, 0.5f, 0});
    const std::vector<float> far = of({3e38f, -3e38f, 3e38f, 0}, columns);
    CHECK(far == std::vector<float>{0.5f, 0, 0.5f, 0});
  }
}
