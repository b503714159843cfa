#pragma once

#include <cstdint>
#include <cstdlib>

namespace deconv {

// Grow-only block of floats. Reports a failed allocation instead of aborting, because with
// -fno-exceptions a std::vector could only abort.
class Buffer {
 public:
  // Bytes behind the last element that XNNPACK's micro-kernels may read (XNN_EXTRA_BYTES).
  static constexpr int64_t kSlackBytes = 16;

  // Room for `elements` floats and the slack behind them, aligned for SIMD; null when out of
  // memory. Give it back with std::free.
  static float* allocate(int64_t elements) {
    const int64_t bytes = elements * static_cast<int64_t>(sizeof(float)) + kSlackBytes;
    // aligned_alloc wants a multiple of the alignment.
    return static_cast<float*>(std::aligned_alloc(16, static_cast<size_t>((bytes + 15) / 16 * 16)));
  }

  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(); }

  // Makes room for `elements` floats; the old contents are lost when it has to grow.
  [[nodiscard]] bool reserve(int64_t elements) {
    if (elements <= capacity_ && data_ != nullptr) return true;
    release();
    data_ = allocate(elements);
    capacity_ = data_ == nullptr ? 0 : elements;
    return data_ != nullptr;
  }

  void release() {
    std::free(data_);
    data_ = nullptr;
    capacity_ = 0;
  }

  float* data() const { return data_; }

 private:
  float* data_ = nullptr;
  int64_t capacity_ = 0;
};

}  // namespace deconv
