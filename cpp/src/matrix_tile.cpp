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

// Reads a tile before it is used. The reads of a product wait for memory a few at a time, those of
// a burst many at a time, and engines offer no prefetch: a layer of 8 MB of weights that nothing
// had read lately took 5.3 instead of 6.1 ms.
void fetch(const float* values, int64_t count) {
  constexpr int64_t kCacheLine = 16;
  // Volatile, or nobody would miss the reads.
  const volatile float* const read = values;
  for (int64_t at = 0; at < count; at += kCacheLine) (void)read[at];
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

void multiply_tiles(int64_t rows, int64_t depth, bool from_memory, TileProduct product) {
  const Tiling tiling(rows);
  for (int64_t tile = 0; tile < tiling.count; ++tile) {
    const int height = tiling.height(tile);
    const int64_t elements = Tiling::packed_elements(height, depth);
    if (from_memory) fetch(product.tile, elements);
    // The tile stays in the first-level cache while the panels pass.
    multiply_tile(height, product);
    product.tile += elements;
    product.result += height * product.result_stride;
  }
}

}  // namespace deconv
