#include "deconv/matrix.h"

#include <algorithm>

#include "deconv/buffer.h"
#include "deconv/runtime.h"
#include "layout.h"
#include "matrix_tile.h"
#include "parallel.h"
#include "simd.h"
#include "steps/walk.h"
#include "transpose_4x4.h"

namespace deconv {
namespace {

// Values of panels that stay in the first-level cache with a tile.
constexpr int64_t kPanelValues = 1 << 12;

// Rows that are too few to pay for packing B, which is read once for each; columns that a thread
// takes at once.
constexpr int64_t kFewRows = 3;
constexpr int64_t kColumns = 64;

// One column of a product by a row of A, whose values lie `stride` apart.
float dot(int64_t depth, const float* a, const float* column, int64_t stride) {
  float sum = 0;
  for (int64_t step = 0; step < depth; ++step) sum += a[step] * column[step * stride];
  return sum;
}

// Columns from `first` to before `end`, which lie beside each other.
void multiply_row(const MatrixProduct& call, const float* a, const float* b, int64_t first,
                  int64_t end, float* result) {
  const int64_t columns = call.columns;
  int64_t column = first;
  for (; column + 16 <= end; column += 16) {
    v128_t sums[4] = {};
    const float* values = b + column;
    for (int64_t step = 0; step < call.depth; ++step, values += columns) {
      const v128_t factor = wasm_v128_load32_splat(a + step);
#pragma clang loop unroll(full)
      for (int part = 0; part < 4; ++part) {
        sums[part] = fma_f32x4(factor, wasm_v128_load(values + 4 * part), sums[part]);
      }
    }
    for (int part = 0; part < 4; ++part) wasm_v128_store(result + column + 4 * part, sums[part]);
  }
  for (; column < end; ++column) result[column] = dot(call.depth, a, b + column, columns);
}

// The same of columns that lie behind each other.
void multiply_row_transposed(const MatrixProduct& call, const float* a, const float* b,
                             int64_t first, int64_t end, float* result) {
  const int64_t depth = call.depth;
  const int64_t whole = depth / 4 * 4;
  int64_t column = first;
  for (; column + 4 <= end; column += 4) {
    v128_t sums[4] = {};
    const float* const values = b + column * depth;
    for (int64_t step = 0; step < whole; step += 4) {
      const v128_t factors = wasm_v128_load(a + step);
#pragma clang loop unroll(full)
      for (int part = 0; part < 4; ++part) {
        sums[part] = fma_f32x4(factors, wasm_v128_load(values + part * depth + step), sums[part]);
      }
    }
    transpose_4x4(sums);
    wasm_v128_store(result + column, wasm_f32x4_add(wasm_f32x4_add(sums[0], sums[1]),
                                                    wasm_f32x4_add(sums[2], sums[3])));
    for (int64_t part = 0; part < 4; ++part) {
      result[column + part] += dot(depth - whole, a + whole, values + part * depth + whole, 1);
    }
  }
  for (; column < end; ++column) result[column] = dot(depth, a, b + column * depth, 1);
}

void multiply_rows(const MatrixProduct& call, const float* a, const float* b, float* result) {
  const int64_t pieces = (call.columns + kColumns - 1) / kColumns;
  const auto multiply = call.transposed[1] != 0 ? multiply_row_transposed : multiply_row;
  for_each_item(call.rows * pieces, [&](int64_t item, int /*worker*/) {
    const int64_t row = item / pieces;
    const int64_t first = item % pieces * kColumns;
    const int64_t end = std::min<int64_t>(call.columns, first + kColumns);
    float* const own = result + row * call.columns;
    multiply(call, a + row * call.depth, b, first, end, own);
    for (int64_t column = first; column < end; ++column) own[column] *= call.alpha;
  });
}

// One product: A is packed first, B while it is used.
class Product {
 public:
  explicit Product(const MatrixProduct& call)
      : call_(call),
        depth_(call.depth),
        packed_(Tiling::packed_elements(call.rows, depth_)),
        panels_(std::clamp<int64_t>(kPanelValues / (kPanel * std::max<int64_t>(depth_, 1)), 1, 8)),
        own_(panels_ * kPanel * depth_ + int64_t{call.rows} * kPanel) {}

