#pragma once

#include <cstdint>

namespace deconv {

// Which values are dropped: those of which a number from 0 to 2^32 - 1, drawn by their place and
// the two keys, is below `threshold`. The same keys drop the same places.
struct Dropout {
  uint32_t threshold = 0;
  uint32_t first_key = 0;
  uint32_t second_key = 0;
  // Of the values that stay.
  float scale = 1;
};

// Multiplies by `scale` or 0, so that NaN stays; its own gradient. `output` may be the input.
void dropout(const Dropout& call, int64_t count, const float* input, float* output);

}  // namespace deconv
