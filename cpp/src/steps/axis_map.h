#pragma once

#include <cstdint>

#include "deconv/buffer.h"
#include "deconv/mapped_axes.h"
#include "deconv/volume.h"

namespace deconv {

// What a target position of one axis is made of.
struct Tap {
  int32_t source;
  float weight;
};

// How the positions of one axis are made of another's: a sparse matrix by rows. Resizes, averages
// and pads are one of them for each axis, and their gradients the transposes.
class AxisMap {
 public:
  struct Taps {
    const Tap* first;
    const Tap* last;
    const Tap* begin() const { return first; }
    const Tap* end() const { return last; }
  };

  // Room for `most` taps in all; no target has any yet.
  [[nodiscard]] bool reserve(int32_t sources, int32_t targets, int64_t most);
  // Taps of the first target, until `next` begins with that of the one behind it.
  void add(int32_t source, float weight = 1) { taps_[ends_[target_]++] = {source, weight}; }
  void next();
  // Taps that somebody else keeps, and where those of every target end among them.
  void view(int32_t sources, int32_t targets, int32_t* ends, Tap* taps);

  [[nodiscard]] bool transpose_of(const AxisMap& other);

  int32_t sources() const { return sources_; }
  int32_t targets() const { return targets_; }
  int64_t tap_count() const { return ends_[targets_ - 1]; }
  Taps of(int64_t target) const {
    return {taps_ + (target == 0 ? 0 : ends_[target - 1]), taps_ + ends_[target]};
  }
  // Whether every target is one source, or nothing.
  bool copies() const;

 private:
  int32_t sources_ = 1;
  int32_t targets_ = 1;
  int64_t target_ = 0;
  int32_t* ends_ = nullptr;
  Tap* taps_ = nullptr;
  Block<int32_t> own_ends_;
  Block<Tap> own_taps_;
};

// Depth, height, width.
using AxisMaps = AxisMap[3];

// kOk where the tensors can be.
Status check_volume(const Volume& volume);

// A target is the sum over the taps of its three axes of source times weights; or `fill`, where no
// target has more than one source and this one has none. kOutOfMemory before anything is written.
Status sum_taps(const AxisMaps& maps, int64_t outer, int64_t inner, const float* source,
                float* target, float fill = 0);

// The same of the maps' transposes, without a fill.
Status sum_transposed_taps(const AxisMaps& maps, int64_t outer, int64_t inner, const float* source,
                           float* target);

// The maximum of the sources, NaN before all numbers; weights do not count.
Status maximum_of_taps(const AxisMaps& maps, int64_t outer, int64_t inner, const float* source,
                       float* target);

// Makes a map for every axis by `make(axis, map)`, which answers a status. Maps of an empty batch
// would be as long as its axes, for nothing: callers leave before.
template <typename Make>
Status make_maps(const Volume& volume, const Make& make, AxisMaps& maps) {
  Status status = check_volume(volume);
  for (int axis = 0; axis < 3 && status == Status::kOk; ++axis) status = make(axis, maps[axis]);
  return status;
}

// Sums the taps of such maps; or of their transposes, from the output's gradient to the input's.
template <typename Make>
Status sum_mapped(const Volume& volume, const Make& make, bool transposed, const float* source,
                  float* target, float fill = 0) {
  AxisMaps maps;
  if (volume.outer == 0) return check_volume(volume);
  if (const Status status = make_maps(volume, make, maps); status != Status::kOk) return status;
  return transposed ? sum_transposed_taps(maps, volume.outer, volume.inner, source, target)
                    : sum_taps(maps, volume.outer, volume.inner, source, target, fill);
}

}  // namespace deconv
