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
// A position reads the depth in segments, whose steps lie behind each other. The kTileRows
// positions of a tile lie equally far apart, or anywhere.
struct PositionTile {
  const float* input;  // of the first position; nullptr: the next of `pointers` are its
  float* result;
};

struct PositionsProduct {
  const float* panel;
  const float* bias;  // in whole vectors
  std::span<const int32_t> lengths;
  const int64_t* starts;  // of the segments, from a tile's input
  int64_t input_step;
  int64_t result_step;
  std::span<const PositionTile> tiles;
  // [tile][1 + segment][kTileRows]: the results, and what each segment reads.
  const float* const* pointers;
  int64_t first_channel;
  int32_t channels;  // 1 to kPanel
  bool relu;
};

void multiply_positions(const PositionsProduct& product);

}  // namespace deconv
