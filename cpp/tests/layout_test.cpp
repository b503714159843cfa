#include "layout.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "exact_block.h"
#include "reference.h"

using deconv_tests::ExactBlock;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

TEST_CASE("transpose agrees with two plain loops for every size around its tiles") {
  Random random(1);
  int64_t wrong = 0;
  for (int64_t rows = 1; rows <= 37; ++rows) {
    for (int64_t columns = 1; columns <= 37; ++columns) {
      const int64_t count = random.between(1, 3);
      // No slack: transpose reads and writes its elements only.
      ExactBuffer source(count * rows * columns);
      ExactBuffer target(count * rows * columns);
      source.fill(random);
      deconv::transpose(count, rows, columns, source.data(), target.data());
      for (int64_t matrix = 0; matrix < count; ++matrix) {
        for (int64_t row = 0; row < rows; ++row) {
          for (int64_t column = 0; column < columns; ++column) {
            const int64_t first = matrix * rows * columns;
            wrong += target[first + column * rows + row] != source[first + row * columns + column];
          }
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("transpose of no matrices touches nothing") {
  deconv::transpose(0, 3, 4, nullptr, nullptr);
  deconv::transpose(0, 1, 4, nullptr, nullptr);
}

TEST_CASE("transpose there and back gives the same values") {
  Random random(2);
  ExactBuffer values(2 * 33 * 70);
  ExactBuffer turned(values.size());
  ExactBuffer back(values.size());
  values.fill(random);
  deconv::transpose(2, 33, 70, values.data(), turned.data());
  deconv::transpose(2, 70, 33, turned.data(), back.data());
  int64_t wrong = 0;
  for (int64_t index = 0; index < values.size(); ++index) wrong += back[index] != values[index];
  CHECK(wrong == 0);
}

TEST_CASE("transpose_block keeps to its rows, for every size around its tiles and any strides") {
  Random random(4);
  int64_t wrong = 0;
  for (int64_t rows = 0; rows <= 70; rows += random.between(1, 3)) {
    for (int64_t columns = 0; columns <= 70; columns += random.between(1, 3)) {
      const int64_t source_stride = columns + random.between(0, 3);
      const int64_t target_stride = rows + random.between(0, 3);
      const bool empty = rows == 0 || columns == 0;
      ExactBuffer source(empty ? 0 : (rows - 1) * source_stride + columns);
      ExactBuffer target(empty ? 0 : (columns - 1) * target_stride + rows);
      source.fill(random);
      deconv::transpose_block(rows, columns, source.data(), source_stride, target.data(),
                              target_stride);
      for (int64_t index = 0; index < target.size(); ++index) {
        const int64_t row = index % target_stride;
        const int64_t column = index / target_stride;
        wrong += row < rows ? target[index] != source[row * source_stride + column]
                            : !target.untouched(index);
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("transpose_relu clamps on the way, whatever the size") {
  Random random(5);
  const float wild[] = {-0.0f, std::numeric_limits<float>::quiet_NaN(),
                        -std::numeric_limits<float>::infinity(),
                        std::numeric_limits<float>::infinity()};
  int64_t wrong = 0;
  for (int64_t rows = 1; rows <= 37; ++rows) {
    for (int64_t columns = 1; columns <= 37; ++columns) {
      const int64_t count = random.between(0, 3);
      const int64_t size = rows * columns;
      ExactBuffer source(count * size);
      ExactBuffer target(count * size);
      source.fill(random);
      for (int64_t index = random.between(0, 9); index < source.size();
           index += random.between(1, 9)) {
        source.data()[index] = wild[random.between(0, 3)];
      }
      deconv::transpose_relu(count, rows, columns, source.data(), target.data());
      for (int64_t index = 0; index < target.size(); ++index) {
        const int64_t at = index % size;
        const float value = source[index / size * size + at % rows * columns + at / rows];
        const float found = target[index];
        wrong += std::isnan(value) ? !std::isnan(found)
                                   : std::signbit(found) || found != (value > 0 ? value : 0.0f);
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("interleave puts rows side by side for every count around its shuffles") {
  Random random(3);
  int64_t wrong = 0;
  for (int64_t rows = 1; rows <= 9; ++rows) {
    for (int64_t count = 0; count <= 70; ++count) {
      // Rows are as long as the longest, and the last one ends with its last value.
      const int64_t longest = (count + rows - 1) / rows;
      const int64_t stride = longest + random.between(0, 3);
      const int64_t matrices = random.between(1, 3);
      const int64_t source_step = (rows - 1) * stride + longest;
      const int64_t target_step = count + random.between(0, 2);
      ExactBuffer source(matrices * source_step);
      ExactBuffer target(count == 0 ? 0 : (matrices - 1) * target_step + count);
      source.fill(random);
      deconv::interleave({.rows = rows,
                          .count = count,
                          .stride = stride,
                          .matrices = matrices,
                          .source_step = source_step,
                          .target_step = target_step},
                         source.data(), target.data());
      for (int64_t index = 0; index < matrices * count; ++index) {
        const int64_t matrix = index / count;
        const int64_t at = index % count;
        wrong += target[matrix * target_step + at] !=
                 source[matrix * source_step + at % rows * stride + at / rows];
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the transpose of bytes moves every byte, whole tiles or not, wherever they lie") {
  int64_t offset = 0;
  for (const int64_t rows : {1, 2, 15, 16, 17, 33, 64, 81}) {
    for (const int64_t columns : {1, 3, 16, 31, 32, 50, 129}) {
      CAPTURE(rows);
      CAPTURE(columns);
      offset = (offset + 5) % 16;
      const ExactBlock<int8_t> source(2 * rows * columns, 0, offset);
      const ExactBlock<int8_t> target(2 * rows * columns, 0, (3 * offset + 1) % 16);
      for (int64_t index = 0; index < 2 * rows * columns; ++index) {
        source[index] = static_cast<int8_t>(index * 31 % 251);
      }
      deconv::transpose_bytes(2, rows, columns, source.data(), target.data());
      int64_t wrong = 0;
      for (int64_t index = 0; index < 2 * rows * columns; ++index) {
        const int64_t at = index % (rows * columns);
        wrong += target[index - at + at % columns * rows + at / columns] != source[index];
      }
      CHECK(wrong == 0);
    }
  }
}
