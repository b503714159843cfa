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

// Output positions of the width that differ by this many read input positions that differ by
// width_step.
int32_t width_phases(const Spec& spec) {
  if (spec.transposed) return spec.stride[2];
  return spec.input_dilation[2] / std::gcd(spec.stride[2], spec.input_dilation[2]);
}

int32_t width_step(const Spec& spec) {
  if (spec.transposed) return 1;
  return spec.stride[2] / std::gcd(spec.stride[2], spec.input_dilation[2]);
}

bool parameters_fit(const Spec& spec) {
  for (const Axes& axes : {spec.kernel, spec.stride, spec.dilation, spec.input_dilation,
                           spec.pad_before, spec.pad_after}) {
    for (const int32_t value : axes) {
      if (value > kMaxParameter || value < -kMaxParameter) return false;
    }
  }
  return static_cast<double>(width_phases(spec)) * spec.kernel[2] <= kMaxTable &&
         static_cast<double>(spec.kernel_elements()) * spec.group_in_channels() <= kMaxTable;
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

bool Phases::build(const Spec& spec) {
  count = width_phases(spec);
  step = width_step(spec);
  const int32_t kernel = spec.kernel[2];
  if (!first.reserve(count + 1) || !tap.reserve(kernel) || !offset.reserve(kernel)) return false;
  const int64_t divisor = spec.transposed ? spec.stride[2] : spec.input_dilation[2];
  int32_t slot = 0;
  for (int32_t phase = 0; phase < count; ++phase) {
    first[phase] = slot;
    for (int32_t column = 0; column < kernel; ++column) {
      const int64_t shift = int64_t{column} * spec.dilation[2] - spec.pad_before[2];
      const int64_t source =
          spec.transposed ? phase - shift : int64_t{phase} * spec.stride[2] + shift;
      if (source % divisor != 0) continue;
      tap[slot] = column;
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

bool make_tiling(const Problem& problem, int threads, Tiling* tiling) {
  const Spec& spec = problem.spec;
  if (!parameters_fit(spec)) return false;
  const bool planes = runs_planes(problem);
  const int32_t phases = width_phases(spec);
  const int32_t step = width_step(spec);
  const int32_t height = problem.output[1];
  const auto positions =
      static_cast<int32_t>(ceil_divide(problem.output[2], phases));  // values of q
  Tiling made;

  // A copied row keeps in the first-level cache, and is long enough that its ends cost little.
  constexpr int64_t kRowOutputs = 4096;
  // A tile keeps in the second-level cache.
  constexpr double kTileFloats = 1 << 15;
  const int32_t lanes = planes ? 1 : whole_vectors(spec.out_channels);
  int64_t first;
  int64_t last;
  unclipped_range(spec, 2, 0, phases, &first, &last);
  const int64_t first_shift = floor_divide(first, step);
  const int64_t span = floor_divide(last, step) - first_shift;
  if (static_cast<double>(span) > kMaxTable) return false;
  made.columns = positions;
  const int64_t columns =
      std::max<int64_t>({32, kRowOutputs / (int64_t{phases} * lanes), planes ? 4 * span : 0}) / 4 *
      4;
  // Pieces of nearly equal length, none of them shorter than half of what is asked for.
  if (positions > columns + columns / 2) {
    const int64_t pieces = ceil_divide(positions, columns);
    made.columns = whole_vectors(static_cast<int32_t>(ceil_divide(positions, pieces)));
  }
  made.column_tiles = static_cast<int32_t>(ceil_divide(positions, made.columns));

  double row_floats = 0;
  double slices = 0;
  if (planes) {
    made.part_floats = static_cast<int32_t>(whole_vectors(made.columns) + span);
    made.first_shift = static_cast<int32_t>(first_shift);
    row_floats = static_cast<double>(made.part_floats) * step;
    slices = static_cast<double>(spec.group_in_channels() * touched(problem, 0, 1));
    made.groups = spec.groups;
    // At least one block of the kernel: the end of a row goes through it.
    made.result_floats = std::max<int64_t>(32, int64_t{phases} * whole_vectors(made.columns));
  } else if (expands_channels(spec)) {
    row_floats = static_cast<double>(touched(problem, 2, int64_t{made.columns} * phases)) * lanes *
                 spec.group_in_channels();
    slices = static_cast<double>(touched(problem, 0, 1));
  }

  // Rows that neighbouring tiles both copy should be few beside those that a tile owns.
  const int64_t shared_rows = touched(problem, 1, 1) - 1;
  const int64_t fewest =
      slices == 0 ? 1 : 1 + 2 * shared_rows * ceil_divide(height, problem.input[1]);
  const double output_floats =
      static_cast<double>(made.columns) * phases * (planes ? spec.group_out_channels() : lanes);
  // The floats that one more output row adds to a tile.
  const double density = std::max(1.0, static_cast<double>(problem.input[1]) / height);
  const double per_row = slices > 0 ? row_floats * slices * std::min(1.0, density) : output_floats;
  int64_t rows = static_cast<int64_t>(std::clamp<double>(kTileFloats / per_row, 1.0, height));
  if (threads > 1) {
    // Enough tiles that no thread waits long for the last one.
    const double others =
        static_cast<double>(problem.batch) * made.groups * problem.output[0] * made.column_tiles;
    rows = std::min(rows,
                    std::max<int64_t>(1, static_cast<int64_t>(height * others / (8.0 * threads))));
  }
  rows = std::clamp<int64_t>(std::max(rows, fewest), 1, height);
  made.row_tiles = static_cast<int32_t>(ceil_divide(height, rows));
  made.rows = static_cast<int32_t>(ceil_divide(height, made.row_tiles));
  const double copied_rows = slices * static_cast<double>(touched(problem, 1, made.rows));
  if (copied_rows * row_floats + static_cast<double>(made.result_floats) > kMaxTable) return false;
  made.copied_rows = static_cast<int64_t>(copied_rows);
  made.row_floats = static_cast<int64_t>(row_floats);
  made.count =
      int64_t{problem.batch} * made.groups * problem.output[0] * made.row_tiles * made.column_tiles;
  *tiling = made;
  return true;
}

Tile tile_at(const Problem& problem, const Tiling& tiling, int64_t index) {
  const auto next = [&index](int32_t extent) {
    const auto digit = static_cast<int32_t>(index % extent);
    index /= extent;
    return digit;
  };
  Tile tile;
  tile.column = next(tiling.column_tiles) * tiling.columns;
  tile.row = next(tiling.row_tiles) * tiling.rows;
  tile.depth = next(problem.output[0]);
  tile.group = next(tiling.groups);
  tile.batch = static_cast<int32_t>(index);
  const auto positions =
      static_cast<int32_t>(ceil_divide(problem.output[2], width_phases(problem.spec)));
  tile.columns = std::min(tiling.columns, positions - tile.column);
  tile.rows = std::min(tiling.rows, problem.output[1] - tile.row);
  return tile;
}

}  // namespace deconv::depthwise
