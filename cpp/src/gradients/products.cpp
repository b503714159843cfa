// The gradient as outer products: at every position that a tap meets, all channels of one side
// times all of the other. Columns are the channels of one side beside each other, or, where these
// are few, those of all taps of a row: a window of the width, which lies beside each other in
// memory as well. It is cut from a copy with zeros around each row, so that all of its taps meet
// all positions.

#include <algorithm>

#include "deconv/workspace.h"
#include "divide.h"
#include "gradients/outer_products.h"
#include "gradients/route.h"
#include "gradients/sides.h"
#include "layout.h"
#include "machine.h"
#include "matrix_tile.h"
#include "parallel.h"
#include "simd.h"

namespace deconv::gradients {
namespace {

// The windows of the strided side, as the positions of the dense side meet them: `length` values of
// a row from position * step + first on. A single tap is none.
struct Windows {
  int64_t first = 0;
  int64_t step = 1;
  int64_t length = 1;
  int64_t row_length = 0;  // of the copy
};

Windows windows_of(const Problem& problem) {
  const Spec& spec = problem.spec;
  const int64_t positions = sides_of(problem).dense.extents[kWidth];
  const int64_t step = spec.stride[kWidth];
  const int64_t length = spec.kernel[kWidth];
  return {.first = -int64_t{spec.pad_before[kWidth]},
          .step = step,
          .length = length,
          .row_length = (positions - 1) * step + length};
}

bool takes_windows(const Problem& problem) {
  const Spec& spec = problem.spec;
  if (spec.dilation[kWidth] != 1 || spec.input_dilation[kWidth] != 1) return false;
  // Far away from the tensor there may be any number of zeros.
  const int64_t width = sides_of(problem).strided.extents[kWidth];
  return windows_of(problem).row_length <= 2 * (width + spec.kernel[kWidth]);
}

// The sums that a tap, or a window of them, has in a group.
struct Shape {
  int64_t rows;     // dense channels
  int64_t columns;  // strided channels, of every tap of the window
};

// Some of the sums of a group.
struct Block {
  int64_t first_set;
  int64_t sets;
  int64_t first_row;
  int64_t rows;
  int64_t first_column;
  int64_t columns;

  int64_t set_sums() const { return rows * sums_width(columns); }
};

// How the sums of a group are cut into blocks, which threads take one by one: every sum is one
// block's, so that no number of threads changes a bit of it. The sums of a block stay in a
// second-level cache while all positions pass by; they are of many taps, so that what is written in
// the end lies beside each other.
class Cut {
 public:
  Cut(const Shape& shape, int64_t sets, int64_t groups) : shape_(shape), sets_(sets) {
    column_units_ = std::max<int64_t>(1, shape.columns / kUnit);
    column_blocks_ = ceil_divide(column_units_ * kUnit, machine.gradient_block_columns);
    column_blocks_ = std::min(column_blocks_, column_units_);
    most_columns_ = std::min(
        shape.columns, ceil_divide(column_units_, column_blocks_) * kUnit + shape.columns % kUnit);
    const int64_t width = sums_width(most_columns_);
    const int64_t sums = machine.gradient_block_sums;
    block_rows_ = std::clamp<int64_t>(sums / (sets * width), 1, shape.rows);
    block_rows_ = ceil_divide(block_rows_, kTileRows) * kTileRows;
    block_sets_ = std::clamp<int64_t>(sums / (block_rows_ * width), 1, sets);
    // More blocks than the cache asks for, where they are fewer than the threads.
    const int64_t wanted = ceil_divide(2 * machine.threads, groups);
    while (blocks() < wanted && block_rows_ > kTileRows) {
      block_rows_ = ceil_divide(block_rows_ / kTileRows, 2) * kTileRows;
    }
    while (blocks() < wanted && block_sets_ > 1) block_sets_ = ceil_divide(block_sets_, 2);
    block_sums_ = block_sets_ * std::min(block_rows_, shape.rows) * width;
  }

  int64_t blocks() const { return set_blocks() * row_blocks() * column_blocks_; }
  int64_t block_sums() const { return block_sums_; }
  int64_t most_columns() const { return most_columns_; }

  Block block(int64_t index) const {
    const int64_t column_block = index % column_blocks_;
    const int64_t first_row = index / column_blocks_ % row_blocks() * block_rows_;
    const int64_t first_set = index / column_blocks_ / row_blocks() * block_sets_;
    // The last one takes what is less than a unit as well.
    const int64_t first_column = column_units_ * column_block / column_blocks_ * kUnit;
    const int64_t end_column = column_block + 1 == column_blocks_
                                   ? shape_.columns
                                   : column_units_ * (column_block + 1) / column_blocks_ * kUnit;
    return {.first_set = first_set,
            .sets = std::min(block_sets_, sets_ - first_set),
            .first_row = first_row,
            .rows = std::min(block_rows_, shape_.rows - first_row),
            .first_column = first_column,
            .columns = end_column - first_column};
  }

