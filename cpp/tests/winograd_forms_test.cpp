// The transforms as exact identities: with whole numbers, and kernels scaled by what the
// transform of the weights divides by, every step is exact in float32.

#include "routes/winograd_forms.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "reference.h"

using deconv::Form;
using deconv::kQuad;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

struct Scaled {
  const Form& form;
  // The least common denominator of the transform of the weights, along one axis.
  double denominator;
};

const Scaled kForms[] = {
    {deconv::kF45, 90}, {deconv::kF43, 24}, {deconv::kF42, 6}, {deconv::kF22, 1}};

// Along the height.
int taps_of(const Form& form) { return form.width_alone() ? 1 : form.taps; }
int reads_of(const Form& form) { return form.width_alone() ? 1 : form.reads; }
int steps_of(const Form& form) { return form.width_alone() ? 1 : form.steps; }

// The kernel [taps of the height][taps] as one value for each point. Its neighbours are its
// multiples, which come out as such, and not all of them fill a vector.
std::vector<float> transform_kernel(const Form& form, const std::vector<double>& kernel,
                                    Random& random) {
  const int64_t count = random.between(1, 9);
  const int64_t tap_stride = count + random.between(0, 3);
  ExactBuffer taps(std::ssize(kernel) * tap_stride + 3);
  std::fill_n(taps.data(), taps.size(), 1.0f);
  for (int64_t tap = 0; tap < std::ssize(kernel); ++tap) {
    for (int64_t at = 0; at < count; ++at) {
      taps.data()[tap * tap_stride + at] =
          static_cast<float>(static_cast<double>(at + 1) * kernel[static_cast<size_t>(tap)]);
    }
  }
  const int64_t stride = count + random.between(0, 3);
  std::vector<float> result;
  for (int line = 0; line < reads_of(form); ++line) {
    const bool leaves_infinity = random.one_in(4);
    ExactBuffer points(form.reads * stride);
    float* const infinity = points.data() + (form.reads - 1) * stride;
    form.weights.apply(form.width_alone() ? -1 : line, taps.data(), tap_stride, count,
                       {points.data(), stride, leaves_infinity ? nullptr : infinity});
    int64_t wrong = 0;
    for (int64_t index = 0; index < points.size(); ++index) {
      const int64_t at = index % stride;
      const bool is_written = at < count && !(leaves_infinity && index / stride == form.reads - 1);
      wrong += is_written ? points[index] != static_cast<float>(at + 1) * points[index - at]
                          : !points.untouched(index);
    }
    CHECK(wrong == 0);
    if (leaves_infinity) {
      form.weights.apply(form.width_alone() ? -1 : line, taps.data(), tap_stride, count,
                         {points.data(), stride, infinity});
    }
    for (int64_t point = 0; point < form.reads; ++point) result.push_back(points[point * stride]);
  }
  return result;
}

}  // namespace

TEST_CASE("transformed, multiplied point by point and transformed back: a convolution, exactly") {
  for (const auto& [form, denominator] : kForms) {
    CAPTURE(form.points);
    REQUIRE(form.points == reads_of(form) * form.reads);
    REQUIRE(form.reads == form.steps + form.taps - 1);
    for (uint64_t seed = 0; seed < 300; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      // Four tiles beside each other, and the four columns that a quad may load behind its steps.
      const int64_t columns = kQuad * form.steps + 4;
      const int64_t pitch = columns + random.between(0, 3);
      ExactBuffer window((reads_of(form) - 1) * pitch + columns);
      window.fill_whole(random, 2);
      const int64_t point_stride = kQuad + random.between(0, 5);
      ExactBuffer points((form.points - 1) * point_stride + kQuad);
      form.transform_quad(window.data(), pitch, points.data(), point_stride);

      std::vector<double> kernel;
      const double scale = form.width_alone() ? denominator : denominator * denominator;
      for (int tap = 0; tap < taps_of(form) * form.taps; ++tap) {
        kernel.push_back(random.between(-2, 2) * scale);
      }
      const std::vector<float> weights = transform_kernel(form, kernel, random);
      int64_t touched = 0;
      for (int64_t index = 0; index < points.size(); ++index) {
        if (index % point_stride >= kQuad) {
          touched += !points.untouched(index);
          continue;
        }
        points.data()[index] *= weights[static_cast<size_t>(index / point_stride)];
      }
      CHECK(touched == 0);

      const auto bias = static_cast<float>(random.between(-2000, 2000));
      const bool clamps = random.one_in(2);
      const int64_t result_pitch = kQuad * form.steps + random.between(0, 3);
      ExactBuffer result((steps_of(form) - 1) * result_pitch + kQuad * form.steps);
      form.transform_back(points.data(), point_stride, wasm_f32x4_splat(bias), clamps,
                          result.data(), result_pitch);
      int64_t wrong = 0;
      for (int64_t index = 0; index < result.size(); ++index) {
        const int64_t row = index / result_pitch;
        const int64_t column = index % result_pitch;
        if (column >= kQuad * form.steps) {
          wrong += !result.untouched(index);
          continue;
        }
        double sum = bias;
        for (int64_t h = 0; h < taps_of(form); ++h) {
          for (int64_t w = 0; w < form.taps; ++w) {
            sum += kernel[static_cast<size_t>(h * form.taps + w)] *
                   window[(row + h) * pitch + column + w];
          }
        }
        wrong += result[index] != (clamps ? std::max(sum, 0.0) : sum);
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("the way back keeps NaN and infinities, clamped or not, and clamps -0") {
  for (const auto& [form, denominator] : kForms) {
    CAPTURE(form.points);
    ExactBuffer points(int64_t{form.points} * kQuad);
    ExactBuffer result(int64_t{steps_of(form)} * kQuad * form.steps);
    const auto first_with = [&](float value, float bias, bool clamps) {
      std::fill_n(points.data(), points.size(), -0.0f);
      // Point 0 counts once in the first step of the first tile, and in no other tile.
      points.data()[0] = value;
      form.transform_back(points.data(), kQuad, wasm_f32x4_splat(bias), clamps, result.data(),
                          kQuad * form.steps);
      for (int64_t index = form.steps; index < kQuad * form.steps; ++index) {
        CHECK(result[index] == (clamps ? std::max(bias, 0.0f) : bias));
      }
      return result[0];
    };
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    for (const bool clamps : {false, true}) {
      CHECK(std::isnan(first_with(std::numeric_limits<float>::quiet_NaN(), 1, clamps)));
      CHECK(first_with(kInfinity, 1, clamps) == kInfinity);
      CHECK(first_with(-kInfinity, 1, clamps) == (clamps ? 0.0f : -kInfinity));
      CHECK(first_with(3, -1, clamps) == 2);
      CHECK(first_with(3, -4, clamps) == (clamps ? 0.0f : -1.0f));
    }
    CHECK_FALSE(std::signbit(first_with(-0.0f, -0.0f, true)));
  }
}
