#include "deconv/gradients.h"

#include <wasm_simd128.h>

#include <algorithm>

#include "axis_phases.h"
#include "deconv/workspace.h"
#include "layout.h"
#include "machine.h"
#include "parallel.h"
#include "simd.h"

namespace deconv {
namespace {

constexpr int kRows = 4;
constexpr int kColumns = 8;

// Positions of one axis: `first`, first + step, ...
struct Positions {
  int64_t first = 0;
  int64_t step = 1;

  int64_t at(int64_t index) const { return first + index * step; }
};

// The `count` positions of both tensors at which a tap multiplies one with the other along an axis.
struct Meeting {
  int64_t count = 0;
  Positions dense;
  Positions strided;
};

Meeting meeting_of(const Problem& problem, int axis, int64_t tap) {
  const Spec& spec = problem.spec;
  int64_t phase = 0;
  int64_t offset = 0;
  if (!AxisPhases::find(spec, axis, problem.output[axis], tap, &phase, &offset)) return {};
  const int64_t phases = AxisPhases::count(spec, axis);
  const int64_t step = AxisPhases::step(spec, axis);
  const Range steps = indices_inside(
      offset, step, problem.input[axis],
      indices_inside(phase, phases, problem.output[axis], {0, problem.output[axis]}));
  const Positions input{offset + steps.begin * step, step};
  const Positions output{phase + steps.begin * phases, phases};
  return spec.transposed ? Meeting{steps.count(), input, output}
                         : Meeting{steps.count(), output, input};
}

// A row of positions in both tensors, channels last.
struct Rows {
  const float* dense;
  int64_t dense_step;
  const float* strided;
  int64_t strided_step;
  int64_t count;
};

// sums[row][column] += sum over the positions of dense[row] * strided[column]. The rest of this
// file is compiled for size, where the loops over rows would stay loops and the sums in memory.
template <int kHeight>
void accumulate_block(const Rows& rows, float* sums, int64_t sums_stride) {
  v128_t low[kHeight];
  v128_t high[kHeight];
#pragma clang loop unroll(full)
  for (int row = 0; row < kHeight; ++row) {
    low[row] = wasm_v128_load(sums + row * sums_stride);
    high[row] = wasm_v128_load(sums + row * sums_stride + 4);
  }
  const float* dense = rows.dense;
  const float* strided = rows.strided;
  for (int64_t position = 0; position < rows.count; ++position) {
    const v128_t left = wasm_v128_load(strided);
    const v128_t right = wasm_v128_load(strided + 4);
#pragma clang loop unroll(full)
    for (int row = 0; row < kHeight; ++row) {
      const v128_t factor = wasm_v128_load32_splat(dense + row);
      low[row] = fma_f32x4(factor, left, low[row]);
      high[row] = fma_f32x4(factor, right, high[row]);
    }
    dense += rows.dense_step;
    strided += rows.strided_step;
  }
#pragma clang loop unroll(full)
  for (int row = 0; row < kHeight; ++row) {
    wasm_v128_store(sums + row * sums_stride, low[row]);
    wasm_v128_store(sums + row * sums_stride + 4, high[row]);
  }
}

void accumulate_value(const Rows& rows, float* sum) {
  float total = *sum;
  for (int64_t position = 0; position < rows.count; ++position) {
    total += rows.dense[position * rows.dense_step] * rows.strided[position * rows.strided_step];
  }
  *sum = total;
}

// Adds one row of positions to a block of sums, [height][width].
void accumulate(const Rows& rows, int64_t height, int64_t width, float* sums) {
  const int64_t whole_height = height / kRows * kRows;
  const int64_t whole_width = width / kColumns * kColumns;
  const auto at = [&rows](int64_t row, int64_t column) {
    return Rows{rows.dense + row, rows.dense_step, rows.strided + column, rows.strided_step,
                rows.count};
  };
  for (int64_t column = 0; column < whole_width; column += kColumns) {
    for (int64_t row = 0; row < whole_height; row += kRows) {
      accumulate_block<kRows>(at(row, column), sums + row * width + column, width);
    }
    for (int64_t row = whole_height; row < height; ++row) {
      accumulate_block<1>(at(row, column), sums + row * width + column, width);
    }
  }
  for (int64_t row = 0; row < height; ++row) {
    for (int64_t column = whole_width; column < width; ++column) {
      accumulate_value(at(row, column), sums + row * width + column);
    }
  }
}

// One of the two tensors, channels last.
struct Side {
  const float* data;
  Axes extents;
  int64_t channels;
  int64_t group_channels;

  // Values of a position along the width.
  const float* at(int64_t batch, int64_t depth, int64_t height, int64_t width,
                  int64_t channel) const {
    const int64_t row = (batch * extents[0] + depth) * extents[1] + height;
    return data + (row * extents[2] + width) * channels + channel;
  }
};

// How the work is cut: an item is one tap of one group, and a block of its dense channels. Every
// sum is one item's, so that no number of threads changes a bit of it.
struct Cut {
  Cut(const Problem& problem, int64_t rows, int64_t columns) {
    // More blocks than the cache asks for, where groups and taps are fewer than the threads.
    const int64_t items = problem.spec.groups * problem.spec.kernel_elements();
    const int64_t wanted = std::max(ceil_divide(rows * columns, machine.gradient_block_sums),
                                    ceil_divide(2 * machine.threads, items));
    block = ceil_divide(ceil_divide(rows, wanted), kRows) * kRows;
    blocks = ceil_divide(rows, block);
    worker_elements = block * columns;
  }

