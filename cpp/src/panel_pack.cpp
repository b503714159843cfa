#include "panel_pack.h"

#include <wasm_simd128.h>

#include <algorithm>

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
  positions_ = positions;
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
    const int32_t* const position = positions_.spatial[axis];
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
  const int64_t delta =
      (int64_t{offset[0]} * problem_.input[1] + offset[1]) * problem_.input[2] + offset[2];
  if (problem_.layout == Layout::kChannelsFirst) {
    pack_planes(delta, inside, first_channel, channels, panel);
  } else {
    pack_points(delta * problem_.spec.in_channels, inside, first_channel, channels, panel);
  }
}

void PanelPacker::pack_planes(int64_t delta, unsigned inside, int64_t first_channel,
                              int64_t channels, float* panel) const {
  const int64_t plane = problem_.input_points();
  const int64_t shift = first_channel * plane + delta;
  // A vector that starts outside of its row may be loaded and masked where it does not start before
  // the input; one of its values is inside, so that it ends in the slack at most.
  const auto loadable = [&](const int64_t* start) { return start[0] + shift >= 0; };
  const unsigned left = inside & kHalf;
  const unsigned right = inside >> 4;
  const bool left_whole = left_together_ && left != 0 && loadable(positions_.start);
  const bool right_whole = right_together_ && right != 0 && loadable(positions_.start + 4);
  const float* left_source = input_ + positions_.start[0] + shift;
  const float* right_source = input_ + positions_.start[4] + shift;
  if (inside == kAll && left_whole && right_whole) {
    for (int64_t channel = 0; channel < channels; ++channel) {
      wasm_v128_store(panel, wasm_v128_load(left_source));
      wasm_v128_store(panel + 4, wasm_v128_load(right_source));
      panel += kPanel;
      left_source += plane;
      right_source += plane;
    }
    return;
  }
  const auto pack_half = [&](unsigned bits, bool whole, int first_lane, const float* source,
                             float* target) {
    if (whole) {
      const v128_t mask = lane_mask(bits);
      for (int64_t channel = 0; channel < channels; ++channel) {
        wasm_v128_store(target, wasm_v128_and(wasm_v128_load(source), mask));
        target += kPanel;
        source += plane;
      }
      return;
    }
    for (int64_t channel = 0; channel < channels; ++channel) {
      wasm_v128_store(target + channel * kPanel, wasm_i32x4_const_splat(0));
    }
    for (int lane = 0; lane < 4; ++lane) {
      if ((bits >> lane & 1) == 0) continue;
      const float* lane_source = input_ + positions_.start[first_lane + lane] + shift;
      for (int64_t channel = 0; channel < channels; ++channel) {
        target[channel * kPanel + lane] = lane_source[channel * plane];
      }
    }
  };
  pack_half(left, left_whole, 0, left_source, panel);
  pack_half(right, right_whole, 4, right_source, panel + 4);
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
          is_inside ? input_ + positions_.start[4 * half + lane] + delta + first_channel : input_;
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
