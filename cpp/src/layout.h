#pragma once

#include <cstdint>

namespace deconv {

// For each of `count` matrices of `rows` x `columns`, writes the transpose. Channels-first to
// channels-last is rows = channels, columns = points, count = batch; back is the other way round.
void transpose(int64_t count, int64_t rows, int64_t columns, const float* source, float* target);

}  // namespace deconv
