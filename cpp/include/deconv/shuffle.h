#pragma once

#include "deconv/geometry.h"

namespace deconv {

// Deep tensors of `channels` * factor^2 channels on height x width, and wide ones of `channels` on
// (height * factor) x (width * factor): channel (c * factor + i) * factor + j of a deep pixel is
// channel c of the wide one at row i and column j of its square, in both layouts.
struct PixelShuffle {
  int64_t batch = 1;
  int64_t channels = 1;
  int64_t height = 1;
  int64_t width = 1;
  int64_t factor = 1;
  Layout layout = Layout::kChannelsFirst;
};

// Either is the other's inverse and gradient; the tensors may not overlap. kOutOfMemory before
// anything is written.
Status pixel_shuffle(const PixelShuffle& call, const float* deep, float* wide);
Status pixel_unshuffle(const PixelShuffle& call, const float* wide, float* deep);

}  // namespace deconv
