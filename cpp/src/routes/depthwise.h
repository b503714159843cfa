#pragma once

#include <cstdint>

#include "axis_phases.h"
#include "deconv/geometry.h"
#include "machine.h"
#include "output.h"
#include "simd.h"

// What the two engines of the depthwise route share: how an output is cut into tiles, and which
// taps of the kernel an output position has.
namespace deconv::depthwise {

// How one problem is cut. A tile is of one depth position, `rows` values of q high and `columns`
// wide (see AxisPhases); with channels first it is of one group, with channels last of all groups.
struct TileGrid {
  int32_t rows = 1;
  int32_t columns = 1;
  int32_t row_tiles = 1;
  int32_t column_tiles = 1;
  int32_t groups = 1;
  int64_t count = 1;
  // Floats of the part of the input that a tile copies; 0 when it reads the input in place.
  int64_t copy_floats = 0;

  // Channels first: every input plane is copied into step x step parts, one for each remainder of
  // the two positions. A part is part_rows x part_columns; the input position of
  // (q + first_shift + i) * step + remainder is at i.
  int32_t part_rows = 0;
  int32_t part_columns = 0;
  int32_t first_row_shift = 0;
  int32_t first_column_shift = 0;
  // Rows of one phase that are computed before the phases of the width are interleaved.
  int32_t result_rows = 0;
  int64_t result_floats = 0;

  int64_t scratch_floats() const { return (copy_floats + result_floats + 3) / 4 * 4; }
  // Room that a tile is computed in: copies, results, and the rows and taps of an output.
  int64_t worker_elements = 0;
};

struct Tile {
  int32_t batch, group, depth;
  // In values of q.
  int32_t row, rows;
  int32_t column, columns;
};

// False when the problem is too large to be indexed.
[[nodiscard]] bool cut_into_tiles(const Problem& problem, const Machine& machine, TileGrid* grid);

Tile tile_at(const Problem& problem, const TileGrid& grid, int64_t index);

// Whether vectors run along the width, on input and output with channels first; else they run along
// the channels, with channels last. Planes of few points are cheaper to transpose than to walk.
inline bool runs_planes(const Problem& problem) {
  constexpr int64_t kFewPoints = 144;
  constexpr int32_t kManyChannels = 8;
  const Spec& spec = problem.spec;
  if (spec.in_channels == 1 && spec.out_channels == 1) return true;
  if (problem.layout == Layout::kChannelsLast) return false;
  return spec.in_channels != spec.groups || spec.out_channels != spec.groups ||
         spec.groups < kManyChannels || problem.output_points() > kFewPoints;
}

// True when channels last reads a copy of the input in which every output channel has its own
// input values, because groups are of more than one channel.
inline bool expands_channels(const Spec& spec) {
  return spec.group_in_channels() != 1 || spec.group_out_channels() != 1;
}

// Room behind a copy or a result: the last vector of either may end there.
inline constexpr int32_t kSlackFloats = 4;

// Rows of the kernel, and taps, that one output value sums over at most.
inline int64_t rows_of_output(const Spec& spec) {
  return int64_t{spec.kernel[0]} * spec.kernel[1] * spec.group_in_channels();
}
inline int64_t taps_of_output(const Spec& spec) { return rows_of_output(spec) * spec.kernel[2]; }

// One input row under one row of the kernel.
struct InputRow {
  const float* x;
  int32_t first_tap;  // where its taps begin among those of one output channel
};

// Channels first: one tap of a phase, and where it reads for q = 0.
struct PlaneTap {
  const float* x;
  float weight;
};

// Channels last: taps of one output position, where the first reads, and its weights.
struct ChannelTaps {
  const float* x;
  const float* weight;
  int32_t count;
};

struct Job {
  const Problem* problem;
  // Of every axis.
  const AxisPhases* phases;
  const TileGrid* grid;
  // Channels first [out, in / groups, depth, height, width]; channels last [depth, height, width,
  // in / groups, out], out in whole vectors. The taps of the width are in the order of its phases.
  const float* weight;
  const float* bias;
  // Channels first: where the taps of the width read in the copy, from q = 0 of the tile.
  const int32_t* columns;
  const float* input;
  const Output* output;
};

// Channels first: vectors along the width.
void run_plane_tile(const Job& job, const Tile& tile, float* scratch);

// Channels last: vectors along the channels.
void run_channel_tile(const Job& job, const Tile& tile, float* scratch);

}  // namespace deconv::depthwise
