#include <algorithm>

#include "routes/depthwise.h"

namespace deconv::depthwise {
namespace {

// No layer has such numbers; below them no product here leaves its type.
constexpr double kMaxTable = 1 << 24;

// Values of q that cover the axis.
int32_t axis_positions(const Problem& problem, int axis) {
  return static_cast<int32_t>(
      ceil_divide(problem.output[axis], AxisPhases::count(problem.spec, axis)));
}

// Most input positions that any `count` output positions in a row touch.
int64_t touched(const Problem& problem, int axis, int64_t count) {
  const Spec& spec = problem.spec;
  const int64_t reach = AxisPhases::reach(spec, axis);
  const int64_t most =
      spec.transposed ? (count - 1 + reach) / spec.stride[axis] + 1
                      : ((count - 1) * spec.stride[axis] + reach) / spec.input_dilation[axis] + 1;
  return std::min<int64_t>(most, problem.input[axis]);
}

// Where the taps of an axis lie from q, in steps: first .. first + span.
struct Shifts {
  int64_t first, span;
};

Shifts shifts_of(const Spec& spec, int axis) {
  const Range inputs = AxisPhases::inputs_of(spec, axis, {0, AxisPhases::count(spec, axis)});
  const int64_t step = AxisPhases::step(spec, axis);
  const int64_t shift = floor_divide(inputs.begin, step);
  return {shift, std::max<int64_t>(0, floor_divide(inputs.end - 1, step) - shift)};
}

// Cuts `positions` into pieces of nearly equal length, about `wanted` long.
int32_t piece(int32_t positions, int64_t wanted) {
  if (positions <= wanted + wanted / 2) return positions;
  return static_cast<int32_t>(ceil_divide(positions, ceil_divide(positions, wanted)));
}

}  // namespace

bool cut_into_tiles(const Problem& problem, const Machine& machine, TileGrid* grid) {
  const Spec& spec = problem.spec;
  if (AxisPhases::refusal(problem) != nullptr) return false;
  if (static_cast<double>(spec.kernel_elements()) * spec.group_in_channels() > kMaxTable)
    return false;
  const bool planes = runs_planes(problem);
  const int32_t lanes = planes ? 1 : whole_vectors(spec.out_channels);
  const int64_t phases = AxisPhases::count(spec, 2);
  const int64_t row_phases = AxisPhases::count(spec, 1);
  const double parts = static_cast<double>(AxisPhases::step(spec, 1)) *
                       static_cast<double>(AxisPhases::step(spec, 2));
  const int32_t rows = axis_positions(problem, 1);
  const Shifts column_shifts = shifts_of(spec, 2);
  const Shifts row_shifts = shifts_of(spec, 1);
  const double group_in = spec.group_in_channels();
  const auto slices = static_cast<double>(touched(problem, 0, 1));
  const bool copies = planes || expands_channels(spec);
  TileGrid made;

  made.columns =
      piece(axis_positions(problem, 2),
            std::max<int64_t>(
                {machine.depthwise_least_columns, machine.depthwise_row_outputs / (phases * lanes),
                 copies ? machine.depthwise_columns_per_overlap * column_shifts.span : 0}));
  const int64_t fewest_rows = copies ? 1 + machine.depthwise_rows_per_overlap * row_shifts.span : 1;
  // Floats that one more row adds to a tile.
  double row_floats = static_cast<double>(made.columns * phases * row_phases * lanes);
  if (planes) {
    row_floats = group_in * slices * parts * static_cast<double>(made.columns + column_shifts.span);
  } else if (copies) {
    row_floats = group_in * slices * lanes *
                 static_cast<double>(touched(problem, 1, row_phases) *
                                     touched(problem, 2, made.columns * phases));
  }
  made.column_tiles = static_cast<int32_t>(ceil_divide(axis_positions(problem, 2), made.columns));
  made.groups = planes ? spec.groups : 1;
  double wanted = static_cast<double>(machine.depthwise_tile_floats) / row_floats;
  if (machine.threads > 1) {
    // Enough tiles that no thread waits long for the last one.
    const double others =
        static_cast<double>(problem.batch) * made.groups * problem.output[0] * made.column_tiles;
    wanted = std::min(wanted, rows * others / (8.0 * machine.threads));
  }
  made.rows = piece(
      rows, std::max(fewest_rows, static_cast<int64_t>(std::clamp<double>(wanted, 1.0, rows))));
  made.row_tiles = static_cast<int32_t>(ceil_divide(rows, made.rows));

  double copied = 0;
  double results = 0;
  if (planes) {
    const double part_columns = static_cast<double>(made.columns + column_shifts.span);
    const double part_rows = static_cast<double>(made.rows + row_shifts.span);
    made.result_rows =
        static_cast<int32_t>(std::clamp<double>(static_cast<double>(machine.depthwise_row_outputs) /
                                                    (static_cast<double>(phases) * part_columns),
                                                1.0, made.rows));
    copied = group_in * slices * parts * part_rows * part_columns + kSlackFloats;
    results = (made.result_rows * part_columns + kSlackFloats) * static_cast<double>(phases);
    if (copied + results > kMaxTable) return false;
    made.part_rows = static_cast<int32_t>(part_rows);
    made.part_columns = static_cast<int32_t>(part_columns);
    made.first_row_shift = static_cast<int32_t>(row_shifts.first);
    made.first_column_shift = static_cast<int32_t>(column_shifts.first);
  } else if (copies) {
    copied = group_in * slices * lanes *
             static_cast<double>(touched(problem, 1, made.rows * row_phases)) *
             static_cast<double>(touched(problem, 2, made.columns * phases));
    if (copied > kMaxTable) return false;
  }
  made.copy_floats = static_cast<int64_t>(copied);
  made.result_floats = static_cast<int64_t>(results);
  const auto bytes =
      static_cast<int64_t>(sizeof(InputRow)) * rows_of_output(spec) +
      static_cast<int64_t>(std::max(sizeof(PlaneTap), sizeof(ChannelTaps))) * taps_of_output(spec);
  made.worker_elements = made.scratch_floats() + ceil_divide(bytes, 16) * 4;
  made.count =
      int64_t{problem.batch} * made.groups * problem.output[0] * made.row_tiles * made.column_tiles;
  *grid = made;
  return true;
}

Tile tile_at(const Problem& problem, const TileGrid& grid, int64_t index) {
  auto rest = static_cast<int32_t>(index);
  const auto next = [&rest](int32_t extent) {
    const int32_t digit = rest % extent;
    rest /= extent;
    return digit;
  };
  Tile tile;
  tile.column = next(grid.column_tiles) * grid.columns;
  tile.row = next(grid.row_tiles) * grid.rows;
  tile.depth = next(problem.output[0]);
  tile.group = next(grid.groups);
  tile.batch = rest;
  tile.rows = std::min(grid.rows, axis_positions(problem, 1) - tile.row);
  tile.columns = std::min(grid.columns, axis_positions(problem, 2) - tile.column);
  return tile;
}

}  // namespace deconv::depthwise
