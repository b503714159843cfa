#pragma once

#include <cstdint>

#include "deconv/status.h"

namespace deconv {

// The innermost product of every route that is a matrix product: rows of weights times columns of
// positions, both packed so that it reads them in order.
//
//   panels: for each step of the depth kPanel positions beside each other
//   tile:   [rows] biases, then [depth][rows] weights
//   result[row][column] = bias[row] + sum over the depth of tile[row] * panel[column]
//
// Values are words of 32 bits: floats, or several integers each, whose products are summed in one.
enum class Words : uint8_t {
  kFloats,
  kPairs,  // of int16; there is no bias
  // Of bytes, those of the tile int8. In place of a bias stands the sum of the row's weights, which
  // as many times is taken off as positions hold for 0.
  kQuads
};

// Positions that a panel holds: two vectors.
inline constexpr int kPanel = 8;

inline int64_t whole_panels(int64_t positions) {
  return (positions + kPanel - 1) / kPanel * kPanel;
}

// Rows of the largest tile. Two accumulators a row, two panel vectors and one weight must fit the
// 15 vector registers that engines on x86-64 leave: six rows fill them, and reach 98 % of the peak
// of relaxed SIMD. Products that are not added as they are made need a register of their own: those
// of pairs, and without relaxed SIMD all.
constexpr int tile_rows(Words words) {
#ifdef __wasm_relaxed_simd__
  return words == Words::kPairs ? 5 : 6;
#else
  (void)words;
  return 5;
#endif
}
inline constexpr int kTileRows = tile_rows(Words::kFloats);

// A stretch of the panel's depth.
struct Segment {
  int32_t first;
  int32_t length;
};

// What one product reads and writes; the tile's depth is the sum of the segments' lengths.
struct TileProduct {
  const float* tile = nullptr;
  const float* panels;
  int64_t panel_count;
  int64_t panel_stride;
  const Segment* segments;
  int32_t segment_count = 0;
  bool relu = false;
  Words words = Words::kFloats;
  int32_t zero = 0;
  // [rows][panel_count * kPanel], rows `result_stride` apart.
  float* result = nullptr;
  int64_t result_stride = 0;
  // Values from one step of the depth to the next, and those that Segment::first counts: packed
  // panels have nothing between, in planes the next step may be that of the next channel.
  int64_t step = kPanel;
  int64_t unit = kPanel;
  // All that again for so many lines of panels, and where the next begins.
  int64_t line_count = 1;
  int64_t line_stride = 0;
  int64_t result_line_stride = 0;
};

// `rows` in 1..tile_rows(product.words).
void multiply_tile(int rows, const TileProduct& product);

// The tiles of `rows` rows behind each other, from product.tile on, whose depth is `depth`. Those
// that come from memory are fetched before they are used.
void multiply_tiles(int64_t rows, int64_t depth, bool from_memory, TileProduct product);

// `rows` rows in as few tiles as possible, whose heights differ by 1 at most.
struct Tiling {
  explicit Tiling(int64_t rows, Words words = Words::kFloats)
      : count((rows + tile_rows(words) - 1) / tile_rows(words)),
        low(rows / count),
        taller(rows % count) {}

  int height(int64_t tile) const { return static_cast<int>(low + (tile < taller ? 1 : 0)); }
  int64_t first_row(int64_t tile) const { return tile * low + (tile < taller ? tile : taller); }
  // Values of all tiles before `tile`, each with its biases.
  static int64_t packed_elements(int64_t rows, int64_t depth) { return rows * (depth + 1); }

  int64_t count;
  int64_t low;
  int64_t taller;
};

// Calls visit(context, tile, first_row, height) for the tiles of `rows` rows, which stand behind
// each other from `target` on, `row_elements` values a row. Tiles are handed out to threads.
void for_each_tile(int64_t rows, Words words, int64_t row_elements, float* target,
                   const void* context,
                   void (*visit)(const void* context, float* tile, int64_t first_row,
                                 int64_t height));

// The same with visit(tile, first_row, height).
template <typename Visit>
void for_each_tile(int64_t rows, int64_t row_elements, float* target, const Visit& visit,
                   Words words = Words::kFloats) {
  for_each_tile(rows, words, row_elements, target, &visit,
                [](const void* context, float* tile, int64_t first_row, int64_t height) {
                  (*static_cast<const Visit*>(context))(tile, first_row, height);
                });
}

// Rows beside each other in a tile of `height` rows, and steps of its depth behind each other,
// whose values lie equally far apart.
struct TilePart {
  const float* source;
  int64_t rows;
  int64_t row_stride;
  int64_t steps;
  int64_t step_stride;
};

// Writes them from `target` on: all rows of a step, then those of the next.
void pack_part(const TilePart& part, int64_t height, float* target);

}  // namespace deconv
