#include "deconv/matrix.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "exact_buffer.h"
#include "failing_memory.h"
#include "many_axes.h"
#include "runtime_threads.h"

using deconv::MatrixProduct;
using deconv::Status;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

// One or the other is the same for all products, or both differ; counts what is wrong.
int64_t count_wrong(MatrixProduct call, Random& random) {
  deconv_tests::DrawnAxes drawn(random, 2);
  for (size_t axis = 0; axis < 2; ++axis) drawn.extents[axis] = drawn.extents[axis] % 4 + 1;
  call.axes = drawn.axes;
  call.extents = drawn.extents;
  int64_t products = 1;
  int64_t elements[2] = {int64_t{call.rows} * call.depth, int64_t{call.depth} * call.columns};
  for (int32_t axis = call.axes - 1; axis >= 0; --axis) {
    const auto at = static_cast<size_t>(axis);
    for (int which = 0; which < 2; ++which) {
      const bool repeats = random.one_in(3);
      call.strides[which][at] = repeats ? 0 : static_cast<int32_t>(elements[which]);
      if (!repeats) elements[which] *= call.extents[at];
    }
    products *= call.extents[at];
  }
  const auto guard = random.one_in(3) ? ExactBuffer::Guard::kBefore : ExactBuffer::Guard::kBehind;
  ExactBuffer a(elements[0], 0, guard);
  ExactBuffer b(elements[1], 0, guard);
  const int64_t size = int64_t{call.rows} * call.columns;
  const ExactBuffer result(products * size, 0, guard);
  a.fill_whole(random, 8);
  b.fill_whole(random, 8);
  int64_t wrong = multiply_matrices(call, a.data(), b.data(), result.data()) != Status::kOk;
  for (int64_t product = 0; product < products; ++product) {
    const int64_t a_first = drawn.offset(product, call.strides[0]);
    const int64_t b_first = drawn.offset(product, call.strides[1]);
    for (int64_t row = 0; row < call.rows; ++row) {
      for (int64_t column = 0; column < call.columns; ++column) {
        double total = 0;
        for (int64_t step = 0; step < call.depth; ++step) {
          const int64_t a_at =
              call.transposed[0] ? step * call.rows + row : row * call.depth + step;
          const int64_t b_at =
              call.transposed[1] ? column * call.depth + step : step * call.columns + column;
          total += double{a[a_first + a_at]} * b[b_first + b_at];
        }
        wrong += result[product * size + row * call.columns + column] != total * call.alpha;
      }
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("products of matrices of all sizes, transposed and not, of many") {
  Random random(9601);
  const auto extent = [&] {
    return random.one_in(3) ? random.between(5, 40) : random.between(0, 9);
  };
  for (int round = 0; round < 600; ++round) {
    MatrixProduct call{.rows = extent(), .depth = extent(), .columns = extent()};
    call.transposed[0] = random.between(0, 1);
    call.transposed[1] = random.between(0, 1);
    call.alpha = random.one_in(2) ? 1.0f : -0.25f;
    CAPTURE(call.rows);
    CAPTURE(call.depth);
    CAPTURE(call.columns);
    CAPTURE(call.transposed[0]);
    CAPTURE(call.transposed[1]);
    CHECK(count_wrong(call, random) == 0);
  }
}

TEST_CASE("large products on three threads") {
  Random random(9602);
  const deconv_tests::RuntimeThreads running(3);
  for (const int transposed : {0, 1}) {
    for (const MatrixProduct& call : {MatrixProduct{.rows = 1, .depth = 700, .columns = 301},
                                      MatrixProduct{.rows = 61, .depth = 33, .columns = 500},
                                      MatrixProduct{.rows = 300, .depth = 600, .columns = 5}}) {
      MatrixProduct own = call;
      own.transposed[0] = own.transposed[1] = transposed;
      CHECK(count_wrong(own, random) == 0);
    }
  }
}

TEST_CASE("no memory for a product is an error, and nothing is written") {
  const MatrixProduct call{.rows = 7, .depth = 20, .columns = 9};
  const std::vector<float> values(180, 1.0f);
  std::vector<float> result(63, 9.0f);
  {
    const deconv_tests::FailingMemory memory(0);
    CHECK(multiply_matrices(call, values.data(), values.data(), result.data()) ==
          Status::kOutOfMemory);
  }
  CHECK(result == std::vector<float>(63, 9.0f));
}
