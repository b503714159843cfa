#include "positions_tile.h"

#include "kernels/lanes.h"
#include "relu.h"
#include "simd.h"

namespace deconv {
namespace {

// What is to be done is asked once, and not for each row.
template <int kVectors>
void store(const PositionsProduct& product, float* const* results,
           v128_t (&sums)[kTileRows][kVectors]) {
  if (product.relu) {
#pragma unroll
    for (auto& row : sums) {
#pragma unroll
      for (v128_t& sum : row) sum = relu(sum);
    }
  }
  const int32_t lanes = product.channels - 4 * (kVectors - 1);
  if (lanes == 4) {
#pragma unroll
    for (int row = 0; row < kTileRows; ++row) {
      float* const result = results[row] + product.first_channel;
#pragma unroll
      for (int vector = 0; vector < kVectors; ++vector) {
        wasm_v128_store(result + 4 * vector, sums[row][vector]);
      }
    }
    return;
  }
#pragma unroll
  for (int row = 0; row < kTileRows; ++row) {
    float* const result = results[row] + product.first_channel;
    if (kVectors == 2) wasm_v128_store(result, sums[row][0]);
    store_lanes(result + 4 * (kVectors - 1), lanes, sums[row][kVectors - 1]);
  }
}

template <int kVectors>
void multiply(const PositionsProduct& given) {
  // What is written could lie in what was given, and would be read anew for each tile.
  const PositionsProduct product = given;
  const float* const* pointers = product.pointers;
  for (const PositionTile& tile : product.tiles) {
    v128_t sums[kTileRows][kVectors];
#pragma unroll
    for (int vector = 0; vector < kVectors; ++vector) {
      const v128_t first = wasm_v128_load(product.bias + 4 * vector);
#pragma unroll
      for (auto& sum : sums) sum[vector] = first;
    }
    const float* weight = product.panel;
    const bool apart = tile.input == nullptr;
    const float* const* const written = pointers;
    if (apart) pointers += kTileRows;
    const int64_t* start = product.starts;
    for (const int32_t length : product.lengths) {
      const float* x[kTileRows];
      if (!apart) {
        const float* next = tile.input + *start++;
#pragma unroll
        for (const float*& read : x) {
          read = next;
          next += product.input_step;
          asm volatile("" : "+r"(read));
        }
      } else {
#pragma unroll
        for (const float*& read : x) read = *pointers++;
      }
      const float* const end = weight + 4 * kVectors * length;
      // Of the steps of x, before the pointers go on.
      const auto add = [&](int step) {
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
        weight += 4 * kVectors;
        // The six pointers and the place of the weights are all registers that engines have left:
        // none may be computed from another.
        asm volatile("" : "+r"(weight));
      };
      // Four steps, with a way out between them. Without it they are mixed, and the sums take more
      // registers than there are: it takes a quarter longer.
#pragma clang loop unroll(disable)
      while (weight != end) {
        add(0);
        if (weight == end) break;
        add(1);
        if (weight == end) break;
        add(2);
        if (weight == end) break;
        add(3);
#pragma unroll
        for (const float*& read : x) {
          read += 4;
          asm volatile("" : "+r"(read));
        }
      }
    }
    float* results[kTileRows];
#pragma unroll
    for (int row = 0; row < kTileRows; ++row) {
      results[row] =
          apart ? const_cast<float*>(written[row]) : tile.result + row * product.result_step;
    }
    store(product, results, sums);
  }
}

}  // namespace

void multiply_positions(const PositionsProduct& product) {
  (product.channels > 4 ? multiply<2> : multiply<1>)(product);
}

}  // namespace deconv
