#pragma once

#include <cstdint>

#include "deconv/quantized.h"

namespace deconv {

// The quantization whose 256 steps span the values and 0, so that 0 (all padding) is exact. False
// when a value is infinite or NaN.
bool measure(int64_t count, const float* values, Quantization* quantization);

// target = clamp(round(value * (1 / scale)) + zero_point), ties to even; NaN gives zero_point.
// `measured` where measure() made the quantization of these values.
void quantize(int64_t count, const float* values, const Quantization& quantization, bool measured,
              int8_t* target);

void dequantize(int64_t count, const int8_t* values, const Quantization& quantization,
                float* target);

// What makes results of the exact sums of products of one image, in the place of each:
//
//   dynamic: sum * input_scale * scale + bias, with a large input_scale behind scale
//   static:  clamp(round((sum + bias) * scale) + zero_point), ties to even, in `bytes` at
//            the sum's index; the bias is integer_bias, or that in floats beside sums in floats
//
// With `relu` what is below 0, or below zero_point, becomes that. There is a scale and a bias for
// each channel; 16 bytes behind them are read.
struct Rescale {
  int64_t points;
  int64_t channels;
  bool channels_last;
  bool integers;  // the sums are 32-bit integers; else floats
  bool relu;
  const float* scale;
  const float* bias = nullptr;
  // Dynamic.
  float input_scale = 1;
  // Static.
  const int32_t* integer_bias = nullptr;
  int32_t zero_point = 0;
  int8_t* bytes = nullptr;
};

// Of `count` sums from the one at `begin` on; `sums` is where the first of the image stands.
void rescale(const Rescale& by, int64_t begin, int64_t count, float* sums);

}  // namespace deconv
