#pragma once

#include <cstdint>

namespace deconv {

// Copies `rows` rows of `length` values, whose beginnings lie so many values apart: a part of a
// tensor, which may not overlap the other one.
void copy_rows(int64_t rows, int64_t length, const float* source, int64_t source_stride,
               float* target, int64_t target_stride);

}  // namespace deconv
