#include "output.h"

#include "parallel.h"
#include "quantized/convert.h"
#include "relu.h"
#include "simd.h"
#include "steps/elementwise_part.h"

namespace deconv {

void Output::finish_all(int64_t count) const {
  if (done()) return;
  // Stays in a first-level cache from one step to the next.
  constexpr int64_t kPiece = 1 << 12;
  for_each_piece(count, kPiece,
                 [&](int64_t begin, int64_t end, int) { finish_part(begin, end - begin); });
}

void Output::finish_part(int64_t begin, int64_t count) const {
  if (rescale != nullptr) deconv::rescale(*rescale, begin, count, values);
  if (relu) deconv::relu(count, values + begin);
  if (residual != nullptr) add_row(count, residual + begin, values + begin);
  if (function != nullptr)
    elementwise_part(*function, repeated_a, begin, begin + count, values, values);
}

}  // namespace deconv
