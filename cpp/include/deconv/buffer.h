#pragma once

#include <cstdint>
#include <cstdlib>
#include <type_traits>

namespace deconv {

// Grow-only block of plain values. Reports a failed allocation instead of aborting, because with
// -fno-exceptions a std::vector could only abort.
template <typename Value>
class Block {
  static_assert(std::is_trivially_copyable_v<Value>);

 public:
  // Bytes behind the last element that micro-kernels may read (XNNPACK's XNN_EXTRA_BYTES).
  static constexpr int64_t kSlackBytes = 16;
  // A cache line: vectors that straddle two of them cost whole layers 3 %.
  static constexpr int64_t kAlignment = 64;

  // Room for `elements` values and the slack behind them; null when out of memory. Give it back
  // with std::free.
  static Value* allocate(int64_t elements) {
    const int64_t bytes = elements * static_cast<int64_t>(sizeof(Value)) + kSlackBytes;
    if (bytes > kMostBytes) return nullptr;
    // aligned_alloc wants a multiple of the alignment.
    const int64_t whole = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return static_cast<Value*>(std::aligned_alloc(kAlignment, static_cast<size_t>(whole)));
  }

  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { release(); }

  // Makes room for `elements` values; the old contents are lost when it has to grow.
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

  Value* data() const { return data_; }
  Value& operator[](int64_t index) const {
#if __has_feature(address_sanitizer)
    // The slack hides from it what is written behind the last element.
    if (index < 0 || index >= capacity_) __builtin_trap();
#endif
    return data_[index];
  }

 private:
  // The heap is 2 GB at most; more would wrap the 32-bit size.
  static constexpr int64_t kMostBytes = (int64_t{1} << 31) + kSlackBytes;

  Value* data_ = nullptr;
  int64_t capacity_ = 0;
};

using Buffer = Block<float>;

}  // namespace deconv
