// The transforms along a line as identities: exact where whole numbers stay whole, and else off by
// no more than the bound of winograd_line.cpp.

#include "routes/winograd_line_forms.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "matrix_tile.h"
#include "reference.h"

using deconv::kLineForms;
using deconv::kMostLineReads;
using deconv::kPanel;
using deconv::LineForm;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

// The least common denominator of the transform of the weights; 0 where it is too large for whole
// numbers in float32.
double denominator_of(const LineForm& form) {
  return form.reads == 5 ? 3 : form.reads == 6 ? 24 : form.reads == 8 ? 90 : 0;
}

}  // namespace

TEST_CASE("a line transformed, multiplied point by point and transformed back: a convolution") {
  for (const LineForm& form : kLineForms) {
    CAPTURE(form.steps);
    CAPTURE(form.taps);
    REQUIRE(form.reads == form.steps + form.taps - 1);
    REQUIRE(form.reads <= kMostLineReads);
    const double denominator = denominator_of(form);
    for (uint64_t seed = 0; seed < 300; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const int64_t dilation = random.between(1, 5);
      const int64_t runs = random.between(1, 4);
      const int64_t channels = random.between(1, 3);
      const int64_t tiles = runs * dilation;
      const int64_t steps = tiles * form.steps;
      const int64_t plane = (steps + dilation * (form.taps - 1)) * kPanel;
      ExactBuffer columns(channels * plane);
      columns.fill_whole(random, 2);
      const int64_t tile_stride = channels * kPanel + random.between(0, 5);
      const int64_t point_stride = tiles * tile_stride + random.between(0, 5);
      ExactBuffer points((form.reads - 1) * point_stride + (tiles - 1) * tile_stride +
                         channels * kPanel);
      form.transform({.first = columns.data(),
                      .plane = plane,
                      .channels = channels,
                      .dilation = dilation,
                      .runs = runs},
                     points.data(), tile_stride, point_stride);

      std::vector<double> kernel;
      for (int tap = 0; tap < form.taps; ++tap) {
        kernel.push_back(random.between(-2, 2) * std::max(denominator, 1.0));
      }
      const int64_t count = random.between(1, 9);
      ExactBuffer taps(form.taps * count + 3);
      std::fill_n(taps.data(), taps.size(), 1.0f);
      for (int64_t index = 0; index < form.taps * count; ++index) {
        // The neighbours are multiples, which come out as such where all is exact.
        taps.data()[index] = static_cast<float>(static_cast<double>(index % count + 1) *
                                                kernel[static_cast<size_t>(index / count)]);
      }
      ExactBuffer transformed(form.reads * count);
      form.weights.apply(
          -1, taps.data(), count, count,
          {transformed.data(), count, transformed.data() + (form.reads - 1) * count});
      std::vector<float> weights;
      for (int64_t point = 0; point < form.reads; ++point) {
        weights.push_back(transformed[point * count]);
        for (int64_t at = 1; denominator > 0 && at < count; ++at) {
          REQUIRE(transformed[point * count + at] == static_cast<float>(at + 1) * weights.back());
        }
      }
      // Of one of the channels, tile behind tile.
      const int64_t channel = random.between(0, static_cast<int32_t>(channels) - 1);
      ExactBuffer products(form.reads * tiles * kPanel);
      for (int64_t index = 0; index < products.size(); ++index) {
        const int64_t point = index / kPanel / tiles;
        const int64_t at = point * point_stride + index / kPanel % tiles * tile_stride +
                           channel * kPanel + index % kPanel;
        products.data()[index] = points[at] * weights[static_cast<size_t>(point)];
      }
      const auto bias = static_cast<float>(random.between(-2000, 2000));
      const bool clamps = random.one_in(2);
      const int64_t pitch = kPanel * random.between(1, 3);
      ExactBuffer result((steps - 1) * pitch + kPanel);
      form.transform_back(products.data(), tiles * kPanel, dilation, runs, wasm_f32x4_splat(bias),
                          clamps, result.data(), pitch);
      // Of values up to 2, and a sum with the bias that rounds once.
      const double allowed = denominator > 0 ? 0 : 0x1p-24 * (426 * 21 * 2 * 2 + 2100);
      int64_t wrong = 0;
      for (int64_t index = 0; index < steps * kPanel; ++index) {
        const int64_t at = index / kPanel * pitch + index % kPanel;
        double sum = bias;
        for (int64_t tap = 0; tap < form.taps; ++tap) {
          sum += kernel[static_cast<size_t>(tap)] *
                 columns[channel * plane + index + tap * dilation * kPanel];
        }
        wrong += !(std::abs(result[at] - (clamps ? std::max(sum, 0.0) : sum)) <= allowed);
      }
      CHECK(wrong == 0);
      for (int64_t index = 0; index < result.size(); ++index) {
        if (index % pitch >= kPanel) CHECK(result.untouched(index));
      }
      for (int64_t index = 0; index < points.size(); ++index) {
        if (index % point_stride / tile_stride < tiles &&
            index % point_stride % tile_stride < channels * kPanel) {
          continue;
        }
        CHECK(points.untouched(index));
      }
    }
  }
}

TEST_CASE("the way back along a line keeps NaN and infinities, clamped or not, and clamps -0") {
  for (const LineForm& form : kLineForms) {
    ExactBuffer products(int64_t{form.reads} * kPanel);
    ExactBuffer result(int64_t{form.steps} * kPanel);
    const auto first_with = [&](float value, float bias, bool clamps) {
      std::fill_n(products.data(), products.size(), -0.0f);
      // The first point counts once in the first step of the first lane, and in no other lane; 0 in
      // no other step.
      products.data()[0] = value;
      form.transform_back(products.data(), kPanel, 1, 1, wasm_f32x4_splat(bias), clamps,
                          result.data(), kPanel);
      const bool zero = form.weights.places[0] == 0;
      for (int64_t index = 1; index < result.size(); ++index) {
        if (!zero && index % kPanel == 0) continue;
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
