#pragma once

#include <pthreadpool.h>

#include <atomic>
#include <cstdint>

#include "xnnpack_runtime.h"

namespace deconv {

// Threads of the pool, the calling one included.
inline int pool_threads() {
  pthreadpool_t pool = shared_pool();
  return pool == nullptr ? 1 : static_cast<int>(pthreadpool_get_threads_count(pool));
}

// Calls work(item, worker) for every item in [0, items). Items are handed out one by one, so that a
// slow thread takes fewer; `worker` in [0, pool_threads()) names memory that no other call uses
// meanwhile.
template <typename Work>
void for_each_item(int64_t items, const Work& work) {
  const int threads = pool_threads();
  if (threads == 1 || items == 1) {
    for (int64_t item = 0; item < items; ++item) work(item, 0);
    return;
  }
  struct Shared {
    const Work& work;
    const int64_t items;
    std::atomic<int64_t> next{0};
  } shared{work, items};
  const auto worker = [](void* context, size_t index) {
    auto& all = *static_cast<Shared*>(context);
    for (int64_t item = all.next++; item < all.items; item = all.next++) {
      all.work(item, static_cast<int>(index));
    }
  };
  // Keeps denormals: results must not depend on the number of threads.
  pthreadpool_parallelize_1d(shared_pool(), worker, &shared, static_cast<size_t>(threads),
                             /*flags=*/0);
}

}  // namespace deconv
