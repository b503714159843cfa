#pragma once

#include <cstdint>

namespace deconv {

// What relaxed SIMD's dot product of bytes makes of the second operand, whose bytes above 127 it
// leaves to the engine: that follows the processor. kNone where sums pass 16 bits, which hold no
// two products of such bytes, and in builds without it.
enum class ByteDot : uint8_t { kNone, kSigned, kUnsigned };

// Tries it.
ByteDot probe_byte_dot();

}  // namespace deconv
