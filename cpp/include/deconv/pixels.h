#pragma once

#include <cstdint>

#include "deconv/geometry.h"

namespace deconv {

// The floats of a picture whose pixels are four bytes each: red, green, blue, alpha. Of three
// channels alpha is left out; one is grey, 0.299 red + 0.587 green + 0.114 blue.
struct Picture {
  int64_t pixels;
  // 1, 3 or 4.
  int32_t channels;
  Layout layout;
};

// float = byte * scale + offset; or back, byte = float * scale + offset. One of each for a channel.
struct PixelFactors {
  float scale[4];
  float offset[4];
};

void pixels_to_floats(const Picture& picture, const uint8_t* pixels, const PixelFactors& factors,
                      float* values);

// As an ImageData takes numbers: rounded to the nearest whole one, ties to even, clamped to 0 and
// 255; NaN is 0. Alpha is the fourth channel's; where there is none it is `alpha`, or stays what it
// is if that is below 0.
void floats_to_pixels(const Picture& picture, const float* values, const PixelFactors& factors,
                      int32_t alpha, uint8_t* pixels);

}  // namespace deconv
