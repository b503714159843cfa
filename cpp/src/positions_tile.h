#pragma once

#include <cstdint>
#include <span>

#include "matrix_tile.h"

namespace deconv {

// The innermost product of channels last: rows of positions, each read where it lies, times columns
// of output channels, whose weights are packed so that they are read in order.
//
//   panel: for each step of the depth the weights of up to kPanel output channels, in whole vectors
//   result[channel] = bias[channel] + sum over the depth of value * panel
//
// A position reads the depth in segments, whose steps lie behind each other.
struct PositionsProduct {
  const float* panel;
  const float* bias;  // in whole vectors
  std::span<const int32_t> lengths;
  int64_t tiles;
  const float* const* reads;  // [tile][segment][kTileRows]
  float* const* results;      // [tile][kTileRows]
  int64_t first_channel;
  int32_t channels;  // 1 to kPanel
  bool relu;
};

void multiply_positions(const PositionsProduct& product);

}  // namespace deconv
