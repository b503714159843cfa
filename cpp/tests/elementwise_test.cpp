// Every function against its formula in double precision, its gradients against that formula's
// central differences. Buffers end with their last value, and begin anywhere.

#include "deconv/elementwise.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "deconv/workspace.h"
#include "exact_buffer.h"
#include "failing_memory.h"
#include "reference.h"
#include "runtime_threads.h"

using deconv::Elementwise;
using deconv::Function;
using deconv::Status;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Definition {
  Function function;
  double (*value)(double x, double a, double b);
  float a = 0;
  float b = 0;
  // Where the slope jumps.
  std::vector<float> kinks;
};

double relu6(double x) { return std::min(std::max(x, 0.0), 6.0); }

const Definition kDefinitions[] = {
    {Function::kRelu, [](double x, double, double) { return x > 0 ? x : 0; }, 0, 0, {0}},
    {Function::kLeakyRelu,
     [](double x, double a, double) { return x > 0 ? x : a * x; },
     0.125f,
     0,
     {0}},
    {Function::kElu,
     [](double x, double a, double) { return x > 0 ? x : a * std::expm1(x); },
     1.5f,
     0,
     {0}},
    {Function::kSilu, [](double x, double, double) { return x / (1 + std::exp(-x)); }, 0, 0, {}},
    {Function::kGelu,
     [](double x, double, double) { return x * 0.5 * std::erfc(-x * M_SQRT1_2); },
     0,
     0,
     {}},
    {Function::kGeluTanh,
     [](double x, double, double) {
       return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
     },
     0,
     0,
     {}},
    {Function::kHardswish,
     [](double x, double, double) { return x * relu6(x + 3) / 6; },
     0,
     0,
     {-3, 3}},
    {Function::kHardsigmoid,
     [](double x, double a, double b) { return std::min(std::max(x + b, 0.0), a) / a; },
     5,
     2.5f,
     {-2.5f, 2.5f}},
    {Function::kClamp,
     [](double x, double a, double b) { return std::min(std::max(x, a), b); },
     -0.5f,
     2,
     {-0.5f, 2}},
    {Function::kSoftplus,
     [](double x, double a, double b) { return a * x > b ? x : std::log1p(std::exp(a * x)) / a; },
     2,
     20,
     {10}},
    {Function::kSigmoid, [](double x, double, double) { return 1 / (1 + std::exp(-x)); }, 0, 0, {}},
    {Function::kTanh, [](double x, double, double) { return std::tanh(x); }, 0, 0, {}},
    {Function::kSnake,
     [](double x, double a, double) { return x + std::pow(std::sin(a * x), 2) / (a + 1e-9); },
     1.75f,
     0,
     {}},
};

// Those that have no gradient.
const Definition kValuesOnly[] = {
    {Function::kAbsolute, [](double x, double, double) { return std::abs(x); }, 0, 0, {}},
    {Function::kNegative, [](double x, double, double) { return -x; }, 0, 0, {}},
    {Function::kExp, [](double x, double, double) { return std::exp(x); }, 0, 0, {}},
    {Function::kLog, [](double x, double, double) { return std::log(x); }, 0, 0, {}},
    {Function::kSquareRoot, [](double x, double, double) { return std::sqrt(x); }, 0, 0, {}},
    {Function::kReciprocal, [](double x, double, double) { return 1 / x; }, 0, 0, {}},
    {Function::kSine, [](double x, double, double) { return std::sin(x); }, 0, 0, {}},
    {Function::kSine, [](double x, double, double) { return std::cos(x); }, 0, 0.5f, {}},
    {Function::kFloor, [](double x, double, double) { return std::floor(x); }, 0, 0, {}},
    {Function::kCeiling, [](double x, double, double) { return std::ceil(x); }, 0, 0, {}},
    {Function::kRound, [](double x, double, double) { return std::nearbyint(x); }, 0, 0, {}},
    {Function::kSign,
     [](double x, double, double) { return std::isnan(x) ? x : 1.0 * (x > 0) - (x < 0); },
     0,
     0,
     {}},
    {Function::kErrorFunction, [](double x, double, double) { return std::erf(x); }, 0, 0, {}},
    {Function::kSoftsign, [](double x, double, double) { return x / (1 + std::abs(x)); }, 0, 0, {}},
};

