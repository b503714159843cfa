#include "steps/normalization/normalizer.h"

#include <algorithm>
#include <numeric>

#include "deconv/workspace.h"

namespace deconv::normalization {

bool Normalizer::prepare(const float* weight, const float* bias) {
  const int64_t lines = lines_.count();
  const bool across = set_ == NormalizedSet::kPoint;
  const int64_t slots = std::max(lines_.slots(), across ? lines_.crossing().slots() : 0);
  const int64_t slot_floats = slots * static_cast<int64_t>(sizeof(Pair) / sizeof(float));
  Buffer& room = Workspace::shared().scratch;
  if (!room.reserve(slot_floats + 5 * lines + 2 * call_.channels + kLanes)) return false;
  slots_ = reinterpret_cast<Pair*>(room.data());
  float* next = room.data() + slot_floats;
  for (float** values : {&parameters_.center, &parameters_.scale, &parameters_.shift,
                         &parameters_.gain, &parameters_.inverse}) {
    *values = next;
    next += lines;
  }
  parameters_.weight = next;
  parameters_.bias = next + call_.channels;
  for (int64_t channel = 0; channel < call_.channels; ++channel) {
    parameters_.weight[channel] = weight == nullptr ? 1 : weight[channel];
    parameters_.bias[channel] = bias == nullptr ? 0 : bias[channel];
  }
  weighted_ = set_ == NormalizedSet::kPoint && (weight != nullptr || bias != nullptr);
  return true;
}

Lines Normalizer::lines_of() const {
  const auto& [unused, layout, batch, channels, points, groups, eps] = call_;
  // A tensor of one point reads the same in both layouts, and has longer rows in this one.
  const bool last = layout == Layout::kChannelsLast || points == 1;
  if (!last) return {{batch, channels, points}, set_ != NormalizedSet::kPoint};
  Grid grid{batch, points, channels};
  if (set_ != NormalizedSet::kGroup) grid = {1, batch * points, channels};
  if (set_ == NormalizedSet::kPoint) return {grid, true};
  // Several points in a row, where that fills tiles: a channel has a column of each then.
  const int64_t repeats = kLanes / std::gcd(channels, kLanes);
  if (grid.rows % repeats == 0) {
    grid.rows /= repeats;
    grid.columns *= repeats;
  }
  return {grid, false};
}

int64_t Normalizer::lines_of_set() const {
  if (set_ == NormalizedSet::kPoint) return 1;
  // Lines of an outer entry that belong to one channel.
  const int64_t repeats = lines_.per_outer() / call_.channels;
  if (set_ == NormalizedSet::kChannel) return lines_.grid.outer * repeats;
  return call_.channels / call_.groups * repeats;
}

}  // namespace deconv::normalization
