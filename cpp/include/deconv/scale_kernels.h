#pragma once

#include "deconv/geometry.h"

namespace deconv {

// Multiplies the kernels of every output channel by its factor, in place: with them a convolution
// gives what a factor behind it made of its results.
void scale_kernels(const Spec& spec, const float* factors, float* weight);

}  // namespace deconv
