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
using deconv::kMostReads;
using deconv::kMostTaps;
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

// The kernel [taps of the height][taps] as one value for each point. The other lane has its double,
// which comes out as such.
std::vector<double> transform_kernel(const Form& form, const std::vector<double>& kernel) {
  std::vector<v128_t> taps;
  for (const double tap : kernel) taps.push_back(wasm_f64x2_make(tap, 2 * tap));
  std::vector<v128_t> half = taps;
  half.resize(kMostReads * kMostTaps);
  std::vector<v128_t> points(static_cast<size_t>(form.points));
  for (int column = 0; !form.width_alone() && column < form.taps; ++column) {
    form.weights.apply(taps.data() + column, half.data() + column, form.taps);
  }
  for (int line = 0; line < reads_of(form); ++line) {
    form.weights.apply(half.data() + line * form.taps, points.data() + line * form.reads, 1);
  }
  std::vector<double> result;
  for (const v128_t point : points) {
    REQUIRE(wasm_f64x2_extract_lane(point, 1) == 2 * wasm_f64x2_extract_lane(point, 0));
    result.push_back(wasm_f64x2_extract_lane(point, 0));
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
      const std::vector<double> weights = transform_kernel(form, kernel);
      int64_t touched = 0;
      for (int64_t index = 0; index < points.size(); ++index) {
        if (index % point_stride >= kQuad) {
          touched += !points.untouched(index);
          continue;
        }
        points.data()[index] *=
            static_cast<float>(weights[static_cast<size_t>(index / point_stride)]);
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
