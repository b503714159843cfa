#pragma once

#include "deconv/status.h"
#include "deconv/strided.h"

namespace deconv {

// alpha * A B of matrices [rows, depth] and [depth, columns], each of which may lie transposed, for
// every place of some axes before them, along which either may be repeated (with a stride of 0).
struct MatrixProduct {
  int32_t rows = 1;
  int32_t depth = 1;
  int32_t columns = 1;
  int32_t transposed[2]{};
  float alpha = 1;
  int32_t axes = 0;
  ManyAxes extents{};
  ManyAxes strides[2]{};
};

// kOutOfMemory before anything is written; `result` may overlap neither.
Status multiply_matrices(const MatrixProduct& call, const float* a, const float* b, float* result);

}  // namespace deconv
