#include "steps/combine_taps.h"

#include <wasm_simd128.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "simd.h"

namespace deconv {
namespace {

struct Sum {
  static v128_t none() { return wasm_f32x4_const_splat(0); }
  static v128_t with(v128_t total, v128_t value, v128_t weight) {
    return fma_f32x4(value, weight, total);
  }
};

struct Maximum {
  static v128_t none() { return wasm_f32x4_const_splat(-std::numeric_limits<float>::infinity()); }
  static v128_t with(v128_t total, v128_t value, v128_t /*weight*/) {
    return wasm_f32x4_max(total, value);
  }
};

constexpr AxisMap::Taps kNoTaps = {nullptr, nullptr};

// Vectors at `target` of those at the taps; `has_width` where the width has others than itself.
// Rows are summed first: the error grows with the sizes of the axes, not with their product.
template <typename Op, int vectors, bool has_width>
void combine_vectors(const TapPoint& point, const float* source, float* target) {
  v128_t totals[vectors];
#pragma unroll
  for (v128_t& total : totals) total = Op::none();
  for (const Tap& depth : point.depth) {
    for (const Tap& height : point.height) {
      const float* const row =
          source + depth.source * point.depth_stride + height.source * point.height_stride;
      v128_t values[vectors];
#pragma unroll
      for (int vector = 0; vector < vectors; ++vector) {
        values[vector] = has_width ? Op::none() : wasm_v128_load(row + 4 * vector);
      }
      for (const Tap& width : has_width ? point.width : kNoTaps) {
        const float* const at = row + width.source * point.width_stride;
        const v128_t weight = wasm_f32x4_splat(width.weight);
#pragma unroll
        for (int vector = 0; vector < vectors; ++vector) {
          values[vector] = Op::with(values[vector], wasm_v128_load(at + 4 * vector), weight);
        }
      }
      const v128_t weight = wasm_f32x4_splat(depth.weight * height.weight);
#pragma unroll
      for (int vector = 0; vector < vectors; ++vector) {
        totals[vector] = Op::with(totals[vector], values[vector], weight);
      }
    }
  }
#pragma unroll
  for (int vector = 0; vector < vectors; ++vector) {
    wasm_v128_store(target + 4 * vector, totals[vector]);
  }
}

// `count` values, 4 or more, that lie together in sources and target, `most` vectors at a time; the
// last vector may overlap the one before it.
template <typename Op, int most, bool has_width>
void combine(const TapPoint& point, int64_t count, const float* source, float* target) {
  int64_t index = 0;
  for (; index + 4 * most <= count; index += 4 * most) {
    combine_vectors<Op, most, has_width>(point, source + index, target + index);
  }
  const auto one = combine_vectors<Op, 1, has_width>;
  for (; index + 4 <= count; index += 4) one(point, source + index, target + index);
  if (index < count) one(point, source + count - 4, target + count - 4);
}

// Without a width, rows of `count` values, at most 3.
template <typename Op>
void combine_few(const TapPoint& point, int64_t count, const float* source, float* target) {
  const auto bytes = static_cast<size_t>(count) * sizeof(float);
  v128_t total = Op::none();
  for (const Tap& depth : point.depth) {
    for (const Tap& height : point.height) {
      v128_t value = wasm_f32x4_const_splat(0);
      std::memcpy(&value,
                  source + depth.source * point.depth_stride + height.source * point.height_stride,
                  bytes);
      total = Op::with(total, value, wasm_f32x4_splat(depth.weight * height.weight));
    }
  }
  std::memcpy(target, &total, bytes);
}

// Along the width: `vectors` of each position, which lie `step` apart.
template <typename Op, int vectors>
void combine_columns(const AxisMap& width, int64_t step, const float* source, float* target) {
  for (int32_t column = 0; column < width.targets(); ++column) {
    v128_t totals[vectors];
#pragma unroll
    for (v128_t& total : totals) total = Op::none();
    for (const Tap& tap : width.of(column)) {
      const float* const at = source + tap.source * step;
      const v128_t weight = wasm_f32x4_splat(tap.weight);
#pragma unroll
      for (int vector = 0; vector < vectors; ++vector) {
        totals[vector] = Op::with(totals[vector], wasm_v128_load(at + 4 * vector), weight);
      }
    }
#pragma unroll
    for (int vector = 0; vector < vectors; ++vector) {
      wasm_v128_store(target + 4 * vector, totals[vector]);
    }
    target += step;
  }
}

template <typename Op>
constexpr TapLoops kLoops = {
    combine<Op, 4, true>,
    combine<Op, 8, false>,
    combine_few<Op>,
    {combine_columns<Op, 1>, combine_columns<Op, 2>, combine_columns<Op, 3>,
     combine_columns<Op, 4>},
};

}  // namespace

void TapLoops::along(const AxisMap& width, int64_t count, const float* source,
                     float* target) const {
  for (int64_t done = 0; done < count;) {
    const int64_t vectors = std::clamp<int64_t>((count - done) / 4, 1, 4);
    const int64_t at = std::min(done, count - 4);
    columns[vectors - 1](width, count, source + at, target + at);
    done = at + 4 * vectors;
  }
}

const TapLoops kSumOfTaps = kLoops<Sum>;
const TapLoops kMaximumOfTaps = kLoops<Maximum>;

}  // namespace deconv
