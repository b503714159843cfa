#pragma once

#include <cstdint>

#include "deconv/geometry.h"

namespace deconv {

// A tensor [outer, depth, height, width, inner], contiguous, of which another one with the same
// outer and inner sizes is made: channels first is [N * C, D, H, W, 1], channels last
// [N, D, H, W, C].
struct Volume {
  int32_t outer = 1;
  Axes input{1, 1, 1};
  Axes output{1, 1, 1};
  int32_t inner = 1;
};

}  // namespace deconv
