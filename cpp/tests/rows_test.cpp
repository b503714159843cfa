#include "deconv/rows.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "exact_buffer.h"
#include "reference.h"
#include "runtime_threads.h"

using deconv_tests::ExactBuffer;

TEST_CASE("copy_rows copies parts of rows and leaves what lies between them") {
  struct Case {
    int64_t rows, length, source_stride, target_stride;
  };
  deconv_tests::Random random(9101);
  for (const int threads : {1, 3}) {
    const deconv_tests::RuntimeThreads runtime(threads);
    for (const auto& [rows, length, from, to] :
         {Case{0, 3, 3, 3}, Case{2, 0, 4, 4}, Case{1, 7, 7, 7}, Case{5, 3, 4, 9}, Case{4, 8, 8, 20},
          Case{3000, 17, 40, 17}, Case{3, 40000, 40001, 40000}}) {
      CAPTURE(rows);
      CAPTURE(length);
      // They end with the last value of the last row.
      const int64_t before = std::max<int64_t>(rows - 1, 0);
      const int64_t last = rows == 0 ? 0 : length;
      ExactBuffer source(before * from + last);
      source.fill(random);
      const ExactBuffer target(before * to + last);
      deconv::copy_rows(rows, length, source.data(), from, target.data(), to);
      int64_t wrong = 0;
      for (int64_t index = 0; index < target.size(); ++index) {
        const int64_t column = index % to;
        wrong += column < length ? target[index] != source[index / to * from + column]
                                 : !target.untouched(index);
      }
      CHECK(wrong == 0);
    }
  }
}
