#include "deconv/rows.h"

#include <algorithm>
#include <cstring>

#include "parallel.h"

namespace deconv {
namespace {

// Values that a thread takes at once.
constexpr int64_t kChunk = 1 << 14;

}  // namespace

void copy_rows(int64_t rows, int64_t length, const float* source, int64_t source_stride,
               float* target, int64_t target_stride) {
  if (rows == 0 || length == 0) return;
  const int64_t together = std::max<int64_t>(1, kChunk / length);
  for_each_piece(rows, together, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      std::memcpy(target + row * target_stride, source + row * source_stride,
                  sizeof(float) * static_cast<size_t>(length));
    }
  });
}

}  // namespace deconv
