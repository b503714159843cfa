#pragma once

#include "deconv/volume.h"

namespace deconv {

// Windows whose taps begin at o * stride - padding and lie `dilation` apart; what is padding has no
// value. Outputs may reach as far as they like: the last window may hang over (PyTorch's
// ceil_mode).
struct Pool {
  Volume volume;
  Axes kernel{1, 1, 1};
  Axes stride{1, 1, 1};
  Axes padding{0, 0, 0};
  // Of a maximum.
  Axes dilation{1, 1, 1};
  // Of an average, which divides by the taps on input and padding, by those on the input alone, or
  // by a number of one's own that is not 0.
  int32_t count_padding = 1;
  int32_t divisor = 0;
};

// All of these: kBadSpec, kBadShape, kTooLarge and kOutOfMemory before anything is written; tensors
// that are written may not overlap others.

// NaN where there is one in the window, -infinity where nothing is.
Status max_pool(const Pool& call, const float* input, float* output);

// Gradient of sum(max_pool(input) * grad_output) with respect to the input: all of a window's goes
// to its first maximum, to the last of its NaN if there are any, as PyTorch has it.
Status max_pool_gradient(const Pool& call, const float* input, const float* grad_output,
                         float* grad_input);

// 0 where nothing is.
Status average_pool(const Pool& call, const float* input, float* output);
Status average_pool_gradient(const Pool& call, const float* grad_output, float* grad_input);

// Averages from floor(o * input / output) to ceil((o + 1) * input / output), as PyTorch's
// adaptive_avg_pool.
Status adaptive_average_pool(const Volume& volume, const float* input, float* output);
Status adaptive_average_pool_gradient(const Volume& volume, const float* grad_output,
                                      float* grad_input);

}  // namespace deconv
