#pragma once

#include <cstdint>

namespace deconv::gradients {

// sums[row][column] += sum over all positions of rows[row] * columns[column]
struct OuterProducts {
  const float* rows;
  int64_t row_stride;    // from one row to the next
  int64_t row_step;      // from one position to the next
  const float* columns;  // beside each other
  int64_t column_step;
  int64_t positions;
  // So many lines of positions.
  int64_t lines = 1;
  int64_t row_line_step = 0;
  int64_t column_line_step = 0;
};

// Floats that the sums of `columns` columns take: whole vectors. From 4 columns on, the last vector
// ends at the last column, so that nothing behind it is read; what it sums of the columns before is
// not looked at. Of fewer columns, 4 values are read all the same.
inline int64_t sums_width(int64_t columns) { return (columns + 3) / 4 * 4; }

// Where the sum of a column stands.
inline int64_t place_of_sum(int64_t column, int64_t columns) {
  const bool in_last = columns >= 4 && column >= columns / 4 * 4;
  return in_last ? sums_width(columns) - columns + column : column;
}

// `sums` has `rows` rows, sums_width(columns) apart.
void add_outer_products(const OuterProducts& products, int64_t rows, int64_t columns, float* sums);

}  // namespace deconv::gradients
