#pragma once

#include "steps/axis_map.h"

namespace deconv {

// What a row of targets copies of its row of sources: places of values, below 0 for none.
class RowCopy {
 public:
  // With more inner values than these whole pixels are copied.
  static constexpr int64_t kFewInner = 8;

  [[nodiscard]] bool prepare(const AxisMap& width, int64_t inner);
  void operator()(const float* source, float fill, float* target) const;

 private:
  // Four values of a target row as a shuffle of four of its source that lie together.
  struct alignas(16) Shuffle {
    uint8_t lanes[16];
    // Of the first of the four; below 0 where there are no such four.
    int32_t first;
  };

  static void prepare_four(const int32_t* places, int64_t sources, Shuffle& shuffle);
  void copy_values(const float* source, float fill, float* target) const;
  void copy_each(int64_t first, int64_t end, const float* source, float fill, float* target) const;

  int64_t inner_ = 1;
  int64_t count_ = 0;
  Block<int32_t> places_;
  Block<Shuffle> shuffles_;
};

}  // namespace deconv
