#include "parallel.h"

#include <pthreadpool.h>

#include <algorithm>
#include <atomic>

#include "deconv/runtime.h"
#include "xnnpack_runtime.h"

namespace deconv {

void for_each_item(int64_t items, const void* context,
                   void (*work)(const void* context, int64_t item, int worker)) {
  const int threads = runtime_threads();
  if (threads == 1 || items == 1) {
    for (int64_t item = 0; item < items; ++item) work(context, item, 0);
    return;
  }
  struct Shared {
    const void* const context;
    void (*const work)(const void*, int64_t, int);
    const int64_t items;
    std::atomic<int64_t> next{0};
  } shared{context, work, items};
  const auto worker = [](void* pointer, size_t index) {
    auto& all = *static_cast<Shared*>(pointer);
    for (int64_t item = all.next++; item < all.items; item = all.next++) {
      all.work(all.context, item, static_cast<int>(index));
    }
  };
  // Keeps denormals: results must not depend on the number of threads.
  pthreadpool_parallelize_1d(shared_pool(), worker, &shared, static_cast<size_t>(threads),
                             /*flags=*/0);
}

void for_each_piece(int64_t count, int64_t piece, const void* context,
                    void (*work)(const void* context, int worker, int64_t begin, int64_t end)) {
  for_each_item((count + piece - 1) / piece, [&](int64_t item, int worker) {
    work(context, worker, item * piece, std::min(count, (item + 1) * piece));
  });
}

}  // namespace deconv
