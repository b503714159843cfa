// XNNPACK's qd8-f32-qc8w (dynamic) and qs8-qc8w (static) convolution and deconvolution.

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>

#include "deconv/buffer.h"
#include "pack.h"
#include "quantized/quantized_route.h"
#include "routes/cost.h"
#include "routes/xnnpack_route.h"
#include "xnnpack_runtime.h"

namespace deconv {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// XNNPACK takes a crop at each end, or extra positions at the tail.
uint32_t positive(int32_t value) { return value > 0 ? static_cast<uint32_t>(value) : 0; }

class XnnpackInt8 final : public QuantizedRoute {
 public:
  explicit XnnpackInt8(const Spec& spec) : spec_(spec) {}

  Status set_parameters(const QuantizedParameters& parameters) override {
    Block<int8_t> weight;
    if (!weight.reserve(spec_.weight_elements())) return Status::kOutOfMemory;
    pack_out_tap_in(spec_, parameters.weight, weight.data());
    const auto& [input, output] = parameters.activations;
    const auto least = static_cast<int8_t>(spec_.relu ? output.zero_point : -128);
    const float least_float = spec_.relu ? 0.0f : -kInfinity;
    const auto input_zero = static_cast<int8_t>(input.zero_point);
    const auto output_zero = static_cast<int8_t>(output.zero_point);
    xnn_operator_t created = nullptr;
    const auto call = [&](auto function, auto... rest) {
      return function(positive(spec_.pad_before[1]), positive(spec_.pad_after[2]),
                      positive(spec_.pad_after[1]), positive(spec_.pad_before[2]), spec_.kernel[1],
                      spec_.kernel[2], spec_.stride[1], spec_.stride[2], spec_.dilation[1],
                      spec_.dilation[2], spec_.groups, spec_.group_in_channels(),
                      spec_.group_out_channels(), spec_.in_channels, spec_.out_channels, rest...,
                      /*flags=*/0u, /*code_cache=*/nullptr, /*weights_cache=*/nullptr, &created);
    };
    const xnn_status status =
        spec_.fixed()
            ? call(spec_.transposed ? xnn_create_deconvolution2d_nhwc_qs8_qc8w
                                    : xnn_create_convolution2d_nhwc_qs8_qc8w,
                   input_zero, input.scale, parameters.scale, weight.data(),
                   parameters.integer_bias, output_zero, output.scale, least, int8_t{127})
            : call(spec_.transposed ? xnn_create_deconvolution2d_nhwc_qd8_f32_qc8w
                                    : xnn_create_convolution2d_nhwc_qd8_f32_qc8w,
                   parameters.scale, weight.data(), parameters.bias, least_float, kInfinity);
    operator_.reset(created);
    return created_status(status, created);
  }

  Status shape(const Plan& plan) override {
    // Batch and layout are ours alone.
    if (shaped_ && shaped_for_ == plan.problem.input) return Status::kOk;
    shaped_ = false;
    size_t height = 0;
    size_t width = 0;
    if (const Status status = from_xnnpack(reshape(plan.problem.input, &height, &width));
        status != Status::kOk) {
      return status;
    }
    // XNNPACK clamps an impossible size to 0 instead of refusing it.
    if (height != static_cast<size_t>(plan.problem.output[1]) ||
        width != static_cast<size_t>(plan.problem.output[2])) {
      return Status::kInternal;
    }
    shaped_for_ = plan.problem.input;
    shaped_ = true;
    return Status::kOk;
  }

  Status run(const Plan&, const int8_t* input, const Quantization& quantization, void* output,
             float*) override {
    if (const Status status = from_xnnpack(set_pointers(input, quantization, output));
        status != Status::kOk) {
      return status;
    }
    return from_xnnpack(xnn_run_operator(operator_.get(), shared_pool()));
  }

 private:
  // Always for one image: XNNPACK frees its padding rows by the new batch and not by the old one
  // when a dynamic operator is reshaped, and every image has its own quantization anyway.
  xnn_status reshape(const Axes& input, size_t* height, size_t* width) {
    const auto rows = static_cast<size_t>(input[1]);
    const auto columns = static_cast<size_t>(input[2]);
    // It writes to the list of padding rows without looking whether it got one. Volatile, since the
    // compiler takes away memory that nobody uses.
    void* volatile probe = std::malloc(64);
    if (probe == nullptr) return xnn_status_out_of_memory;
    std::free(probe);
    if (spec_.transposed) {
      const auto function = spec_.fixed() ? xnn_reshape_deconvolution2d_nhwc_qs8_qc8w
                                          : xnn_reshape_deconvolution2d_nhwc_qd8_f32_qc8w;
      return function(operator_.get(), 1, rows, columns, positive(-spec_.pad_after[1]),
                      positive(-spec_.pad_after[2]), height, width, shared_pool());
    }
    size_t workspace_size = 0;
    size_t workspace_alignment = 0;
    const auto function = spec_.fixed() ? xnn_reshape_convolution2d_nhwc_qs8_qc8w
                                        : xnn_reshape_convolution2d_nhwc_qd8_f32_qc8w;
    return function(operator_.get(), 1, rows, columns, &workspace_size, &workspace_alignment,
                    height, width, shared_pool());
  }

  xnn_status set_pointers(const int8_t* input, const Quantization& quantization, void* output) {
    xnn_operator_t op = operator_.get();
    if (spec_.fixed()) {
      auto* bytes = static_cast<int8_t*>(output);
      return spec_.transposed ? xnn_setup_deconvolution2d_nhwc_qs8_qc8w(op, input, bytes)
                              : xnn_setup_convolution2d_nhwc_qs8_qc8w(op, nullptr, input, bytes);
    }
    std::fill(std::begin(measured_), std::end(measured_),
              xnn_quantization_params{.zero_point = quantization.zero_point,
                                      .scale = quantization.scale});
    auto* floats = static_cast<float*>(output);
    return spec_.transposed
               ? xnn_setup_deconvolution2d_nhwc_qd8_f32_qc8w(op, input, floats, measured_)
               : xnn_setup_convolution2d_nhwc_qd8_f32_qc8w(op, nullptr, input, floats, measured_);
  }

  const Spec spec_;
  XnnOperator operator_;
  // The one image that `operator_` is shaped for.
  Axes shaped_for_;
  bool shaped_ = false;
  // XNNPACK reads it while it runs; with XNN_EXTRA_QUANTIZATION_PARAMS behind it.
  xnn_quantization_params measured_[1 + XNN_EXTRA_QUANTIZATION_PARAMS];
};

}  // namespace

const char* plan_xnnpack_int8(Plan* plan) {
  // Products of one sum, so that with the greatest bias it cannot leave 32 bits.
  constexpr double kMaxTerms = (int64_t{1} << 30) / (255 * 127);
  const Problem& problem = plan->problem;
  if (const char* reason = plan->route == RouteId::kXnnpackDeconvolution
                               ? xnnpack_deconvolution_refusal(problem)
                               : xnnpack_convolution_refusal(problem)) {
    return reason;
  }
  if (problem.input[0] != 1) return "takes one or two spatial axes only";
  if (sum_terms(problem.spec) > kMaxTerms) return "cannot sum that many products in 32 bits";
  plan->layout = Layout::kChannelsLast;
  plan->nanoseconds = xnnpack_int8_nanoseconds(problem, xnnpack_runs_phases(problem.spec));
  return nullptr;
}

std::unique_ptr<QuantizedRoute> create_xnnpack_int8(const Spec& spec) {
  return std::unique_ptr<QuantizedRoute>(new (std::nothrow) XnnpackInt8(spec));
}

}  // namespace deconv
