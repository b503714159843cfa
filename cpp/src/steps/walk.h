#pragma once

#include <cstdint>

#include "deconv/strided.h"

namespace deconv {

// Goes through the places of the first `axes` of a tensor in their order, and tells where `kCount`
// others that are laid out by strides have the value of each.
template <int kCount>
class Walk {
 public:
  Walk(int axes, const ManyAxes& extents, const ManyAxes* const (&strides)[kCount], int64_t place)
      : axes_(axes), extents_(extents) {
    for (int which = 0; which < kCount; ++which) {
      strides_[which] = strides[which];
      offsets_[which] = 0;
    }
    for (int axis = axes - 1; axis >= 0; --axis) {
      places_[axis] = static_cast<int32_t>(place % extents[axis]);
      place /= extents[axis];
      move(axis, places_[axis]);
    }
  }

  int64_t offset(int which = 0) const { return offsets_[which]; }

  void next() {
    for (int axis = axes_ - 1; axis >= 0; --axis) {
      move(axis, 1);
      if (++places_[axis] < extents_[axis]) return;
      move(axis, -extents_[axis]);
      places_[axis] = 0;
    }
  }

 private:
  void move(int axis, int64_t steps) {
    for (int which = 0; which < kCount; ++which) {
      offsets_[which] += steps * (*strides_[which])[axis];
    }
  }

  const int axes_;
  const ManyAxes& extents_;
  const ManyAxes* strides_[kCount];
  int64_t offsets_[kCount];
  ManyAxes places_{};
};

// How many places the first axes have.
inline int64_t places_of(int axes, const ManyAxes& extents) {
  int64_t count = 1;
  for (int axis = 0; axis < axes; ++axis) count *= extents[axis];
  return count;
}

}  // namespace deconv
