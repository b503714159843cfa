#include <wasm_simd128.h>

#include "layout.h"
#include "simd.h"
#include "transpose_4x4.h"
#include "transpose_tiles.h"

namespace deconv {
namespace {

// Writes the transpose of 16 x 16 bytes: four rounds of interleaving row i with row i + 8.
constexpr auto kSquare = [](const int8_t* source, int64_t source_stride, int8_t* target,
                            int64_t target_stride, const auto& change) {
  v128_t rows[16];
  v128_t mixed[16];
  for (int64_t row = 0; row < 16; ++row) rows[row] = wasm_v128_load(source + row * source_stride);
  const auto interleave_rows = [](const v128_t* from, v128_t* to) {
    for (int row = 0; row < 8; ++row) {
      to[2 * row] = low_bytes(from[row], from[row + 8]);
      to[2 * row + 1] = high_bytes(from[row], from[row + 8]);
    }
  };
  interleave_rows(rows, mixed);
  interleave_rows(mixed, rows);
  interleave_rows(rows, mixed);
  interleave_rows(mixed, rows);
  for (int64_t row = 0; row < 16; ++row) {
    wasm_v128_store(target + row * target_stride, change(rows[row]));
  }
};

}  // namespace

void transpose_bytes(int64_t count, int64_t rows, int64_t columns, const int8_t* source,
                     int8_t* target) {
  transpose_all(count, rows, columns, source, target, kSquare, kKeep);
}

}  // namespace deconv
