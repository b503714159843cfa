#include "routes/weight_transform.h"

#include <wasm_simd128.h>

#include <algorithm>

#include "simd.h"

namespace deconv {
namespace {

constexpr int64_t kLanes = 4;
// Of every tap: they stay in the first-level cache while all points are computed.
constexpr int64_t kStrip = 256;

// Polynomials at a place, of which `powers` are, times a factor: rows of coefficients are `stride`
// apart. Sums of whole numbers are exact; the factor rounds once.
template <int terms>
void evaluate(const float* powers, float factor, const float* source, float* target, int64_t stride,
              int64_t count) {
#pragma clang loop unroll(disable)
  for (const float* const end = source + count; source < end; source += kLanes, target += kLanes) {
    v128_t sum = wasm_v128_load(source);
    for (int term = 1; term < terms; ++term) {
      sum = fma_f32x4(wasm_v128_load(source + term * stride), wasm_v128_load32_splat(powers + term),
                      sum);
    }
    wasm_v128_store(target, wasm_f32x4_mul(sum, wasm_f32x4_splat(factor)));
  }
}

// At 0 the first coefficient counts alone.
void evaluate(int taps, float place, double factor, const float* source, float* target,
              int64_t stride, int64_t count) {
  float powers[WeightTransform::kMostTaps] = {1};
  for (int tap = 1; tap < taps; ++tap) powers[tap] = powers[tap - 1] * place;
  const auto with = [&]<int terms>() {
    evaluate<terms>(powers, static_cast<float>(factor), source, target, stride, count);
  };
  switch (place == 0 ? 1 : taps) {
    case 1:
      return with.operator()<1>();
    case 2:
      return with.operator()<2>();
    case 3:
      return with.operator()<3>();
    case 4:
      return with.operator()<4>();
    case 5:
      return with.operator()<5>();
    case 6:
      return with.operator()<6>();
    default:
      static_assert(WeightTransform::kMostTaps == 7);
      return with.operator()<7>();
  }
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
  float sums[kMostLines * kStrip];
  for (int64_t first = 0; first < count; first += kStrip) {
    const int64_t strip = std::min(kStrip, count - first);
    const float* values = source + first;
    int64_t stride = tap_stride;
    if (place != 0) {
      for (int tap = 0; tap < taps; ++tap) {
        evaluate(taps, place, 1, values + tap * tap_stride, sums + tap * kStrip, taps * tap_stride,
                 strip);
      }
      values = sums;
      stride = kStrip;
    }
    for (int point = 0; point < points; ++point) {
      evaluate(taps, places[point], factor * factors[point], values,
               target.first + point * target.stride + first, stride, strip);
    }
    if (target.infinity == nullptr) continue;
    evaluate(1, 0, factor, values + (taps - 1) * stride, target.infinity + first, stride, strip);
  }
}

}  // namespace deconv
