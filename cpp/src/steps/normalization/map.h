#pragma once

#include <algorithm>

#include "steps/normalization/operands.h"

namespace deconv::normalization {

// Writes write(operands, x, g, row, part) for every value; g is read where it is used.
template <typename AnyKind, typename Write>
void map(const Grid& grid, const Parameters& parameters, const float* x, const float* g, float* y,
         const Write& write) {
  // Down short columns what belongs to them is read once.
  const bool along = grid.columns >= kLanes * (AnyKind::kRows ? 4 : kHeight);
  const Walk walk = along ? Walk::kAlong : Walk::kDown;
  const Cut cut(grid, std::max(int64_t{1}, kPiece / grid.columns), std::min(grid.columns, kPiece));
  for_each_tile(cut, walk, [&](const Tile& tile, int64_t, int64_t) {
    const Operands<AnyKind> operands(grid, walk, parameters, tile.at);
    float blocks[3][kTile];
    const Source place(grid, walk, x, tile.at);
    const Source inputs = place.widened(tile, blocks[0]);
    const Source gradients = Source(grid, walk, g, tile.at).widened(tile, blocks[1]);
    float* const target = y + (place.values - x);
    const bool all = tile.lanes == kLanes;
    float* const to = all ? target : blocks[2];
    for (int64_t row = 0; row < tile.height; ++row) {
#pragma clang loop unroll(full)
      for (int part = 0; part < kParts; ++part) {
        wasm_v128_store(to + row * inputs.stride + 4 * part,
                        write(operands, inputs.read(row, part), gradients, row, part));
      }
    }
    if (all) return;
    for (int64_t row = 0; row < tile.height; ++row) {
      copy_floats(to + row * kLanes, tile.lanes, target + row * place.stride);
    }
  });
}

}  // namespace deconv::normalization
