#pragma once

#include <span>

#include "deconv/geometry.h"
#include "deconv/status.h"

namespace deconv::gradients {

// A way to compute a weight's gradient: see deconv/gradients.h for the arguments of `run`.
struct Route {
  const char* name;
  bool (*takes)(const Problem& problem);
  Status (*run)(const Problem& problem, const float* input, const float* grad_output,
                float* grad_weight);
};

// Outer products of the channels, a tap at a time; takes every problem.
extern const Route kTaps;
// Outer products with the strided channels of all taps of a row at once.
extern const Route kWindows;
// Sums over positions or over channels, whichever lie beside each other.
extern const Route kDepthwise;

std::span<const Route* const> routes();

// The fastest, by what was measured with scripts/bench/gradients.mjs.
const Route& best_route(const Problem& problem);

}  // namespace deconv::gradients
