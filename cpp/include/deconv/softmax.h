#pragma once

#include <cstdint>

namespace deconv {

// exp(x) over its sum along the middle axis of [outer, count, inner]; `output` may be the input.
// NaN, and a line whose largest value is infinite, make NaN of their line.
struct Softmax {
  int64_t outer = 1;
  int64_t count = 1;
  int64_t inner = 1;
};

void softmax(const Softmax& call, const float* input, float* output);

// Gradient of sum(softmax(input) * grad_output); `grad_input` may be the input, not grad_output.
void softmax_gradient(const Softmax& call, const float* input, const float* grad_output,
                      float* grad_input);

}  // namespace deconv