 private:
  // Columns that no two blocks share.
  static constexpr int64_t kUnit = 8;

  int64_t set_blocks() const { return ceil_divide(sets_, block_sets_); }
  int64_t row_blocks() const { return ceil_divide(shape_.rows, block_rows_); }

  const Shape shape_;
  const int64_t sets_;
  int64_t column_units_;
  int64_t column_blocks_;
  int64_t most_columns_;
  int64_t block_rows_ = 1;
  int64_t block_sets_ = 1;
  int64_t block_sums_ = 0;
};

class Products {
 public:
  Products(const Problem& problem, const Windows& windows, const float* input,
           const float* grad_output)
      : problem_(problem),
        spec_(problem.spec),
        windows_(windows),
        dense_(sides_of(problem, input, grad_output).dense),
        strided_(sides_of(problem, input, grad_output).strided),
        shape_{dense_.group_channels, strided_.group_channels * windows_.length},
        sets_(spec_.kernel_elements() / windows_.length),
        cut_(shape_, sets_, spec_.groups) {}

  Status run(float* grad_weight) {
    Workspace& workspace = Workspace::shared();
    // A vector of slack, so that what is read behind the last of few columns is no other worker's.
    const int64_t worker_floats =
        cut_.block_sums() + cut_.most_columns() * machine.gradient_positions_at_once + 4;
    if (!prepare_columns(workspace.route_output) ||
        !workspace.scratch.reserve(worker_floats * machine.threads)) {
      return Status::kOutOfMemory;
    }
    for_each_item(cut_.blocks() * spec_.groups, [&](int64_t item, int worker) {
      float* const sums = workspace.scratch.data() + worker * worker_floats;
      const Block block = cut_.block(item % cut_.blocks());
      const int64_t group = item / cut_.blocks();
      clear_floats(sums, cut_.block_sums());
      for (int64_t set = 0; set < block.sets; ++set) {
        sum_set(group, block, set, sums + set * block.set_sums(), sums + cut_.block_sums());
      }
      write(group, block, sums, grad_weight);
    });
    return Status::kOk;
  }

 private:
  bool windowed() const { return windows_.row_length > 0; }

  // The columns of a position beside each other, with something to read behind the last.
  bool prepare_columns(Buffer& buffer) {
    if (windowed()) return copy_columns(buffer, windows_.row_length, windows_.first);
    if (strided_.channel_stride == 1 && strided_.group_channels >= 4) return true;
    return copy_columns(buffer, strided_.extents[kWidth], 0);
  }

  // Group for group channels last, rows of `length` from `first` on, zeros outside.
  bool copy_columns(Buffer& buffer, int64_t length, int64_t first) {
    const Side from = strided_;
    const int64_t rows = int64_t{from.extents[0]} * from.extents[1];
    const int64_t channels = from.group_channels;
    const int64_t row_floats = length * channels;
    const int64_t images = problem_.batch * int64_t{spec_.groups};
    if (!buffer.reserve(images * rows * row_floats)) return false;
    const int64_t begin = std::clamp<int64_t>(-first, 0, length);
    const int64_t end = std::clamp<int64_t>(from.extents[kWidth] - first, begin, length);
    for_each_item(images * from.extents[0], [&](int64_t item, int) {
      const int64_t image = item / from.extents[0];
      const int64_t depth = item % from.extents[0];
      float* target = buffer.data() + item * from.extents[1] * row_floats;
      for (int64_t row = 0; row < from.extents[1]; ++row, target += row_floats) {
        const float* const source =
            from.at(image / spec_.groups, image % spec_.groups, 0, depth, row, first + begin);
        clear_floats(target, begin * channels);
        copy_points(from, source, end - begin, target + begin * channels);
        clear_floats(target + end * channels, (length - end) * channels);
      }
    });
    strided_.data = buffer.data();
    strided_.extents[kWidth] = static_cast<int32_t>(length);
    strided_.channel_stride = 1;
    strided_.point_stride = channels;
    strided_.row_stride = row_floats;
    strided_.depth_stride = from.extents[1] * row_floats;
    strided_.group_stride = rows * row_floats;
    strided_.batch_stride = spec_.groups * strided_.group_stride;
    return true;
  }

  static void copy_points(const Side& from, const float* source, int64_t points, float* target) {
    const int64_t channels = from.group_channels;
    if (from.channel_stride == 1 && from.point_stride == channels) {
      copy_floats(source, points * channels, target);
    } else if (from.channel_stride == 1) {
      for (int64_t point = 0; point < points; ++point) {
        copy_floats(source + point * from.point_stride, channels, target + point * channels);
      }
    } else {
      transpose_block(channels, points, source, from.channel_stride, target, channels);
    }
  }

