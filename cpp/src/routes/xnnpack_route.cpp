#include "routes/xnnpack_route.h"

#include "deconv/buffer.h"
#include "pack.h"

namespace deconv {

bool XnnpackRoute::counts_fit(const Problem& problem) {
  // Half of the heap for bookkeeping is too much for any machine.
  constexpr double kLimit = 1 << 30;
  // No float32 micro-kernel computes more rows or columns at once.
  constexpr double kTile = 8;
  const Spec& spec = problem.spec;
  const double taps = static_cast<double>(spec.kernel_elements());
  // Rows are padded to whole tiles, in the phases of a transposed convolution each on its own.
  const double row = problem.output[2] + kTile * (spec.transposed ? spec.stride[2] : 1);
  const double index = 4 * taps * problem.output[1] * row;
  const double phases = spec.transposed ? 1.0 * spec.stride[1] * spec.stride[2] : 1;
  const double packed = 4 * (spec.out_channels + kTile * spec.groups) *
                        (taps * (spec.group_in_channels() + kTile) + phases);
  bool extents_fit = true;
  for (int axis = 1; axis < 3; ++axis) {
    const double full = spec.transposed ? problem.output[axis] : problem.input[axis];
    extents_fit = extents_fit && full + spec.pad_before[axis] + spec.pad_after[axis] < kLimit;
  }
  return index < kLimit && packed < kLimit && extents_fit;
}

Status XnnpackRoute::set_parameters(const float* weight, const float* bias) {
  Buffer permuted;
  if (!permuted.reserve(spec_.weight_elements())) return Status::kOutOfMemory;
  pack_out_tap_in(spec_, weight, permuted.data());
  xnn_operator_t created = nullptr;
  const xnn_status status = create_operator(permuted.data(), bias, &created);
  operator_.reset(created);
  shaped_ = false;
  return created_status(status, created);
}

void plan_xnnpack(double nanoseconds, Plan* plan) {
  plan->layout = Layout::kChannelsLast;
  // Its clamp takes NaN for the bound, on some processors and signs.
  plan->leaves_relu = true;
  plan->nanoseconds = nanoseconds;
}

Status XnnpackRoute::run(const Plan& plan, const float* input, float* output, float*) {
  const Problem& problem = plan.problem;
  if (operator_ == nullptr) return Status::kMissingParameters;
  if (!shaped_ || !(problem == shaped_for_)) {
    shaped_ = false;
    size_t height = 0;
    size_t width = 0;
    if (const Status status =
            from_xnnpack(reshape_operator(operator_.get(), problem, &height, &width));
        status != Status::kOk) {
      return status;
    }
    // XNNPACK clamps an impossible size to 0 instead of refusing it.
    if (height != static_cast<size_t>(problem.output[1]) ||
        width != static_cast<size_t>(problem.output[2])) {
      return Status::kInternal;
    }
    shaped_for_ = problem;
    shaped_ = true;
  }
  if (const Status status = from_xnnpack(set_pointers(operator_.get(), input, output));
      status != Status::kOk) {
    return status;
  }
  return from_xnnpack(xnn_run_operator(operator_.get(), shared_pool()));
}

}  // namespace deconv
