#include <algorithm>
#include <initializer_list>
#include <numeric>

#include "routes/depthwise.h"

namespace deconv::depthwise {
namespace {

// No layer has such numbers; below them no product here leaves its type.
constexpr int32_t kMaxParameter = 1 << 20;
constexpr double kMaxTable = 1 << 24;

int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

int64_t ceil_divide(int64_t a, int64_t b) { return -floor_divide(-a, b); }

// Output positions that differ by this many read input positions that differ by axis_step.
int32_t axis_phases(const Spec& spec, int axis) {
  if (spec.transposed) return spec.stride[axis];
  return spec.input_dilation[axis] / std::gcd(spec.stride[axis], spec.input_dilation[axis]);
}

int32_t axis_step(const Spec& spec, int axis) {
  if (spec.transposed) return 1;
  return spec.stride[axis] / std::gcd(spec.stride[axis], spec.input_dilation[axis]);
}

// Values of q that cover the axis.
int32_t axis_positions(const Problem& problem, int axis) {
  return static_cast<int32_t>(ceil_divide(problem.output[axis], axis_phases(problem.spec, axis)));
}

bool parameters_fit(const Spec& spec) {
  for (const Axes& axes : {spec.kernel, spec.stride, spec.dilation, spec.input_dilation,
                           spec.pad_before, spec.pad_after}) {
    for (const int32_t value : axes) {
      if (value > kMaxParameter || value < -kMaxParameter) return false;
    }
  }
  for (int axis = 0; axis < 3; ++axis) {
    const double kernel = spec.kernel[axis];
    if (axis_phases(spec, axis) * kernel > kMaxTable) return false;
    if (spec.dilation[axis] * (kernel - 1) > kMaxTable) return false;
  }
  return static_cast<double>(spec.kernel_elements()) * spec.group_in_channels() <= kMaxTable;
}

// The input positions that outputs begin..end would touch on an axis without ends.
void unclipped_range(const Spec& spec, int axis, int64_t begin, int64_t end, int64_t* first,
                     int64_t* last) {
  const int64_t reach = int64_t{spec.dilation[axis]} * (spec.kernel[axis] - 1);
  if (spec.transposed) {
    *first = ceil_divide(begin + spec.pad_before[axis] - reach, spec.stride[axis]);
    *last = floor_divide(end - 1 + spec.pad_before[axis], spec.stride[axis]);
  } else {
    *first =
        ceil_divide(begin * spec.stride[axis] - spec.pad_before[axis], spec.input_dilation[axis]);
    *last = floor_divide((end - 1) * spec.stride[axis] + reach - spec.pad_before[axis],
                         spec.input_dilation[axis]);
  }
}

// Most input positions that any `count` output positions in a row touch.
int64_t touched(const Problem& problem, int axis, int64_t count) {
  const Spec& spec = problem.spec;
  const int64_t reach = int64_t{spec.dilation[axis]} * (spec.kernel[axis] - 1);
  const int64_t most =
      spec.transposed ? (count - 1 + reach) / spec.stride[axis] + 1
                      : ((count - 1) * spec.stride[axis] + reach) / spec.input_dilation[axis] + 1;
  return std::min<int64_t>(most, problem.input[axis]);
}

}  // namespace

bool Phases::build(const Spec& spec, int axis) {
  count = axis_phases(spec, axis);
  step = axis_step(spec, axis);
  const int32_t kernel = spec.kernel[axis];
  if (!first.reserve(count + 1) || !tap.reserve(kernel) || !offset.reserve(kernel)) return false;
  const int64_t divisor = spec.transposed ? spec.stride[axis] : spec.input_dilation[axis];
  int32_t slot = 0;
  for (int32_t phase = 0; phase < count; ++phase) {
    first[phase] = slot;
    for (int32_t index = 0; index < kernel; ++index) {
      const int64_t shift = int64_t{index} * spec.dilation[axis] - spec.pad_before[axis];
      const int64_t source =
          spec.transposed ? phase - shift : int64_t{phase} * spec.stride[axis] + shift;
      if (source % divisor != 0) continue;
      tap[slot] = index;
      offset[slot] = static_cast<int32_t>(source / divisor);
      ++slot;
    }
  }
  first[count] = slot;
  return true;
}

Range input_range(const Problem& problem, int axis, int64_t begin, int64_t end) {
  int64_t first;
  int64_t last;
  unclipped_range(problem.spec, axis, begin, end, &first, &last);
  const int64_t extent = problem.input[axis];
  first = std::clamp<int64_t>(first, 0, extent);
  return {static_cast<int32_t>(first),
          static_cast<int32_t>(std::clamp<int64_t>(last + 1, first, extent))};
}

namespace {

// Where the taps of an axis lie from q, in steps: first .. first + span.
struct Shifts {
  int64_t first, span;
};

Shifts shifts_of(const Spec& spec, int axis) {
  int64_t first;
  int64_t last;
  unclipped_range(spec, axis, 0, axis_phases(spec, axis), &first, &last);
  const int32_t step = axis_step(spec, axis);
  const int64_t shift = floor_divide(first, step);
  // `last` is before `first` where the input's dilation keeps every tap from the input.
  return {shift, std::max<int64_t>(0, floor_divide(last, step) - shift)};
}

// Cuts `positions` into pieces of nearly equal length, about `wanted` long.
int32_t piece(int32_t positions, int64_t wanted) {
  if (positions <= wanted + wanted / 2) return positions;
  return static_cast<int32_t>(ceil_divide(positions, ceil_divide(positions, wanted)));
}

}  // namespace

bool make_tiling(const Problem& problem, int threads, Tiling* tiling) {
  // One row of results stays in the first-level cache, a tile in the second.
  constexpr int64_t kRowOutputs = 4096;
  constexpr double kTileFloats = 1 << 15;
  const Spec& spec = problem.spec;
  if (!parameters_fit(spec)) return false;
  const bool planes = runs_planes(problem);
  const int32_t lanes = planes ? 1 : whole_vectors(spec.out_channels);
  const int32_t phases = axis_phases(spec, 2);
  const int32_t row_phases = axis_phases(spec, 1);
  const int32_t rows = axis_positions(problem, 1);
  const Shifts column_shifts = shifts_of(spec, 2);
  const Shifts row_shifts = shifts_of(spec, 1);
  const double group_in = spec.group_in_channels();
  const auto slices = static_cast<double>(touched(problem, 0, 1));
  const bool copies = planes || expands_channels(spec);
  Tiling made;

  // Neighbouring tiles both copy what lies between them: that should be little beside what a tile
  // has of its own.
  made.columns = piece(axis_positions(problem, 2),
                       std::max<int64_t>({32, kRowOutputs / (int64_t{phases} * lanes),
                                          copies ? 4 * column_shifts.span : 0}));
  const int64_t fewest_rows = copies ? 1 + 2 * row_shifts.span : 1;
  // Floats that one more row adds to a tile.
  double row_floats = static_cast<double>(made.columns) * phases * row_phases * lanes;
  if (planes) {
    row_floats = group_in * slices * axis_step(spec, 1) * axis_step(spec, 2) *
                 static_cast<double>(made.columns + column_shifts.span);
  } else if (copies) {
    row_floats = group_in * slices * lanes *
                 static_cast<double>(touched(problem, 1, row_phases) *
                                     touched(problem, 2, int64_t{made.columns} * phases));
  }
  made.column_tiles = static_cast<int32_t>(ceil_divide(axis_positions(problem, 2), made.columns));
  made.groups = planes ? spec.groups : 1;
  double wanted = kTileFloats / row_floats;
  if (threads > 1) {
    // Enough tiles that no thread waits long for the last one.
    const double others =
        static_cast<double>(problem.batch) * made.groups * problem.output[0] * made.column_tiles;
    wanted = std::min(wanted, rows * others / (8.0 * threads));
  }
  made.rows = piece(
      rows, std::max(fewest_rows, static_cast<int64_t>(std::clamp<double>(wanted, 1.0, rows))));
  made.row_tiles = static_cast<int32_t>(ceil_divide(rows, made.rows));

  double copied = 0;
  double results = 0;
  if (planes) {
    const double part_columns = static_cast<double>(made.columns + column_shifts.span);
    const double part_rows = static_cast<double>(made.rows + row_shifts.span);
    made.result_rows = static_cast<int32_t>(
        std::clamp<double>(kRowOutputs / (phases * part_columns), 1.0, made.rows));
    copied =
        group_in * slices * axis_step(spec, 1) * axis_step(spec, 2) * part_rows * part_columns +
        kSlackFloats;
    results = (made.result_rows * part_columns + kSlackFloats) * phases;
    if (copied + results > kMaxTable) return false;
    made.part_rows = static_cast<int32_t>(part_rows);
    made.part_columns = static_cast<int32_t>(part_columns);
    made.first_row_shift = static_cast<int32_t>(row_shifts.first);
    made.first_column_shift = static_cast<int32_t>(column_shifts.first);
  } else if (copies) {
    copied = group_in * slices * lanes *
             static_cast<double>(touched(problem, 1, int64_t{made.rows} * row_phases)) *
             static_cast<double>(touched(problem, 2, int64_t{made.columns} * phases));
    if (copied > kMaxTable) return false;
  }
  made.copy_floats = static_cast<int64_t>(copied);
  made.result_floats = static_cast<int64_t>(results);
  made.count =
      int64_t{problem.batch} * made.groups * problem.output[0] * made.row_tiles * made.column_tiles;
  *tiling = made;
  return true;
}

Tile tile_at(const Problem& problem, const Tiling& tiling, int64_t index) {
  auto rest = static_cast<int32_t>(index);
  const auto next = [&rest](int32_t extent) {
    const int32_t digit = rest % extent;
    rest /= extent;
    return digit;
  };
  Tile tile;
  tile.column = next(tiling.column_tiles) * tiling.columns;
  tile.row = next(tiling.row_tiles) * tiling.rows;
  tile.depth = next(problem.output[0]);
  tile.group = next(tiling.groups);
  tile.batch = rest;
  tile.rows = std::min(tiling.rows, axis_positions(problem, 1) - tile.row);
  tile.columns = std::min(tiling.columns, axis_positions(problem, 2) - tile.column);
  return tile;
}

}  // namespace deconv::depthwise
