#include <algorithm>
#include <array>
#include <span>

#include "deconv/gradients.h"
#include "gradients/route.h"
#include "gradients/sides.h"

namespace deconv {
namespace gradients {

std::span<const Route* const> routes() {
  static constexpr std::array kRoutes = {&kTaps, &kWindows, &kDepthwise};
  return kRoutes;
}

const Route& best_route(const Problem& problem) {
  const Sides sides = sides_of(problem);
  const int64_t dense = sides.dense.group_channels;
  const int64_t strided = sides.strided.group_channels;
  const bool few = kDepthwise.takes(problem);
  if (few && dense * strided <= 4) return kDepthwise;
  // Few channels leave most of a vector empty, or are too few sums for the units to add to in turn.
  if (strided < 4 || (dense < 4 && dense * strided < 24)) {
    if (kWindows.takes(problem)) return kWindows;
    if (few) return kDepthwise;
  }
  return kTaps;
}

}  // namespace gradients

Status weight_gradient(const Problem& problem, const float* input, const float* grad_output,
                       float* grad_weight) {
  using gradients::kTaps;
  if (problem.batch == 0) {
    // No route asks for room that an axis of no batch would need.
    std::fill_n(grad_weight, problem.spec.weight_elements(), 0.0f);
    return Status::kOk;
  }
  const gradients::Route& best = gradients::best_route(problem);
  const Status status = best.run(problem, input, grad_output, grad_weight);
  if (status != Status::kOk || &best == &kTaps) return status;
  // Routes that take the zeros around a tensor for values make NaN of them where the other tensor
  // is not finite.
  const std::span weights(grad_weight, static_cast<size_t>(problem.spec.weight_elements()));
  const bool may_be_zeros = std::ranges::any_of(weights, [](float sum) { return sum != sum; });
  return may_be_zeros ? kTaps.run(problem, input, grad_output, grad_weight) : status;
}

}  // namespace deconv
