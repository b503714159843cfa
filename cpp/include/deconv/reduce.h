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
  int64_t outer = 1;
  int64_t count = 1;
  int64_t inner = 1;
  float divisor = 1;
  bool root = false;
};

// The tensors may not overlap.
void reduce(const Reduction& call, const float* input, float* output);

}  // namespace deconv
