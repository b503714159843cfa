#pragma once

#include <cstdint>

#include "deconv/geometry.h"

namespace deconv::gradients {

inline constexpr int kHeight = 1;
inline constexpr int kWidth = 2;

// The two tensors whose products a weight's gradient sums: `dense` gives every position to every
// tap, `strided` those at its strides. Of a transposed convolution dense is the input, of a
// convolution the gradient of the output.
//
// Where a value of one lies; all strides in floats.
struct Side {
  const float* data;
  Axes extents;
  int64_t group_channels;
  int64_t batch_stride;
  int64_t group_stride;
  int64_t channel_stride;
  int64_t depth_stride;
  int64_t row_stride;
  int64_t point_stride;

  const float* at(int64_t batch, int64_t group, int64_t channel, int64_t depth, int64_t height,
                  int64_t width) const;
};

struct Sides {
  Side dense;
  Side strided;
};

// Without values, what the two look like.
Sides sides_of(const Problem& problem, const float* input = nullptr,
               const float* grad_output = nullptr);

// Positions of one axis: `first`, first + step, ...
struct Positions {
  int64_t first = 0;
  int64_t step = 1;

  int64_t at(int64_t index) const { return first + index * step; }
};

// The `count` positions of both sides at which a tap multiplies one with the other along an axis.
struct Meeting {
  int64_t count = 0;
  Positions dense;
  Positions strided;
};

Meeting meeting_of(const Problem& problem, int axis, int64_t tap);

}  // namespace deconv::gradients
