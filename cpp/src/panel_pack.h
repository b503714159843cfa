#pragma once

#include <cstdint>

#include "deconv/geometry.h"
#include "matrix_tile.h"

namespace deconv {

// Where the kPanel positions of one panel start to read, before any tap's offset.
struct PanelPositions {
  // Elements of the first channel's plane (channels first) or of the first channel (channels last)
  // from the start of the input; positions behind the last one have a spatial position of kNowhere.
  int64_t start[kPanel];
  int32_t spatial[3][kPanel];
  static constexpr int32_t kNowhere = INT32_MIN / 2;
};

// Copies the values that one tap offset reads for all positions of a panel and `channels` channels
// to panel[channel][kPanel]; positions outside of the input give 0.
class PanelPacker {
 public:
  PanelPacker(const Problem& problem, const float* input);

  // Call for each panel first.
  void select(const PanelPositions& positions);

  // `first_channel` counts from the first group's first channel.
  void pack(const int32_t (&offset)[3], int64_t first_channel, int64_t channels,
            float* panel) const;

 private:
  void pack_planes(int64_t delta, unsigned inside, int64_t first_channel, int64_t channels,
                   float* panel) const;
  void pack_points(int64_t delta, unsigned inside, int64_t first_channel, int64_t channels,
                   float* panel) const;

  const Problem& problem_;
  const float* const input_;
  PanelPositions positions_;
  bool left_together_ = false;
  bool right_together_ = false;
};

}  // namespace deconv
