#pragma once

#include "steps/normalization/tiles.h"

// What has one mean is a line, a row or a column of the grid; lines are gathered into sets
// afterwards.
namespace deconv::normalization {

// Whole rows or columns of the grid.
struct Lines {
  Walk walk() const { return are_rows ? Walk::kAlong : Walk::kDown; }
  int64_t per_outer() const { return are_rows ? grid.rows : grid.columns; }
  int64_t count() const { return grid.outer * per_outer(); }
  int64_t length() const { return are_rows ? grid.columns : grid.rows; }
  Lines crossing() const { return {grid, !are_rows}; }

  // How a reduction cuts them: each line has a slot for every piece of it.
  Cut cut() const;
  int64_t slots() const;

  Grid grid;
  bool are_rows;
};

// Of a line: its mean with the sum of squared distances from it, or two sums.
struct Pair {
  double first = 0;
  double second = 0;
};

inline void store_parts(const v128_t (&parts)[kParts], float* lanes) {
  for (int part = 0; part < kParts; ++part) wasm_v128_store(lanes + 4 * part, parts[part]);
}

inline float sum_of(const v128_t (&parts)[kParts]) {
  float lanes[4];
  wasm_v128_store(lanes, wasm_f32x4_add(wasm_f32x4_add(parts[0], parts[1]),
                                        wasm_f32x4_add(parts[2], parts[3])));
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

// Sums of each column, or of all of them.
struct Sums {
  Sums() {
    for (int part = 0; part < kParts; ++part) {
      first[part] = wasm_f32x4_splat(0);
      second[part] = wasm_f32x4_splat(0);
    }
  }

  v128_t first[kParts];
  v128_t second[kParts];
};

// What lines are reduced to, tile by tile.
class Reduction {
 public:
  Reduction(const Grid& grid, Walk walk) : grid_(grid), walk_(walk) {}
  Reduction(const Reduction&) = delete;
  Reduction& operator=(const Reduction&) = delete;

  // Of all values of a tile with all lanes.
  virtual Pair whole(const Tile& tile) const = 0;
  // Of fewer values than there are lanes.
  virtual Pair rest(const Tile& tile) const = 0;
  // Of each column.
  virtual void columns(const Tile& tile, Pair* pairs) const = 0;
  // Adds a part of `more` values to one of `count`.
  virtual void add(Pair& total, int64_t count, const Pair& part, int64_t more) const = 0;

 protected:
  ~Reduction() = default;

  Source source(const float* tensor, const Tile& tile) const {
    return Source(grid_, walk_, tensor, tile.at);
  }

  const Grid& grid_;
  const Walk walk_;
};

// Reduces every line to slots[line]; there are lines.slots() of them.
void reduce(const Lines& lines, const Reduction& reduction, Pair* slots);

}  // namespace deconv::normalization
