#include "quantized/convert.h"

#include <wasm_simd128.h>

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "divide.h"
#include "kernels/lanes.h"
#include "parallel.h"
#include "simd.h"

namespace deconv {
namespace {

// Adding it leaves a small number, rounded to nearest even, in the low bits: 1.5 * 2^23.
constexpr float kMagic = 12582912.0f;
constexpr int32_t kMagicBits = 0x4B400000;

// clamp(round(value) + zero_point), ties to even, of four values as 32-bit integers.
struct Rounder {
  Rounder(int32_t zero_point, bool relu)
      : magic(constant<kMagic>()),
        least(wasm_f32x4_splat(relu ? 0.0f : static_cast<float>(-128 - zero_point))),
        greatest(wasm_f32x4_splat(static_cast<float>(127 - zero_point))),
        offset(wasm_i32x4_splat(zero_point - kMagicBits)) {}

  v128_t operator()(v128_t value) const {
    return inside(wasm_f32x4_pmin(wasm_f32x4_pmax(value, least), greatest));
  }
  // The same without the clamp.
  v128_t inside(v128_t value) const { return wasm_i32x4_add(wasm_f32x4_add(value, magic), offset); }

  v128_t magic;
  v128_t least;
  v128_t greatest;
  v128_t offset;
};

// A sum times what is above it may leave float where the result does not. Times a scale that is no
// subnormal it is none either, so that nothing is lost when the large one comes last.
constexpr float kLargeScale = 0x1p64f;

// Values that a thread takes at once.
constexpr int64_t kPiece = 1 << 14;

// Sixteen bytes of integers that fit.
v128_t narrowed(v128_t a, v128_t b, v128_t c, v128_t d) {
  return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(a, b), wasm_i16x8_narrow_i32x4(c, d));
}

// Calls change(from, to) for every sixteen of `count` values; the last ones are filled up on the
// way.
template <typename From, typename To, typename Change>
void by_sixteen(int64_t count, const From* values, To* target, const Change& change) {
  From rest[16] = {};
  To made[16];
  for (int64_t index = 0; index < count; index += 16) {
    const From* from = values + index;
    To* to = target + index;
    const int64_t left = count - index;
    const bool whole = left >= 16;
    if (!whole) {
      std::copy_n(from, left, rest);
      from = rest;
      to = made;
    }
    change(from, to);
    if (!whole) std::copy_n(made, left, target + index);
  }
}

// Makes results of the sums of a dynamic operator, in their place.
struct FloatResults {
  FloatResults(const Rescale& by, float* own_sums)
      : sums(own_sums),
        first(wasm_f32x4_splat(by.input_scale > kLargeScale ? 1 : by.input_scale)),
        last(wasm_f32x4_splat(by.input_scale > kLargeScale ? by.input_scale : 1)),
        least(wasm_f32x4_splat(by.relu ? 0 : -INFINITY)),
        integers(by.integers) {}

  // None is NaN, and -0 is not more than the 0 of a ReLU.
  v128_t of(v128_t sum, v128_t scale, v128_t bias) const {
    if (integers) sum = wasm_f32x4_convert_i32x4(sum);
    const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_mul(wasm_f32x4_mul(sum, first), scale), last);
    return wasm_f32x4_pmax(least, wasm_f32x4_add(scaled, bias));
  }

  void store_sixteen(int64_t at, v128_t a, v128_t b, v128_t c, v128_t d) const {
    wasm_v128_store(sums + at, a);
    wasm_v128_store(sums + at + 4, b);
    wasm_v128_store(sums + at + 8, c);
    wasm_v128_store(sums + at + 12, d);
  }
  void store(int64_t at, int64_t lanes, v128_t four) const {
    if (lanes == 4) return wasm_v128_store(sums + at, four);
    store_lanes(sums + at, lanes, four);
  }

  float* sums;
  v128_t first;
  v128_t last;
  v128_t least;
  bool integers;
};

// Those of a static one, as bytes.
struct ByteResults {
  explicit ByteResults(const Rescale& by)
      : bytes(by.bytes),
        round(by.zero_point, by.relu),
        integers(by.integers),
        floats(!by.integers && by.integer_bias == nullptr) {}

  // A float that holds sum and bias holds them exactly, and rounds their sum as it rounds the
  // integer.
  v128_t of(v128_t sum, v128_t scale, v128_t bias) const {
    if (floats) return round(wasm_f32x4_mul(wasm_f32x4_add(sum, bias), scale));
    if (!integers) sum = wasm_i32x4_trunc_sat_f32x4(sum);
    return round(wasm_f32x4_mul(wasm_f32x4_convert_i32x4(wasm_i32x4_add(sum, bias)), scale));
  }

