#pragma once

#include <cstdint>

#include "deconv/status.h"

namespace deconv {

// What is applied to every value; a and b are its parameters. As PyTorch's functions of these
// names, NaN kept.
enum class Function : int32_t {
  kRelu = 0,
  kLeakyRelu,  // slope a; PReLU with one for each channel
  kElu,        // alpha a
  kSilu,
  kGelu,      // x times the normal distribution's share below x
  kGeluTanh,  // its approximation by tanh
  kHardswish,
  kHardsigmoid,  // x + b from 0 to a, over a: PyTorch's with 6 and 3
  kClamp,        // from a to b
  kSoftplus,     // beta a; x itself where a * x is above the threshold b
  kSigmoid,
  kTanh,
  kSnake,  // x + sin(a x)^2 / (a + 1e-9)
  // Of these there are values only.
  kAbsolute,
  kNegative,
  kExp,
  kLog,
  kSquareRoot,
  kReciprocal,
  kSine,  // sin(x + pi b): the cosine where b is 0.5
  kFloor,
  kCeiling,
  kRound,  // halves to the even one
  kSign,
  kErrorFunction,
  kSoftsign,  // x / (1 + |x|)
};

inline constexpr int kFunctionCount = 26;
static_assert(static_cast<int>(Function::kSoftsign) == kFunctionCount - 1);

// One function over a tensor [outer, channels, inner], contiguous: channels first is
// [N, C, points], channels last is [N * points, C, 1].
struct Elementwise {
  Function function = Function::kRelu;
  int64_t outer = 1;
  int64_t channels = 1;
  int64_t inner = 1;
  // Of every channel; with `a` of its own for each where `channel_a` is not null.
  float a = 0;
  float b = 0;
  const float* channel_a = nullptr;

  int64_t elements() const { return outer * channels * inner; }
};

// Values may stand anywhere; `output` may be the input, but overlap it in no other way.
Status elementwise(const Elementwise& call, const float* input, float* output);

// Gradient of sum(elementwise(input) * grad_output) with respect to the input; `grad_input` may be
// either of the two. kUnsupported for functions that have none.
Status elementwise_gradient(const Elementwise& call, const float* input, const float* grad_output,
                            float* grad_input);

// The same with respect to the `channels` values of channel_a, summed in double precision; of
// kLeakyRelu and kSnake, kUnsupported for the others.
Status elementwise_parameter_gradient(const Elementwise& call, const float* input,
                                      const float* grad_output, float* gradient);

}  // namespace deconv
