#include "layout.h"

#include <doctest/doctest.h>

#include "reference.h"

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

TEST_CASE("interleave puts rows side by side for every count around its shuffles") {
  Random random(3);
  int64_t wrong = 0;
  for (int64_t rows = 1; rows <= 9; ++rows) {
    for (int64_t count = 0; count <= 70; ++count) {
      // Rows are as long as the longest, and the last one ends with its last value.
      const int64_t longest = (count + rows - 1) / rows;
      const int64_t stride = longest + random.between(0, 3);
      ExactBuffer source(count == 0 ? 0 : (rows - 1) * stride + longest);
      ExactBuffer target(count);
      source.fill(random);
      deconv::interleave(rows, count, source.data(), stride, target.data());
      for (int64_t index = 0; index < count; ++index) {
        wrong += target[index] != source[index % rows * stride + index / rows];
      }
    }
  }
  CHECK(wrong == 0);
}
