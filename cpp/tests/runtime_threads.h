#pragma once

#include <doctest/doctest.h>

#include "deconv/runtime.h"

namespace deconv_tests {

// While one lives, the runtime has as many threads as asked for, where the build has threads. No
// operator may outlive it or be older.
class RuntimeThreads {
 public:
  explicit RuntimeThreads(int threads) : before_(deconv::runtime_threads()) {
    deconv::stop_runtime();
    if (deconv::start_runtime(threads) != deconv::Status::kOk) {
      REQUIRE(deconv::start_runtime(1) == deconv::Status::kOk);
    }
  }
  RuntimeThreads(const RuntimeThreads&) = delete;
  RuntimeThreads& operator=(const RuntimeThreads&) = delete;
  ~RuntimeThreads() {
    deconv::stop_runtime();
    deconv::start_runtime(before_);
  }

 private:
  const int before_;
};

}  // namespace deconv_tests
