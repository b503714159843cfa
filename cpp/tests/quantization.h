#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "deconv/quantized.h"

namespace deconv_tests {

// Ties to even, and saturating: written without the tricks of the product.
inline int8_t quantized(float value, const deconv::Quantization& quantization) {
  if (std::isnan(value)) return static_cast<int8_t>(quantization.zero_point);
  const float inverse = 1.0f / quantization.scale;
  const double steps = std::clamp<double>(value * inverse, -1000, 1000);
  return static_cast<int8_t>(
      std::clamp(std::nearbyint(steps) + quantization.zero_point, -128.0, 127.0));
}

}  // namespace deconv_tests
