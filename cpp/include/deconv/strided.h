#pragma once

#include <array>
#include <cstdint>

namespace deconv {

inline constexpr int kMostAxes = 8;
using ManyAxes = std::array<int32_t, kMostAxes>;

// The values of a tensor of `extents`, the last axis the innermost, each of which lies at the sum
// of its places times `strides`, which may be 0 or below it: a permutation of axes, a part of a
// tensor, repetitions.
struct StridedCopy {
  int32_t axes = 0;
  ManyAxes extents{};
  ManyAxes strides{};
};

// `target` is contiguous and may not overlap the source, whose first value `source` points to.
void copy_strided(const StridedCopy& call, const float* source, float* target);

}  // namespace deconv
