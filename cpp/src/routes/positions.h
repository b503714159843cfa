#pragma once

#include <cstdint>
#include <span>

#include "axis_phases.h"
#include "deconv/buffer.h"
#include "positions_tile.h"
#include "routes/cuts.h"

namespace deconv {

// Outputs behind each other in a row that are one position of implicit GEMM's product, because the
// phases of the width read alike.
int32_t outputs_beside(const Spec& spec);

// Rows whose outputs are one position of the product: all of a cell, where those of one would not
// fill a vector.
int32_t outputs_below(const Spec& spec);

// All points in one row, where each output reads the input at its own place: tiles need not end
// where a row does.
Problem without_rows(const Problem& problem);

// Floats that the pointers and tiles of a block take (see FoundPositions).
int64_t found_elements(int64_t block, int64_t runs);

// Steps of the depth that lie behind each other in the input and in the panels: the channels of
// some taps beside each other.
struct TapRun {
  const AxisPhases::Tap* depth;
  const AxisPhases::Tap* height;
  std::span<const AxisPhases::Tap> widths;
};

// A phase of outputs that are not one position with others.
struct PositionsPhase {
  int32_t first_run;
  int32_t runs;
  int64_t depth;
  int64_t first_step;  // of the depths of all phases
  // Of the latest input: cells that have an output, and those of them all of whose taps lie in it.
  int64_t written[3] = {};
  Range inner[3] = {};
};

// What a worker found: where the positions of some cells read and write, in tiles.
class FoundPositions {
 public:
  FoundPositions(const Run<Positions>& run, float* values)
      : pointers(reinterpret_cast<const float**>(values)),
        copies(values + run.found_elements),
        rows(copies + run.block * run.depth),
        tiles_(reinterpret_cast<PositionTile*>(pointers + run.block * (run.runs + 1))),
        tile_(pointers) {}

  std::span<const PositionTile> tiles() const { return {tiles_, static_cast<size_t>(count_)}; }

  // The next position, which lies anywhere: where it writes, and from kTileRows behind that on
  // where its `runs` read. In place, as what is added is small and asked for every position.
  [[gnu::always_inline]] const float** add(const float* result, int64_t runs) {
    if (row_ == 0) tiles_[count_++] = {nullptr, nullptr};
    const float** const next = tile_ + row_;
    *next = result;
    if (++row_ == kTileRows) {
      tile_ += (runs + 1) * kTileRows;
      row_ = 0;
    }
    return next + kTileRows;
  }

  // So many positions whose runs all lie in the input, `starts` behind `x` and `input_step` from
  // one to the next.
  [[gnu::always_inline]] void add(int64_t positions, const float* x, int64_t input_step,
                                  std::span<const int64_t> starts, float* result,
                                  int64_t output_step) {
    while (positions > 0) {
      int64_t taken = 1;
      if (row_ == 0 && positions >= kTileRows) {
        tiles_[count_++] = {x, result};
        taken = kTileRows;
      } else {
        const float** read = add(result, std::ssize(starts));
        for (const int64_t start : starts) {
          *read = x + start;
          read += kTileRows;
        }
      }
      x += taken * input_step;
      result += taken * output_step;
      positions -= taken;
    }
  }

  // Rows that the last tile has left repeat its last position.
  void fill(int64_t runs) {
    while (row_ > 0) {
      const float** pointer = add(tile_[row_ - 1], runs);
      for (int64_t run = 0; run < runs; ++run, pointer += kTileRows) *pointer = pointer[-1];
    }
  }

  const float** const pointers;
  float* copies;      // the room that is left
  float* const rows;  // of outputs below each other, one position behind the other

 private:
  PositionTile* const tiles_;
  int64_t count_ = 0;
  const float** tile_;
  int32_t row_ = 0;
};

// What the cells of a layer read and write.
class CellPositions {
 public:
  explicit CellPositions(const Spec& spec);

  // False when out of memory.
  bool derive();
  // Call for each input size before find().
  void set_input(const Problem& problem);

  int32_t phase_count() const { return phase_count_; }
  const PositionsPhase& phase(int64_t index) const { return phases_[index]; }
  std::span<const TapRun> runs(const PositionsPhase& phase) const {
    return {runs_.data() + phase.first_run, static_cast<size_t>(phase.runs)};
  }
  std::span<const int32_t> lengths(const PositionsPhase& phase) const {
    return {lengths_.data() + phase.first_run, static_cast<size_t>(phase.runs)};
  }
  // Values from what a cell's first channel would be to what a run reads first.
  std::span<const int64_t> starts(const PositionsPhase& phase) const {
    return {starts_.data() + phase.first_run, static_cast<size_t>(phase.runs)};
  }
  // Outputs of a position, and where the tap of one of them stands in a kernel, behind that of the
  // first.
  int32_t columns() const { return columns_; }
  int64_t tap_of(int32_t column) const;
  // From one cell of a row to the next.
  int64_t input_step() const { return int64_t{axes_[2].step()} * spec_.in_channels; }
  int64_t result_step() const {
    return below_ > 1 ? columns_ : int64_t{axes_[2].count()} * spec_.out_channels;
  }

  // Where `cells` cells from `first` on read and write for one phase and group.
  void find(const Run<Positions>& run, int32_t index, int32_t group, int64_t first, int64_t cells,
            FoundPositions& found) const;
  // When their results stand there.
  void finish(const Run<Positions>& run, int64_t first, int64_t cells, const float* rows) const;

 private:
  Axes first_outputs(int32_t phase) const {
    return AxisPhases::of_all(axes_, phase * beside_ * below_);
  }
  bool beside(const AxisPhases::Tap& tap, const AxisPhases::Tap& next) const {
    return spec_.groups == 1 && next.offset == tap.offset + 1;
  }
  int64_t input_index(const Problem& problem, int64_t image, const Axes& cell) const;
  float* output_of(const Run<Positions>& run, int64_t image, const Axes& cell,
                   const Axes& phase) const;
  void copy(const Run<Positions>& run, int64_t image, const Axes& cell, const PositionsPhase& phase,
            int32_t group, float* target, const float** reads) const;
  void spread(const float* from, int64_t values, float* row) const;

  const Spec spec_;
  const int32_t beside_;
  const int32_t below_;
  const int32_t row_columns_;  // of a group, in one row
  const int32_t columns_;
  AxisPhases axes_[3];
  Block<PositionsPhase> phases_;
  int32_t phase_count_ = 0;
  // Of all phases behind each other.
  Block<TapRun> runs_;
  Block<int32_t> lengths_;
  Block<int64_t> starts_;  // in the input of the latest run
};

}  // namespace deconv
