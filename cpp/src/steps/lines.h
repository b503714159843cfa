#pragma once

#include <wasm_simd128.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "divide.h"
#include "simd.h"

// A tensor is a grid of rows and columns for each outer entry: channels are rows and points
// columns, or the other way round. What has one mean is a line, a row or a column; lines are
// gathered into sets afterwards. Inner loops see tiles: 16 columns of some rows, or some times 16
// values of a row.
namespace deconv::lines {

inline constexpr int kParts = 4;
inline constexpr int64_t kLanes = 4 * kParts;
// Few enough that sums in single precision keep their digits, and that a tile which is read twice
// stays in the first-level cache.
inline constexpr int64_t kHeight = 64;
// Values that a thread takes at once, and the most pieces that a line is cut into.
inline constexpr int64_t kPiece = 1 << 14;
inline constexpr int64_t kMostPieces = 64;
// Columns of a piece of the reductions that go down them.
inline constexpr int64_t kPieceColumns = 256;

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

// A tile's rows, `stride` values apart.
struct Source {
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

// Room for a tile.
inline constexpr int64_t kTile = kHeight * kLanes;

// Whole rows or columns of the grid.
struct Lines {
  Walk walk() const { return are_rows ? Walk::kAlong : Walk::kDown; }
  int64_t per_outer() const { return are_rows ? grid.rows : grid.columns; }
  int64_t count() const { return grid.outer * per_outer(); }
  int64_t length() const { return are_rows ? grid.columns : grid.rows; }
  Lines crossing() const { return {grid, !are_rows}; }

  // How a reduction cuts them: each line has a slot for every piece of it.
  Cut cut() const {
    const int64_t most = ceil_divide(length(), kMostPieces);
    if (are_rows) {
      const int64_t columns = std::max(kPiece, ceil_divide(most, kLanes) * kLanes);
      return Cut(grid, std::max(int64_t{1}, kPiece / grid.columns), columns);
    }
    const int64_t columns = std::min(grid.columns, kPieceColumns);
    return Cut(grid, std::max({kHeight, kPiece / columns, most}), columns);
  }
  int64_t slots() const {
    const Cut pieces = cut();
    return count() * (are_rows ? pieces.across : pieces.down);
  }

  Grid grid;
  bool are_rows;
};

}  // namespace deconv::lines
