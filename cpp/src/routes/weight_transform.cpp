#include "routes/weight_transform.h"

#include <wasm_simd128.h>

#include <algorithm>

#include "simd.h"

namespace deconv {
namespace {

constexpr int64_t kLanes = 4;
// Of every tap: they stay in the first-level cache while all points are computed.
constexpr int64_t kStrip = 256;

// What polynomials at a place are multiplied by, and where they go; and those at its opposite,
// which share their even and their odd terms, unless that is null.
struct Evaluation {
  float place;
  float factor;
  float* target;
  float opposite_factor = 0;
  float* opposite = nullptr;
};

// Rows of coefficients are `stride` apart. Sums of whole numbers are exact; a factor rounds once.
template <int terms>
void evaluate(const Evaluation& at, const float* source, int64_t stride, int64_t count) {
  const auto [place, factor, target, opposite_factor, opposite] = at;
  v128_t powers[terms];
  float power = 1;
  for (v128_t& each : powers) {
    each = wasm_f32x4_splat(power);
    power *= place;
  }
  const v128_t factors[] = {wasm_f32x4_splat(factor), wasm_f32x4_splat(opposite_factor)};
#pragma clang loop unroll(disable)
  for (int64_t index = 0; index < count; index += kLanes) {
    // The even terms, and the odd ones.
    v128_t sums[] = {wasm_v128_load(source + index), wasm_f32x4_const_splat(0)};
    for (int term = 1; term < terms; ++term) {
      v128_t& sum = sums[term % 2];
      sum = fma_f32x4(wasm_v128_load(source + term * stride + index), powers[term], sum);
    }
    wasm_v128_store(target + index, wasm_f32x4_mul(wasm_f32x4_add(sums[0], sums[1]), factors[0]));
    if (terms == 1 || opposite == nullptr) continue;
    wasm_v128_store(opposite + index, wasm_f32x4_mul(wasm_f32x4_sub(sums[0], sums[1]), factors[1]));
  }
}

// At 0 the first coefficient counts alone. No form has 4 taps.
void evaluate(int taps, const Evaluation& at, const float* source, int64_t stride, int64_t count) {
  const auto with = [&]<int terms>() { evaluate<terms>(at, source, stride, count); };
  switch (at.place == 0 ? 1 : taps) {
    case 1:
      return with.operator()<1>();
    case 2:
      return with.operator()<2>();
    case 3:
      return with.operator()<3>();
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
        evaluate(taps, {.place = place, .factor = 1, .target = sums + tap * kStrip},
                 values + tap * tap_stride, taps * tap_stride, strip);
      }
      values = sums;
      stride = kStrip;
    }
    for (int point = 0; point < points; ++point) {
      Evaluation at{.place = places[point],
                    .factor = static_cast<float>(factor * factors[point]),
                    .target = target.first + point * target.stride + first};
      if (point + 1 < points && at.place != 0) {
        ++point;
        at.opposite_factor = static_cast<float>(factor * factors[point]);
        at.opposite = at.target + target.stride;
      }
      evaluate(taps, at, values, stride, strip);
    }
    if (target.infinity == nullptr) continue;
    evaluate(1,
             {.place = 0, .factor = static_cast<float>(factor), .target = target.infinity + first},
             values + (taps - 1) * stride, stride, strip);
  }
}

}  // namespace deconv
