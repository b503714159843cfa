#pragma once

#include <wasm_simd128.h>

#include <cstdint>

namespace deconv {

// G of a Winograd transform, `taps` values to `reads`, of two kernels at once, one a lane: of the
// polynomial of the taps its values at the points, each divided by the product of the point's
// distances from the others, and the coefficient of the highest power for infinity. In double
// precision, rounded once by who keeps them: the points' differences cost digits.
template <int taps, int reads>
struct WeightTransform {
  static constexpr int kPoints = reads - 1;

  consteval explicit WeightTransform(const double* at) {
    for (int point = 0; point < kPoints; ++point) {
      points[point] = at[point];
      double distances = 1;
      for (int other = 0; other < kPoints; ++other) {
        if (other != point) distances *= at[point] - at[other];
      }
      factors[point] = 1 / distances;
    }
  }

  double points[kPoints] = {};
  double factors[kPoints] = {};
};

// From values `stride` apart to others.
template <const auto& kTransform, int taps>
void transform_weights(const v128_t* x, v128_t* y, int stride) {
  constexpr int kPoints = kTransform.kPoints;
#pragma clang loop unroll(full)
  for (int point = 0; point < kPoints; ++point) {
    const v128_t at = wasm_f64x2_splat(kTransform.points[point]);
    v128_t value = x[(taps - 1) * stride];
#pragma clang loop unroll(full)
    for (int tap = taps - 2; tap >= 0; --tap) {
      value = wasm_f64x2_add(wasm_f64x2_mul(value, at), x[tap * stride]);
    }
    y[point * stride] = wasm_f64x2_mul(value, wasm_f64x2_splat(kTransform.factors[point]));
  }
  y[kPoints * stride] = x[(taps - 1) * stride];
}

// Both lanes as single precision, `height` apart; the second one only where there is a kernel of
// it.
inline void store_weights(v128_t points, bool both, float* target, int64_t height) {
  target[0] = static_cast<float>(wasm_f64x2_extract_lane(points, 0));
  if (both) target[height] = static_cast<float>(wasm_f64x2_extract_lane(points, 1));
}

}  // namespace deconv
