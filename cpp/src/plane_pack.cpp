#include "plane_pack.h"

#include <algorithm>

#include "divide.h"
#include "matrix_tile.h"
#include "simd.h"

namespace deconv {
namespace {

// Steps that have as many copies.
constexpr int64_t kMostStep = 4;
constexpr int32_t kMostSpan = 1 << 10;
constexpr int64_t kMostBand = 1 << 24;

// The values at first, first + step ... of a row of `extent` values, of which those outside are 0.
void copy_row(const float* row, int64_t extent, int64_t first, int64_t step, int64_t count,
              float* target) {
  const Range inside = indices_inside(first, step, extent, {0, count});
  clear_floats(target, inside.begin);
  copy_every(row + first + inside.begin * step, step, inside.count(), target + inside.begin);
  clear_floats(target + inside.end, count - inside.end);
}

}  // namespace

Planes cut_planes(const Problem& problem, int64_t bytes, int64_t least, int threads) {
  const Spec& spec = problem.spec;
  Planes cut;
  int64_t offsets = 1;
  for (int axis = 0; axis < 3; ++axis) {
    cut.cells[axis] = static_cast<int32_t>(AxisPhases::cells(problem, axis));
    const int64_t step = AxisPhases::step(spec, axis);
    const Range read = AxisPhases::inputs_of(spec, axis, {0, AxisPhases::count(spec, axis)});
    if (read.count() <= 0) return {};
    // Fewer offsets would leave copies that nobody reads.
    if (axis > 0 && (step > kMostStep || step > AxisPhases::most_offsets(spec, axis))) return {};
    cut.step[axis] = static_cast<int32_t>(step);
    cut.first[axis] = static_cast<int32_t>(floor_divide(read.begin, step));
    cut.span[axis] = static_cast<int32_t>(floor_divide(read.end - 1, step)) - cut.first[axis];
    offsets *= AxisPhases::most_offsets(spec, axis);
  }
  // Of one tap, nothing is copied twice.
  if (offsets == 1) return {};
  const int64_t width = cut.cells[2];
  const int64_t copies = AxisPhases::most_offsets(spec, 0) * cut.step[1] * cut.step[2];
  const int64_t column = 4 * copies * spec.group_in_channels();
  // Far apart taps.
  if (cut.span[1] > kMostSpan || cut.span[2] > kMostSpan) return {};
  const int64_t jobs = int64_t{problem.batch} * spec.groups * cut.cells[0];
  const int64_t wanted = ceil_divide(threads, std::max<int64_t>(jobs, 1));
  // Rows of the whole width, or a part of one row.
  int64_t columns = width;
  if (cut.cells[1] == 1) {
    columns = std::max({bytes / column - cut.span[2], least, int64_t{cut.span[2]}});
    columns = std::min(columns, ceil_divide(width, wanted));
    columns = std::min(width, whole_panels(ceil_divide(width, ceil_divide(width, columns))));
  }
  cut.pitch = whole_panels(columns) + cut.span[2];
  int64_t rows = std::max({bytes / (column * cut.pitch) - cut.span[1], ceil_divide(least, width),
                           int64_t{cut.span[1]}, int64_t{1}});
  rows = std::min(rows, ceil_divide(cut.cells[1], wanted));
  rows = ceil_divide(cut.cells[1], ceil_divide(cut.cells[1], rows));
  cut.band_rows = rows + cut.span[1];
  // Channels lie an odd number of cache lines apart, which fill all sets of a cache.
  cut.plane = (ceil_divide(copies * cut.band_rows * cut.pitch, 16) | 1) * 16;
  if (cut.plane > offsets * rows * whole_panels(columns)) return {};
  if (cut.plane * spec.group_in_channels() > kMostBand) return {};
  cut.columns = static_cast<int32_t>(columns);
  cut.rows = static_cast<int32_t>(rows);
  cut.row_blocks = static_cast<int32_t>(ceil_divide(cut.cells[1], rows));
  cut.column_blocks = static_cast<int32_t>(ceil_divide(width, columns));
  return cut;
}

PlaneBlock block_at(const Planes& cut, int32_t depth, int32_t row_block, int32_t column_block) {
  const int32_t row = row_block * cut.rows;
  const int32_t column = column_block * cut.columns;
  return {.depth = depth,
          .row = row,
          .rows = std::min(cut.rows, cut.cells[1] - row),
          .column = column,
          .columns = std::min(cut.columns, cut.cells[2] - column)};
}

int32_t start_in_band(const Planes& cut, const AxisPhases (&axes)[3], const AxisPhases::Tap& depth,
                      const AxisPhases::Tap& height, const AxisPhases::Tap& width) {
  const int64_t row = floor_divide(height.offset, axes[1].step());
  const int64_t column = floor_divide(width.offset, axes[2].step());
  const int64_t copy =
      (int64_t{depth.rank} * cut.step[1] + height.offset - row * cut.step[1]) * cut.step[2] +
      width.offset - column * cut.step[2];
  return static_cast<int32_t>((copy * cut.band_rows + row - cut.first[1]) * cut.pitch + column -
                              cut.first[2]);
}

void pack_band(const Planes& cut, const Problem& problem, const AxisPhases& depths,
               const PlaneBlock& block, const float* planes, float* band) {
  const Axes& input = problem.input;
  const int64_t channels = problem.spec.group_in_channels();
  const int64_t points = problem.input_points();
  const int64_t rows = block.rows + cut.span[1];
  const int64_t columns = whole_panels(block.columns) + cut.span[2];
  const int64_t first_column = int64_t{block.column + cut.first[2]} * cut.step[2];
  for (int64_t channel = 0; channel < channels; ++channel) {
    float* copy = band + channel * cut.plane;
    for (int32_t offset = 0; offset < depths.offset_count(); ++offset) {
      const int64_t z = int64_t{block.depth} * cut.step[0] + depths.offset(offset);
      for (int32_t below = 0; below < cut.step[1]; ++below) {
        for (int32_t beside = 0; beside < cut.step[2]; ++beside) {
          for (int64_t row = 0; row < rows; ++row) {
            const int64_t y = (block.row + row + cut.first[1]) * cut.step[1] + below;
            float* const target = copy + row * cut.pitch;
            if (z < 0 || z >= input[0] || y < 0 || y >= input[1]) {
              clear_floats(target, columns);
              continue;
            }
            copy_row(planes + channel * points + (z * input[1] + y) * input[2], input[2],
                     first_column + beside, cut.step[2], columns, target);
          }
          copy += cut.band_rows * cut.pitch;
        }
      }
    }
  }
}

}  // namespace deconv
