#pragma once

#include <cstdint>
#include <cstdlib>
#include <type_traits>

#include "deconv/geometry.h"

// What the two engines of the depthwise route share: how an output is cut into tiles, and which
// taps of the kernel an output position has.
namespace deconv::depthwise {

// Grow-only array of plain values that reports a failed allocation.
template <typename Value>
class Table {
  static_assert(std::is_trivially_copyable_v<Value>);

 public:
  Table() = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  ~Table() { std::free(values_); }

  [[nodiscard]] bool reserve(int64_t count) {
    if (count <= capacity_) return true;
    std::free(values_);
    values_ = static_cast<Value*>(std::malloc(static_cast<size_t>(count) * sizeof(Value)));
    capacity_ = values_ == nullptr ? 0 : count;
    return values_ != nullptr;
  }
  Value* data() const { return values_; }
  Value& operator[](int64_t index) const { return values_[index]; }

 private:
  Value* values_ = nullptr;
  int64_t capacity_ = 0;
};

// The width axis split into phases. Output position q * count + phase reads, for every slot s of
// that phase (first[phase] <= s < first[phase + 1]), input position q * step + offset[s] with
// column tap[s] of the kernel. Every column has one slot at most.
struct Phases {
  int32_t count = 1;
  int32_t step = 1;
  Table<int32_t> first;
  Table<int32_t> tap;
  Table<int32_t> offset;

  int32_t slots() const { return first[count]; }

  // False when out of memory.
  [[nodiscard]] bool build(const Spec& spec);
};

// How one problem is cut. A tile is `rows` output rows of one depth position, `columns` values of
// q wide; with channels first it is of one group, with channels last of all groups.
struct Tiling {
  int32_t rows = 1;
  int32_t columns = 1;
  int32_t row_tiles = 1;
  int32_t column_tiles = 1;
  int32_t groups = 1;
  int64_t count = 1;
  // Input rows that a tile copies, and floats of one such row; 0 when it reads the input in place.
  int64_t copied_rows = 0;
  int64_t row_floats = 0;
  // Channels first: every copied row is split into `step` parts, one for each remainder of the
  // position; a part holds position q + first_shift + i at i.
  int32_t part_floats = 0;
  int32_t first_shift = 0;
  // Channels first: room for the phases of one output row, or for the end of a row.
  int64_t result_floats = 0;

  int64_t scratch_floats() const { return (copied_rows * row_floats + result_floats + 3) / 4 * 4; }
};

struct Tile {
  int32_t batch, group, depth;
  int32_t row, rows;
  int32_t column, columns;
};

// False when the problem is too large to be indexed.
[[nodiscard]] bool make_tiling(const Problem& problem, int threads, Tiling* tiling);

Tile tile_at(const Problem& problem, const Tiling& tiling, int64_t index);

// Vectors run along the width when the layout is channels first; of one channel it is either.
inline bool runs_planes(const Problem& problem) {
  return problem.layout == Layout::kChannelsFirst ||
         (problem.spec.in_channels == 1 && problem.spec.out_channels == 1);
}

// True when channels last reads a copy of the input in which every output channel has its own
// input values, because groups are of more than one channel.
inline bool expands_channels(const Spec& spec) {
  return spec.group_in_channels() != 1 || spec.group_out_channels() != 1;
}

inline int32_t whole_vectors(int32_t floats) { return (floats + 3) / 4 * 4; }

// Input positions begin..end of an axis that the output positions begin..end touch; may be empty.
struct Range {
  int32_t begin, end;
};
Range input_range(const Problem& problem, int axis, int64_t begin, int64_t end);

// One input row under one row of the kernel.
struct Line {
  const float* x;
  int32_t weight;  // index of the kernel row, in rows of slots
};

// One tap of an output position: the vectors that are multiplied.
struct Source {
  const float* x;
  const float* weight;
};

struct Job {
  const Problem* problem;
  const Phases* phases;
  const Tiling* tiling;
  // Channels first [out, in / groups, depth, height, slot]; channels last
  // [depth, height, slot, in / groups, out], out in whole vectors.
  const float* weight;
  const float* bias;
  // Channels first: where slots read in a copied row.
  const int32_t* columns;
  // Padding may be multiplied by finite weights only: 0 * infinity is NaN.
  bool finite_weight;
  const float* input;
  float* output;
};

// Memory of one thread.
struct Scratch {
  float* floats;
  Line* lines;
  Source* sources;
};

// Channels first: vectors along the width.
void run_plane_tile(const Job& job, const Tile& tile, const Scratch& scratch);

// Channels last: vectors along the channels.
void run_channel_tile(const Job& job, const Tile& tile, const Scratch& scratch);

}  // namespace deconv::depthwise
