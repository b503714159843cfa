#include "deconv/reduce.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "exact_buffer.h"
#include "reference.h"
#include "runtime_threads.h"

using deconv::Reducer;
using deconv::Reduction;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Definition {
  Reducer reducer;
  double none;
  double (*with)(double total, double value);
};

const Definition kDefinitions[] = {
    {Reducer::kSum, 0, [](double total, double value) { return total + value; }},
    {Reducer::kMaximum, -kInfinity,
     [](double total, double value) { return std::max(total, value); }},
    {Reducer::kMinimum, kInfinity,
     [](double total, double value) { return std::min(total, value); }},
    {Reducer::kProduct, 1, [](double total, double value) { return total * value; }},
    {Reducer::kAbsoluteSum, 0, [](double total, double value) { return total + std::abs(value); }},
    {Reducer::kSquareSum, 0, [](double total, double value) { return total + value * value; }},
};

int64_t count_wrong(const Definition& definition, Reduction call, Random& random) {
  call.reducer = definition.reducer;
  const auto guard = random.one_in(3) ? ExactBuffer::Guard::kBefore : ExactBuffer::Guard::kBehind;
  ExactBuffer input(int64_t{call.outer} * call.count * call.inner, 0, guard);
  const ExactBuffer output(int64_t{call.outer} * call.inner, 0, guard);
  input.fill(random);
  // Products stay away from 0, and many of them near 1.
  if (definition.reducer == Reducer::kProduct) {
    for (int64_t index = 0; index < input.size(); ++index) {
      input.data()[index] = 1 + input[index] / static_cast<float>(call.count + 1);
    }
  }
  reduce(call, input.data(), output.data());
  int64_t wrong = 0;
  for (int64_t outer = 0; outer < call.outer; ++outer) {
    for (int64_t inner = 0; inner < call.inner; ++inner) {
      double total = definition.none;
      double size = 0;
      for (int64_t index = 0; index < call.count; ++index) {
        const double value = input[(outer * call.count + index) * call.inner + inner];
        total = definition.with(total, value);
        size += std::abs(value);
      }
      double wanted = total / call.divisor;
      if (call.root != 0) wanted = std::sqrt(wanted);
      const float found = output[outer * call.inner + inner];
      if (std::isnan(wanted) || std::isinf(wanted)) {
        wrong += std::isnan(wanted) ? !std::isnan(found) : found != wanted;
      } else {
        wrong += !(std::abs(found - wanted) <= 1e-6 * (std::abs(wanted) + size / call.divisor));
      }
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("every reduction is its loop at every length and width") {
  Random random(9501);
  for (const Definition& definition : kDefinitions) {
    CAPTURE(static_cast<int>(definition.reducer));
    for (const int32_t count : {0, 1, 2, 3, 5, 15, 16, 17, 63, 64, 65, 200, 1500}) {
      for (const int32_t inner : {0, 1, 2, 3, 4, 15, 16, 17, 37}) {
        CAPTURE(count);
        CAPTURE(inner);
        const bool root = definition.reducer == Reducer::kSquareSum && random.one_in(2);
        CHECK(count_wrong(definition,
                          {.outer = random.between(0, 3),
                           .count = count,
                           .inner = inner,
                           .divisor = random.one_in(2) ? 3.0f : 1.0f,
                           .root = root ? 1 : 0},
                          random) == 0);
      }
    }
  }
}

TEST_CASE("a mean of nothing is no number, and NaN stays one") {
  float result = 0;
  deconv::reduce({.count = 0, .divisor = 0}, nullptr, &result);
  CHECK(std::isnan(result));
  for (int kind = 0; kind < deconv::kReducerCount; ++kind) {
    for (const int at : {0, 3, 16, 34}) {
      std::vector<float> values(35, 1.0f);
      values[static_cast<size_t>(at)] = std::numeric_limits<float>::quiet_NaN();
      deconv::reduce({.reducer = static_cast<Reducer>(kind), .count = 35}, values.data(), &result);
      CHECK(std::isnan(result));
    }
  }
}

TEST_CASE("large reductions on three threads") {
  Random random(9502);
  const deconv_tests::RuntimeThreads running(3);
  for (const Reduction& call :
       {Reduction{.outer = 70, .count = 3001}, Reduction{.count = 70003},
        Reduction{.outer = 2, .count = 900, .inner = 77}, Reduction{.outer = 30000, .count = 3}}) {
    CHECK(count_wrong(kDefinitions[0], call, random) == 0);
    CHECK(count_wrong(kDefinitions[1], call, random) == 0);
  }
}
