#include "matrix_tile.h"

#include <utility>

#include "parallel.h"
#include "relu.h"
#include "simd.h"

namespace deconv {
namespace {

#ifdef __wasm_relaxed_simd__
constexpr int kMostAtOnce = 3;
#else
constexpr int kMostAtOnce = 2;
#endif

struct Floats {
  static constexpr Words kWords = Words::kFloats;
  static constexpr int kAtOnce = kMostAtOnce;
  static v128_t first(const float* bias, const TileProduct&) {
    return wasm_v128_load32_splat(bias);
  }
  static v128_t add(v128_t weight, v128_t positions, v128_t sum) {
    return fma_f32x4(weight, positions, sum);
  }
};

struct Pairs {
  static constexpr Words kWords = Words::kPairs;
  // Three rows gain nothing.
  static constexpr int kAtOnce = 2;
  static v128_t first(const float*, const TileProduct&) { return wasm_i32x4_const_splat(0); }
  static v128_t add(v128_t weight, v128_t positions, v128_t sum) {
    return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(weight, positions));
  }
};

#ifdef __wasm_relaxed_simd__
struct Quads {
  static constexpr Words kWords = Words::kQuads;
  static constexpr int kAtOnce = kMostAtOnce;
  static v128_t first(const float* sum_of_row, const TileProduct& product) {
    return wasm_i32x4_mul(wasm_v128_load32_splat(sum_of_row), wasm_i32x4_splat(-product.zero));
  }
  static v128_t add(v128_t weight, v128_t positions, v128_t sum) {
    return wasm_i32x4_relaxed_dot_i8x16_i7x16_add(weight, positions, sum);
  }
};
#endif

// kVectors vectors of positions from vector kFirst of the panel at `values` on, two in each panel.
template <typename Kind, int kRows, int kFirst, int kVectors>
void multiply_vectors(const TileProduct& product, const float* values, float* result) {
  v128_t sums[kRows][kVectors];
  const float* tile = product.tile;
  for (int row = 0; row < kRows; ++row) {
    const v128_t first = Kind::first(tile + row, product);
    for (v128_t& sum : sums[row]) sum = first;
  }
  tile += kRows;
  const auto step = static_cast<ptrdiff_t>(product.step);
  for (int32_t index = 0; index < product.segment_count; ++index) {
    const Segment& segment = product.segments[index];
    const float* panel = values + segment.first * product.unit;
    const auto add = [&] {
      v128_t positions[kVectors];
      for (int vector = 0; vector < kVectors; ++vector) {
        const int at = kFirst + vector;
        positions[vector] = wasm_v128_load(panel + at / 2 * product.panel_stride + at % 2 * 4);
      }
      for (int row = 0; row < kRows; ++row) {
        const v128_t weight = wasm_v128_load32_splat(tile + row);
        for (int vector = 0; vector < kVectors; ++vector) {
          sums[row][vector] = Kind::add(weight, positions[vector], sums[row][vector]);
        }
      }
      tile += kRows;
      panel += step;
      // Else the end would be counted down to, in one register more.
      asm volatile("" : "+r"(tile));
    };
    const float* const end = tile + kRows * segment.length;
    // Engines unroll the loops of fewer rows. That of six is two steps here, with a way out between
    // them, without which they are mixed and the sums take more registers than there are.
#pragma clang loop unroll(disable)
    while (tile != end) {
      add();
      if (kRows < 6 || Kind::kWords != Words::kFloats) continue;
      if (tile == end) break;
      add();
    }
  }
  if (Kind::kWords == Words::kFloats && product.relu) {
    for (auto& row : sums) {
      for (v128_t& sum : row) sum = relu(sum);
    }
  }
  result += kFirst * 4;
  for (int row = 0; row < kRows; ++row, result += product.result_stride) {
    for (int vector = 0; vector < kVectors; ++vector) {
      wasm_v128_store(result + vector * 4, sums[row][vector]);
    }
  }
}

// A unit adds to the same sum every four cycles only: one panel of few rows is fewer sums than two
// units can add to in turn. Of kAtOnce rows and fewer, all but the last panels are multiplied
// several at once.
template <typename Kind, int kRows>
void multiply(const TileProduct& product) {
  for (int64_t line = 0; line < product.line_count; ++line) {
    const float* const values = product.panels + line * product.line_stride;
    float* const result = product.result + line * product.result_line_stride;
    int64_t panel = 0;
    const auto go_on = [&](int64_t at_once, auto... passes) {
      for (; panel + at_once <= product.panel_count; panel += at_once) {
        (passes(product, values + panel * product.panel_stride, result + panel * kPanel), ...);
      }
    };
    if constexpr (kRows <= Kind::kAtOnce) {
      if constexpr (kRows == 1) go_on(4, multiply_vectors<Kind, 1, 0, 8>);
      if constexpr (kRows == 2) go_on(2, multiply_vectors<Kind, 2, 0, 4>);
      // Two whole panels would need a register too many.
      if constexpr (kRows == 3) {
        go_on(3, multiply_vectors<Kind, 3, 0, 3>, multiply_vectors<Kind, 3, 3, 3>);
      }
    }
    go_on(1, multiply_vectors<Kind, kRows, 0, 2>);
  }
}

template <typename Kind, int... kFewer>
void multiply_rows(int rows, const TileProduct& product,
                   std::integer_sequence<int, kFewer...> /*heights*/) {
  using Multiply = void (*)(const TileProduct&);
  static constexpr Multiply kByRows[] = {multiply<Kind, kFewer + 1>...};
  kByRows[rows - 1](product);
}

template <typename Kind>
void multiply_rows(int rows, const TileProduct& product) {
  multiply_rows<Kind>(rows, product, std::make_integer_sequence<int, tile_rows(Kind::kWords)>{});
}

// Reads a tile before it is used. The reads of a product wait for memory a few at a time, those of
// a burst many at a time, and engines offer no prefetch: a layer of 8 MB of weights that nothing
// had read lately took 5.3 instead of 6.1 ms.
void fetch(const float* values, int64_t count) {
  constexpr int64_t kCacheLine = 16;
  // Volatile, or nobody would miss the reads.
  const volatile float* const read = values;
  for (int64_t at = 0; at < count; at += kCacheLine) (void)read[at];
}

}  // namespace

