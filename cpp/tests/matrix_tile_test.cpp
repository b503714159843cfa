#include "matrix_tile.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "byte_dot.h"
#include "reference.h"
#include "routes/cost.h"
#include "runtime_threads.h"

using deconv::kPanel;
using deconv::kTileRows;
using deconv::pack_part;
using deconv::Segment;
using deconv::tile_rows;
using deconv::Tiling;
using deconv::Words;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;
using deconv_tests::RuntimeThreads;

namespace {

using Segments = std::vector<Segment>;

// One product of `rows` rows and `panel_count` panels on buffers of just the size that it needs.
// What lies between the segments, the panels and the rows of the result is poison.
class Product {
 public:
  Product(int rows, const Segments& segments, int64_t panel_count, int64_t panel_gap,
          int64_t result_gap)
      : rows_(rows),
        segments_(segments),
        depth_(std::accumulate(
            segments.begin(), segments.end(), int64_t{0},
            [](int64_t sum, const Segment& segment) { return sum + segment.length; })),
        panel_count_(panel_count),
        panel_stride_(panel_gap + kPanel * end_of(segments)),
        result_stride_(kPanel * panel_count + result_gap),
        tile(rows * (depth_ + 1)),
        panels(panel_count == 0 ? 0
                                : (panel_count - 1) * panel_stride_ + kPanel * end_of(segments)),
        result(panel_count == 0 ? 0 : (rows - 1) * result_stride_ + kPanel * panel_count) {}

  // Calls body(value) for all values of the panels that some segment covers.
  template <typename Body>
  void for_each_read(const Body& body) const {
    for (int64_t panel = 0; panel < panel_count_; ++panel) {
      for (const Segment& segment : segments_) {
        for (int64_t value = 0; value < int64_t{segment.length} * kPanel; ++value) {
          body(panels.data()[panel * panel_stride_ + int64_t{segment.first} * kPanel + value]);
        }
      }
    }
  }

  void run(bool relu) const {
    deconv::multiply_tile(rows_, {.tile = tile.data(),
                                  .panels = panels.data(),
                                  .panel_count = panel_count_,
                                  .panel_stride = panel_stride_,
                                  .segments = segments_.data(),
                                  .segment_count = static_cast<int32_t>(segments_.size()),
                                  .relu = relu,
                                  .result = result.data(),
                                  .result_stride = result_stride_});
  }

  // Values that are not what the definition gives, bit by bit, and values between the rows that
  // were touched. Any NaN is as good as any other.
  int64_t count_wrong(bool relu) const {
    int64_t wrong = 0;
    for (int64_t index = 0; index < result.size(); ++index) {
      const int64_t row = index / result_stride_;
      const int64_t column = index % result_stride_;
      if (column >= kPanel * panel_count_) {
        wrong += !result.untouched(index);
        continue;
      }
      const float sum = expected(row, column);
      const float wanted = relu && sum <= 0 ? 0.0f : sum;
      wrong += std::isnan(wanted)
                   ? !std::isnan(result[index]) || result.untouched(index)
                   : std::bit_cast<uint32_t>(result[index]) != std::bit_cast<uint32_t>(wanted);
    }
    return wrong;
  }

 private:
  static int64_t end_of(const Segments& segments) {
    int64_t end = 0;
    for (const Segment& segment : segments) {
      end = std::max(end, int64_t{segment.first} + segment.length);
    }
    return end;
  }

  float expected(int64_t row, int64_t column) const {
    float sum = tile[row];
    int64_t step = 0;
    for (const Segment& segment : segments_) {
      for (int64_t at = segment.first; at < segment.first + segment.length; ++at) {
        const float weight = tile[(++step) * rows_ + row];
        sum += weight * panels[column / kPanel * panel_stride_ + at * kPanel + column % kPanel];
      }
    }
    return sum;
  }

  const int rows_;
  const Segments segments_;
  const int64_t depth_;
  const int64_t panel_count_;
  const int64_t panel_stride_;
  const int64_t result_stride_;

