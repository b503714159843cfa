#include "panel_pack.h"

#include <wasm_simd128.h>

#include <algorithm>

#include "divide.h"
#include "transpose_4x4.h"

namespace deconv {
namespace {

constexpr unsigned kAll = (1u << kPanel) - 1;
constexpr unsigned kHalf = 0xF;

// All ones in the lanes whose bit is set.
v128_t lane_mask(unsigned bits) {
  const v128_t lanes = wasm_i32x4_const(1, 2, 4, 8);
  return wasm_i32x4_eq(wasm_v128_and(wasm_i32x4_splat(static_cast<int32_t>(bits)), lanes), lanes);
}

bool together(const int64_t* start) {
  return start[1] == start[0] + 1 && start[2] == start[0] + 2 && start[3] == start[0] + 3;
}

}  // namespace

PanelPacker::PanelPacker(const Problem& problem, const float* input)
    : problem_(problem), input_(input) {}

void PanelPacker::select(const PanelPositions& positions) {
  positions_ = &positions;
  left_together_ = together(positions.start);
  right_together_ = together(positions.start + 4);
}

void PanelPacker::pack(const int32_t (&offset)[3], int64_t first_channel, int64_t channels,
                       float* panel) const {
  v128_t left_inside = wasm_i32x4_const_splat(-1);
  v128_t right_inside = left_inside;
  for (int axis = 0; axis < 3; ++axis) {
    // As unsigned numbers positions before the input are behind it.
    const v128_t shift = wasm_i32x4_splat(offset[axis]);
    const v128_t size = wasm_i32x4_splat(problem_.input[axis]);
    const int32_t* const position = positions_->spatial[axis];
    const auto is_inside = [&](const int32_t* four) {
      return wasm_u32x4_lt(wasm_i32x4_add(wasm_v128_load(four), shift), size);
    };
    left_inside = wasm_v128_and(left_inside, is_inside(position));
    right_inside = wasm_v128_and(right_inside, is_inside(position + 4));
  }
  const unsigned inside = wasm_i32x4_bitmask(left_inside) | wasm_i32x4_bitmask(right_inside) << 4;
  if (inside == 0) {
    std::fill_n(panel, channels * kPanel, 0.0f);
    return;
  }
  if (problem_.layout == Layout::kChannelsFirst) {
    pack_planes(delta(offset), inside, first_channel, channels, panel);
  } else {
    pack_points(delta(offset) * problem_.spec.in_channels, inside, first_channel, channels, panel);
  }
}

void PanelPacker::pack_row(const PanelRow& row, const int32_t (&offset)[3], int64_t first_channel,
                           int64_t channels, int64_t panel_stride, float* panels) const {
  // Every panel is a stream of stores, for which a first-level cache has few ways where they lie
  // powers of two apart.
  constexpr int64_t kStreams = 16;
  const auto outside = [&](int axis) {
    const int32_t position = row.spatial[axis] + offset[axis];
    return position < 0 || position >= problem_.input[axis];
  };
  const int64_t columns = outside(0) || outside(1) ? 0 : row.columns;
  const int64_t column = row.column + offset[2];
  const int64_t plane = problem_.input_points();
  const float* const source = input_ + row.start + first_channel * plane + delta(offset);
  for (int64_t first = 0; first < row.panels; first += kStreams) {
    const int64_t last = std::min(first + kStreams, row.panels);
    // Those that lie inside of the row.
    const int64_t begin = std::clamp(ceil_divide(-column, kPanel), first, last);
    const int64_t end = std::clamp(floor_divide(columns - column, kPanel), begin, last);
    for (int64_t channel = 0; begin < end && channel < channels; ++channel) {
      const float* read = source + channel * plane + begin * kPanel;
      float* write = panels + begin * panel_stride + channel * kPanel;
      for (int64_t panel = begin; panel < end; ++panel) {
        wasm_v128_store(write, wasm_v128_load(read));
        wasm_v128_store(write + 4, wasm_v128_load(read + 4));
        read += kPanel;
        write += panel_stride;
      }
    }
    for (int64_t panel = first; panel < last; ++panel) {
      if (panel >= begin && panel < end) continue;
      for (int64_t lane = 0; lane < kPanel; lane += 4) {
        const int64_t at = column + panel * kPanel + lane;
        const auto met = [&](int64_t index) { return at + index >= 0 && at + index < columns; };
        const unsigned bits = met(0) | met(1) << 1 | met(2) << 2 | met(3) << 3;
        pack_beside(source + panel * kPanel + lane, bits, channels,
                    panels + panel * panel_stride + lane);
      }
    }
  }
}

// Four positions beside each other, of which those are inside whose bits are set.
void PanelPacker::pack_beside(const float* source, unsigned inside, int64_t channels,
                              float* panel) const {
  const int64_t plane = problem_.input_points();
  // A vector that starts outside of its row may be loaded and masked where it does not start before
  // the input; one of its values is inside, so that it ends in the slack at most.
  if (inside != 0 && source >= input_) {
    const v128_t mask = lane_mask(inside);
    for (int64_t channel = 0; channel < channels; ++channel) {
      wasm_v128_store(panel, wasm_v128_and(wasm_v128_load(source), mask));
      panel += kPanel;
      source += plane;
    }
    return;
  }
  const float* const lanes[4] = {source, source + 1, source + 2, source + 3};
  pack_apart(lanes, inside, channels, panel);
}

// Four positions anywhere.
void PanelPacker::pack_apart(const float* const (&source)[4], unsigned inside, int64_t channels,
                             float* panel) const {
  const int64_t plane = problem_.input_points();
  for (int64_t channel = 0; channel < channels; ++channel) {
    wasm_v128_store(panel + channel * kPanel, wasm_i32x4_const_splat(0));
  }
  for (int lane = 0; lane < 4; ++lane) {
    if ((inside >> lane & 1) == 0) continue;
    for (int64_t channel = 0; channel < channels; ++channel) {
      panel[channel * kPanel + lane] = source[lane][channel * plane];
    }
  }
}

void PanelPacker::pack_planes(int64_t delta, unsigned inside, int64_t first_channel,
                              int64_t channels, float* panel) const {
  const int64_t plane = problem_.input_points();
  const int64_t shift = first_channel * plane + delta;
  const float* const left = input_ + positions_->start[0] + shift;
  const float* const right = input_ + positions_->start[4] + shift;
  if (inside == kAll && left_together_ && right_together_) {
    for (int64_t channel = 0; channel < channels; ++channel) {
      wasm_v128_store(panel, wasm_v128_load(left + channel * plane));
      wasm_v128_store(panel + 4, wasm_v128_load(right + channel * plane));
      panel += kPanel;
    }
    return;
  }
  for (int lane = 0; lane < kPanel; lane += 4) {
    const unsigned bits = inside >> lane & kHalf;
    const float* const first = lane == 0 ? left : right;
    if (lane == 0 ? left_together_ : right_together_) {
      pack_beside(first, bits, channels, panel + lane);
      continue;
    }
    const float* source[4];
    for (int index = 0; index < 4; ++index) {
      source[index] = input_ + positions_->start[lane + index] + shift;
    }
    pack_apart(source, bits, channels, panel + lane);
  }
}

void PanelPacker::pack_points(int64_t delta, unsigned inside, int64_t first_channel,
                              int64_t channels, float* panel) const {
  const int64_t whole = channels / 4 * 4;
  for (int half = 0; half < 2; ++half) {
    const float* source[4];
    v128_t mask[4];
    for (int lane = 0; lane < 4; ++lane) {
      const bool is_inside = (inside >> (4 * half + lane) & 1) != 0;
      // A position outside reads the input's start and masks it: no branch in the loop.
      source[lane] =
          is_inside ? input_ + positions_->start[4 * half + lane] + delta + first_channel : input_;
      mask[lane] = wasm_i32x4_splat(is_inside ? -1 : 0);
    }
    float* target = panel + 4 * half;
    for (int64_t channel = 0; channel < whole; channel += 4) {
      v128_t rows[4] = {
          wasm_v128_and(wasm_v128_load(source[0] + channel), mask[0]),
          wasm_v128_and(wasm_v128_load(source[1] + channel), mask[1]),
          wasm_v128_and(wasm_v128_load(source[2] + channel), mask[2]),
          wasm_v128_and(wasm_v128_load(source[3] + channel), mask[3]),
      };
      transpose_4x4(rows);
      for (int64_t row = 0; row < 4; ++row) {
        wasm_v128_store(target + (channel + row) * kPanel, rows[row]);
      }
    }
    for (int64_t channel = whole; channel < channels; ++channel) {
      for (int lane = 0; lane < 4; ++lane) {
        const bool is_inside = (inside >> (4 * half + lane) & 1) != 0;
        target[channel * kPanel + lane] = is_inside ? source[lane][channel] : 0.0f;
      }
    }
  }
}

}  // namespace deconv
