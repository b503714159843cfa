#pragma once

#include <cstdint>
#include <span>

#include "deconv/buffer.h"
#include "deconv/elementwise.h"

namespace deconv {

// The parameters of channels that lie beside each other, behind each other in `room` until they
// fill whole vectors; empty when out of memory.
std::span<const float> repeat_channels(const float* channel_a, int64_t channels, Buffer& room);

// elementwise() of the values from `begin` to before `end`, in the order of the tensor; `repeated`
// is made of the call's channel_a, if it has one.
void elementwise_part(const Elementwise& call, std::span<const float> repeated, int64_t begin,
                      int64_t end, const float* input, float* output);

}  // namespace deconv