  // The first tap of a set: the only one, or that of the first of a window's values.
  Axes first_tap(int64_t set) const {
    const int64_t widths = spec_.kernel[kWidth] / windows_.length;
    const int64_t heights = spec_.kernel[1];
    return {static_cast<int32_t>(set / widths / heights),
            static_cast<int32_t>(set / widths % heights), static_cast<int32_t>(set % widths)};
  }

  void sum_set(int64_t group, const Block& block, int64_t set, float* sums, float* room) const {
    const Axes tap = first_tap(block.first_set + set);
    Meeting meetings[3];
    for (int axis = 0; axis < 3; ++axis) {
      meetings[axis] = axis == kWidth && windowed()
                           ? Meeting{dense_.extents[kWidth], {}, {0, windows_.step}}
                           : meeting_of(problem_, axis, tap[axis]);
      if (meetings[axis].count == 0) return;
    }
    const auto& [depth, height, width] = meetings;
    const int64_t at_once = std::min(width.count, machine.gradient_positions_at_once);
    const int64_t lines = std::max<int64_t>(1, machine.gradient_positions_at_once / width.count);
    OuterProducts products{.rows = nullptr,
                           .row_stride = dense_.channel_stride,
                           .row_step = width.dense.step * dense_.point_stride,
                           .columns = nullptr,
                           .column_step = width.strided.step * strided_.point_stride,
                           .positions = at_once,
                           .row_line_step = height.dense.step * dense_.row_stride,
                           .column_line_step = height.strided.step * strided_.row_stride};
    const bool far = products.column_step >= machine.gradient_far_apart && block.rows > kTileRows;
    for (int64_t batch = 0; batch < problem_.batch; ++batch) {
      for (int64_t d = 0; d < depth.count; ++d) {
        for (int64_t h = 0; h < height.count; h += lines) {
          products.lines = std::min(lines, height.count - h);
          for (int64_t w = 0; w < width.count; w += at_once) {
            products.positions = std::min(at_once, width.count - w);
            products.rows = dense_.at(batch, group, block.first_row, depth.dense.at(d),
                                      height.dense.at(h), width.dense.at(w));
            products.columns =
                block.first_column + strided_.at(batch, group, 0, depth.strided.at(d),
                                                 height.strided.at(h), width.strided.at(w));
            add_outer_products(far ? beside(products, block.columns, room) : products, block.rows,
                               block.columns, sums);
          }
        }
      }
    }
  }

  // The columns of all positions beside each other in `room`.
  static OuterProducts beside(OuterProducts products, int64_t columns, float* room) {
    float* target = room;
    for (int64_t line = 0; line < products.lines; ++line) {
      const float* source = products.columns + line * products.column_line_step;
      for (int64_t position = 0; position < products.positions; ++position) {
        copy_floats(source, columns, target);
        source += products.column_step;
        target += columns;
      }
    }
    products.columns = room;
    products.column_step = columns;
    products.column_line_step = products.positions * columns;
    return products;
  }

  // Of every row of sums, the sets lie far apart and belong beside each other.
  void write(int64_t group, const Block& block, const float* sums, float* grad_weight) const {
    const int64_t taps = spec_.kernel_elements();
    const int64_t channels = strided_.group_channels;
    const int64_t whole = block.columns / 4 * 4;
    for (int64_t row = 0; row < block.rows; ++row, sums += sums_width(block.columns)) {
      const int64_t dense = group * dense_.group_channels + block.first_row + row;
      for (int64_t column = 0; column < block.columns;) {
        const int64_t tap = (block.first_column + column) / channels;
        const int64_t channel = (block.first_column + column) % channels;
        // Columns whose sums lie beside each other, and their kernels as well.
        const int64_t end = column < whole ? whole : block.columns;
        const int64_t run = std::min(end - column, channels - channel);
        const float* const own = sums + place_of_sum(column, block.columns);
        float* const target = grad_weight + (dense * channels + channel) * taps +
                              block.first_set * windows_.length + tap;
        if (windowed()) {
          for (int64_t set = 0; set < block.sets; ++set) {
            for (int64_t index = 0; index < run; ++index) {
              target[index * taps + set * windows_.length] = own[set * block.set_sums() + index];
            }
          }
        } else {
          transpose_block(block.sets, run, own, block.set_sums(), target, taps);
        }
        column += run;
      }
    }
  }

  const Problem& problem_;
  const Spec& spec_;
  const Windows windows_;
  const Side dense_;
  Side strided_;
  const Shape shape_;
  // Taps, or rows of taps.
  const int64_t sets_;
  const Cut cut_;
};

}  // namespace

constexpr Route kTaps = {
    "taps", [](const Problem&) { return true; },
    [](const Problem& problem, const float* input, const float* grad_output, float* grad_weight) {
      return Products(problem, {}, input, grad_output).run(grad_weight);
    }};

constexpr Route kWindows = {
    "windows", takes_windows,
    [](const Problem& problem, const float* input, const float* grad_output, float* grad_weight) {
      return Products(problem, windows_of(problem), input, grad_output).run(grad_weight);
    }};

}  // namespace deconv::gradients
