// XNNPACK's 2-D convolution.

#include <cmath>
#include <limits>

#include "routes/xnnpack_route.h"

namespace deconv {
namespace {

class XnnpackConvolutionRoute final : public XnnpackRoute {
 public:
  explicit XnnpackConvolutionRoute(const Spec& spec) : XnnpackRoute(spec) {}

 protected:
  xnn_status create_operator(const float* weight, const float* bias, xnn_operator_t* op) override {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    return xnn_create_convolution2d_nhwc_f32(
        spec_.pad_before[1], spec_.pad_after[2], spec_.pad_after[1], spec_.pad_before[2],
        spec_.kernel[1], spec_.kernel[2], spec_.stride[1], spec_.stride[2], spec_.dilation[1],
        spec_.dilation[2], spec_.groups, spec_.group_in_channels(), spec_.group_out_channels(),
        spec_.in_channels, spec_.out_channels, weight, bias, -kInfinity, kInfinity, /*flags=*/0,
        /*code_cache=*/nullptr, /*weights_cache=*/nullptr, op);
  }

  xnn_status reshape_operator(xnn_operator_t op, const Problem& problem, size_t* height,
                              size_t* width) override {
    // float32 convolutions ask for no workspace of the caller's.
    size_t workspace_size = 0;
    size_t workspace_alignment = 0;
    return xnn_reshape_convolution2d_nhwc_f32(op, planes(problem), problem.input[1],
                                              problem.input[2], &workspace_size,
                                              &workspace_alignment, height, width, shared_pool());
  }

  xnn_status set_pointers(xnn_operator_t op, const float* input, float* output) override {
    return xnn_setup_convolution2d_nhwc_f32(op, /*workspace=*/nullptr, input, output);
  }
};

}  // namespace

const char* xnnpack_convolution_refusal(const Problem& problem) {
  const Spec& spec = problem.spec;
  if (spec.transposed) return "takes convolutions only";
  if (!XnnpackRoute::depth_joins_batch(spec)) return "takes one or two spatial axes only";
  for (int axis = 1; axis < 3; ++axis) {
    if (spec.input_dilation[axis] != 1) return "cannot dilate the input";
    if (spec.pad_before[axis] < 0 || spec.pad_after[axis] < 0) return "cannot crop the input";
  }
  if (!XnnpackRoute::counts_fit(problem)) return "cannot index a problem of this size";
  return nullptr;
}

namespace {

const char* refusal(const Problem& problem) {
  const Spec& spec = problem.spec;
  if (const char* reason = xnnpack_convolution_refusal(problem)) return reason;
  // Its kernels for them are not in the binary: see cpp/cmake/xnnpack.cmake.
  if (spec.group_in_channels() == 1 && spec.group_out_channels() == 1) {
    return "leaves depthwise convolutions to the route made for them";
  }
  return nullptr;
}

}  // namespace

const RouteEntry kXnnpackConvolutionRoute = {
    .id = RouteId::kXnnpackConvolution,
    .name = "xnnpack-convolution",
    .plan = [](const Machine&, Plan* plan) -> const char* {
      if (const char* reason = refusal(plan->problem)) return reason;
      plan_xnnpack(xnnpack_convolution_nanoseconds(plan->problem), plan);
      return nullptr;
    },
    .create = create_route<XnnpackConvolutionRoute>,
};

}  // namespace deconv