bool at_kink(const Definition& definition, float x) {
  return std::any_of(definition.kinks.begin(), definition.kinks.end(),
                     [x](float kink) { return std::abs(x - kink) < 1e-3f; });
}

double slope_of(const Definition& definition, double x, double a, double b) {
  const double step = 1e-5 * std::max(1.0, std::abs(x));
  return (definition.value(x + step, a, b) - definition.value(x - step, a, b)) / (2 * step);
}

double slope_by_a(const Definition& definition, double x, double a, double b) {
  const double step = 1e-5;
  return (definition.value(x, a + step, b) - definition.value(x, a - step, b)) / (2 * step);
}

// A few roundings of the result, of what is added up to it, and of an angle.
double tolerance(double x, double wanted) {
  return 8 * 0x1p-24 * (std::abs(wanted) + 0.25 * std::abs(x));
}

// From near 0 to far out.
float any_value(Random& random) {
  constexpr float kScales[] = {1e-3f, 1, 4, 12};
  return random.value() * kScales[random.between(0, 3)];
}

// Ends (or begins) with a page that nobody may touch; its length decides where in a vector it
// begins.
struct Tensor {
  Tensor(int64_t count, Random& random)
      : values(count, 0,
               random.one_in(4) ? ExactBuffer::Guard::kBefore : ExactBuffer::Guard::kBehind) {
    for (float* value = begin(); value < end(); ++value) *value = any_value(random);
  }
  float* data() const { return values.data(); }
  float* begin() const { return values.data(); }
  float* end() const { return values.data() + values.size(); }
  float operator[](int64_t index) const { return values[index]; }

  ExactBuffer values;
};

struct Shape {
  int64_t outer;
  int64_t channels;
  int64_t inner;
};

// Compares values, gradients and, with channels, gradients of the parameters; counts what is wrong.
int64_t count_wrong(const Definition& definition, const Shape& shape, bool with_channels,
                    bool in_place, Random& random) {
  Elementwise call{.function = definition.function,
                   .outer = shape.outer,
                   .channels = shape.channels,
                   .inner = shape.inner,
                   .a = definition.a,
                   .b = definition.b};
  const int64_t count = call.elements();
  const Tensor parameters(shape.channels, random);
  for (float& a : parameters) a = definition.a + 0.5f * random.value();
  if (with_channels) call.channel_a = parameters.data();
  const auto a_of = [&](int64_t index) {
    return with_channels ? parameters[index / shape.inner % shape.channels] : definition.a;
  };
  const Tensor x(count, random);
  const Tensor g(count, random);
  Tensor y(count, random);
  Tensor slopes(count, random);
  int64_t wrong = 0;
  std::copy(x.begin(), x.end(), y.begin());
  std::copy(g.begin(), g.end(), slopes.begin());
  const float* input = in_place ? y.data() : x.data();
  const float* grads = in_place ? slopes.data() : g.data();
  wrong += elementwise(call, input, y.data()) != Status::kOk;
  wrong += elementwise_gradient(call, x.data(), grads, slopes.data()) != Status::kOk;
  std::vector<double> sums(static_cast<size_t>(shape.channels), 0.0);
  std::vector<double> magnitudes(static_cast<size_t>(shape.channels), 0.0);
  for (int64_t index = 0; index < count; ++index) {
    const float at = x[index];
    const double a = a_of(index);
    const double value = definition.value(at, a, definition.b);
    wrong += !(std::abs(y[index] - value) <= tolerance(at, value));
    const double slope = slope_of(definition, at, a, definition.b) * g[index];
    wrong += !at_kink(definition, at) &&
             !(std::abs(slopes[index] - slope) <= 1e-6 * std::abs(g[index]) * (2 + std::abs(at)));
    const auto channel = static_cast<size_t>(index / shape.inner % shape.channels);
    const double term = slope_by_a(definition, at, a, definition.b) * g[index];
    sums[channel] += term;
    magnitudes[channel] += (1 + std::abs(double{at})) * std::abs(g[index]);
  }
  const bool has_parameters =
      definition.function == Function::kLeakyRelu || definition.function == Function::kSnake;
  const ExactBuffer gradient(shape.channels);
  const Status status = elementwise_parameter_gradient(call, x.data(), g.data(), gradient.data());
  if (!has_parameters || !with_channels) {
    return wrong + (status != Status::kUnsupported);
  }
  wrong += status != Status::kOk;
  for (int64_t channel = 0; channel < shape.channels; ++channel) {
    const auto at = static_cast<size_t>(channel);
    wrong += !(std::abs(gradient[channel] - sums[at]) <= 2e-6 * magnitudes[at] + 1e-30);
  }
  return wrong;
}

}  // namespace

