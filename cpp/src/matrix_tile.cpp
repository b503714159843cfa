#include "matrix_tile.h"

#include "relu.h"
#include "simd.h"

namespace deconv {
namespace {

template <int kRows>
void multiply_panel(const TileProduct& product, const float* values, float* result) {
  v128_t left[kRows];
  v128_t right[kRows];
  const float* tile = product.tile;
  for (int row = 0; row < kRows; ++row) {
    left[row] = wasm_v128_load32_splat(tile + row);
    right[row] = left[row];
  }
  tile += kRows;
  // Not unrolled: engines schedule the plain loop best, and every unrolled form spilled registers.
  for (int32_t index = 0; index < product.segment_count; ++index) {
    const Segment& segment = product.segments[index];
    const float* panel = values + int64_t{segment.first} * kPanel;
    for (int32_t step = segment.length; step > 0; --step) {
      const v128_t panel_left = wasm_v128_load(panel);
      const v128_t panel_right = wasm_v128_load(panel + 4);
      for (int row = 0; row < kRows; ++row) {
        const v128_t weight = wasm_v128_load32_splat(tile + row);
        left[row] = fma_f32x4(weight, panel_left, left[row]);
        right[row] = fma_f32x4(weight, panel_right, right[row]);
      }
      tile += kRows;
      panel += kPanel;
    }
  }
  if (product.relu) {
    for (int row = 0; row < kRows; ++row) {
      left[row] = relu(left[row]);
      right[row] = relu(right[row]);
    }
  }
  for (int row = 0; row < kRows; ++row, result += product.result_stride) {
    wasm_v128_store(result, left[row]);
    wasm_v128_store(result + 4, right[row]);
  }
}

template <int kRows>
void multiply(const TileProduct& product) {
  for (int64_t panel = 0; panel < product.panel_count; ++panel) {
    multiply_panel<kRows>(product, product.panels + panel * product.panel_stride,
                          product.result + panel * kPanel);
  }
}

}  // namespace

void multiply_tile(int rows, const TileProduct& product) {
  using Multiply = void (*)(const TileProduct&);
  static constexpr Multiply kByRows[] = {
      nullptr,     multiply<1>, multiply<2>, multiply<3>, multiply<4>, multiply<5>,
#ifdef __wasm_relaxed_simd__
      multiply<6>,
#endif
  };
  kByRows[rows](product);
}

}  // namespace deconv
