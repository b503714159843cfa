#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "deconv/runtime.h"

#if __has_feature(address_sanitizer)
extern "C" const char* __asan_default_options() {
  // Tests ask for memory that is not there: malloc must answer 0 as in the product. And the blocks
  // that the sanitizer holds back after free must leave room in the program's 512 MB.
  return "allocator_may_return_null=1:quarantine_size_mb=32";
}
#endif

#if __has_feature(memory_sanitizer)
extern "C" const char* __msan_default_options() {
  // The shared C++ library compares what it has stored itself, unseen by the sanitizer.
  return "intercept_memcmp=0:intercept_strlen=0";
}
#endif

int main(int argc, char** argv) {
#ifdef __GLIBC__
  // What its caches hold counts as allocated, and tests count every byte.
  constexpr char kTunables[] = "GLIBC_TUNABLES";
  if (std::getenv(kTunables) == nullptr) {
    setenv(kTunables, "glibc.malloc.tcache_count=0", 1);
    execv("/proc/self/exe", argv);
  }
#endif
  // A build with threads runs everything again with as many as this says.
  const char* const given = std::getenv("DECONV_TEST_THREADS");
  if (deconv::start_runtime(given == nullptr ? 1 : std::atoi(given)) != deconv::Status::kOk) {
    std::fputs("deconv_tests: the runtime did not start\n", stderr);
    return 1;
  }
  const int code = doctest::Context(argc, argv).run();
  deconv::stop_runtime();
  return code;
}
