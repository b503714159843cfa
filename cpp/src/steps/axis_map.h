#pragma once

#include <cstdint>

#include "deconv/buffer.h"

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
    bool is_copy() const { return last - first == 1 && first->weight == 1; }
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

}  // namespace deconv
