// XNNPACK's 2-D deconvolution: phases of dense small convolutions when the kernel is at least the
// stride and dilation is 1, an indirect matrix product over a zero-inserted input otherwise.

#include <algorithm>
#include <cmath>
#include <limits>

#include "routes/xnnpack_route.h"

namespace deconv {
namespace {

// XNNPACK takes a crop at each end, or fewer than `stride` extra positions at the tail.
uint32_t crop(int32_t pad) { return pad > 0 ? static_cast<uint32_t>(pad) : 0; }
uint32_t extension(int32_t pad) { return pad < 0 ? static_cast<uint32_t>(-pad) : 0; }

class XnnpackDeconvolutionRoute final : public XnnpackRoute {
 public:
  explicit XnnpackDeconvolutionRoute(const Spec& spec) : XnnpackRoute(spec) {}

 protected:
  xnn_status create_operator(const float* weight, const float* bias, xnn_operator_t* op) override {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    return xnn_create_deconvolution2d_nhwc_f32(
        crop(spec_.pad_before[1]), crop(spec_.pad_after[2]), crop(spec_.pad_after[1]),
        crop(spec_.pad_before[2]), spec_.kernel[1], spec_.kernel[2], spec_.stride[1],
        spec_.stride[2], spec_.dilation[1], spec_.dilation[2], spec_.groups,
        spec_.group_in_channels(), spec_.group_out_channels(), spec_.in_channels,
        spec_.out_channels, weight, bias, -kInfinity, kInfinity, /*flags=*/0,
        /*code_cache=*/nullptr, /*weights_cache=*/nullptr, op);
  }

  xnn_status reshape_operator(xnn_operator_t op, const Problem& problem, size_t* height,
                              size_t* width) override {
    return xnn_reshape_deconvolution2d_nhwc_f32(
        op, planes(problem), problem.input[1], problem.input[2], extension(spec_.pad_after[1]),
        extension(spec_.pad_after[2]), height, width, shared_pool());
  }

  xnn_status set_pointers(xnn_operator_t op, const float* input, float* output) override {
    return xnn_setup_deconvolution2d_nhwc_f32(op, input, output);
  }
};

}  // namespace

bool xnnpack_runs_phases(const Spec& spec) {
  if (!spec.transposed) return false;
  for (int axis = 1; axis < 3; ++axis) {
    if (spec.dilation[axis] != 1 || spec.kernel[axis] < spec.stride[axis]) return false;
  }
  return spec.stride[1] > 1 || spec.stride[2] > 1;
}

const char* xnnpack_deconvolution_refusal(const Problem& problem) {
  const Spec& spec = problem.spec;
  if (!spec.transposed) return "takes transposed convolutions only";
  if (!XnnpackRoute::depth_joins_batch(spec)) return "takes one or two spatial axes only";
  if (xnnpack_runs_phases(spec)) {
    for (int axis = 1; axis < 3; ++axis) {
      // The last phase starts at stride - 1; XNNPACK computes its length without looking whether
      // the output ends before, and the difference of unsigned numbers wraps.
      if (problem.output[axis] < spec.stride[axis] - 1) {
        return "takes no output shorter than a stride";
      }
    }
  }
  for (int axis = 1; axis < 3; ++axis) {
    if (spec.pad_before[axis] < 0) return "cannot extend the head of an axis";
    if (spec.pad_after[axis] <= -spec.stride[axis]) {
      return "cannot extend the tail of an axis by a stride or more";
    }
  }
  if (!XnnpackRoute::counts_fit(problem)) return "cannot index a problem of this size";
  return nullptr;
}

namespace {

// Columns of a row of the output as XNNPACK computes them: those of each phase in whole tiles.
double tiled_columns(const Problem& problem) {
  // Rows of its micro-kernels where it finds an x86; six and five elsewhere.
  constexpr int32_t kTile = 4;
  const int32_t columns = problem.output[2];
  if (!xnnpack_runs_phases(problem.spec)) return columns;
  const int32_t stride = problem.spec.stride[2];
  int32_t tiled = 0;
  for (int32_t phase = 0; phase < std::min(stride, columns); ++phase) {
    const int32_t own = (columns - phase + stride - 1) / stride;
    tiled += (own + kTile - 1) / kTile * kTile;
  }
  return tiled;
}

}  // namespace

const RouteEntry kXnnpackDeconvolutionRoute = {
    .id = RouteId::kXnnpackDeconvolution,
    .name = "xnnpack-deconvolution",
    .plan = [](const Machine&, Plan* plan) -> const char* {
      const Problem& problem = plan->problem;
      if (const char* reason = xnnpack_deconvolution_refusal(problem)) return reason;
      plan_xnnpack(xnnpack_deconvolution_nanoseconds(problem, tiled_columns(problem),
                                                     xnnpack_runs_phases(problem.spec)),
                   plan);
      return nullptr;
    },
    .create = create_route<XnnpackDeconvolutionRoute>,
};

}  // namespace deconv
