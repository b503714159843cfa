#include "deconv/gradients.h"

#include <wasm_simd128.h>

#include "axis_phases.h"
#include "deconv/workspace.h"
#include "layout.h"
#include "simd.h"

namespace deconv {
namespace {

constexpr int kRows = 4;
constexpr int kColumns = 8;

// Where one tap meets both tensors along an axis: at `count` positions of each, from `first` on and
// `step` apart.
struct Meeting {
  int64_t count = 0;
  struct Positions {
    int64_t first = 0;
    int64_t step = 1;

    int64_t at(int64_t index) const { return first + index * step; }
  } input, output;
};

Meeting meeting_of(const Problem& problem, int axis, int64_t tap) {
  const Spec& spec = problem.spec;
  int64_t phase = 0;
  int64_t offset = 0;
  if (!AxisPhases::find(spec, axis, tap, &phase, &offset)) return {};
  const int64_t phases = AxisPhases::count(spec, axis);
  const int64_t step = AxisPhases::step(spec, axis);
  const Range steps = indices_inside(
      offset, step, problem.input[axis],
      indices_inside(phase, phases, problem.output[axis], {0, problem.output[axis]}));
  return {
      steps.count(), {offset + steps.begin * step, step}, {phase + steps.begin * phases, phases}};
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

// Adds one row of positions to the sums of one tap and group, [height][width].
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

// One side of the product, channels last.
struct Side {
  const float* data;
  Axes extents;
  int64_t channels;
};

void accumulate_tap(const Problem& problem, const Side& dense, const Side& strided, const Axes& tap,
                    int64_t group, float* sums) {
  const Spec& spec = problem.spec;
  Meeting meetings[3];
  for (int axis = 0; axis < 3; ++axis) {
    meetings[axis] = meeting_of(problem, axis, tap[axis]);
    if (meetings[axis].count == 0) return;
  }
  const auto& [depth, height, width] = meetings;
  const auto dense_at = spec.transposed ? &Meeting::input : &Meeting::output;
  const auto strided_at = spec.transposed ? &Meeting::output : &Meeting::input;
  const int64_t group_dense = dense.channels / spec.groups;
  const int64_t group_strided = strided.channels / spec.groups;
  for (int64_t batch = 0; batch < problem.batch; ++batch) {
    for (int64_t d = 0; d < depth.count; ++d) {
      for (int64_t h = 0; h < height.count; ++h) {
        const auto row_of = [&](const Side& side, auto at) {
          return (((depth.*at).at(d) + batch * side.extents[0]) * side.extents[1] +
                  (height.*at).at(h)) *
                     side.extents[2] +
                 (width.*at).first;
        };
        const Rows rows{
            dense.data + row_of(dense, dense_at) * dense.channels + group * group_dense,
            (width.*dense_at).step * dense.channels,
            strided.data + row_of(strided, strided_at) * strided.channels + group * group_strided,
            (width.*strided_at).step * strided.channels,
            width.count,
        };
        accumulate(rows, group_dense, group_strided, sums);
      }
    }
  }
}

// `data` as it is when it already reads channels last, else transposed into `buffer`.
const float* channels_last(const Problem& problem, const float* data, int64_t channels,
                           int64_t points, Buffer& buffer) {
  if (problem.layout == Layout::kChannelsLast || channels == 1 || points == 1) return data;
  if (!buffer.reserve(problem.batch * channels * points)) return nullptr;
  transpose(problem.batch, channels, points, data, buffer.data());
  return buffer.data();
}

}  // namespace

Status weight_gradient(const Problem& problem, const float* input, const float* grad_output,
                       float* grad_weight) {
  const Spec& spec = problem.spec;
  Workspace& workspace = Workspace::shared();
  const Side in{channels_last(problem, input, spec.in_channels, problem.input_points(),
                              workspace.route_input),
                problem.input, spec.in_channels};
  const Side out{channels_last(problem, grad_output, spec.out_channels, problem.output_points(),
                               workspace.route_output),
                 problem.output, spec.out_channels};
  if (in.data == nullptr || out.data == nullptr) return Status::kOutOfMemory;
  const Side& dense = spec.transposed ? in : out;
  const Side& strided = spec.transposed ? out : in;

  const int64_t taps = spec.kernel_elements();
  const int64_t rows = dense.channels / spec.groups;
  const int64_t columns = strided.channels / spec.groups;
  Buffer sums;  // [rows][columns] of one tap and group
  if (!sums.reserve(rows * columns)) return Status::kOutOfMemory;
  for (int32_t group = 0; group < spec.groups; ++group) {
    float* group_weight = grad_weight + group * rows * columns * taps;
    int64_t tap = 0;
    for (int32_t td = 0; td < spec.kernel[0]; ++td) {
      for (int32_t th = 0; th < spec.kernel[1]; ++th) {
        for (int32_t tw = 0; tw < spec.kernel[2]; ++tw, ++tap) {
          for (int64_t i = 0; i < rows * columns; ++i) sums.data()[i] = 0.0f;
          accumulate_tap(problem, dense, strided, {td, th, tw}, group, sums.data());
          for (int64_t i = 0; i < rows * columns; ++i) {
            group_weight[i * taps + tap] = sums.data()[i];
          }
        }
      }
    }
  }
  return Status::kOk;
}

void bias_gradient(const Problem& problem, const float* grad_output, float* grad_bias) {
  const bool channels_first = problem.layout == Layout::kChannelsFirst;
  const int64_t points = problem.output_points();
  const int64_t channels = problem.spec.out_channels;
  const int64_t point_stride = channels_first ? 1 : channels;
  const int64_t channel_stride = channels_first ? points : 1;
  for (int64_t channel = 0; channel < channels; ++channel) {
    double sum = 0;
    for (int64_t batch = 0; batch < problem.batch; ++batch) {
      const float* image = grad_output + batch * points * channels + channel * channel_stride;
      for (int64_t point = 0; point < points; ++point) sum += image[point * point_stride];
    }
    grad_bias[channel] = static_cast<float>(sum);
  }
}

}  // namespace deconv
