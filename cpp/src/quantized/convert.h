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

// Exact sums of products of an int8 operator, in either layout; some of what lies in the 16 bytes
// behind them is read.
struct Sums {
  float* values;
  int64_t points;
  int64_t channels;
  bool channels_last;
};

// target = sum * input_scale * scale + bias, with `scale` and `bias` of the channel; 16 bytes
// behind them are read. With `relu` what is below 0 becomes 0.
void rescale(const Sums& sums, float input_scale, const float* scale, const float* bias, bool relu,
             float* target);

// target = clamp(round((sum + bias) * scale) + zero_point), ties to even, with `relu` no less than
// zero_point. The sums are used up.
void rescale(const Sums& sums, const float* scale, const int32_t* bias, int32_t zero_point,
             bool relu, int8_t* target);

}  // namespace deconv
