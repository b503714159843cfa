#pragma once

#include <cstdint>

namespace deconv {

// Calls work(context, item, worker) for every item in [0, items). Items are handed out one by one,
// so that a slow thread takes fewer; `worker` in [0, runtime_threads()) names memory that no other
// call uses meanwhile.
void for_each_item(int64_t items, const void* context,
                   void (*work)(const void* context, int64_t item, int worker));

// The same with work(item, worker).
template <typename Work>
void for_each_item(int64_t items, const Work& work) {
  for_each_item(items, &work, [](const void* context, int64_t item, int worker) {
    (*static_cast<const Work*>(context))(item, worker);
  });
}

// Both with work(begin, end, worker) for pieces of [0, count), `piece` long but for the last. The
// first takes them in an order that other functions have: each further one makes the glue longer.
void for_each_piece(int64_t count, int64_t piece, const void* context,
                    void (*work)(const void* context, int worker, int64_t begin, int64_t end));

template <typename Work>
void for_each_piece(int64_t count, int64_t piece, const Work& work) {
  for_each_piece(count, piece, &work,
                 [](const void* context, int worker, int64_t begin, int64_t end) {
                   (*static_cast<const Work*>(context))(begin, end, worker);
                 });
}

}  // namespace deconv
