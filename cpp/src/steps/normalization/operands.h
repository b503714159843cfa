#pragma once

#include "steps/normalization/tiles.h"

namespace deconv::normalization {

// What inner loops read beside the tensors. Of every line: what x is taken less of, a factor, a
// summand and, for gradients, a factor of grad_output and one of all. Of the channels, where those
// lie across the lines: weight and bias. Readable up to a tile's lanes behind the last.
struct Parameters {
  float* center;
  float* scale;
  float* shift;
  float* gain;
  float* inverse;
  float* weight;
  float* bias;
};

// One value for each row of a tile, or one for each column.
template <bool kOfRow>
struct Operand {
  Operand(const Grid& grid, Walk walk, const float* values, const Position& at, int64_t outer)
      : values(values + outer * (kOfRow ? grid.rows : grid.columns) +
               (kOfRow ? at.row : at.column)),
        step((walk == Walk::kAlong) == kOfRow ? 0
             : kOfRow                         ? 1
                                              : kLanes) {}

  v128_t read(int64_t row, int part) const {
    if constexpr (kOfRow) return wasm_v128_load32_splat(values + row * step);
    return wasm_v128_load(values + row * step + 4 * part);
  }
  // In the first row of a tile.
  float lane(int64_t index) const { return values[kOfRow ? 0 : index]; }

  const float* values;
  int64_t step;
};

// The kinds of loops: whether lines are rows, and whether there are weights across them.
template <bool kLinesAreRows, bool kWeighted>
struct Kind {
  static constexpr bool kRows = kLinesAreRows;
  static constexpr bool kWeights = kWeighted;
};

template <typename Work>
void with_kind(bool lines_are_rows, bool weighted, const Work& work) {
  if (lines_are_rows) {
    weighted ? work(Kind<true, true>()) : work(Kind<true, false>());
  } else {
    weighted ? work(Kind<false, true>()) : work(Kind<false, false>());
  }
}

// A kind's operands of a tile. Internal, as `Source` is: what a function does to its object is
// known where no other file may bring another one, and the loops keep what they read in registers.
template <typename AnyKind>
struct [[clang::internal_linkage]] Operands {
  [[gnu::noinline]] Operands(const Grid& grid, Walk walk, const Parameters& parameters,
                             const Position& at)
      : center(grid, walk, parameters.center, at, at.outer),
        scale(grid, walk, parameters.scale, at, at.outer),
        shift(grid, walk, parameters.shift, at, at.outer),
        gain(grid, walk, parameters.gain, at, at.outer),
        inverse(grid, walk, parameters.inverse, at, at.outer),
        weight(grid, walk, parameters.weight, at, 0),
        bias(grid, walk, parameters.bias, at, 0) {}

  // (x - center) * scale + shift
  v128_t line(v128_t x, int64_t row, int part) const {
    return fma_f32x4(wasm_f32x4_sub(x, center.read(row, part)), scale.read(row, part),
                     shift.read(row, part));
  }
  v128_t weighted(v128_t value, int64_t row, int part) const {
    if constexpr (AnyKind::kWeights) {
      return wasm_f32x4_mul(value, weight.read(row, part));
    } else {
      return value;
    }
  }

  Operand<AnyKind::kRows> center;
  Operand<AnyKind::kRows> scale;
  Operand<AnyKind::kRows> shift;
  Operand<AnyKind::kRows> gain;
  Operand<AnyKind::kRows> inverse;
  Operand<!AnyKind::kRows> weight;
  Operand<!AnyKind::kRows> bias;
};

}  // namespace deconv::normalization