 public:
  ExactBuffer tile;
  ExactBuffer panels;
  ExactBuffer result;
};

const Segments kSegmentLists[] = {
    {},  // the bias alone
    {{0, 1}},
    {{3, 5}},
    {{2, 0}, {0, 2}, {1, 0}},  // empty ones
    {{4, 3}, {0, 2}, {9, 1}},  // in any order
    {{0, 2}, {1, 3}},          // some steps twice
};

}  // namespace

TEST_CASE("tiles of every height are sums of products, with and without a ReLU") {
  Random random(1);
  for (int rows = 1; rows <= kTileRows; ++rows) {
    for (const Segments& segments : kSegmentLists) {
      for (int64_t panel_count = 0; panel_count <= 9; ++panel_count) {
        for (const bool relu : {false, true}) {
          CAPTURE(rows);
          CAPTURE(panel_count);
          CAPTURE(relu);
          Product product(rows, segments, panel_count, random.between(0, 5), random.between(0, 5));
          product.tile.fill_whole(random, 9);
          product.for_each_read(
              [&](float& value) { value = static_cast<float>(random.between(-9, 9)); });
          product.run(relu);
          CHECK(product.count_wrong(relu) == 0);
        }
      }
    }
  }
}

TEST_CASE("tiles keep what is not finite, the signs of zeros and denormals") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  // No denormals on both sides: a product that underflows has a sign that fusing changes.
  const float weights[] = {0.0f, -0.0f, 1, -1, kInfinity, -kInfinity, kNan, kLeast, -3 * kLeast};
  const float values[] = {0.0f, -0.0f, 1, -1, 2, kInfinity, -kInfinity, kNan};
  for (uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const auto any_of = [&](const auto& list, int32_t most) {
      return list[random.between(0, std::min(most, static_cast<int32_t>(std::size(list))) - 1)];
    };
    // Every other time no infinities and NaNs, which drown the rest.
    const bool wild = random.one_in(2);
    Product product(random.between(1, kTileRows), {{1, random.between(0, 4)}}, random.between(1, 5),
                    0, 1);
    for (int64_t index = 0; index < product.tile.size(); ++index) {
      product.tile.data()[index] =
          wild ? any_of(weights, 99)
               : std::vector{-0.0f, kLeast, -kLeast, 0.0f,
                             -1.0f}[static_cast<size_t>(random.between(0, 4))];
    }
    product.for_each_read([&](float& value) { value = any_of(values, wild ? 99 : 5); });
    const bool relu = random.one_in(2);
    product.run(relu);
    CHECK(product.count_wrong(relu) == 0);
  }
}