void multiply_tile(int rows, const TileProduct& product) {
  switch (product.words) {
    case Words::kFloats:
      return multiply_rows<Floats>(rows, product);
    case Words::kPairs:
      return multiply_rows<Pairs>(rows, product);
    case Words::kQuads:
#ifdef __wasm_relaxed_simd__
      return multiply_rows<Quads>(rows, product);
#else
      __builtin_unreachable();
#endif
  }
}

void multiply_tiles(int64_t rows, int64_t depth, bool from_memory, TileProduct product) {
  const Tiling tiling(rows, product.words);
  for (int64_t tile = 0; tile < tiling.count; ++tile) {
    const int height = tiling.height(tile);
    const int64_t elements = Tiling::packed_elements(height, depth);
    if (from_memory) fetch(product.tile, elements);
    // The tile stays in the first-level cache while the panels pass.
    multiply_tile(height, product);
    product.tile += elements;
    product.result += height * product.result_stride;
  }
}

void pack_part(const TilePart& part, int64_t height, float* target) {
  const float* of_step = part.source;
  for (int64_t step = 0; step < part.steps; ++step, target += height) {
    const float* value = of_step;
    for (int64_t row = 0; row < part.rows; ++row, value += part.row_stride) target[row] = *value;
    of_step += part.step_stride;
  }
}

void for_each_tile(int64_t rows, Words words, int64_t row_elements, float* target,
                   const void* context,
                   void (*visit)(const void* context, float* tile, int64_t first_row,
                                 int64_t height)) {
  // Fewer values than these are packed before another thread has begun.
  constexpr int64_t kLeastForThreads = int64_t{1} << 15;
  const Tiling tiling(rows, words);
  const bool alone = rows * row_elements < kLeastForThreads;
  for_each_item(alone ? 1 : tiling.count, [&](int64_t item, int) {
    const int64_t end = alone ? tiling.count : item + 1;
    for (int64_t tile = item; tile < end; ++tile) {
      const int64_t row = tiling.first_row(tile);
      visit(context, target + row * row_elements, row, tiling.height(tile));
    }
  });
}

}  // namespace deconv
