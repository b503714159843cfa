#include "deconv/runtime.h"

#include <malloc.h>
#include <pthreadpool.h>
#include <xnnpack.h>

#include "machine.h"
#include "xnnpack_runtime.h"

namespace deconv {
namespace {

pthreadpool_t pool = nullptr;

}  // namespace

Status start_runtime(int threads) {
  if (threads < 1 || (threads > 1 && !DECONV_THREADS)) return Status::kUnsupported;
  if (const Status status = from_xnnpack(xnn_initialize(/*allocator=*/nullptr));
      status != Status::kOk) {
    return status;
  }
  if (threads > 1) {
    pool = pthreadpool_create(static_cast<size_t>(threads));
    if (pool == nullptr) return Status::kOutOfMemory;
  }
  machine.threads = threads;
  machine.byte_dot = probe_byte_dot();
  return Status::kOk;
}

void stop_runtime() {
  if (pool != nullptr) pthreadpool_destroy(pool);
  pool = nullptr;
  machine.threads = 1;
}

int runtime_threads() {
  return pool == nullptr ? 1 : static_cast<int>(pthreadpool_get_threads_count(pool));
}

size_t allocated_bytes() { return mallinfo().uordblks; }

pthreadpool_t shared_pool() { return pool; }

Status from_xnnpack(xnn_status status) {
  if (status == xnn_status_success) return Status::kOk;
  return status == xnn_status_out_of_memory ? Status::kOutOfMemory : Status::kInternal;
}

}  // namespace deconv
