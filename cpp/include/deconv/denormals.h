#pragma once

#include <cstdint>

namespace deconv {

// Copies values with 0 of the same sign for every denormal one (below 2^-126), for which processors
// take up to a hundred times as long. `source` and `target` may be the same.
void flush_denormals(int64_t count, const float* source, float* target);

}  // namespace deconv
