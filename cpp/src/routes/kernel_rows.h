#pragma once

#include <algorithm>
#include <cstdint>

#include "axis_phases.h"
#include "deconv/geometry.h"
#include "machine.h"
#include "matrix_tile.h"

namespace deconv {

// How the kernels of a layer become rows of tiles: a row is an output channel of a phase or tap.

// Calls visit(channels) with pieces of a group's input channels, one after the other. The kernels
// of a transposed convolution that meet a channel lie together: as many channels stay in a
// second-level cache while the rows of all taps take theirs.
template <typename Visit>
void visit_channels(const Spec& spec, const Visit& visit) {
  const int64_t channels = spec.group_in_channels();
  const int64_t at_once = spec.transposed
                              ? std::max<int64_t>(8, machine.packed_weights / spec.kernel_stride())
                              : channels;
  for (int64_t first = 0; first < channels; first += at_once) {
    visit(Range{first, std::min(first + at_once, channels)});
  }
}

// Calls visit(row, phase, channel, rows) for those rows of a tile of `height` rows that have one
// phase: so many from `row` on, of output channels of a group from `channel` on.
template <typename Visit>
void visit_kernels(const Spec& spec, int64_t first_row, int64_t height, const Visit& visit) {
  const int64_t out = spec.group_out_channels();
  for (int64_t row = 0, end; row < height; row = end) {
    const int64_t phase = (first_row + row) / out;
    end = std::min(height, (phase + 1) * out - first_row);
    visit(row, phase, first_row + row - phase * out, end - row);
  }
}

// A tap of so many output channels of one group by some of its input channels.
inline TilePart kernels_of(const Spec& spec, const float* weight, int64_t tap, int64_t channel,
                           int64_t rows, const Range& channels) {
  return {
      .source = weight + spec.first_kernel(channel) + channels.begin * spec.kernel_stride() + tap,
      .rows = rows,
      .row_stride = rows > 1 ? spec.first_kernel(channel + 1) - spec.first_kernel(channel) : 0,
      .steps = channels.count(),
      .step_stride = spec.kernel_stride()};
}

}  // namespace deconv
