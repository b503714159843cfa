#include "positions_tile.h"

#include "kernels/lanes.h"
#include "relu.h"
#include "simd.h"

namespace deconv {
namespace {

template <int kVectors>
void store(float* result, int32_t channels, const v128_t (&sums)[kVectors]) {
#pragma unroll
  for (int vector = 0; vector < kVectors; ++vector, result += 4, channels -= 4) {
    if (channels >= 4) {
      wasm_v128_store(result, sums[vector]);
    } else {
      store_lanes(result, channels, sums[vector]);
    }
  }
}

template <int kVectors>
void multiply(const PositionsProduct& product) {
  const float* const* reads = product.reads;
  float* const* results = product.results;
  for (int64_t tile = 0; tile < product.tiles; ++tile, results += kTileRows) {
    v128_t sums[kTileRows][kVectors];
#pragma unroll
    for (int vector = 0; vector < kVectors; ++vector) {
      const v128_t first = wasm_v128_load(product.bias + 4 * vector);
#pragma unroll
      for (auto& sum : sums) sum[vector] = first;
    }
    const float* weight = product.panel;
    for (const int32_t length : product.lengths) {
      const float* x[kTileRows];
#pragma unroll
      for (int row = 0; row < kTileRows; ++row) x[row] = *reads++;
      // One step at a time: unrolled by two or four it is a quarter slower (see matrix_tile.cpp).
#pragma clang loop unroll(disable)
      for (int32_t step = 0; step < length; ++step, weight += 4 * kVectors) {
        v128_t factors[kVectors];
#pragma unroll
        for (int vector = 0; vector < kVectors; ++vector) {
          factors[vector] = wasm_v128_load(weight + 4 * vector);
        }
#pragma unroll
        for (int row = 0; row < kTileRows; ++row) {
          const v128_t value = wasm_v128_load32_splat(x[row] + step);
#pragma unroll
          for (int vector = 0; vector < kVectors; ++vector) {
            sums[row][vector] = fma_f32x4(value, factors[vector], sums[row][vector]);
          }
        }
      }
    }
#pragma unroll
    for (int row = 0; row < kTileRows; ++row) {
      if (product.relu) {
#pragma unroll
        for (v128_t& sum : sums[row]) sum = relu(sum);
      }
      store(results[row] + product.first_channel, product.channels, sums[row]);
    }
  }
}

}  // namespace

void multiply_positions(const PositionsProduct& product) {
  (product.channels > 4 ? multiply<2> : multiply<1>)(product);
}

}  // namespace deconv