  void store_sixteen(int64_t at, v128_t a, v128_t b, v128_t c, v128_t d) const {
    wasm_v128_store(bytes + at, narrowed(a, b, c, d));
  }
  void store(int64_t at, int64_t lanes, v128_t four) const {
    int8_t* target = bytes + at;
    v128_t few = narrowed(four, four, four, four);
    if (lanes == 4) return wasm_v128_store32_lane(target, few, 0);
    if (lanes >= 2) {
      wasm_v128_store16_lane(target, few, 0);
      if (lanes == 2) return;
      target += 2;
      few = wasm_i32x4_shr(few, 16);
    }
    wasm_v128_store8_lane(target, few, 0);
  }

  int8_t* bytes;
  Rounder round;
  bool integers;
  bool floats;
};

// Factors and terms of `length` sums behind each other, again and again, or of a plane each.
struct PerChannel {
  const float* scale;
  const float* bias;
  int64_t length;
  bool planes;
};

// Results of the sums by scale and bias of their channels.
template <typename Results>
void change_sums(const PerChannel& by, int64_t begin, int64_t count, const float* sums,
                 const Results& results) {
  // Those of a plane, to be read as those of channels beside each other are, but at one place.
  float scales[16];
  float biases[16];
  const int64_t step = by.planes ? 0 : 16;
  int64_t first = begin % by.length;
  int64_t plane = begin / by.length;
  for (int64_t at = begin; at < begin + count; first = 0, ++plane) {
    const float* scale = by.scale + first;
    const float* bias = by.bias + first;
    if (by.planes) {
      scale = std::fill_n(scales, 16, by.scale[plane]) - 16;
      bias = std::fill_n(biases, 16, by.bias[plane]) - 16;
    }
    int64_t beside = std::min(by.length - first, begin + count - at);
    const auto change = [&](v128_t sum, int64_t index) {
      return results.of(sum, wasm_v128_load(scale + index), wasm_v128_load(bias + index));
    };
    const auto four = [&](int64_t index) {
      return change(wasm_v128_load(sums + at + index), index);
    };
    for (; beside >= 16; beside -= 16, at += 16, scale += step, bias += step) {
      results.store_sixteen(at, four(0), four(4), four(8), four(12));
    }
    for (int64_t index = 0; index < beside; index += 4) {
      const int64_t lanes = std::min<int64_t>(4, beside - index);
      const float* const from = sums + at + index;
      const v128_t sum =
          lanes == 4 ? wasm_v128_load(from) : load_lanes(from, lanes, wasm_i32x4_const_splat(0));
      results.store(at + index, lanes, change(sum, index));
    }
    at += beside;
  }
}

template <typename Results>
void change_sums(const Rescale& by, const float* bias, int64_t begin, int64_t count,
                 const float* sums, const Results& results) {
  // Few channels make short runs, which vectors do not fill: those of several points make a longer
  // one.
  constexpr int64_t kFew = 64;
  constexpr int64_t kWorthIt = 1 << 6;
  // Of one channel, both layouts are alike.
  const bool planes = !by.channels_last || by.channels == 1;
  PerChannel factors = {.scale = by.scale,
                        .bias = bias,
                        .length = planes ? by.points : by.channels,
                        .planes = planes};
  float scales[4 * kFew];
  float biases[4 * kFew];
  if (!planes && by.channels < kFew && count >= kWorthIt) {
    const int64_t times = 4 * std::max<int64_t>(1, 16 / by.channels);
    for (int64_t time = 0; time < times; ++time) {
      std::copy_n(by.scale, by.channels, scales + time * by.channels);
      std::copy_n(bias, by.channels, biases + time * by.channels);
    }
    factors = {scales, biases, times * by.channels, false};
  }
  change_sums(factors, begin, count, sums, results);
}

struct Dequantizer {
  explicit Dequantizer(const Quantization& quantization)
      : scale(wasm_f32x4_splat(quantization.scale)),
        zero_point(wasm_i32x4_splat(quantization.zero_point)) {}

  void four(v128_t values, float* target) const {
    const v128_t steps = wasm_i32x4_sub(values, zero_point);
    wasm_v128_store(target, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(steps), scale));
  }

  void sixteen(const int8_t* values, float* target) const {
    const v128_t bytes = wasm_v128_load(values);
    const v128_t low = wasm_i16x8_extend_low_i8x16(bytes);
    const v128_t high = wasm_i16x8_extend_high_i8x16(bytes);
    four(wasm_i32x4_extend_low_i16x8(low), target);
    four(wasm_i32x4_extend_high_i16x8(low), target + 4);
    four(wasm_i32x4_extend_low_i16x8(high), target + 8);
    four(wasm_i32x4_extend_high_i16x8(high), target + 12);
  }

  v128_t scale;
  v128_t zero_point;
};

