#include "quantized/quantized_route.h"

#include <cmath>

namespace deconv {
namespace {

bool runs_xnnpack(RouteId id) {
  return id == RouteId::kXnnpackConvolution || id == RouteId::kXnnpackDeconvolution;
}

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

const char* plan_quantized(const Machine& sizes, Plan* plan) {
  return runs_xnnpack(plan->route) ? plan_xnnpack_int8(plan) : plan_integers_in_floats(sizes, plan);
}

std::unique_ptr<QuantizedRoute> create_quantized(RouteId id, const Spec& spec) {
  return runs_xnnpack(id) ? create_xnnpack_int8(spec) : create_integers_in_floats(id, spec);
}

}  // namespace deconv
