#pragma once

#include <cstdint>

namespace deconv {

// Quotients by a positive divisor, rounded down and up.
constexpr int64_t floor_divide(int64_t dividend, int64_t divisor) {
  return dividend / divisor - (dividend % divisor < 0 ? 1 : 0);
}

constexpr int64_t ceil_divide(int64_t dividend, int64_t divisor) {
  return -floor_divide(-dividend, divisor);
}

}  // namespace deconv
