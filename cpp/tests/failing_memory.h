#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace deconv_tests {

// While one lives, allocations of more than `most_bytes` fail, and so does the one that is number
// `failing` (from 0) of those of `least_bytes` and more. Everything that the program links
// allocates through it, XNNPACK too.
class FailingMemory {
 public:
  explicit FailingMemory(size_t most_bytes, int64_t failing = std::numeric_limits<int64_t>::max(),
                         size_t least_bytes = 0);
  FailingMemory(const FailingMemory&) = delete;
  FailingMemory& operator=(const FailingMemory&) = delete;
  ~FailingMemory();

  // Allocations of so many bytes that were asked for so far, and those of them that failed.
  int64_t asked() const;
  int64_t failed() const;
};

}  // namespace deconv_tests
