#include "quantized/widened.h"

#include <algorithm>

#include "deconv/buffer.h"
#include "routes/cost.h"

namespace deconv {
namespace {

// Floats of the scratch memory that `values` take, to the next cache line.
int64_t scratch_for(int64_t values) {
  constexpr int64_t kLine = Buffer::kAlignment / sizeof(float);
  return (values + kLine - 1) / kLine * kLine + kLine;
}

// Behind what the route computes in.
int64_t sums_elements(const Problem& problem) {
  return problem.spec.fixed() ? scratch_for(problem.output_points() * problem.spec.out_channels)
                              : 0;
}

}  // namespace

Widened::Widened(const Plan& plan, const Problem& widened, void* output, float* scratch) {
  float* const behind = scratch + plan.scratch_elements - sums_elements(plan.problem);
  sums = plan.problem.spec.fixed() ? behind : static_cast<float*>(output);
  input = behind - scratch_for(widened.input_elements());
}

Status run_widened(Route& route, const Plan& plan, const Problem& problem, const Widened& widened,
                   const Rescale& rescale, float* scratch) {
  // Channels of a group and a point, which products hand over each by itself: so few are faster
  // changed when all of them stand.
  constexpr int64_t kFew = 32;
  const bool at_once = rescale.channels_last && plan.route != RouteId::kDepthwise &&
                       problem.spec.groups > 1 && problem.spec.group_out_channels() < kFew;
  Plan inner = plan;
  inner.problem = problem;
  const Output output{.values = widened.sums, .rescale = &rescale};
  const Status status =
      route.run(inner, widened.input, at_once ? Output{.values = widened.sums} : output, scratch);
  if (status == Status::kOk && at_once) output.finish_all(rescale.points * rescale.channels);
  return status;
}

Rescale rescale_of(const Plan& plan, const QuantizedParameters& parameters,
                   const Quantization& quantization, bool integers, void* output) {
  const Problem& problem = plan.problem;
  Rescale rescale{.points = problem.output_points(),
                  .channels = problem.spec.out_channels,
                  .channels_last = plan.layout == Layout::kChannelsLast,
                  .integers = integers,
                  .relu = problem.spec.relu,
                  .scale = parameters.rescale.data()};
  if (problem.spec.fixed()) {
    if (integers || !parameters.floats_hold_bias) {
      rescale.integer_bias = parameters.integer_bias.data();
    } else {
      rescale.bias = parameters.bias.data();
    }
    rescale.zero_point = parameters.activations.output.zero_point;
    rescale.bytes = static_cast<int8_t*>(output);
  } else {
    rescale.bias = parameters.bias.data();
    rescale.input_scale = quantization.scale;
  }
  return rescale;
}

void add_widening(const Problem& problem, const Problem& widened, Plan* plan) {
  plan->leaves_relu = false;
  plan->scratch_elements += scratch_for(widened.input_elements()) + sums_elements(problem);
  plan->nanoseconds =
      std::max(problem.batch, 1) * plan->nanoseconds + widening_nanoseconds(problem);
}

}  // namespace deconv
