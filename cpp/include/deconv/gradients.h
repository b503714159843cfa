#pragma once

#include "deconv/geometry.h"
#include "deconv/status.h"

namespace deconv {

// Gradients of sum(output * grad_output) with respect to the parameters. The gradient with respect
// to the input is itself an operator: the convolution whose weight is that of the transposed one
// with the same numbers, and the other way round.

// grad_weight has the canonical order, spec.weight_elements() values; `input` and `grad_output`
// are in problem.layout.
//
// For every tap t: grad_weight[a, b, t] = sum over batch and p of
//   dense[a, p] * strided[b, p * stride + t * dilation - pad_before]
// where dense is the input of a transposed convolution or the grad_output of a convolution, and
// strided is the other of the two (divided by the input dilation, where it divides).
Status weight_gradient(const Problem& problem, const float* input, const float* grad_output,
                       float* grad_weight);

// grad_bias[o] = sum of grad_output over batch and positions; out_channels values.
void bias_gradient(const Problem& problem, const float* grad_output, float* grad_bias);

}  // namespace deconv
