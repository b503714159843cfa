#pragma once

#include <cstdint>

#include "deconv/quantized.h"

namespace deconv {

// The quantization whose 256 steps span the values and 0, so that 0 (all padding) is exact. False
// when a value is infinite or NaN.
bool measure(int64_t count, const float* values, Quantization* quantization);

// target = clamp(round(value * (1 / scale)) + zero_point), ties to even; NaN gives zero_point.
void quantize(int64_t count, const float* values, const Quantization& quantization, int8_t* target);

void dequantize(int64_t count, const int8_t* values, const Quantization& quantization,
                float* target);

}  // namespace deconv
