#include "quantized/make_words.h"

#include <wasm_simd128.h>

#include <algorithm>
#include <bit>

#include "divide.h"
#include "parallel.h"
#include "simd.h"

namespace deconv {
namespace {

// What threads take at once: stays in a first-level cache.
constexpr int64_t kPiece = 1 << 12;

struct Differences {
  explicit Differences(int32_t zero_point)
      : zeros(wasm_i16x8_splat(static_cast<int16_t>(zero_point))) {}

  void store(v128_t values, float* target) const {
    wasm_v128_store(target, wasm_i16x8_sub(wasm_i16x8_extend_low_i8x16(values), zeros));
    wasm_v128_store(target + 4, wasm_i16x8_sub(wasm_i16x8_extend_high_i8x16(values), zeros));
  }

  v128_t zeros;
};

// The words of `count` values behind each other; the last one is filled up.
void widen(Words words, const int8_t* values, int64_t count, int32_t zero_point, float* target) {
  const int per_word = channels_of(words);
  const v128_t zeros = wasm_i8x16_splat(static_cast<int8_t>(zero_point));
  const Differences differences(zero_point);
  const auto sixteen = [&](v128_t bytes, float* to) {
    if (words == Words::kPairs) return differences.store(bytes, to);
    wasm_v128_store(to, wasm_v128_xor(bytes, zeros));
  };
  int64_t index = 0;
  for (; index + 16 <= count; index += 16) {
    sixteen(wasm_v128_load(values + index), target + index / per_word);
  }
  if (index == count) return;
  // What lies behind the values may have none.
  const v128_t lanes = wasm_i8x16_const(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const v128_t inside = wasm_i8x16_lt(lanes, wasm_i8x16_splat(static_cast<int8_t>(count - index)));
  float made[8];
  sixteen(wasm_v128_and(wasm_v128_load(values + index), inside), made);
  // A loop: the library's function takes longer than so few.
  const int64_t whole = index / per_word;
  for (int64_t word = whole; word * per_word < count; ++word) target[word] = made[word - whole];
}

// Sixteen values of one channel; those of a channel that is none are 0.
v128_t sixteen(const int8_t* const* planes, int channel, int64_t at) {
  return planes[channel] == nullptr ? wasm_i32x4_const_splat(0)
                                    : wasm_v128_load(planes[channel] + at);
}

// Sixteen words of the values at `at` of each plane.
void interleave_sixteen(Words words, const int8_t* const* planes, int64_t at, int32_t zero_point,
                        float* target) {
  const v128_t a = sixteen(planes, 0, at);
  const v128_t b = sixteen(planes, 1, at);
  const v128_t low = low_bytes(a, b);
  const v128_t high = high_bytes(a, b);
  if (words == Words::kPairs) {
    const Differences differences(zero_point);
    differences.store(low, target);
    return differences.store(high, target + 8);
  }
  const v128_t c = sixteen(planes, 2, at);
  const v128_t d = sixteen(planes, 3, at);
  const v128_t zeros = wasm_i8x16_splat(static_cast<int8_t>(zero_point));
  const auto store = [&](v128_t ab, v128_t cd, float* eight) {
    const v128_t first = wasm_i16x8_shuffle(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11);
    const v128_t second = wasm_i16x8_shuffle(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15);
    wasm_v128_store(eight, wasm_v128_xor(first, zeros));
    wasm_v128_store(eight + 4, wasm_v128_xor(second, zeros));
  };
  store(low, low_bytes(c, d), target);
  store(high, high_bytes(c, d), target + 8);
}

void interleave_planes(Words words, const int8_t* const* planes, int64_t begin, int64_t end,
                       int32_t zero_point, float* target) {
  int64_t at = begin;
  for (; at + 16 <= end; at += 16) interleave_sixteen(words, planes, at, zero_point, target + at);
  if (at == end) return;
  float made[16];
  interleave_sixteen(words, planes, at, zero_point, made);
  std::copy_n(made, end - at, target + at);
}

void make_from_planes(const Problem& problem, Words words, const int8_t* image, int32_t zero_point,
                      float* target) {
  const int64_t points = problem.input_points();
  const int32_t channels = problem.spec.group_in_channels();
  const int32_t per_word = channels_of(words);
  const int64_t group_words = ceil_divide(channels, per_word);
  const int64_t pieces = ceil_divide(points, kPiece);
  for_each_item(pieces * group_words * problem.spec.groups, [&](int64_t item, int) {
    const int64_t plane = item / pieces;
    const int64_t begin = item % pieces * kPiece;
    const int64_t first = plane % group_words * per_word;
    const int8_t* planes[4] = {};
    for (int64_t channel = first; channel < std::min<int64_t>(first + per_word, channels);
         ++channel) {
      planes[channel - first] = image + (plane / group_words * channels + channel) * points;
    }
    interleave_planes(words, planes, begin, std::min(begin + kPiece, points), zero_point,
                      target + plane * points);
  });
}

void make_from_points(const Problem& problem, Words words, const int8_t* image, int32_t zero_point,
                      float* target) {
  const int64_t channels = problem.spec.group_in_channels();
  const int32_t per_word = channels_of(words);
  if (channels % per_word == 0) {
    const int64_t values = problem.input_points() * problem.spec.in_channels;
    return for_each_piece(values, kPiece, [&](int64_t begin, int64_t end, int) {
      widen(words, image + begin, end - begin, zero_point, target + begin / per_word);
    });
  }
  const int64_t group_words = ceil_divide(channels, per_word);
  const int64_t groups = problem.input_points() * problem.spec.groups;
  for_each_piece(groups, ceil_divide(kPiece, channels), [&](int64_t begin, int64_t end, int) {
    for (int64_t group = begin; group < end; ++group) {
      widen(words, image + group * channels, channels, zero_point, target + group * group_words);
    }
  });
}

}  // namespace

float word_of(Words words, const int8_t* values, int count) {
  uint32_t word = 0;
  for (int index = 0; index < count; ++index) {
    word |= words == Words::kQuads ? uint32_t{static_cast<uint8_t>(values[index])} << (8 * index)
                                   : uint32_t{static_cast<uint16_t>(values[index])} << (16 * index);
  }
  return std::bit_cast<float>(word);
}

void make_words(const Problem& problem, Words words, const int8_t* image, int32_t zero_point,
                float* target) {
  const bool planes = problem.layout == Layout::kChannelsFirst;
  (planes ? make_from_planes : make_from_points)(problem, words, image, zero_point, target);
}

}  // namespace deconv
