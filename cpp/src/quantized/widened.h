#pragma once

#include "quantized/convert.h"
#include "quantized/quantized_route.h"

namespace deconv {

// One image of an int8 operator on a route of 32-bit values.
struct Widened {
  Widened(const Plan& plan, const Problem& widened, void* output, float* scratch);

  float* input;
  float* sums;  // of a dynamic operator where its results stand afterwards
};

// Runs `route` by its part of `plan` on `widened`, and makes results of its sums.
Status run_widened(Route& route, const Plan& plan, const Problem& problem, const Widened& widened,
                   const Rescale& rescale, float* scratch);

// What makes results of the sums that a run of `plan` writes.
Rescale rescale_of(const Plan& plan, const QuantizedParameters& parameters,
                   const Quantization& quantization, bool integers, void* output);

// Makes of a plan for one image, `widened`, that of `problem` on it.
void add_widening(const Problem& problem, const Problem& widened, Plan* plan);

// The plan of plan->problem by what `make` makes of that of `widened`.
template <typename Make>
const char* plan_widened(const Problem& widened, Plan* plan, const Make& make) {
  const Problem problem = plan->problem;
  plan->problem = widened;
  const char* const reason = make(plan);
  plan->problem = problem;
  if (reason == nullptr) add_widening(problem, widened, plan);
  return reason;
}

}  // namespace deconv
