#pragma once

#include <wasm_simd128.h>

#include <cstdint>
#include <span>

#include "routes/weight_transform.h"

namespace deconv {

// Winograd's F(m, r) of tiles that stand a lane each, the part that depends on m and r: see
// winograd_line.cpp.
struct LineForm {
  int steps;  // of a tile
  int taps;   // of a window
  int reads;  // positions that a tile reads, which is products of a tile

  // Columns are kPanel lanes each. Tile (run, residue) reads every dilation-th column from column
  // run * steps * dilation + residue on; tiles of residues [0, dilation) follow each other, of runs
  // [0, runs), `tile_stride` apart. Those of `channels` lie `plane` apart, and their transforms
  // kPanel.
  struct Columns {
    const float* first;
    int64_t plane;
    int64_t channels;
    int64_t dilation;
    int64_t runs;
  };
  void transform(const Columns& columns, float* target, int64_t tile_stride,
                 int64_t point_stride) const {
    transform_columns(columns, steps, target, tile_stride, point_stride);
  }
  // Forms of the same points have it in common.
  void (*transform_columns)(const Columns& columns, int steps, float* target, int64_t tile_stride,
                            int64_t point_stride);
  // The way back to columns, `pitch` apart, from kPanel lanes a tile at source[point *
  // point_stride].
  void (*transform_back)(const float* source, int64_t point_stride, int64_t dilation, int64_t runs,
                         v128_t bias, bool clamps, float* columns, int64_t pitch);
  WeightTransform weights;
};

inline constexpr int kMostLineReads = 10;

extern const std::span<const LineForm> kLineForms;

}  // namespace deconv
