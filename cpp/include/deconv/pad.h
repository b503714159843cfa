#pragma once

#include "deconv/volume.h"

namespace deconv {

enum class Padding : int32_t { kConstant = 0, kReflect, kReplicate };

// Output position o is input position o - before, and beyond the input's ends a constant, what lies
// as far inside, or the end itself. A negative `before` crops, and so does an output that ends
// early.
struct Pad {
  Volume volume;
  Axes before{0, 0, 0};
  Padding padding = Padding::kConstant;
  double value = 0;
};

// kBadShape also where kReflect would reflect twice; kTooLarge and kOutOfMemory as that before
// anything is written; the tensors may not overlap.
Status pad(const Pad& call, const float* input, float* output);

// Gradient of sum(pad(input) * grad_output) with respect to the input, whatever that is.
Status pad_gradient(const Pad& call, const float* grad_output, float* grad_input);

}  // namespace deconv
