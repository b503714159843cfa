#pragma once

#include <memory>
#include <optional>
#include <span>

#include "deconv/buffer.h"
#include "deconv/elementwise.h"
#include "deconv/planned_operator.h"

namespace deconv {

class Route;

// One operator in float32. A route that finds no memory gives way down to the scalar one, which
// needs none but for its weights.
class Operator : public PlannedOperator {
 public:
  // Null when out of memory. `spec` must have passed check_spec.
  static std::unique_ptr<Operator> create(const Spec& spec);

  // Packs for the planned route, or for the first of those that may take over that finds the
  // memory. `bias` may be null. Both may be freed when this returns.
  Status set_parameters(const float* weight, const float* bias);

  // What every run does to its result (bias and Spec::relu included), value by value and while it
  // writes: adds the residual, if it is given one, then applies `function`, if there is one. Its
  // shape is the output's; of channel_a, where it is not null, out_channels values are copied.
  // After kOutOfMemory there is no function.
  Status set_epilogue(const std::optional<Elementwise>& function);

  // `input` and `output` hold the planned problem's elements in the planned layout;
  // both must have 16 readable bytes behind their last element. After a failure the parameters may
  // be needed again. kReplanned: memory was short, nothing was computed, and what route() says now
  // is worth a try. `output` may be `input`, which is copied first unless Plan::in_place.
  // `residual` is null or holds as many values as `output`, which it may not overlap.
  Status run(const float* input, float* output, const float* residual = nullptr);

 private:
  using PlannedOperator::PlannedOperator;

  Status pack(const float* weight, const float* bias);
  Status run_route(Route& route, const float* input, float* output, const float* residual);

  std::optional<Elementwise> function_;  // of the epilogue
  Buffer channel_a_;
  std::span<const float> repeated_a_;
};

}  // namespace deconv
