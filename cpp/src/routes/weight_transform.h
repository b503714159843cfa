#pragma once

#include <cstdint>

namespace deconv {

// G of a Winograd transform: of the polynomial of the taps its values at points, each divided by
// the product of the point's distances from the others, and the coefficient of the highest power
// for infinity. Points are dyadic, which makes all but the division exact where taps are whole
// numbers; a point's opposite stands behind it.
struct WeightTransform {
  static constexpr int kMostPoints = 9;
  static constexpr int kMostTaps = 7;
  // Of a square of taps.
  static constexpr int kMostLines = 3;

  // `reads` values, all but the last one at points of `at`.
  consteval WeightTransform(int taps, int reads, const double* at) : taps(taps), points(reads - 1) {
    // Of others apply() has no case.
    if (taps < 2 || taps == 4 || taps > kMostTaps) __builtin_trap();
    if (taps > kMostLines && points % 2 == 0) __builtin_trap();
    for (int point = 0; point < points; ++point) {
      double distances = 1;
      for (int other = 0; other < points; ++other) {
        if (other != point) distances *= at[point] - at[other];
      }
      places[point] = static_cast<float>(at[point]);
      factors[point] = 1 / distances;
    }
  }

  // Where transformed values belong: those of the first point, of others `stride` apart, and of
  // infinity, unless that is null.
  struct Target {
    float* first;
    int64_t stride;
    float* infinity;
  };

  // Transforms `count` kernels beside each other, whose taps are `tap_stride` values apart: of one
  // line, if `line` is -1, and else of as many lines as they have taps, taken at point `line` of
  // the other axis. Reads up to three values more behind the last.
  void apply(int line, const float* source, int64_t tap_stride, int64_t count,
             const Target& target) const;

  int taps;
  int points;  // but infinity
  float places[kMostPoints] = {};
  double factors[kMostPoints] = {};
};

}  // namespace deconv