  [[nodiscard]] bool prepare() { return rooms_.reserve(packed_ + runtime_threads() * own_); }

  void run(const float* a, const float* b, float* result) {
    pack_rows(a);
    const int64_t columns = call_.columns;
    for_each_piece(columns, panels_ * kPanel, [&](int64_t first, int64_t end, int worker) {
      float* const panels = rooms_.data() + packed_ + worker * own_;
      float* const edge = panels + panels_ * kPanel * depth_;
      const int64_t count = end - first;
      for (int64_t at = 0; at < count; at += kPanel) {
        pack_panel(b, first + at, std::min<int64_t>(kPanel, count - at), panels + at * depth_);
      }
      const int64_t whole = count / kPanel;
      multiply(panels, whole, result + first, columns);
      if (count == whole * kPanel) return;
      multiply(panels + whole * kPanel * depth_, 1, edge, kPanel);
      for (int64_t row = 0; row < call_.rows; ++row) {
        copy_floats(edge + row * kPanel, count - whole * kPanel,
                    result + row * columns + first + whole * kPanel);
      }
    });
  }

 private:
  // Tiles without biases.
  void pack_rows(const float* a) {
    const int64_t rows = call_.rows;
    const int64_t row_stride = call_.transposed[0] != 0 ? 1 : depth_;
    const int64_t depth_stride = call_.transposed[0] != 0 ? rows : 1;
    for_each_tile(
        rows, depth_ + 1, rooms_.data(), [&](float* tile, int64_t first_row, int64_t height) {
          clear_floats(tile, height);
          pack_part({a + first_row * row_stride, height, row_stride, depth_, depth_stride}, height,
                    tile + height);
          if (call_.alpha == 1) return;
          for (int64_t at = height; at < (depth_ + 1) * height; ++at) tile[at] *= call_.alpha;
        });
  }

  void pack_panel(const float* b, int64_t first, int64_t count, float* panel) const {
    if (count < kPanel) clear_floats(panel, depth_ * kPanel);
    if (call_.transposed[1] != 0) {
      transpose_block(count, depth_, b + first * depth_, depth_, panel, kPanel);
      return;
    }
    const float* source = b + first;
    for (int64_t step = 0; step < depth_; ++step, source += call_.columns) {
      copy_floats(source, count, panel + step * kPanel);
    }
  }

  void multiply(const float* panels, int64_t count, float* result, int64_t stride) const {
    const Segment all{0, static_cast<int32_t>(depth_)};
    if (count == 0) return;
    multiply_tiles(call_.rows, depth_, false,
                   {.tile = rooms_.data(),
                    .panels = panels,
                    .panel_count = count,
                    .panel_stride = kPanel * depth_,
                    .segments = &all,
                    .segment_count = 1,
                    .result = result,
                    .result_stride = stride});
  }

  const MatrixProduct& call_;
  const int64_t depth_;
  const int64_t packed_;
  // At once, and values of a thread's room.
  const int64_t panels_;
  const int64_t own_;
  Buffer rooms_;
};

}  // namespace

Status multiply_matrices(const MatrixProduct& call, const float* a, const float* b, float* result) {
  const int64_t products = places_of(call.axes, call.extents);
  const int64_t size = int64_t{call.rows} * call.columns;
  if (products * size == 0) return Status::kOk;
  const bool few = call.rows == 1 || (call.rows <= kFewRows && call.transposed[0] == 0);
  Product product(call);
  if (!few && !product.prepare()) return Status::kOutOfMemory;
  Walk<2> walk(call.axes, call.extents, {&call.strides[0], &call.strides[1]}, 0);
  for (int64_t index = 0; index < products; ++index, walk.next()) {
    const float* const one = a + walk.offset(0);
    const float* const other = b + walk.offset(1);
    if (few) {
      multiply_rows(call, one, other, result + index * size);
    } else {
      product.run(one, other, result + index * size);
    }
  }
  return Status::kOk;
}

}  // namespace deconv
