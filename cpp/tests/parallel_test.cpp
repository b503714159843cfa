#include "parallel.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "deconv/runtime.h"
#include "runtime_threads.h"

TEST_CASE("every item is worked on once, and no two at once with the memory of one worker") {
  for (const int wanted : {1, 2, 3, 5}) {
    const deconv_tests::RuntimeThreads running(wanted);
    const int threads = deconv::runtime_threads();
    CAPTURE(threads);
    for (const int64_t items : {0, 1, 2, 3, 4, 5, 7, 100, 1000}) {
      CAPTURE(items);
      std::vector<std::atomic<int>> done(static_cast<size_t>(items));
      std::vector<std::atomic<int>> busy(static_cast<size_t>(threads));
      std::atomic<int> wrong{0};
      deconv::for_each_item(items, [&](int64_t item, int worker) {
        if (item < 0 || item >= items || worker < 0 || worker >= threads) {
          ++wrong;
          return;
        }
        wrong += busy[static_cast<size_t>(worker)]++ != 0;
        ++done[static_cast<size_t>(item)];
        --busy[static_cast<size_t>(worker)];
      });
      for (const std::atomic<int>& times : done) wrong += times != 1;
      CHECK(wrong == 0);
    }
  }
}
