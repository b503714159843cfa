#include "exact_buffer.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>

#include "reference.h"

#if defined(__EMSCRIPTEN__) || __has_feature(address_sanitizer)
#define DECONV_GUARD_PAGES 0
#else
#define DECONV_GUARD_PAGES 1
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace deconv_tests {
namespace {

// No NaN that arithmetic makes.
constexpr uint32_t kPoison = 0x7fc0dead;
#if DECONV_GUARD_PAGES
constexpr unsigned char kSurroundings = 0xa5;
#endif

}  // namespace

ExactBuffer::ExactBuffer(int64_t elements, int64_t slack_bytes, [[maybe_unused]] Guard guard)
    : elements_(elements),
      bytes_(static_cast<size_t>(elements) * sizeof(float) + static_cast<size_t>(slack_bytes)) {
#if DECONV_GUARD_PAGES
  static const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  page_bytes_ = (bytes_ + page - 1) / page * page;
  void* const mapped = mmap(nullptr, page_bytes_ + 2 * page, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) std::abort();
  pages_ = static_cast<unsigned char*>(mapped) + page;
  if (page_bytes_ > 0 && mprotect(pages_, page_bytes_, PROT_READ | PROT_WRITE) != 0) std::abort();
  std::fill_n(pages_, page_bytes_, kSurroundings);
  data_ = reinterpret_cast<float*>(pages_ + (guard == Guard::kBehind ? page_bytes_ - bytes_ : 0));
#else
  data_ = static_cast<float*>(std::malloc(bytes_));
  if (data_ == nullptr) std::abort();
#endif
  std::fill_n(data_, bytes_ / sizeof(float), std::bit_cast<float>(kPoison));
}

ExactBuffer::~ExactBuffer() {
#if DECONV_GUARD_PAGES
  auto* const first = reinterpret_cast<unsigned char*>(data_);
  const auto kept = [](unsigned char byte) { return byte == kSurroundings; };
  if (!std::all_of(pages_, first, kept) ||
      !std::all_of(first + bytes_, pages_ + page_bytes_, kept)) {
    std::fputs("ExactBuffer: something was written outside of it\n", stderr);
    std::abort();
  }
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  munmap(pages_ - page, page_bytes_ + 2 * page);
#else
  std::free(data_);
#endif
}

void ExactBuffer::fill(Random& random) {
  for (int64_t index = 0; index < elements_; ++index) data_[index] = random.value();
}

void ExactBuffer::fill_whole(Random& random, int32_t most) {
  for (int64_t index = 0; index < elements_; ++index) {
    data_[index] = static_cast<float>(random.between(-most, most));
  }
}

bool ExactBuffer::untouched(int64_t index) const {
  return std::bit_cast<uint32_t>(data_[index]) == kPoison;
}

}  // namespace deconv_tests
