#include "deconv/combine.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "exact_buffer.h"
#include "many_axes.h"
#include "runtime_threads.h"

using deconv::Broadcast;
using deconv::Combination;
using deconv_tests::DrawnAxes;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Of TensorFlow Lite's FLOOR_MOD where `floors`, else C's.
float rest_of(float x, float y, bool floors) {
  const float rest = std::fmod(x, y);
  return floors && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

float wanted(const Broadcast& call, float x, float y, float addend) {
  const bool nan = std::isnan(x) || std::isnan(y);
  switch (call.combination) {
    case Combination::kAdd:
      return x + y;
    case Combination::kSubtract:
      return x - y;
    case Combination::kMultiply:
      return x * y;
    case Combination::kDivide:
      return x / y;
    case Combination::kMinimum:
      return nan ? kNan : std::min(x, y);
    case Combination::kMaximum:
      return nan ? kNan : std::max(x, y);
    case Combination::kPower:
      return static_cast<float>(std::pow(double{x}, double{y}));
    case Combination::kScaledSum:
      return static_cast<float>(x + double{y} * call.factor);
    case Combination::kRemainder:
      return rest_of(x, y, call.factor != 0);
    case Combination::kProductSum:
      return x * y + addend;
  }
  return kNan;
}

bool is_close(float found, float value) {
  if (std::isnan(value)) return std::isnan(found);
  return found == value || std::abs(found - value) <= 0x1p-21f * std::abs(value) + 0x1p-22f;
}

ExactBuffer::Guard any_guard(Random& random) {
  return random.one_in(3) ? ExactBuffer::Guard::kBefore : ExactBuffer::Guard::kBehind;
}

void fill(const ExactBuffer& values, Random& random) {
  constexpr float kSpecial[] = {kNan, kInfinity, -kInfinity, 0, -0.0f, 1, -1, 2, 0.5f};
  for (int64_t index = 0; index < values.size(); ++index) {
    values.data()[index] = random.one_in(5) ? kSpecial[random.between(0, 8)] : 4 * random.value();
  }
}

// One or the other is repeated along any axes, but not both along the last one; in place where one
// is not. Counts what is wrong.
int64_t count_wrong(const DrawnAxes& drawn, Combination combination, Random& random) {
  Broadcast call{
      .combination = combination, .factor = -1.5f, .axes = drawn.axes, .extents = drawn.extents};
  int64_t elements[2] = {1, 1};
  const int32_t which_is_whole = random.between(0, 2);
  for (int32_t axis = drawn.axes - 1; axis >= 0; --axis) {
    const auto at = static_cast<size_t>(axis);
    for (int32_t which = 0; which < 2; ++which) {
      const bool other_is_repeated =
          axis == drawn.axes - 1 && which == 1 && call.strides[0][at] == 0;
      const bool repeats = which != which_is_whole && !other_is_repeated && random.one_in(2);
      call.strides[which][at] = repeats ? 0 : static_cast<int32_t>(elements[which]);
      if (!repeats) elements[which] *= drawn.extents[at];
    }
  }
  const ExactBuffer one(elements[0], 0, any_guard(random));
  const ExactBuffer other(elements[1], 0, any_guard(random));
  const ExactBuffer own(drawn.elements, 0, any_guard(random));
  fill(one, random);
  fill(other, random);
  const std::vector<float> x(one.data(), one.data() + one.size());
  const std::vector<float> y(other.data(), other.data() + other.size());
  const bool adds = combination == Combination::kProductSum;
  const ExactBuffer third(adds ? drawn.elements : 0, 0, any_guard(random));
  fill(third, random);
  const std::vector<float> addends(third.data(), third.data() + third.size());
  float* output = own.data();
  if (random.one_in(2) && which_is_whole < 2)
    output = which_is_whole == 0 ? one.data() : other.data();
  if (adds && random.one_in(3)) output = third.data();
  broadcast(call, one.data(), other.data(), output, adds ? third.data() : nullptr);
  int64_t wrong = 0;
  for (int64_t index = 0; index < drawn.elements; ++index) {
    const auto x_at = static_cast<size_t>(drawn.offset(index, call.strides[0]));
    const auto y_at = static_cast<size_t>(drawn.offset(index, call.strides[1]));
    const float addend = adds ? addends[static_cast<size_t>(index)] : 0;
    wrong += !is_close(output[index], wanted(call, x[x_at], y[y_at], addend));
  }
  return wrong;
}

}  // namespace

