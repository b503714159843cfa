#include "routes/weight_transform.h"

#include <wasm_simd128.h>

#include <algorithm>

#include "simd.h"

namespace deconv {
namespace {

constexpr int kMostTaps = 7;
constexpr int64_t kLanes = 4;
// Of every tap: they stay in the first-level cache while all points are computed.
constexpr int64_t kStrip = 256;
constexpr int kMostLines = 3;

// The sum of rows of values, `stride` apart, each times its coefficient: of `terms`, or of so many
// as are asked for.
template <int terms>
void combine(int asked, const float* source, const float* coefficients, float* target,
             int64_t stride, int64_t count) {
  const int last = terms > 0 ? terms : asked;
#pragma clang loop unroll(disable)
  for (const float* const end = source + count; source < end; source += kLanes, target += kLanes) {
    v128_t sum = wasm_f32x4_mul(wasm_v128_load(source), wasm_v128_load32_splat(coefficients));
    for (int term = 1; term < last; ++term) {
      sum = fma_f32x4(wasm_v128_load(source + term * stride),
                      wasm_v128_load32_splat(coefficients + term), sum);
    }
    wasm_v128_store(target, sum);
  }
}

void combine_terms(int terms, const float* source, const float* coefficients, float* target,
                   int64_t stride, int64_t count) {
  if (terms == 2) return combine<2>(terms, source, coefficients, target, stride, count);
  if (terms == 3) return combine<3>(terms, source, coefficients, target, stride, count);
  combine<0>(terms, source, coefficients, target, stride, count);
}

}  // namespace

void WeightTransform::apply(int line, const float* source, int64_t tap_stride, int64_t count,
                            const Target& target) const {
  // What is not a whole vector is computed as one, elsewhere.
  if (const int64_t rest = count % kLanes; rest != 0) {
    count -= rest;
    float values[(kMostPoints + 1) * kLanes];
    const Target own{values, kLanes, values + points * kLanes};
    apply(line, source + count, tap_stride, kLanes, own);
    for (int point = 0; point < points; ++point) {
      std::copy_n(own.first + point * kLanes, rest, target.first + point * target.stride + count);
    }
    if (target.infinity != nullptr) std::copy_n(own.infinity, rest, target.infinity + count);
  }
  // Points of both axes divide once.
  const double factor = line < 0 || line == points ? 1 : factors[line];
  // Of the lines: at 0 the first one counts alone, and at infinity the last one.
  const float place = line < 0 || line == points ? 0 : places[line];
  if (line == points) source += (taps - 1) * taps * tap_stride;
  float powers[kMostLines] = {1};
  for (int power = 1; power < kMostLines; ++power) powers[power] = powers[power - 1] * place;
  float sums[kMostLines * kStrip];
  for (int64_t first = 0; first < count; first += kStrip) {
    const int64_t strip = std::min(kStrip, count - first);
    const float* values = source + first;
    int64_t stride = tap_stride;
    if (place != 0) {
      for (int tap = 0; tap < taps; ++tap) {
        combine_terms(taps, values + tap * tap_stride, powers, sums + tap * kStrip,
                      taps * tap_stride, strip);
      }
      values = sums;
      stride = kStrip;
    }
    for (int point = 0; point < points; ++point) {
      float by[kMostTaps];
      double power = factor * factors[point];
      for (int tap = 0; tap < taps; ++tap, power *= places[point]) {
        by[tap] = static_cast<float>(power);
      }
      combine_terms(places[point] == 0 ? 1 : taps, values, by,
                    target.first + point * target.stride + first, stride, strip);
    }
    if (target.infinity == nullptr) continue;
    const auto by = static_cast<float>(factor);
    combine_terms(1, values + (taps - 1) * stride, &by, target.infinity + first, stride, strip);
  }
}

}  // namespace deconv
