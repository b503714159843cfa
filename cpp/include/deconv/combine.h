#pragma once

#include <cstdint>

#include "deconv/strided.h"

namespace deconv {

// Of two values; NaN is kept by minimum and maximum, and powers and remainders are those of C.
enum class Combination : int32_t {
  kAdd = 0,
  kSubtract,
  kMultiply,
  kDivide,
  kMinimum,
  kMaximum,
  kPower,
  kScaledSum,  // the first plus the second times a factor
  // Of the sign of the first; where the factor is not 0, one of the other sign plus the second.
  kRemainder,
  kProductSum,  // the product of the two, plus a third
};

inline constexpr int kCombinationCount = 10;
static_assert(static_cast<int>(Combination::kProductSum) == kCombinationCount - 1);

// Value by value; `output` may be one of the two or both.
void combine(Combination combination, int64_t count, const float* one, const float* other,
             float* output);

// Two tensors that are broadcast against each other to a contiguous one of `extents`: strides are 0
// along axes where one is repeated, and on the last axis 0 or 1. `output` may be one of the two
// that is not repeated.
struct Broadcast {
  Combination combination = Combination::kAdd;
  float factor = 1;
  int32_t axes = 0;
  ManyAxes extents{};
  ManyAxes strides[2]{};
};

// `addend`, of kProductSum alone, lies as the output does, and may be it.
void broadcast(const Broadcast& call, const float* one, const float* other, float* output,
               const float* addend = nullptr);

}  // namespace deconv
