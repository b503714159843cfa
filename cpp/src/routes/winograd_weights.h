#pragma once

#include <wasm_simd128.h>

#include <cstdint>

namespace deconv {

// Transformed weights that a layer may keep: 80 MB.
inline constexpr int64_t kMostWinogradWeights = int64_t{20} << 20;
inline constexpr int kLeastWinogradChannels = 12;

// G of a Winograd transform: of the polynomial of the taps its values at points, each divided by
// the product of the point's distances from the others, and the coefficient of the highest power
// for infinity. In double precision, rounded once by who keeps them: the points' differences cost
// digits.
struct WeightTransform {
  static constexpr int kMostPoints = 9;

  // `reads` values, all but the last one at points of `at`.
  consteval WeightTransform(int taps, int reads, const double* at) : taps(taps), points(reads - 1) {
    for (int point = 0; point < points; ++point) {
      double distances = 1;
      for (int other = 0; other < points; ++other) {
        if (other != point) distances *= at[point] - at[other];
      }
      places[point] = at[point];
      factors[point] = 1 / distances;
    }
  }

  // Of two kernels, one a lane, from values `stride` apart to others.
  void apply(const v128_t* x, v128_t* y, int stride) const;

  int taps;
  int points;
  double places[kMostPoints] = {};
  double factors[kMostPoints] = {};
};

// Both lanes as single precision, `height` apart; the second one only where there is a kernel of
// it.
inline void store_weights(v128_t values, bool both, float* target, int64_t height) {
  target[0] = static_cast<float>(wasm_f64x2_extract_lane(values, 0));
  if (both) target[height] = static_cast<float>(wasm_f64x2_extract_lane(values, 1));
}

}  // namespace deconv
