#include "deconv/reduce.h"

#include <wasm_simd128.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "parallel.h"
#include "simd.h"

namespace deconv {
namespace {

// Columns of a block, which is a cache line; rows of a strip, whose results are combined by
// themselves: the error grows with neither number alone.
constexpr int64_t kBlock = 16;
constexpr int64_t kStrip = 64;
// What a thread takes at once, in values.
constexpr int64_t kValues = 1 << 14;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

v128_t sum(v128_t total, v128_t value) { return wasm_f32x4_add(total, value); }
v128_t maximum(v128_t total, v128_t value) { return wasm_f32x4_max(total, value); }
v128_t minimum(v128_t total, v128_t value) { return wasm_f32x4_min(total, value); }
v128_t product(v128_t total, v128_t value) { return wasm_f32x4_mul(total, value); }
v128_t absolute_sum(v128_t total, v128_t value) {
  return wasm_f32x4_add(total, wasm_f32x4_abs(value));
}
v128_t square_sum(v128_t total, v128_t value) { return fma_f32x4(value, value, total); }

// Adds `rows` rows of a block, `step` apart, to totals.
template <v128_t (*with)(v128_t, v128_t)>
void add_rows(int64_t rows, int64_t step, const float* values, float* totals) {
  v128_t sums[kBlock / 4];
  for (int part = 0; part < 4; ++part) sums[part] = wasm_v128_load(totals + 4 * part);
  for (int64_t row = 0; row < rows; ++row, values += step) {
#pragma clang loop unroll(full)
    for (int part = 0; part < 4; ++part) {
      sums[part] = with(sums[part], wasm_v128_load(values + 4 * part));
    }
  }
  for (int part = 0; part < 4; ++part) wasm_v128_store(totals + 4 * part, sums[part]);
}

using AddRows = void (*)(int64_t rows, int64_t step, const float* values, float* totals);

struct Kind {
  AddRows values;
  // Of results of the same kind.
  AddRows results;
  float none;
};
constexpr Kind kKinds[kReducerCount] = {
    {add_rows<sum>, add_rows<sum>, 0},
    {add_rows<maximum>, add_rows<maximum>, -kInfinity},
    {add_rows<minimum>, add_rows<minimum>, kInfinity},
    {add_rows<product>, add_rows<product>, 1},
    {add_rows<absolute_sum>, add_rows<sum>, 0},
    {add_rows<square_sum>, add_rows<sum>, 0},
};

// The totals of a block's columns, `columns` of them, over `rows` rows.
void add_columns(const Kind& kind, int64_t rows, int64_t columns, int64_t step, const float* values,
                 float (&totals)[kBlock]) {
  float room[kStrip * kBlock];
  if (columns < kBlock) std::fill_n(room, kStrip * kBlock, kind.none);
  for (int64_t first = 0; first < rows; first += kStrip) {
    const int64_t count = std::min(kStrip, rows - first);
    const float* from = values + first * step;
    int64_t apart = step;
    if (columns < kBlock) {
      for (int64_t row = 0; row < count; ++row) {
        copy_floats(from + row * step, columns, room + row * kBlock);
      }
      from = room;
      apart = kBlock;
    }
    float strip[kBlock];
    std::fill_n(strip, kBlock, kind.none);
    kind.values(count, apart, from, strip);
    kind.results(1, 0, strip, totals);
  }
}

// Of values that lie together, in the first of the totals.
void add_line(const Kind& kind, int64_t count, const float* values, float (&totals)[kBlock]) {
  const int64_t rows = count / kBlock;
  add_columns(kind, rows, kBlock, kBlock, values, totals);
  const int64_t rest = count - rows * kBlock;
  if (rest > 0) add_columns(kind, 1, rest, rest, values + rows * kBlock, totals);
  float lanes[2 * kBlock];
  std::fill_n(lanes, 2 * kBlock, kind.none);
  std::copy_n(totals, kBlock, lanes);
  for (int64_t half = kBlock / 2; half > 0; half /= 2) kind.results(1, 0, lanes + half, lanes);
  totals[0] = lanes[0];
}

}  // namespace

void reduce(const Reduction& call, const float* input, float* output) {
  const Kind& kind = kKinds[static_cast<int>(call.reducer)];
  const int64_t outer = call.outer;
  const int64_t count = call.count;
  const int64_t inner = call.inner;
  const int64_t results = outer * inner;
  if (results == 0) return;
  const auto finish = [&](float total) {
    total /= call.divisor;
    return call.root != 0 ? std::sqrt(total) : total;
  };
  if (inner == 1) {
    const int64_t lines = std::max<int64_t>(1, kValues / std::max<int64_t>(count, 1));
    return for_each_piece(outer, lines, [&](int64_t first, int64_t end, int) {
      for (int64_t line = first; line < end; ++line) {
        float totals[kBlock];
        std::fill_n(totals, kBlock, kind.none);
        add_line(kind, count, input + line * count, totals);
        output[line] = finish(totals[0]);
      }
    });
  }
  const int64_t pieces = (inner + kBlock - 1) / kBlock;
  for_each_item(outer * pieces, [&](int64_t item, int) {
    float totals[kBlock];
    const int64_t first = item % pieces * kBlock;
    const int64_t columns = std::min(kBlock, inner - first);
    std::fill_n(totals, kBlock, kind.none);
    add_columns(kind, count, columns, inner, input + item / pieces * count * inner + first, totals);
    float* const target = output + item / pieces * inner + first;
    for (int64_t column = 0; column < columns; ++column) target[column] = finish(totals[column]);
  });
}

}  // namespace deconv
