#pragma once

#include <array>
#include <cstdint>

namespace deconv {

inline constexpr int kMostAxes = 8;
using ManyAxes = std::array<int32_t, kMostAxes>;

// The values of a tensor of `extents` to where another one has them: places times strides, which
// may be 0 or below it in the source. The target's last axis lies together; so does in the source
// that one or, where it can be, the one before it: those are transposed.
struct StridedCopy {
  int32_t axes = 0;
  ManyAxes extents{};
  ManyAxes source{};
  ManyAxes target{};
};

// Both point to the value of place 0; the tensors may not overlap.
void copy_strided(const StridedCopy& call, const float* source, float* target);

}  // namespace deconv