TEST_CASE("every function and its gradient is its formula at every length, anywhere, in place") {
  Random random(9001);
  for (const Definition& definition : kDefinitions) {
    CAPTURE(static_cast<int>(definition.function));
    for (int64_t count = 0; count <= 70; ++count) {
      CAPTURE(count);
      CHECK(count_wrong(definition, {1, 1, count}, false, count % 2 == 0, random) == 0);
    }
  }
}

TEST_CASE("parameters of channels, first and last, and their gradients") {
  Random random(9002);
  for (const Definition& definition : kDefinitions) {
    CAPTURE(static_cast<int>(definition.function));
    for (const int64_t channels : {1, 2, 3, 4, 5, 8, 17, 64, 67}) {
      CAPTURE(channels);
      for (const int64_t points : {0, 1, 2, 3, 7, 16, 31}) {
        CAPTURE(points);
        const bool in_place = random.one_in(2);
        CHECK(count_wrong(definition, {3, channels, points}, true, in_place, random) == 0);
        CHECK(count_wrong(definition, {3 * points, channels, 1}, true, in_place, random) == 0);
      }
    }
  }
}

TEST_CASE("large tensors in chunks: no number of threads changes a bit") {
  Random random(9003);
  for (const Shape& shape : {Shape{1, 1, 50001}, Shape{2, 3, 9001}, Shape{9001, 5, 1},
                             Shape{40, 1300, 1}, Shape{3, 21000, 1}}) {
    CAPTURE(shape.channels);
    CAPTURE(shape.inner);
    for (const Function function : {Function::kLeakyRelu, Function::kSnake}) {
      const Definition& definition = kDefinitions[static_cast<int>(function)];
      CHECK(count_wrong(definition, shape, true, false, random) == 0);
      const Tensor x(shape.outer * shape.channels * shape.inner, random);
      const Tensor g(x.end() - x.begin(), random);
      const std::vector<float> parameters(static_cast<size_t>(shape.channels), 0.75f);
      const Elementwise call{.function = function,
                             .outer = shape.outer,
                             .channels = shape.channels,
                             .inner = shape.inner,
                             .channel_a = parameters.data()};
      const auto results = [&] {
        const auto count = static_cast<size_t>(call.elements());
        std::vector<float> all(2 * count + parameters.size());
        REQUIRE(elementwise(call, x.data(), all.data()) == Status::kOk);
        REQUIRE(elementwise_gradient(call, x.data(), g.data(), all.data() + count) == Status::kOk);
        REQUIRE(elementwise_parameter_gradient(call, x.data(), g.data(), all.data() + 2 * count) ==
                Status::kOk);
        return all;
      };
      const std::vector<float> whole = results();
      const deconv_tests::RuntimeThreads running(3);
      CHECK(results() == whole);
    }
  }
}

TEST_CASE("NaN stays NaN in every function, infinities go to the limits") {
  for (const Definition& definition : kDefinitions) {
    CAPTURE(static_cast<int>(definition.function));
    const Elementwise call{
        .function = definition.function, .inner = 3, .a = definition.a, .b = definition.b};
    const float x[] = {kNan, kInfinity, -kInfinity};
    float y[3];
    REQUIRE(elementwise(call, x, y) == Status::kOk);
    CHECK(std::isnan(y[0]));
    for (const int at : {1, 2}) {
      const double wanted = definition.value(x[at], definition.a, definition.b);
      CAPTURE(x[at]);
      // -infinity times 0 is no number in PyTorch either.
      if (std::isnan(wanted) || std::isnan(y[at])) {
        const bool gated =
            definition.function == Function::kSilu || definition.function == Function::kGelu ||
            definition.function == Function::kGeluTanh ||
            definition.function == Function::kHardswish || definition.function == Function::kSnake;
        CHECK(gated);
      } else {
        CHECK(y[at] == static_cast<float>(wanted));
      }
    }
    // A gradient that is NaN goes on wherever the slope is not 0.
    const float one[] = {1, 1, 1};
    const float nan[] = {kNan, kNan, kNan};
    REQUIRE(elementwise_gradient(call, one, nan, y) == Status::kOk);
    CHECK(std::isnan(y[0]));
  }
}

