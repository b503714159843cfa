#pragma once

#include <wasm_simd128.h>

#include <cstdint>
#include <cstring>

#include "divide.h"
#include "simd.h"

// A tensor is a grid of rows and columns for each outer entry: channels are rows and points
// columns, or the other way round. Inner loops see tiles: 16 columns of some rows, or some times 16
// values of a row.
namespace deconv::normalization {

constexpr int kParts = 4;
constexpr int64_t kLanes = 4 * kParts;
// Few enough that sums in single precision keep their digits, and that a tile which is read twice
// stays in the first-level cache.
constexpr int64_t kHeight = 64;
// Values that a thread takes at once.
constexpr int64_t kPiece = 1 << 14;
// Values of the largest tile.
constexpr int64_t kTile = kHeight * kLanes;

struct Grid {
  int64_t outer;
  int64_t rows;
  int64_t columns;
};

// The rows of a tile follow each other along one row of the grid, or down its columns.
enum class Walk { kAlong, kDown };

struct Position {
  int64_t outer;
  int64_t row;
  int64_t column;
};

struct Tile {
  Position at;
  int64_t height;
  int64_t lanes;
};

// Pieces that are worked on at once, of `rows` rows and `columns` columns where there are as many.
struct Cut {
  Cut(const Grid& grid, int64_t rows, int64_t columns)
      : grid(grid),
        rows(rows),
        columns(columns),
        down(ceil_divide(grid.rows, rows)),
        across(ceil_divide(grid.columns, columns)) {}

  Grid grid;
  int64_t rows;
  int64_t columns;
  int64_t down;
  int64_t across;
};

// Calls visit(context, tile, down, across) for every tile; the last two number the piece that it is
// in. Those of a piece come in order, from one thread.
void for_each_tile(const Cut& cut, Walk walk, const void* context,
                   void (*visit)(const void*, const Tile&, int64_t, int64_t));

// The same with visit(tile, down, across).
template <typename Visit>
void for_each_tile(const Cut& cut, Walk walk, const Visit& visit) {
  for_each_tile(cut, walk, &visit,
                [](const void* context, const Tile& tile, int64_t down, int64_t across) {
                  (*static_cast<const Visit*>(context))(tile, down, across);
                });
}

// A tile's rows, `stride` values apart. Internal for the loops of `map`, see `Operands`.
struct [[clang::internal_linkage]] Source {
  Source(const float* values, int64_t stride) : values(values), stride(stride) {}

  // Of a tensor.
  Source(const Grid& grid, Walk walk, const float* tensor, const Position& at)
      : Source(tensor + (at.outer * grid.rows + at.row) * grid.columns + at.column,
               walk == Walk::kAlong ? kLanes : grid.columns) {}

  v128_t read(int64_t row, int part) const {
    return wasm_v128_load(values + row * stride + 4 * part);
  }

  // With all lanes: those that the tile has not are zeros, in a copy.
  Source widened(const Tile& tile, float* block) const {
    if (tile.lanes == kLanes) return *this;
    std::memset(block, 0, static_cast<size_t>(tile.height * kLanes) * sizeof(float));
    for (int64_t row = 0; row < tile.height; ++row) {
      copy_floats(values + row * stride, tile.lanes, block + row * kLanes);
    }
    return Source(block, kLanes);
  }

  const float* values;
  int64_t stride;
};

}  // namespace deconv::normalization
