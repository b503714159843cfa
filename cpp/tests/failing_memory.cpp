#include "failing_memory.h"

#include <cerrno>
#include <new>

namespace {

// As much as Node gives the whole program (cpp/tests/CMakeLists.txt); a native one has no limit
// else.
constexpr size_t kMostEver = size_t{512} << 20;

bool armed = false;
size_t most = 0;
size_t least = 0;
int64_t failing_number = 0;
int64_t count = 0;
int64_t failures = 0;

bool fails(size_t bytes) {
  if (!armed || bytes < least) return bytes >= kMostEver;
  const bool refused = bytes > most || count == failing_number;
  ++count;
  failures += refused;
  return refused;
}

}  // namespace

extern "C" {

void* __real_malloc(size_t bytes);
void* __real_aligned_alloc(size_t alignment, size_t bytes);
int __real_posix_memalign(void** block, size_t alignment, size_t bytes);
void* __real_realloc(void* block, size_t bytes);

void* __wrap_malloc(size_t bytes) { return fails(bytes) ? nullptr : __real_malloc(bytes); }
void* __wrap_aligned_alloc(size_t alignment, size_t bytes) {
  return fails(bytes) ? nullptr : __real_aligned_alloc(alignment, bytes);
}
int __wrap_posix_memalign(void** block, size_t alignment, size_t bytes) {
  return fails(bytes) ? ENOMEM : __real_posix_memalign(block, alignment, bytes);
}
void* __wrap_realloc(void* block, size_t bytes) {
  return fails(bytes) ? nullptr : __real_realloc(block, bytes);
}

#ifndef __EMSCRIPTEN__
// new (std::nothrow), which calls the malloc behind ours where the C++ library is a shared one.
void* __real__ZnwmRKSt9nothrow_t(size_t bytes, const std::nothrow_t& nothrow);
void* __wrap__ZnwmRKSt9nothrow_t(size_t bytes, const std::nothrow_t& nothrow) {
  return fails(bytes) ? nullptr : __real__ZnwmRKSt9nothrow_t(bytes, nothrow);
}
#endif

}  // extern "C"

namespace deconv_tests {

FailingMemory::FailingMemory(size_t most_bytes, int64_t failing, size_t least_bytes) {
  most = most_bytes;
  least = least_bytes;
  failing_number = failing;
  count = failures = 0;
  armed = true;
}

FailingMemory::~FailingMemory() { armed = false; }

int64_t FailingMemory::asked() const { return count; }
int64_t FailingMemory::failed() const { return failures; }

}  // namespace deconv_tests
