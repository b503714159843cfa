// XNNPACK's 2-D deconvolution: phases of dense small convolutions when the kernel is at least the
// stride and dilation is 1, an indirect matrix product over a zero-inserted input otherwise.

#include <algorithm>
#include <limits>
#include <memory>

#include "deconv/buffer.h"
#include "divide.h"
#include "pack.h"
#include "routes/cost.h"
#include "routes/route.h"
#include "xnnpack_runtime.h"

namespace deconv {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// XNNPACK takes a pad or a crop at each end, or fewer than `stride` extra positions at the tail.
uint32_t positive(int32_t value) { return value > 0 ? static_cast<uint32_t>(value) : 0; }

struct OperatorDeleter {
  void operator()(xnn_operator_t op) const { xnn_delete_operator(op); }
};

// Packs the weight when it is created, works on N H W C only, and derives its indirection buffers
// when it is reshaped.
class XnnpackRoute final : public Route {
 public:
  explicit XnnpackRoute(const Spec& spec) : spec_(spec) {}

  Status set_parameters(const float* weight, const float* bias) override {
    Buffer permuted;
    if (!permuted.reserve(spec_.weight_elements())) return Status::kOutOfMemory;
    pack_out_tap_in(spec_, weight, permuted.data());
    xnn_operator_t created = nullptr;
    const xnn_status status = xnn_create_deconvolution2d_nhwc_f32(
        positive(spec_.pad_before[1]), positive(spec_.pad_after[2]), positive(spec_.pad_after[1]),
        positive(spec_.pad_before[2]), spec_.kernel[1], spec_.kernel[2], spec_.stride[1],
        spec_.stride[2], spec_.dilation[1], spec_.dilation[2], spec_.groups,
        spec_.group_in_channels(), spec_.group_out_channels(), spec_.in_channels,
        spec_.out_channels, permuted.data(), bias, -kInfinity, kInfinity, /*flags=*/0,
        /*code_cache=*/nullptr, /*weights_cache=*/nullptr, &created);
    operator_.reset(created);
    images_ = 0;
    return created_status(status, created);
  }

  Status run(const Plan& plan, const float* input, const Output& output, float*) override {
    if (const Status status = reshape(plan.problem); status != Status::kOk) return status;
    const xnn_status status =
        xnn_setup_deconvolution2d_nhwc_f32(operator_.get(), input, output.values);
    const Status ran = from_xnnpack(
        status == xnn_status_success ? xnn_run_operator(operator_.get(), shared_pool()) : status);
    if (ran == Status::kOk) output.finish_all(plan.problem.output_elements());
    return ran;
  }

 private:
  Status reshape(const Problem& problem) {
    if (problem.batch == images_ && problem.input == extents_) return Status::kOk;
    images_ = 0;
    const size_t planes =
        static_cast<size_t>(problem.batch) * static_cast<size_t>(problem.input[0]);
    size_t height = 0;
    size_t width = 0;
    const xnn_status status = xnn_reshape_deconvolution2d_nhwc_f32(
        operator_.get(), planes, problem.input[1], problem.input[2], positive(-spec_.pad_after[1]),
        positive(-spec_.pad_after[2]), &height, &width, shared_pool());
    if (status != xnn_status_success) return from_xnnpack(status);
    // XNNPACK clamps an impossible size to 0 instead of refusing it.
    if (height != static_cast<size_t>(problem.output[1]) ||
        width != static_cast<size_t>(problem.output[2])) {
      return Status::kInternal;
    }
    images_ = problem.batch;
    extents_ = problem.input;
    return Status::kOk;
  }

