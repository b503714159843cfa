#pragma once

#include <cstddef>
#include <cstdint>

namespace deconv_tests {

class Random;

// Floats on a block with not one byte more than asked for. In WebAssembly, and under the address
// sanitizer, it is the sanitizer that sees the first access outside; natively a page that nobody
// may touch lies right behind the block (or right before it), and what surrounds it on its own
// pages is compared when the buffer dies. `slack_bytes` are readable and, as the values are at
// first, poisoned with NaN.
class ExactBuffer {
 public:
  enum class Guard { kBehind, kBefore };

  explicit ExactBuffer(int64_t elements, int64_t slack_bytes = 0, Guard guard = Guard::kBehind);
  ExactBuffer(const ExactBuffer&) = delete;
  ExactBuffer& operator=(const ExactBuffer&) = delete;
  ~ExactBuffer();

  void fill(Random& random);
  // Whole numbers in [-most, most], with which sums of products are exact.
  void fill_whole(Random& random, int32_t most);
  float* data() const { return data_; }
  int64_t size() const { return elements_; }
  float operator[](int64_t index) const { return data_[index]; }
  // Whether value `index` is the NaN that the buffer began with.
  bool untouched(int64_t index) const;

 private:
  float* data_;
  int64_t elements_;
  // Of the pages, natively.
  unsigned char* pages_ = nullptr;
  size_t page_bytes_ = 0;
  size_t bytes_;
};

}  // namespace deconv_tests
