// The routes of float32 on integers: what they multiply and sum is exact while every sum stays
// below 2^24. They are faster than words of several channels where a group has few.

#include <algorithm>
#include <cmath>
#include <new>

#include "deconv/buffer.h"
#include "quantized/convert.h"
#include "quantized/widened.h"

namespace deconv {
namespace {

// Sums of products of an int8 weight and a difference of two int8.
constexpr double kMostTerms = (1 << 24) / (255 * 127);

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
    const Problem problem = in_floats(plan.problem);
    const Widened widened(plan, problem, output, scratch);
    dequantize(problem.input_elements(), input, {.scale = 1, .zero_point = quantization.zero_point},
               widened.input);
    const Rescale rescale = rescale_of(plan, parameters, quantization, /*integers=*/false, output);
    return run_widened(*route_, plan, problem, widened, rescale, scratch);
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
  if (sum_terms(plan->problem.spec) > kMostTerms) return "cannot sum that many products exactly";
  return plan_widened(in_floats(plan->problem), plan,
                      [&](Plan* inner) { return route_entry(inner->route).plan(sizes, inner); });
}

std::unique_ptr<QuantizedRoute> create_integers_in_floats(RouteId id, const Spec& spec) {
  std::unique_ptr<IntegersInFloats> route(new (std::nothrow) IntegersInFloats(id, spec));
  return route != nullptr && route->exists() ? std::move(route) : nullptr;
}

}  // namespace deconv
