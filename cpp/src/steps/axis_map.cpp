#include "steps/axis_map.h"

#include <algorithm>

namespace deconv {

bool AxisMap::reserve(int32_t sources, int32_t targets, int64_t most) {
  if (!own_ends_.reserve(targets) || !own_taps_.reserve(most)) return false;
  view(sources, targets, own_ends_.data(), own_taps_.data());
  target_ = 0;
  ends_[0] = 0;
  return true;
}

void AxisMap::view(int32_t sources, int32_t targets, int32_t* ends, Tap* taps) {
  sources_ = sources;
  targets_ = targets;
  ends_ = ends;
  taps_ = taps;
}

void AxisMap::next() {
  if (++target_ < targets_) ends_[target_] = ends_[target_ - 1];
}

bool AxisMap::transpose_of(const AxisMap& other) {
  if (!reserve(other.targets_, other.sources_, other.tap_count())) return false;
  std::fill_n(ends_, targets_, 0);
  const auto counted = [&](auto&& count) {
    for (int32_t target = 0; target < other.targets_; ++target) {
      for (const Tap& tap : other.of(target)) count(target, tap);
    }
  };
  // How many there are, then where they begin; when all are there, where they end.
  counted([&](int32_t, const Tap& tap) { ++ends_[tap.source]; });
  int32_t begin = 0;
  for (int64_t target = 0; target < targets_; ++target) {
    const int32_t count = ends_[target];
    ends_[target] = begin;
    begin += count;
  }
  counted(
      [&](int32_t target, const Tap& tap) { taps_[ends_[tap.source]++] = {target, tap.weight}; });
  return true;
}

bool AxisMap::copies() const {
  for (int64_t target = 0; target < targets_; ++target) {
    const Taps taps = of(target);
    if (taps.first != taps.last && !taps.is_copy()) return false;
  }
  return true;
}

}  // namespace deconv
