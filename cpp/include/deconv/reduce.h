#pragma once

#include <cstdint>

namespace deconv {

enum class Reducer : int32_t { kSum = 0, kMaximum, kMinimum, kProduct, kAbsoluteSum, kSquareSum };

inline constexpr int kReducerCount = 6;
static_assert(static_cast<int>(Reducer::kSquareSum) == kReducerCount - 1);

// The middle axis of [outer, count, inner] as one value: 0 for sums of nothing, infinity of one
// sign or the other, or 1. Over `divisor`, and of that the square root where `root` says so. NaN is
// kept.
struct Reduction {
  Reducer reducer = Reducer::kSum;
  int32_t outer = 1;
  int32_t count = 1;
  int32_t inner = 1;
  float divisor = 1;
  int32_t root = 0;
};

// The tensors may not overlap.
void reduce(const Reduction& call, const float* input, float* output);

}  // namespace deconv
