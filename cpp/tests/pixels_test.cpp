#include "deconv/pixels.h"

#include <doctest/doctest.h>

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <vector>

#include "exact_buffer.h"
#include "reference.h"
#include "runtime_threads.h"

using deconv::Layout;
using deconv::Picture;
using deconv::PixelFactors;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

using Guard = ExactBuffer::Guard;

// In 65536ths.
constexpr int32_t kGrey[] = {19595, 38470, 7471};

// Every length up to some groups of four, and those around one and two strips of work.
const std::vector<int64_t> kCounts = [] {
  std::vector<int64_t> counts;
  for (int64_t count = 0; count <= 21; ++count) counts.push_back(count);
  for (const int64_t strips : {4096, 8192}) {
    for (int64_t more = -1; more <= 5; ++more) counts.push_back(strips + more);
  }
  return counts;
}();

template <typename Test>
void for_each_picture(const Test& test) {
  for (const int threads : {1, 3}) {
    const deconv_tests::RuntimeThreads running(threads);
    for (const int64_t pixels : kCounts) {
      for (const int32_t channels : {1, 3, 4}) {
        for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
          for (const Guard guard : {Guard::kBehind, Guard::kBefore}) {
            const Picture picture{pixels, channels, layout};
            CAPTURE(pixels);
            CAPTURE(channels);
            CAPTURE(layout);
            test(picture, guard);
          }
        }
      }
    }
  }
}

int64_t place(const Picture& picture, int64_t pixel, int32_t channel) {
  return picture.layout == Layout::kChannelsFirst ? channel * picture.pixels + pixel
                                                  : pixel * picture.channels + channel;
}

uint8_t* bytes_of(const ExactBuffer& pixels) { return reinterpret_cast<uint8_t*>(pixels.data()); }

// Different in every channel, and in every one all values.
void fill_bytes(const ExactBuffer& pixels) {
  for (int64_t index = 0; index < 4 * pixels.size(); ++index) {
    bytes_of(pixels)[index] = static_cast<uint8_t>(index * 37 + index / 1024);
  }
}

PixelFactors random_factors(Random& random) {
  PixelFactors factors;
  for (int channel = 0; channel < 4; ++channel) {
    factors.scale[channel] = random.value() / 50;
    factors.offset[channel] = random.value() * 3;
  }
  return factors;
}

uint8_t as_canvases_do(double value) {
  if (!(value > 0)) return 0;
  return static_cast<uint8_t>(std::nearbyint(std::fmin(value, 255)));
}

}  // namespace

TEST_CASE("pixels become floats: every channel, layout and length, and nothing beside them") {
  Random random(4101);
  for_each_picture([&](const Picture& picture, Guard guard) {
    const PixelFactors factors = random_factors(random);
    const ExactBuffer pixels(picture.pixels, 0, guard);
    const ExactBuffer values(picture.pixels * picture.channels, 0, guard);
    fill_bytes(pixels);
    deconv::pixels_to_floats(picture, bytes_of(pixels), factors, values.data());
    int64_t wrong = 0;
    for (int64_t pixel = 0; pixel < picture.pixels; ++pixel) {
      const uint8_t* rgba = bytes_of(pixels) + 4 * pixel;
      for (int32_t channel = 0; channel < picture.channels; ++channel) {
        double byte = rgba[channel];
        if (picture.channels == 1) {
          byte = (kGrey[0] * rgba[0] + kGrey[1] * rgba[1] + kGrey[2] * rgba[2]) / 65536.0;
        }
        const double scaled = byte * factors.scale[channel];
        const double offset = factors.offset[channel];
        const double got = values[place(picture, pixel, channel)];
        // One rounding of the product where it is not fused, one of the sum.
        const double most = 2 * 0x1p-24 * (std::abs(scaled) + std::abs(offset));
        wrong += !(std::abs(got - (scaled + offset)) <= most);
      }
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("floats become pixels as canvases round them, with their alpha, another or the old one") {
  // Steps of an eighth: every product, sum and tie is exact.
  const float kSpecial[] = {NAN, -NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 1e-45f, -0.0f};
  Random random(4102);
  for_each_picture([&](const Picture& picture, Guard guard) {
    PixelFactors factors;
    for (int channel = 0; channel < 4; ++channel) {
      factors.scale[channel] = random.one_in(2) ? 2.0f : -0.5f;
      factors.offset[channel] = static_cast<float>(random.between(-8, 2040)) / 8;
    }
    const ExactBuffer pixels(picture.pixels, 0, guard);
    const ExactBuffer values(picture.pixels * picture.channels, 0, guard);
    fill_bytes(pixels);
    const std::vector<uint8_t> before(bytes_of(pixels), bytes_of(pixels) + 4 * picture.pixels);
    for (int64_t index = 0; index < values.size(); ++index) {
      values.data()[index] = random.one_in(16) ? kSpecial[random.between(0, 7)]
                                               : static_cast<float>(random.between(-600, 2600)) / 8;
    }
    const int32_t alpha = random.between(-1, 1) * 127;
    deconv::floats_to_pixels(picture, values.data(), factors, std::max(alpha, -1),
                             bytes_of(pixels));
    int64_t wrong = 0;
    for (int64_t pixel = 0; pixel < picture.pixels; ++pixel) {
      for (int32_t channel = 0; channel < 4; ++channel) {
        const int32_t own = picture.channels == 1 ? 0 : channel;
        const int64_t at = 4 * pixel + channel;
        uint8_t wanted = alpha < 0 ? before[static_cast<size_t>(at)] : static_cast<uint8_t>(alpha);
        if (channel < 3 || picture.channels == 4) {
          wanted = as_canvases_do(values[place(picture, pixel, own)] * factors.scale[own] +
                                  factors.offset[own]);
        }
        wrong += bytes_of(pixels)[at] != wanted;
      }
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("every byte comes back as itself, whatever mean and standard deviation") {
  Random random(4103);
  for (const int32_t channels : {1, 3, 4}) {
    for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
      for (int round = 0; round < 100; ++round) {
        PixelFactors there;
        PixelFactors back;
        for (int channel = 0; channel < 4; ++channel) {
          const double mean = round == 0 ? 0 : random.value();
          const double deviation = round == 0 ? 1 : 0.1 + std::abs(random.value());
          there.scale[channel] = static_cast<float>(1 / (255 * deviation));
          there.offset[channel] = static_cast<float>(-mean / deviation);
          back.scale[channel] = static_cast<float>(255 * deviation);
          back.offset[channel] = static_cast<float>(255 * mean);
        }
        const Picture picture{256, channels, layout};
        const ExactBuffer pixels(256);
        for (int64_t index = 0; index < 1024; ++index) {
          bytes_of(pixels)[index] = static_cast<uint8_t>(index / 4);
        }
        const ExactBuffer values(256 * channels);
        deconv::pixels_to_floats(picture, bytes_of(pixels), there, values.data());
        // Both ends are met exactly when nothing is subtracted.
        if (round == 0) {
          CHECK(values[place(picture, 0, 0)] == 0);
          CHECK(values[place(picture, 255, 0)] == 1);
        }
        const ExactBuffer again(256);
        deconv::floats_to_pixels(picture, values.data(), back, 7, bytes_of(again));
        int64_t wrong = 0;
        for (int64_t index = 0; index < 1024; ++index) {
          const int64_t wanted = index % 4 == 3 && channels < 4 ? 7 : index / 4;
          wrong += bytes_of(again)[index] != wanted;
        }
        CHECK(wrong == 0);
      }
    }
  }
}