TEST_CASE("two values of every place, broadcast along any axes, in place too") {
  Random random(9401);
  for (int kind = 0; kind < deconv::kCombinationCount; ++kind) {
    CAPTURE(kind);
    for (int round = 0; round < 300; ++round) {
      CAPTURE(round);
      CHECK(count_wrong(DrawnAxes(random, 5), static_cast<Combination>(kind), random) == 0);
    }
  }
}

TEST_CASE("remainders are C's of all floats, bit for bit, and with the sign of the divisor") {
  Random random(9404);
  constexpr float kSpecial[] = {
      kNan,      kInfinity,     -kInfinity,     0,       -0.0f, 1, -1, 0.1f, -3, 1e-45f, -1e-45f,
      0x1p-126f, 3.4028235e38f, -3.4028235e38f, 0x1p24f, 5};
  constexpr int64_t kCount = 40'000;
  const ExactBuffer x(kCount);
  const ExactBuffer y(kCount);
  const ExactBuffer output(kCount);
  const auto any = [&](int64_t special) {
    if (special < 16) return kSpecial[special];
    // Whole numbers as well: what is left of them is often 0.
    if (random.one_in(4)) return static_cast<float>(random.between(-50, 50));
    return std::bit_cast<float>(static_cast<uint32_t>(random.next()));
  };
  for (int64_t index = 0; index < kCount; ++index) {
    x.data()[index] = any(index < 256 ? index / 16 : 16);
    y.data()[index] = any(index < 256 ? index % 16 : 16);
  }
  for (const bool floors : {false, true}) {
    Broadcast call{.combination = Combination::kRemainder, .factor = floors ? 1.0f : 0, .axes = 1};
    call.extents[0] = kCount;
    call.strides[0][0] = 1;
    call.strides[1][0] = 1;
    broadcast(call, x.data(), y.data(), output.data());
    int64_t wrong = 0;
    for (int64_t index = 0; index < kCount; ++index) {
      const float value = rest_of(x[index], y[index], floors);
      const bool same = std::bit_cast<uint32_t>(output[index]) == std::bit_cast<uint32_t>(value);
      wrong += !(same || (std::isnan(value) && std::isnan(output[index])));
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("large tensors on three threads, by values, channels, rows and numbers") {
  Random random(9402);
  const deconv_tests::RuntimeThreads running(3);
  for (const deconv::ManyAxes& extents :
       {deconv::ManyAxes{3, 7, 9001}, deconv::ManyAxes{2, 30001, 3}, deconv::ManyAxes{1, 999, 64},
        deconv::ManyAxes{1, 3, 40009}, deconv::ManyAxes{1, 1, 100003}}) {
    DrawnAxes drawn(random, 0);
    drawn.axes = 3;
    drawn.extents = extents;
    drawn.elements = int64_t{extents[0]} * extents[1] * extents[2];
    for (int round = 0; round < 8; ++round) {
      CHECK(count_wrong(drawn, Combination::kSubtract, random) == 0);
    }
  }
}

TEST_CASE("combine takes two of a shape, at every length, in place too") {
  Random random(9403);
  for (int64_t count = 0; count <= 70; ++count) {
    for (const int place : {0, 1, 2}) {
      const ExactBuffer one(count, 0, any_guard(random));
      const ExactBuffer other(count, 0, any_guard(random));
      const ExactBuffer own(count, 0, any_guard(random));
      fill(one, random);
      fill(other, random);
      const std::vector<float> x(one.data(), one.data() + count);
      const std::vector<float> y(other.data(), other.data() + count);
      float* const output = place == 0 ? own.data() : place == 1 ? one.data() : other.data();
      deconv::combine(Combination::kSubtract, count, one.data(), other.data(), output);
      int64_t wrong = 0;
      for (int64_t index = 0; index < count; ++index) {
        const auto at = static_cast<size_t>(index);
        wrong += !is_close(output[index], x[at] - y[at]);
      }
      CHECK(wrong == 0);
    }
  }
}