namespace {

int32_t part(uint32_t word, int bits, int index) {
  const uint32_t shifted = word >> (bits * index);
  return bits == 8 ? static_cast<int8_t>(shifted) : static_cast<int16_t>(shifted);
}

uint32_t word_of(Random& random, int bits, int32_t least, int32_t greatest) {
  uint32_t word = 0;
  for (int at = 0; at < 32 / bits; ++at) {
    const int32_t value =
        random.one_in(3) ? (random.one_in(2) ? greatest : least) : random.between(least, greatest);
    word |= (static_cast<uint32_t>(value) & ((1u << bits) - 1)) << (bits * at);
  }
  return word;
}

// Every product of `kind` is the sum of the products of parts, over words of random and extreme
// ones; `zero` times the tile's first values is taken off. Panels and rows of the result have
// poison between them, which stays.
void check_integers(Random& random, Words kind, bool unsigned_positions, int rows) {
  const int bits = kind == Words::kQuads ? 8 : 16;
  const int32_t first = random.between(0, 3);
  const int32_t depth = random.between(0, 9);
  const Segment segments[] = {{first, depth}};
  const int64_t panel_count = random.between(1, 9);
  const int64_t stride = kPanel * int64_t{first + depth} + random.between(0, 5);
  const int64_t result_stride = kPanel * panel_count + random.between(0, 5);
  const int32_t zero = kind == Words::kQuads ? random.between(-128, 255) : 0;
  const ExactBuffer tile(rows * int64_t{depth + 1});
  const ExactBuffer panels((panel_count - 1) * stride + kPanel * int64_t{first + depth});
  const ExactBuffer result((rows - 1) * result_stride + kPanel * panel_count);
  for (int64_t index = 0; index < tile.size(); ++index) {
    tile.data()[index] =
        index >= rows
            ? std::bit_cast<float>(word_of(random, bits, -128, 127))
            : std::bit_cast<float>(kind == Words::kQuads ? random.between(-9999, 9999) : 0);
  }
  const int32_t least = bits == 8 ? -128 : -255;
  for (int64_t panel = 0; panel < panel_count; ++panel) {
    for (int64_t at = kPanel * int64_t{first}; at < kPanel * int64_t{first + depth}; ++at) {
      panels.data()[panel * stride + at] =
          std::bit_cast<float>(word_of(random, bits, least, bits == 8 ? 127 : 255));
    }
  }
  deconv::multiply_tile(rows, {.tile = tile.data(),
                               .panels = panels.data(),
                               .panel_count = panel_count,
                               .panel_stride = stride,
                               .segments = segments,
                               .segment_count = 1,
                               .words = kind,
                               .zero = zero,
                               .result = result.data(),
                               .result_stride = result_stride});
  int64_t wrong = 0;
  for (int64_t index = 0; index < result.size(); ++index) {
    const int64_t row = index / result_stride;
    const int64_t column = index % result_stride;
    if (column >= kPanel * panel_count) {
      wrong += !result.untouched(index);
      continue;
    }
    int64_t sum = -int64_t{zero} * std::bit_cast<int32_t>(tile[row]);
    for (int64_t step = 0; step < depth; ++step) {
      const auto weight = std::bit_cast<uint32_t>(tile[(step + 1) * rows + row]);
      const auto position = std::bit_cast<uint32_t>(
          panels[column / kPanel * stride + (first + step) * kPanel + column % kPanel]);
      for (int at = 0; at < 32 / bits; ++at) {
        const int32_t value = part(position, bits, at);
        sum += int64_t{part(weight, bits, at)} *
               (unsigned_positions ? static_cast<uint8_t>(value) : value);
      }
    }
    wrong += std::bit_cast<int32_t>(result[index]) != sum;
  }
  CHECK(wrong == 0);
}

// What this engine multiplies.
std::vector<Words> all_words() {
  std::vector<Words> words = {Words::kFloats, Words::kPairs};
  if (deconv::probe_byte_dot() != deconv::ByteDot::kNone) words.push_back(Words::kQuads);
  return words;
}

}  // namespace

TEST_CASE("tiles of every height sum products of integers exactly") {
  Random random(3);
  const bool is_unsigned = deconv::probe_byte_dot() == deconv::ByteDot::kUnsigned;
  for (const Words words : all_words()) {
    if (words == Words::kFloats) continue;
    for (int round = 0; round < 40; ++round) {
      for (int rows = 1; rows <= tile_rows(words); ++rows) {
        CAPTURE(static_cast<int>(words));
        CAPTURE(rows);
        check_integers(random, words, words == Words::kQuads && is_unsigned, rows);
      }
    }
  }
}

TEST_CASE("the sums of a tile, a panel, a weight and what becomes of it fit 15 registers") {
#ifdef __wasm_relaxed_simd__
  constexpr bool kAddsAtOnce = true;
#else
  constexpr bool kAddsAtOnce = false;
#endif
  for (const Words words : {Words::kFloats, Words::kPairs, Words::kQuads}) {
    CAPTURE(static_cast<int>(words));
    // Two sums a row, the panel's two vectors and a weight; a product that is added afterwards.
    const bool separate = words == Words::kPairs || !kAddsAtOnce;
    const auto registers = [&](int rows) { return 2 * rows + 3 + (separate ? 1 : 0); };
    CHECK(registers(tile_rows(words)) <= 15);
    CHECK(registers(tile_rows(words) + 1) > 15);
  }
}

