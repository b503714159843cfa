#include "routes/winograd_weights.h"

namespace deconv {

void WeightTransform::apply(const v128_t* x, v128_t* y, int stride) const {
  const v128_t* const last = x + (taps - 1) * stride;
  for (int point = 0; point < points; ++point, y += stride) {
    const v128_t place = wasm_f64x2_splat(places[point]);
    v128_t value = *last;
    for (const v128_t* tap = last; tap != x;) {
      tap -= stride;
      value = wasm_f64x2_add(wasm_f64x2_mul(value, place), *tap);
    }
    *y = wasm_f64x2_mul(value, wasm_f64x2_splat(factors[point]));
  }
  *y = *last;
}

}  // namespace deconv