  const Spec spec_;
  std::unique_ptr<xnn_operator, OperatorDeleter> operator_;
  // What `operator_` is shaped for.
  int32_t images_ = 0;
  Axes extents_{};
};

// XNNPACK counts bytes with 32-bit numbers and does not look whether they wrap: those of its index
// of pointers (one a tap and output point, whatever the channels) and of its packed weights, and
// the extent of the padded input or uncropped output. Such a problem would make it write behind the
// blocks that it allocated.
bool counts_fit(const Problem& problem) {
  // Half of the heap for bookkeeping is too much for any machine.
  constexpr double kLimit = 1 << 30;
  // No float32 micro-kernel computes more rows or columns at once.
  constexpr double kTile = 8;
  const Spec& spec = problem.spec;
  const double taps = static_cast<double>(spec.kernel_elements());
  // Rows are padded to whole tiles, in the phases of a transposed convolution each on its own.
  const double row = problem.output[2] + kTile * spec.stride[2];
  const double index = 4 * taps * problem.output[1] * row;
  const double phases = 1.0 * spec.stride[1] * spec.stride[2];
  const double packed = 4 * (spec.out_channels + kTile * spec.groups) *
                        (taps * (spec.group_in_channels() + kTile) + phases);
  bool extents_fit = true;
  for (int axis = 1; axis < 3; ++axis) {
    const double full = problem.output[axis];
    extents_fit = extents_fit && full + spec.pad_before[axis] + spec.pad_after[axis] < kLimit;
  }
  return index < kLimit && packed < kLimit && extents_fit;
}

// Whether the deconvolution splits the kernel into one dense small kernel a phase.
bool runs_phases(const Spec& spec) {
  for (int axis = 1; axis < 3; ++axis) {
    if (spec.dilation[axis] != 1 || spec.kernel[axis] < spec.stride[axis]) return false;
  }
  return spec.stride[1] > 1 || spec.stride[2] > 1;
}

const char* axis_refusal(const Problem& problem, int axis) {
  const Spec& spec = problem.spec;
  // The last phase starts at stride - 1; XNNPACK computes its length without looking whether the
  // output ends before, and the difference of unsigned numbers wraps.
  if (runs_phases(spec) && problem.output[axis] < spec.stride[axis] - 1) {
    return "takes no output shorter than a stride";
  }
  if (spec.pad_before[axis] < 0) return "cannot extend the head of an axis";
  if (spec.pad_after[axis] <= -spec.stride[axis]) {
    return "cannot extend the tail of an axis by a stride or more";
  }
  return nullptr;
}

const char* refusal(const Problem& problem) {
  const Spec& spec = problem.spec;
  // A depth axis that neither mixes nor drops planes joins the batch.
  const bool joins_batch = spec.kernel[0] == 1 && spec.stride[0] == 1 && spec.pad_before[0] == 0 &&
                           spec.pad_after[0] == 0;
  if (!joins_batch) return "takes one or two spatial axes only";
  for (int axis = 1; axis < 3; ++axis) {
    if (const char* reason = axis_refusal(problem, axis)) return reason;
  }
  // It has kernels of their own for these, which are left out: see cpp/cmake/xnnpack.cmake.
  bool tiles = true;
  for (int axis = 1; axis < 3; ++axis) {
    tiles = tiles && spec.kernel[axis] == spec.stride[axis] && spec.pad_before[axis] == 0 &&
            problem.output[axis] == int64_t{problem.input[axis]} * spec.stride[axis];
  }
  if (tiles && runs_phases(spec)) return "takes no kernel as large as its stride";
  if (!counts_fit(problem)) return "cannot index a problem of this size";
  return nullptr;
}

// Columns of a row of the output as XNNPACK computes them: those of each phase in whole tiles.
double tiled_columns(const Problem& problem) {
  // Rows of its micro-kernels where it finds an x86; six and five elsewhere.
  constexpr int32_t kTile = 4;
  const int32_t columns = problem.output[2];
  if (!runs_phases(problem.spec)) return columns;
  const int32_t stride = problem.spec.stride[2];
  double tiled = 0;
  for (int32_t phase = 0; phase < std::min(stride, columns); ++phase) {
    tiled += static_cast<double>(ceil_divide(ceil_divide(columns - phase, stride), kTile) * kTile);
  }
  return tiled;
}

const char* plan(const Machine&, Plan* plan) {
  const Problem& problem = plan->problem;
  if (!problem.spec.transposed) return "takes transposed convolutions only";
  if (const char* reason = refusal(problem)) return reason;
  plan->layout = Layout::kChannelsLast;
  // The clamp of its float32 takes NaN for the bound, on some processors and signs.
  plan->leaves_relu = true;
  plan->nanoseconds =
      xnnpack_deconvolution_nanoseconds(problem, tiled_columns(problem), runs_phases(problem.spec));
  return nullptr;
}

}  // namespace

const RouteEntry kXnnpackDeconvolutionRoute = {
    .id = RouteId::kXnnpackDeconvolution,
    .name = "xnnpack-deconvolution",
    .plan = plan,
    .create = create_route<XnnpackRoute>,
};

}  // namespace deconv