TEST_CASE("a tiling has the fewest tiles, of heights that differ by 1 at most") {
  for (int64_t rows = 1; rows <= 200; ++rows) {
    for (const Words words : {Words::kFloats, Words::kPairs, Words::kQuads}) {
      CAPTURE(rows);
      CAPTURE(static_cast<int>(words));
      const Tiling tiling(rows, words);
      const int most = tile_rows(words);
      CHECK(tiling.count * most >= rows);
      CHECK((tiling.count - 1) * most < rows);
      int64_t first = 0;
      int64_t elements = 0;
      for (int64_t tile = 0; tile < tiling.count; ++tile) {
        const int height = tiling.height(tile);
        CHECK(height >= 1);
        CHECK(height <= most);
        CHECK(height <= tiling.height(0));
        CHECK(height >= tiling.height(0) - 1);
        CHECK(tiling.first_row(tile) == first);
        CHECK(Tiling::packed_elements(first, 7) == elements);
        // A bias and seven weights a row.
        elements += height * 8;
        first += height;
      }
      CHECK(first == rows);
      CHECK(Tiling::packed_elements(rows, 7) == elements);
    }
  }
}

TEST_CASE("a part of a tile is written where it belongs, and nothing else is") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const int64_t rows = random.between(1, 6);
    const int64_t steps = random.between(0, 9);
    const int64_t height = random.between(static_cast<int32_t>(rows), 6);
    const int64_t row_stride = random.between(1, 20);
    const int64_t step_stride = random.between(1, 20);
    ExactBuffer source(std::max<int64_t>(
        1, (rows - 1) * row_stride + std::max<int64_t>(steps - 1, 0) * step_stride + 1));
    source.fill_whole(random, 1000);
    ExactBuffer target(std::max<int64_t>(1, (steps - 1) * height + rows));
    pack_part({source.data(), rows, row_stride, steps, step_stride}, height, target.data());
    int64_t wrong = 0;
    for (int64_t index = 0; index < target.size(); ++index) {
      const int64_t row = index % height;
      const int64_t step = index / height;
      wrong += row < rows && step < steps
                   ? target[index] != source[row * row_stride + step * step_stride]
                   : !target.untouched(index);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("rows are packed once each, whoever packs them") {
  const RuntimeThreads threads(3);
  // So few that one thread packs them, and so many that all do.
  for (const int64_t row_elements : {int64_t{5}, int64_t{4000}}) {
    for (const int64_t rows : {1, 5, 6, 7, 25}) {
      for (const Words words : {Words::kFloats, Words::kPairs}) {
        CAPTURE(rows);
        CAPTURE(static_cast<int>(words));
        ExactBuffer tiles(rows * row_elements);
        std::fill_n(tiles.data(), tiles.size(), 0.0f);
        const auto value_of = [&](int64_t row, int64_t index) {
          return static_cast<float>(row * row_elements + index + 1);
        };
        for_each_tile(
            rows, row_elements, tiles.data(),
            [&](float* tile, int64_t first_row, int64_t height) {
              for (int64_t at = 0; at < height * row_elements; ++at) {
                tile[at] += value_of(first_row + at % height, at / height);
              }
            },
            words);
        const Tiling tiling(rows, words);
        for (int64_t tile = 0; tile < tiling.count; ++tile) {
          const float* const own = tiles.data() + tiling.first_row(tile) * row_elements;
          const int64_t height = tiling.height(tile);
          for (int64_t row = 0; row < height; ++row) {
            bool same = true;
            for (int64_t index = 0; index < row_elements; ++index) {
              same &= own[index * height + row] == value_of(tiling.first_row(tile) + row, index);
            }
            CHECK(same);
          }
        }
      }
    }
  }
}

TEST_CASE("a step of the depth takes as long as its tiles together, and more rows take longer") {
  for (const Words words : all_words()) {
    for (int64_t rows = 1; rows <= 60; ++rows) {
      CAPTURE(static_cast<int>(words));
      CAPTURE(rows);
      const Tiling tiling(rows, words);
      double sum = 0;
      for (int64_t tile = 0; tile < tiling.count; ++tile) {
        sum += deconv::tile_step_nanoseconds(tiling.height(tile), words);
      }
      CHECK(deconv::tile_step_nanoseconds(rows, words) == doctest::Approx(sum));
      CHECK(deconv::tile_step_nanoseconds(rows, words) > 0);
      CHECK(deconv::tile_step_nanoseconds(rows, words) <=
            deconv::tile_step_nanoseconds(rows + 1, words));
    }
  }
}
