#pragma once

#include <cstdint>
#include <cstdlib>

namespace deconv_tests {

// `count` values that begin `offset` bytes behind an aligned address and end with their heap block,
// but for `slack_bytes`: the address sanitizer sees what is read or written behind them.
template <typename Value>
class ExactBlock {
 public:
  explicit ExactBlock(int64_t count, int64_t slack_bytes = 0, int64_t offset = 0)
      : bytes_(static_cast<uint8_t*>(std::malloc(static_cast<size_t>(
            count * static_cast<int64_t>(sizeof(Value)) + slack_bytes + offset)))),
        data_(reinterpret_cast<Value*>(bytes_ + offset)),
        count_(count) {
    if (bytes_ == nullptr) std::abort();
  }
  ~ExactBlock() { std::free(bytes_); }
  ExactBlock(const ExactBlock&) = delete;
  ExactBlock& operator=(const ExactBlock&) = delete;

  Value* data() const { return data_; }
  Value* begin() const { return data_; }
  Value* end() const { return data_ + count_; }
  Value& operator[](int64_t index) const { return data_[index]; }

 private:
  uint8_t* bytes_;
  Value* data_;
  int64_t count_;
};

}  // namespace deconv_tests
