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

// Panels behind each other whose positions lie beside each other in one row of planes, channels
// first.
struct PanelRow {
  int64_t start;       // as PanelPositions::start, of the first position
  int32_t spatial[2];  // of all positions, along depth and height
  int64_t column;      // of the first position
  int64_t columns;     // that the row has
  int64_t panels;
};

// Copies the values that one tap offset reads for all positions of a panel and `channels` channels
// to panel[channel][kPanel]; positions outside of the input give 0.
class PanelPacker {
 public:
  PanelPacker(const Problem& problem, const float* input);

  // Call for each panel first; `positions` has to outlive what is packed.
  void select(const PanelPositions& positions);

  // `first_channel` counts from the first group's first channel.
  void pack(const int32_t (&offset)[3], int64_t first_channel, int64_t channels,
            float* panel) const;
  // The same for all panels of a row, which lie `panel_stride` apart.
  void pack_row(const PanelRow& row, const int32_t (&offset)[3], int64_t first_channel,
                int64_t channels, int64_t panel_stride, float* panels) const;

 private:
  // At the edges of rows alone: not worth their copies.
  [[gnu::noinline]] void pack_beside(const float* source, unsigned inside, int64_t channels,
                                     float* panel) const;
  [[gnu::noinline]] void pack_apart(const float* const (&source)[4], unsigned inside,
                                    int64_t channels, float* panel) const;
  int64_t delta(const int32_t (&offset)[3]) const {
    return (int64_t{offset[0]} * problem_.input[1] + offset[1]) * problem_.input[2] + offset[2];
  }

  void pack_planes(int64_t delta, unsigned inside, int64_t first_channel, int64_t channels,
                   float* panel) const;
  void pack_points(int64_t delta, unsigned inside, int64_t first_channel, int64_t channels,
                   float* panel) const;

  const Problem& problem_;
  const float* const input_;
  const PanelPositions* positions_ = nullptr;
  bool left_together_ = false;
  bool right_together_ = false;
};

}  // namespace deconv