  int64_t block;   // channels
  int64_t blocks;  // of a tap and group
  int64_t worker_elements;
};

Axes tap_axes(const Spec& spec, int64_t tap) {
  const int64_t area = int64_t{spec.kernel[1]} * spec.kernel[2];
  return {static_cast<int32_t>(tap / area), static_cast<int32_t>(tap % area / spec.kernel[2]),
          static_cast<int32_t>(tap % spec.kernel[2])};
}

// The sums of one item, [row][column].
void sum_block(const Problem& problem, const Side& dense, const Side& strided, const Axes& tap,
               int64_t group, int64_t first_row, int64_t rows, float* sums) {
  std::fill_n(sums, rows * strided.group_channels, 0.0f);
  Meeting meetings[3];
  for (int axis = 0; axis < 3; ++axis) {
    meetings[axis] = meeting_of(problem, axis, tap[axis]);
    if (meetings[axis].count == 0) return;
  }
  const auto& [depth, height, width] = meetings;
  for (int64_t batch = 0; batch < problem.batch; ++batch) {
    for (int64_t d = 0; d < depth.count; ++d) {
      for (int64_t h = 0; h < height.count; ++h) {
        accumulate({dense.at(batch, depth.dense.at(d), height.dense.at(h), width.dense.first,
                             group * dense.group_channels + first_row),
                    width.dense.step * dense.channels,
                    strided.at(batch, depth.strided.at(d), height.strided.at(h),
                               width.strided.first, group * strided.group_channels),
                    width.strided.step * strided.channels, width.count},
                   rows, strided.group_channels, sums);
      }
    }
  }
}

// `data` as it is when it reads channels last, else transposed into `buffer`; null when out of
// memory.
const float* channels_last(bool as_is, int64_t batch, int64_t channels, int64_t points,
                           const float* data, Buffer& buffer) {
  if (as_is) return data;
  if (!buffer.reserve(batch * channels * points)) return nullptr;
  transpose(batch, channels, points, data, buffer.data());
  return buffer.data();
}

}  // namespace

Status weight_gradient(const Problem& problem, const float* input, const float* grad_output,
                       float* grad_weight) {
  const Spec& spec = problem.spec;
  Workspace& workspace = Workspace::shared();
  const bool last = problem.layout == Layout::kChannelsLast;
  const Side in{
      channels_last(last || !problem.input_layout_matters(), problem.batch, spec.in_channels,
                    problem.input_points(), input, workspace.route_input),
      problem.input, spec.in_channels, spec.group_in_channels()};
  const Side out{
      channels_last(last || !problem.output_layout_matters(), problem.batch, spec.out_channels,
                    problem.output_points(), grad_output, workspace.route_output),
      problem.output, spec.out_channels, spec.group_out_channels()};
  const Side& dense = spec.transposed ? in : out;
  const Side& strided = spec.transposed ? out : in;
  const int64_t columns = strided.group_channels;
  const Cut cut(problem, dense.group_channels, columns);
  if (in.data == nullptr || out.data == nullptr ||
      !workspace.scratch.reserve(cut.worker_elements * machine.threads)) {
    return Status::kOutOfMemory;
  }
  const int64_t taps = spec.kernel_elements();
  for_each_item(spec.groups * taps * cut.blocks, [&](int64_t item, int worker) {
    const int64_t group = item / cut.blocks / taps;
    const int64_t tap = item / cut.blocks % taps;
    const int64_t first = item % cut.blocks * cut.block;
    const int64_t rows = std::min(cut.block, dense.group_channels - first);
    float* const sums = workspace.scratch.data() + worker * cut.worker_elements;
    sum_block(problem, dense, strided, tap_axes(spec, tap), group, first, rows, sums);
    float* const target =
        grad_weight + (group * dense.group_channels + first) * columns * taps + tap;
    for (int64_t index = 0; index < rows * columns; ++index) target[index * taps] = sums[index];
  });
  return Status::kOk;
}

void bias_gradient(const Problem& problem, const float* grad_output, float* grad_bias) {
  const bool channels_first = problem.layout == Layout::kChannelsFirst;
  const int64_t points = problem.output_points();
  const int64_t channels = problem.spec.out_channels;
  const int64_t point_stride = channels_first ? 1 : channels;
  const int64_t channel_stride = channels_first ? points : 1;
  for_each_item(channels, [&](int64_t channel, int) {
    double sum = 0;
    for (int64_t batch = 0; batch < problem.batch; ++batch) {
      const float* image = grad_output + batch * points * channels + channel * channel_stride;
      for (int64_t point = 0; point < points; ++point) sum += image[point * point_stride];
    }
    grad_bias[channel] = static_cast<float>(sum);
  });
}

}  // namespace deconv
