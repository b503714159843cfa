#pragma once

#include <wasm_simd128.h>

#include <cstdint>

#include "routes/weight_transform.h"

namespace deconv {

// Winograd's F(m x m, r x r), or F(m, r) along the width alone, the part that differs between the
// routes of winograd.cpp.

// Tiles that are transformed together, one a lane. Two of them make a panel.
inline constexpr int kQuad = 4;

inline constexpr int kMostTaps = 5;
inline constexpr int kMostReads = 8;

struct Form {
  int steps;   // of a tile, along each axis that is transformed
  int taps;    // of a window
  int reads;   // positions that a tile reads
  int points;  // products of a tile: reads * reads, or reads along the width alone

  bool width_alone() const { return points == reads; }

  // Transforms the windows of four tiles beside each other, which start at `window` of a padded
  // plane, and writes point p to target[p * point_stride].
  void (*transform_quad)(const float* window, int64_t pitch, float* target, int64_t point_stride);
  // The way back: point p of four tiles from source[p * point_stride] to rows of their steps.
  void (*transform_back)(const float* source, int64_t point_stride, v128_t bias, bool clamps,
                         float* target, int64_t pitch);
  WeightTransform weights;
  const char* too_many_taps;
};

extern const Form kF45;
extern const Form kF43;
extern const Form kF42;
extern const Form kF22;

}  // namespace deconv