// The least and the greatest of values and 0 in every lane.
struct Ends {
  void take(v128_t four) {
    least = wasm_f32x4_pmin(least, four);
    greatest = wasm_f32x4_pmax(greatest, four);
    unordered = wasm_v128_or(unordered, wasm_f32x4_ne(four, four));
  }
  // A NaN is stored where a value was one.
  void store(float* eight) const {
    wasm_v128_store(eight, wasm_v128_or(least, unordered));
    wasm_v128_store(eight + 4, greatest);
  }

  v128_t least = wasm_i32x4_const_splat(0);
  v128_t greatest = wasm_i32x4_const_splat(0);
  v128_t unordered = wasm_i32x4_const_splat(0);
};

constexpr int64_t kEnds = 32;

// kEnds values whose range is that of `count`, in the place of these or elsewhere. Each end waits
// four cycles for the one before it: four of them take turns.
void find_ends(int64_t count, const float* values, float* ends) {
  Ends a;
  Ends b;
  Ends c;
  Ends d;
  for (; count >= 16; count -= 16, values += 16) {
    a.take(wasm_v128_load(values));
    b.take(wasm_v128_load(values + 4));
    c.take(wasm_v128_load(values + 8));
    d.take(wasm_v128_load(values + 12));
  }
  for (; count > 0; --count) a.take(wasm_v128_load32_splat(values++));
  a.store(ends);
  b.store(ends + 8);
  c.store(ends + 16);
  d.store(ends + 24);
}

}  // namespace

bool measure(int64_t count, const float* values, Quantization* quantization) {
  // Of as many pieces as leave room for their ends on the stack.
  constexpr int64_t kMostPieces = 32;
  float ends[kMostPieces * kEnds];
  const int64_t piece = std::max(kPiece, ceil_divide(count, kMostPieces));
  for_each_piece(count, piece, [&](int64_t begin, int64_t end, int) {
    find_ends(end - begin, values + begin, ends + begin / piece * kEnds);
  });
  find_ends(ceil_divide(count, piece) * kEnds, ends, ends);
  double low = 0;
  double high = 0;
  for (int64_t index = 0; index < kEnds; ++index) {
    if (!std::isfinite(ends[index])) return false;
    low = std::min<double>(low, ends[index]);
    high = std::max<double>(high, ends[index]);
  }
  // A subnormal scale would have no finite inverse. In double, because the span may not fit a
  // float.
  const float scale =
      low == high ? 1.0f : static_cast<float>(std::max<double>((high - low) / 255, FLT_MIN));
  const double zero_point = std::nearbyint(-128 - low / scale);
  *quantization = {
      .scale = scale,
      .zero_point = static_cast<int32_t>(std::clamp(zero_point, -128.0, 127.0)),
  };
  return true;
}

void quantize(int64_t all, const float* source, const Quantization& quantization, bool measured,
              int8_t* bytes) {
  const Rounder round(quantization.zero_point, /*relu=*/false);
  const v128_t inverse = wasm_f32x4_splat(1.0f / quantization.scale);
  const auto four = [&](const float* from) {
    const v128_t value = wasm_f32x4_mul(wasm_v128_load(from), inverse);
    // So little beyond the ends that becoming bytes clamps it.
    if (measured) return round.inside(value);
    // NaN becomes 0.
    return round(wasm_v128_and(value, wasm_f32x4_eq(value, value)));
  };
  for_each_piece(all, kPiece, [&](int64_t begin, int64_t end, int) {
    by_sixteen(end - begin, source + begin, bytes + begin, [&](const float* from, int8_t* to) {
      wasm_v128_store(to, narrowed(four(from), four(from + 4), four(from + 8), four(from + 12)));
    });
  });
}

void dequantize(int64_t all, const int8_t* bytes, const Quantization& quantization, float* floats) {
  const Dequantizer dequantizer(quantization);
  for_each_piece(all, kPiece, [&](int64_t begin, int64_t end, int) {
    by_sixteen(end - begin, bytes + begin, floats + begin,
               [&](const int8_t* from, float* to) { dequantizer.sixteen(from, to); });
  });
}

void rescale(const Rescale& by, int64_t begin, int64_t count, float* sums) {
  if (by.bytes == nullptr) {
    return change_sums(by, by.bias, begin, count, sums, FloatResults(by, sums));
  }
  const float* const bias =
      by.integer_bias == nullptr ? by.bias : reinterpret_cast<const float*>(by.integer_bias);
  change_sums(by, bias, begin, count, sums, ByteResults(by));
}

}  // namespace deconv
