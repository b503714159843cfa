#pragma once

#include <array>

#include "deconv/volume.h"

namespace deconv {

enum class Interpolation : int32_t { kNearest = 0, kLinear };

// As PyTorch's interpolate: nearest takes the value at floor(o * step), linear those around
// (o + 0.5) * step - 0.5, along every axis; an axis that keeps its size is copied by kLinear,
// whatever the step.
struct Resize {
  Volume volume;
  Interpolation interpolation = Interpolation::kNearest;
  // Of kLinear: the ends of both lie upon each other, at o * (input - 1) / (output - 1).
  int32_t align_corners = 0;
  // Input positions from one of the output to the next; 0 for input / output.
  std::array<double, 3> step{0, 0, 0};
};

// kBadShape, kTooLarge and kOutOfMemory before anything is written; the tensors may not overlap.
Status resize(const Resize& call, const float* input, float* output);

// Gradient of sum(resize(input) * grad_output) with respect to the input, whatever that is.
Status resize_gradient(const Resize& call, const float* grad_output, float* grad_input);

}  // namespace deconv
