#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <streambuf>

#include "deconv/runtime.h"

#if __has_feature(address_sanitizer)
extern "C" const char* __asan_default_options() {
  // Tests ask for memory that is not there: malloc must answer 0 as in the product. And the blocks
  // that the sanitizer holds back after free must leave room in the program's 512 MB.
  return "allocator_may_return_null=1:quarantine_size_mb=32";
}
#endif

#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>

// The shared C++ library makes texts of numbers unseen by the sanitizer: what it hands on is known.
struct Known : std::streambuf {
  std::streamsize xsputn(const char* text, std::streamsize count) override {
    __msan_unpoison(text, static_cast<size_t>(count));
    return static_cast<std::streamsize>(std::fwrite(text, 1, static_cast<size_t>(count), stdout));
  }
  int overflow(int character) override { return std::fputc(character, stdout); }
};

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
  doctest::Context context(argc, argv);
#if __has_feature(memory_sanitizer)
  Known known;
  std::ostream out(&known);
  context.setCout(&out);
#endif
  const int code = context.run();
  deconv::stop_runtime();
  return code;
}
