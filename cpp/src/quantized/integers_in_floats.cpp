// The routes of float32 on integers: what they multiply and sum is exact while every sum stays
// below 2^24. They take what XNNPACK's int8 operators refuse, and are many times faster where a
// group has few channels.

#include <algorithm>
#include <cmath>
#include <new>

#include "deconv/buffer.h"
#include "quantized/convert.h"
#include "quantized/quantized_route.h"
#include "routes/cost.h"

namespace deconv {
namespace {

// Sums of products of an int8 weight and a difference of two int8.
constexpr double kMostTerms = (1 << 24) / (255 * 127);

// Floats of the scratch memory that `values` take, to the next cache line.
int64_t scratch_for(int64_t values) {
  constexpr int64_t kLine = Buffer::kAlignment / sizeof(float);
  return (values + kLine - 1) / kLine * kLine + kLine;
}

Spec in_floats(Spec spec) {
  spec.arithmetic = Arithmetic::kFloat32;
  spec.exact = true;
  spec.relu = false;
  return spec;
}

// One image of `problem`.
Problem in_floats(Problem problem) {
  problem.spec = in_floats(problem.spec);
  problem.batch = 1;
  return problem;
}

class IntegersInFloats final : public QuantizedRoute {
 public:
  IntegersInFloats(RouteId id, const Spec& spec)
      : spec_(spec), route_(route_entry(id).create(in_floats(spec))) {}

  bool exists() const { return route_ != nullptr; }

  Status set_parameters(const QuantizedParameters& parameters) override {
    Buffer weight;
    Buffer no_bias;
    if (!weight.reserve(spec_.weight_elements()) || !no_bias.reserve(spec_.out_channels)) {
      return Status::kOutOfMemory;
    }
    std::copy_n(parameters.weight, spec_.weight_elements(), weight.data());
    std::fill_n(no_bias.data(), spec_.out_channels, 0.0f);
    return route_->set_parameters(weight.data(), no_bias.data());
  }

  Status run(const Plan& plan, const QuantizedParameters& parameters, const int8_t* input,
             const Quantization& quantization, void* output, float* scratch) override {
    Plan inner = plan;
    inner.problem = in_floats(plan.problem);
    const int64_t inputs = inner.problem.input_elements();
    float* sums = scratch + plan.scratch_elements - scratch_for(inner.problem.output_elements());
    float* steps = sums - scratch_for(inputs);
    dequantize(inputs, input, {.scale = 1, .zero_point = quantization.zero_point}, steps);
    if (const Status status = route_->run(inner, steps, {.values = sums}, scratch);
        status != Status::kOk) {
      return status;
    }
    const Sums all = {.values = sums,
                      .points = inner.problem.output_points(),
                      .channels = spec_.out_channels,
                      .channels_last = plan.layout == Layout::kChannelsLast};
    if (spec_.fixed()) {
      rescale(all, parameters.rescale.data(), parameters.integer_bias.data(),
              parameters.activations.output.zero_point, spec_.relu, static_cast<int8_t*>(output));
    } else {
      rescale(all, quantization.scale, parameters.rescale.data(), parameters.bias.data(),
              spec_.relu, static_cast<float*>(output));
    }
    return Status::kOk;
  }

 private:
  const Spec spec_;
  std::unique_ptr<Route> route_;
};

}  // namespace

double sum_terms(const Spec& spec) {
  double terms = spec.group_in_channels();
  for (int axis = 0; axis < 3; ++axis) {
    terms *= spec.transposed && spec.dilation[axis] == 1
                 ? std::ceil(1.0 * spec.kernel[axis] / spec.stride[axis])
                 : spec.kernel[axis];
  }
  return terms;
}

const char* plan_integers_in_floats(const Machine& sizes, Plan* plan) {
  const Problem problem = plan->problem;
  if (sum_terms(problem.spec) > kMostTerms) return "cannot sum that many products exactly";
  plan->problem = in_floats(problem);
  const int64_t inputs = plan->problem.input_elements();
  const int64_t outputs = plan->problem.output_elements();
  const char* reason = route_entry(plan->route).plan(sizes, plan);
  plan->problem = problem;
  if (reason != nullptr) return reason;
  plan->leaves_relu = false;
  plan->scratch_elements += scratch_for(inputs) + scratch_for(outputs);
  plan->nanoseconds =
      std::max(problem.batch, 1) * plan->nanoseconds + widening_nanoseconds(problem);
  return nullptr;
}

std::unique_ptr<QuantizedRoute> create_integers_in_floats(RouteId id, const Spec& spec) {
  std::unique_ptr<IntegersInFloats> route(new (std::nothrow) IntegersInFloats(id, spec));
  return route != nullptr && route->exists() ? std::move(route) : nullptr;
}

}  // namespace deconv
