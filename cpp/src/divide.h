#pragma once

#include <cstdint>

namespace deconv {

// Quotients by a positive divisor, rounded down and up. Most are by 1, and a division of 64 bits
// takes as long as dozens of additions.
constexpr int64_t floor_divide(int64_t dividend, int64_t divisor) {
  if (divisor == 1) return dividend;
  const int64_t quotient = dividend / divisor;
  return quotient - (quotient * divisor > dividend ? 1 : 0);
}

constexpr int64_t ceil_divide(int64_t dividend, int64_t divisor) {
  return -floor_divide(-dividend, divisor);
}

}  // namespace deconv
