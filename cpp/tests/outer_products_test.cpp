// Outer products of every shape against plain loops, in integers, which floats hold exactly.

#include "gradients/outer_products.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "exact_buffer.h"

using deconv::gradients::place_of_sum;
using deconv::gradients::sums_width;
using deconv_tests::ExactBuffer;

namespace {

struct Shape {
  int64_t rows;
  int64_t columns;
  int64_t positions;
  int64_t lines;
  bool rows_beside;  // channels last, else positions are beside each other
};

// The values of a side: small integers, each position's its own.
float value_of(int64_t line, int64_t position, int64_t channel) {
  return static_cast<float>((line * 7 + position * 3 + channel * 5) % 11 - 5);
}

}  // namespace

TEST_CASE("sums have a place each, in whole vectors, and read nothing behind the last column") {
  for (int64_t columns = 1; columns < 40; ++columns) {
    CAPTURE(columns);
    CHECK(sums_width(columns) % 4 == 0);
    std::vector<bool> taken(static_cast<size_t>(sums_width(columns)));
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t place = place_of_sum(column, columns);
      REQUIRE(place >= 0);
      REQUIRE(place < sums_width(columns));
      CHECK(!taken[static_cast<size_t>(place)]);
      taken[static_cast<size_t>(place)] = true;
    }
  }
}

TEST_CASE("outer products add to every sum what plain loops add") {
  for (int64_t rows = 1; rows <= 14; ++rows) {
    for (const int64_t columns : {1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 16, 19, 28, 32, 33, 44, 63}) {
      for (const bool rows_beside : {true, false}) {
        const Shape shape{rows, columns, 1 + (rows + columns) % 5, 1 + columns % 3, rows_beside};
        CAPTURE(rows);
        CAPTURE(columns);
        // Fewer than 4 columns are read as 4.
        const int64_t read = std::max<int64_t>(columns, 4);
        const int64_t gap = 3;
        const int64_t positions = shape.lines * shape.positions;
        ExactBuffer left(rows * positions);
        ExactBuffer right((positions - 1) * (columns + gap) + read);
        const int64_t row_stride = rows_beside ? 1 : positions;
        const int64_t row_step = rows_beside ? rows : 1;
        for (int64_t index = 0; index < right.size(); ++index) right.data()[index] = 1e30f;
        for (int64_t line = 0; line < shape.lines; ++line) {
          for (int64_t position = 0; position < shape.positions; ++position) {
            const int64_t at = line * shape.positions + position;
            for (int64_t row = 0; row < rows; ++row) {
              left.data()[at * row_step + row * row_stride] = value_of(line, position, row);
            }
            for (int64_t column = 0; column < columns; ++column) {
              right.data()[at * (columns + gap) + column] = value_of(position, line, column);
            }
          }
        }
        ExactBuffer sums(rows * sums_width(columns));
        for (int64_t index = 0; index < sums.size(); ++index) sums.data()[index] = 100;
        deconv::gradients::add_outer_products(
            {.rows = left.data(),
             .row_stride = row_stride,
             .row_step = row_step,
             .columns = right.data(),
             .column_step = columns + gap,
             .positions = shape.positions,
             .lines = shape.lines,
             .row_line_step = shape.positions * row_step,
             .column_line_step = shape.positions * (columns + gap)},
            rows, columns, sums.data());
        int64_t wrong = 0;
        for (int64_t row = 0; row < rows; ++row) {
          for (int64_t column = 0; column < columns; ++column) {
            float expected = 100;
            for (int64_t line = 0; line < shape.lines; ++line) {
              for (int64_t position = 0; position < shape.positions; ++position) {
                expected += value_of(line, position, row) * value_of(position, line, column);
              }
            }
            wrong += sums[row * sums_width(columns) + place_of_sum(column, columns)] != expected;
          }
        }
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("outer products keep NaN and infinities where they belong") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  ExactBuffer left(6);
  ExactBuffer right(9);
  for (int64_t row = 0; row < 6; ++row) left.data()[row] = 1;
  for (int64_t column = 0; column < 9; ++column) right.data()[column] = 2;
  left.data()[2] = kInfinity;
  right.data()[4] = std::numeric_limits<float>::quiet_NaN();
  ExactBuffer sums(6 * sums_width(9));
  for (int64_t index = 0; index < sums.size(); ++index) sums.data()[index] = 0;
  deconv::gradients::add_outer_products({.rows = left.data(),
                                         .row_stride = 1,
                                         .row_step = 6,
                                         .columns = right.data(),
                                         .column_step = 9,
                                         .positions = 1},
                                        6, 9, sums.data());
  for (int64_t row = 0; row < 6; ++row) {
    for (int64_t column = 0; column < 9; ++column) {
      const float sum = sums[row * sums_width(9) + place_of_sum(column, 9)];
      if (column == 4) {
        CHECK(std::isnan(sum));
      } else {
        CHECK(sum == (row == 2 ? kInfinity : 2.0f));
      }
    }
  }
}