TEST_CASE("slopes at the kinks are PyTorch's") {
  const auto slope = [](Function function, float x, float a, float b) {
    const float g = 1;
    float result = kNan;
    REQUIRE(deconv::elementwise_gradient({.function = function, .a = a, .b = b}, &x, &g, &result) ==
            Status::kOk);
    return result;
  };
  CHECK(slope(Function::kRelu, 0, 0, 0) == 0);
  CHECK(slope(Function::kRelu, kNan, 0, 0) == 1);
  CHECK(slope(Function::kRelu, kInfinity, 0, 0) == 1);
  CHECK(slope(Function::kLeakyRelu, 0, 0.25f, 0) == 0.25f);
  CHECK(slope(Function::kElu, 0, 2, 0) == 2);
  CHECK(slope(Function::kClamp, -1, -1, 1) == 0);
  CHECK(slope(Function::kClamp, 1, -1, 1) == 0);
  CHECK(slope(Function::kClamp, kNan, -1, 1) == 1);
  CHECK(slope(Function::kHardsigmoid, -3, 6, 3) == 0);
  CHECK(slope(Function::kHardsigmoid, 3, 6, 3) == 0);
  CHECK(slope(Function::kHardswish, -3.5f, 0, 0) == 0);
  CHECK(slope(Function::kHardswish, 3, 0, 0) == 1);
}

TEST_CASE("no memory for repeated parameters is an error, and nothing is written") {
  const std::vector<float> parameters(7, 0.5f);
  const Elementwise call{.function = Function::kSnake,
                         .outer = 3,
                         .channels = 7,
                         .inner = 1,
                         .channel_a = parameters.data()};
  const std::vector<float> x(21, 1.0f);
  std::vector<float> y(21, 99.0f);
  std::vector<float> gradient(7);
  deconv::Workspace::shared().release();
  {
    const deconv_tests::FailingMemory memory(0);
    CHECK(elementwise(call, x.data(), y.data()) == Status::kOutOfMemory);
    CHECK(elementwise_gradient(call, x.data(), x.data(), y.data()) == Status::kOutOfMemory);
    CHECK(elementwise_parameter_gradient(call, x.data(), x.data(), gradient.data()) ==
          Status::kOutOfMemory);
  }
  CHECK(std::all_of(y.begin(), y.end(), [](float value) { return value == 99; }));
  REQUIRE(elementwise(call, x.data(), y.data()) == Status::kOk);
  // The first allocation succeeds, that of the sums does not.
  const deconv_tests::FailingMemory memory(0);
  CHECK(elementwise_parameter_gradient(call, x.data(), x.data(), gradient.data()) ==
        Status::kOutOfMemory);
}

TEST_CASE("functions without a gradient are their formulas, also of what stands out") {
  static_assert(std::size(kDefinitions) + std::size(kValuesOnly) == deconv::kFunctionCount + 1);
  Random random(9005);
  for (const Definition& definition : kValuesOnly) {
    CAPTURE(static_cast<int>(definition.function));
    for (int64_t count = 1; count <= 40; ++count) {
      const Tensor x(count, random);
      const Tensor y(count, random);
      constexpr float kSpecial[] = {kNan, kInfinity, -kInfinity, 0, -0.0f, 0.5f, 1.5f, 2.5f, -1.5f};
      for (float& value : x) {
        if (random.one_in(4)) value = kSpecial[random.between(0, 8)];
      }
      const Elementwise call{.function = definition.function, .inner = count, .b = definition.b};
      REQUIRE(elementwise(call, x.data(), y.data()) == Status::kOk);
      CHECK(elementwise_gradient(call, x.data(), x.data(), y.data()) == Status::kUnsupported);
      for (int64_t index = 0; index < count; ++index) {
        const double wanted = definition.value(x[index], 0, 0);
        CAPTURE(x[index]);
        if (std::isfinite(wanted)) {
          CHECK(std::abs(y[index] - wanted) <= 4 * 0x1p-24 * std::abs(wanted) + 0x1p-149);
        } else {
          CHECK((std::isnan(wanted) ? std::isnan(y[index]) : y[index] == wanted));
        }
      }
    }
  }
}
