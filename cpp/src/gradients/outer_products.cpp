#include "gradients/outer_products.h"

#include <algorithm>

#include "matrix_tile.h"
#include "simd.h"

namespace deconv::gradients {
namespace {

// As many vectors of columns beside each number of rows as fill the registers that engines leave.
constexpr int most_vectors(int rows) { return rows == 1 ? 8 : rows == 3 ? 3 : 2; }

// This is compiled for size, where the loops would stay loops and the sums in memory.
template <int kRows, int kVectors>
void add_block(const OuterProducts& products, float* sums, int64_t sums_stride) {
  v128_t own[kRows][kVectors];
#pragma clang loop unroll(full)
  for (int row = 0; row < kRows; ++row) {
#pragma clang loop unroll(full)
    for (int vector = 0; vector < kVectors; ++vector) {
      own[row][vector] = wasm_v128_load(sums + row * sums_stride + 4 * vector);
    }
  }
  for (int64_t line = 0; line < products.lines; ++line) {
    const float* rows = products.rows + line * products.row_line_step;
    const float* columns = products.columns + line * products.column_line_step;
    for (int64_t position = 0; position < products.positions; ++position) {
      if constexpr (kRows < 4) {
        v128_t factors[kRows];
#pragma clang loop unroll(full)
        for (int row = 0; row < kRows; ++row) {
          factors[row] = wasm_v128_load32_splat(rows + row * products.row_stride);
        }
#pragma clang loop unroll(full)
        for (int vector = 0; vector < kVectors; ++vector) {
          const v128_t values = wasm_v128_load(columns + 4 * vector);
#pragma clang loop unroll(full)
          for (int row = 0; row < kRows; ++row) {
            own[row][vector] = fma_f32x4(factors[row], values, own[row][vector]);
          }
        }
      } else {
        v128_t values[kVectors];
#pragma clang loop unroll(full)
        for (int vector = 0; vector < kVectors; ++vector) {
          values[vector] = wasm_v128_load(columns + 4 * vector);
        }
#pragma clang loop unroll(full)
        for (int row = 0; row < kRows; ++row) {
          const v128_t factor = wasm_v128_load32_splat(rows + row * products.row_stride);
#pragma clang loop unroll(full)
          for (int vector = 0; vector < kVectors; ++vector) {
            own[row][vector] = fma_f32x4(factor, values[vector], own[row][vector]);
          }
        }
      }
      rows += products.row_step;
      columns += products.column_step;
    }
  }
#pragma clang loop unroll(full)
  for (int row = 0; row < kRows; ++row) {
#pragma clang loop unroll(full)
    for (int vector = 0; vector < kVectors; ++vector) {
      wasm_v128_store(sums + row * sums_stride + 4 * vector, own[row][vector]);
    }
  }
}

template <int kRows>
void add_rows(OuterProducts products, int64_t columns, float* sums, int64_t sums_stride) {
  constexpr int64_t kWide = 4 * most_vectors(kRows);
  int64_t column = 0;
  for (; column + kWide <= columns; column += kWide) {
    add_block<kRows, most_vectors(kRows)>(products, sums + column, sums_stride);
    products.columns += kWide;
  }
  for (; column < columns; column += 4) {
    // The last one ends with the columns.
    if (columns >= 4) products.columns += std::min<int64_t>(columns - column - 4, 0);
    add_block<kRows, 1>(products, sums + column, sums_stride);
    products.columns += 4;
  }
}

}  // namespace

void add_outer_products(const OuterProducts& products, int64_t rows, int64_t columns, float* sums) {
  const int64_t stride = sums_width(columns);
  OuterProducts own = products;
  for (int64_t left = rows; left > 0;) {
    const int64_t height = left >= kTileRows ? kTileRows : left >= 3 ? 3 : 1;
    const auto add = height == kTileRows ? add_rows<kTileRows>
                     : height == 3       ? add_rows<3>
                                         : add_rows<1>;
    add(own, columns, sums, stride);
    own.rows += height * products.row_stride;
    sums += height * stride;
    left -= height;
  }
}

}  // namespace deconv::gradients
