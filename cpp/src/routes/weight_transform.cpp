#include "routes/weight_transform.h"

#include <wasm_simd128.h>

#include <algorithm>

#include "simd.h"

namespace deconv {
namespace {

constexpr int64_t kLanes = 4;
// Of every tap: they stay in the first-level cache while all points are computed.
constexpr int64_t kStrip = 256;

// Polynomials at a place, and with `both` at its opposite, which share their even and their odd
// terms, times a factor each; those of the opposite go `apart` from the others. Rows of
// coefficients are `stride` apart. Sums of whole numbers are exact; a factor rounds once.
template <int terms, bool both>
void evaluate(float place, float factor, float opposite_factor, const float* source, int64_t stride,
              int64_t count, float* target, int64_t apart) {
  v128_t powers[terms];
  float power = 1;
  for (v128_t& each : powers) {
    each = wasm_f32x4_splat(power);
    power *= place;
  }
  const v128_t scale = wasm_f32x4_splat(factor);
  const v128_t opposite_scale = wasm_f32x4_splat(opposite_factor);
#pragma clang loop unroll(disable)
  for (const float* const end = source + count; source < end; source += kLanes, target += kLanes) {
    const auto term = [&](int which) { return wasm_v128_load(source + which * stride); };
    v128_t even = term(0);
    if constexpr (!both) {
      for (int which = 1; which < terms; ++which) {
        even = fma_f32x4(term(which), powers[which], even);
      }
    } else {
      v128_t odd = wasm_f32x4_mul(term(1), powers[1]);
      for (int which = 2; which < terms; ++which) {
        v128_t& sum = which % 2 == 0 ? even : odd;
        sum = fma_f32x4(term(which), powers[which], sum);
      }
      wasm_v128_store(target + apart, wasm_f32x4_mul(wasm_f32x4_sub(even, odd), opposite_scale));
      even = wasm_f32x4_add(even, odd);
    }
    wasm_v128_store(target, wasm_f32x4_mul(even, scale));
  }
}

// At 0 the first coefficient counts alone. No form has 4 taps, and points without an opposite have
// those alone that transform both axes: `apart` is 0 there.
void evaluate(int taps, float place, float factor, float opposite_factor, const float* source,
              int64_t stride, int64_t count, float* target, int64_t apart) {
  const auto with = [&]<int terms, bool both>() {
    evaluate<terms, both>(place, factor, opposite_factor, source, stride, count, target, apart);
  };
  if (apart == 0) {
    switch (place == 0 ? 1 : taps) {
      case 1:
        return with.operator()<1, false>();
      case 2:
        return with.operator()<2, false>();
      default:
        static_assert(WeightTransform::kMostLines == 3);
        return with.operator()<3, false>();
    }
  }
  switch (taps) {
    case 2:
      return with.operator()<2, true>();
    case 3:
      return with.operator()<3, true>();
    case 5:
      return with.operator()<5, true>();
    case 6:
      return with.operator()<6, true>();
    default:
      static_assert(WeightTransform::kMostTaps == 7);
      return with.operator()<7, true>();
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
        evaluate(taps, place, 1, 0, values + tap * tap_stride, taps * tap_stride, strip,
                 sums + tap * kStrip, 0);
      }
      values = sums;
      stride = kStrip;
    }
    const auto scale = [&](int point) { return static_cast<float>(factor * factors[point]); };
    for (int point = 0; point < points; ++point) {
      float* const own = target.first + point * target.stride + first;
      const bool both = places[point] != 0 && point + 1 < points;
      evaluate(taps, places[point], scale(point), both ? scale(point + 1) : 0, values, stride,
               strip, own, both ? target.stride : 0);
      point += both ? 1 : 0;
    }
    if (target.infinity == nullptr) continue;
    evaluate(1, 0, static_cast<float>(factor), 0, values + (taps - 1) * stride, stride, strip,
             target.infinity + first, 0);
  }
}

}  // namespace deconv
