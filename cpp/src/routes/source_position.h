#pragma once

#include <cstdint>

#include "deconv/geometry.h"

namespace deconv {

// Where tap `tap` of output position `position` reads along `axis`, or -1 where it reads no input.
inline int64_t source_position(const Problem& problem, int axis, int64_t position, int64_t tap) {
  const Spec& spec = problem.spec;
  int64_t source;
  int64_t step;
  if (spec.transposed) {
    source = position + spec.pad_before[axis] - tap * spec.dilation[axis];
    step = spec.stride[axis];
  } else {
    source = position * spec.stride[axis] + tap * spec.dilation[axis] - spec.pad_before[axis];
    step = spec.input_dilation[axis];
  }
  if (source < 0 || source % step != 0) return -1;
  source /= step;
  return source < problem.input[axis] ? source : -1;
}

}  // namespace deconv
