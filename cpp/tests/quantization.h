#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "deconv/quantized.h"

namespace deconv_tests {

// Ties to even, and saturating: written without the tricks of the product.
inline int8_t quantized(float value, const deconv::Quantization& quantization) {
  if (std::isnan(value)) return static_cast<int8_t>(quantization.zero_point);
  const float inverse = 1.0f / quantization.scale;
  const double steps = std::clamp<double>(value * inverse, -1000, 1000);
  return static_cast<int8_t>(
      std::clamp(std::nearbyint(steps) + quantization.zero_point, -128.0, 127.0));
}

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
