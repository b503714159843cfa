#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>

#include "deconv/quantized.h"
#include "deconv/workspace.h"
#include "layout.h"
#include "pack.h"
#include "quantized/convert.h"
#include "routes/xnnpack_route.h"
#include "xnnpack_runtime.h"

namespace deconv {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A bias beyond it makes the channel's scale coarser.
constexpr double kMaxBias = int64_t{1} << 30;
// Products of one sum, so that with the greatest bias it cannot leave 32 bits.
constexpr double kMaxTerms = (int64_t{1} << 30) / (255 * 127);

// XNNPACK takes a crop at each end, or extra positions at the tail.
uint32_t positive(int32_t value) { return value > 0 ? static_cast<uint32_t>(value) : 0; }

// Products that one output value may sum.
double terms(const Spec& spec) {
  double taps = spec.group_in_channels();
  for (int axis = 0; axis < 3; ++axis) {
    taps *= spec.transposed && spec.dilation[axis] == 1
                ? std::ceil(1.0 * spec.kernel[axis] / spec.stride[axis])
                : spec.kernel[axis];
  }
  return taps;
}

int64_t floats_for(int64_t bytes) { return (bytes + 3) / 4; }

// Weights and biases as XNNPACK takes them, gone once it has packed them.
struct Staging {
  Buffer weight;
  Buffer scale;
  Buffer bias;

  int8_t* weights() const { return reinterpret_cast<int8_t*>(weight.data()); }
  int32_t* integer_bias() const { return reinterpret_cast<int32_t*>(bias.data()); }
};

}  // namespace

struct QuantizedOperator::Packed {
  Activations activations;
  XnnOperator op;
  // The one image that `op` is shaped for.
  Problem shaped_for;
  bool shaped = false;
  // Of the inputs of one run.
  Block<Quantization> measured;

  Status create(const Spec& spec, const Staging& staging, bool with_bias);
  xnn_status reshape(const Problem& problem, size_t* height, size_t* width);
  xnn_status set_pointers(const Spec& spec, const int8_t* input, const Quantization& quantization,
                          void* output);

 private:
  // XNNPACK reads it while it runs; with XNN_EXTRA_QUANTIZATION_PARAMS behind it.
  xnn_quantization_params measured_[1 + XNN_EXTRA_QUANTIZATION_PARAMS];
};

Status QuantizedOperator::Packed::create(const Spec& spec, const Staging& staging, bool with_bias) {
  const auto& [input, output] = std::pair(activations.input, activations.output);
  const auto least = static_cast<int8_t>(spec.relu ? output.zero_point : -128);
  const float least_float = spec.relu ? 0.0f : -kInfinity;
  const auto input_zero = static_cast<int8_t>(input.zero_point);
  const auto output_zero = static_cast<int8_t>(output.zero_point);
  const float* float_bias = with_bias ? staging.bias.data() : nullptr;
  const int32_t* integer_bias = with_bias ? staging.integer_bias() : nullptr;
  const auto call = [&](auto function, auto... rest) {
    return function(positive(spec.pad_before[1]), positive(spec.pad_after[2]),
                    positive(spec.pad_after[1]), positive(spec.pad_before[2]), spec.kernel[1],
                    spec.kernel[2], spec.stride[1], spec.stride[2], spec.dilation[1],
                    spec.dilation[2], spec.groups, spec.group_in_channels(),
                    spec.group_out_channels(), spec.in_channels, spec.out_channels, rest...);
  };
  xnn_operator_t created = nullptr;
  xnn_status status;
  if (activations.fixed) {
    status = call(spec.transposed ? xnn_create_deconvolution2d_nhwc_qs8_qc8w
                                  : xnn_create_convolution2d_nhwc_qs8_qc8w,
                  input_zero, input.scale, staging.scale.data(), staging.weights(), integer_bias,
                  output_zero, output.scale, least, int8_t{127}, /*flags=*/0u,
                  /*code_cache=*/nullptr, /*weights_cache=*/nullptr, &created);
  } else {
    status = call(spec.transposed ? xnn_create_deconvolution2d_nhwc_qd8_f32_qc8w
                                  : xnn_create_convolution2d_nhwc_qd8_f32_qc8w,
                  staging.scale.data(), staging.weights(), float_bias, least_float, kInfinity,
                  /*flags=*/0u, /*code_cache=*/nullptr, /*weights_cache=*/nullptr, &created);
  }
  op.reset(created);
  return created_status(status, created);
}

// Always for one image: XNNPACK frees its padding rows by the new batch and not by the old one when
// a dynamic operator is reshaped, and every image has its own quantization anyway.
xnn_status QuantizedOperator::Packed::reshape(const Problem& problem, size_t* height,
                                              size_t* width) {
  const Spec& spec = problem.spec;
  const auto rows = static_cast<size_t>(problem.input[1]);
  const auto columns = static_cast<size_t>(problem.input[2]);
  // It writes to the list of padding rows without looking whether it got one.
  void* probe = std::malloc(64);
  if (probe == nullptr) return xnn_status_out_of_memory;
  std::free(probe);
  if (spec.transposed) {
    const auto reshape = activations.fixed ? xnn_reshape_deconvolution2d_nhwc_qs8_qc8w
                                           : xnn_reshape_deconvolution2d_nhwc_qd8_f32_qc8w;
    return reshape(op.get(), 1, rows, columns, positive(-spec.pad_after[1]),
                   positive(-spec.pad_after[2]), height, width, shared_pool());
  }
  size_t workspace_size = 0;
  size_t workspace_alignment = 0;
  const auto reshape = activations.fixed ? xnn_reshape_convolution2d_nhwc_qs8_qc8w
                                         : xnn_reshape_convolution2d_nhwc_qd8_f32_qc8w;
  return reshape(op.get(), 1, rows, columns, &workspace_size, &workspace_alignment, height, width,
                 shared_pool());
}

xnn_status QuantizedOperator::Packed::set_pointers(const Spec& spec, const int8_t* input,
                                                   const Quantization& quantization, void* output) {
  if (activations.fixed) {
    auto* bytes = static_cast<int8_t*>(output);
    return spec.transposed ? xnn_setup_deconvolution2d_nhwc_qs8_qc8w(op.get(), input, bytes)
                           : xnn_setup_convolution2d_nhwc_qs8_qc8w(op.get(), nullptr, input, bytes);
  }
  std::fill(
      std::begin(measured_), std::end(measured_),
      xnn_quantization_params{.zero_point = quantization.zero_point, .scale = quantization.scale});
  auto* floats = static_cast<float*>(output);
  return spec.transposed
             ? xnn_setup_deconvolution2d_nhwc_qd8_f32_qc8w(op.get(), input, floats, measured_)
             : xnn_setup_convolution2d_nhwc_qd8_f32_qc8w(op.get(), nullptr, input, floats,
                                                         measured_);
}

std::unique_ptr<QuantizedOperator> QuantizedOperator::create(const Spec& spec) {
  return std::unique_ptr<QuantizedOperator>(new (std::nothrow) QuantizedOperator(spec));
}

QuantizedOperator::QuantizedOperator(const Spec& spec) : spec_(spec) { Workspace::hold(); }

QuantizedOperator::~QuantizedOperator() { Workspace::let_go(); }

const char* QuantizedOperator::refusal(const Problem& problem) {
  const Spec& spec = problem.spec;
  if (const char* reason = spec.transposed ? route_refusal(RouteId::kXnnpackDeconvolution, problem)
                                           : xnnpack_convolution_refusal(problem)) {
    return reason;
  }
  if (spec.kernel[0] != 1 || problem.input[0] != 1) return "takes one or two spatial axes only";
  if (terms(spec) > kMaxTerms) return "cannot sum that many products in 32 bits";
  return nullptr;
}

Status QuantizedOperator::plan(int32_t batch, const Axes& input, Layout layout) {
  Problem problem;
  if (const Status status = make_problem(spec_, batch, input, layout, &problem);
      status != Status::kOk) {
    return status;
  }
  if (refusal(problem) != nullptr) return Status::kUnsupported;
  problem_ = problem;
  planned_ = true;
  return Status::kOk;
}

bool QuantizedOperator::needs_parameters() const { return packed_ == nullptr; }

int QuantizedOperator::keep_copies(int most) {
  if (most == 0) packed_.reset();
  return packed_ == nullptr ? 0 : 1;
}

Status QuantizedOperator::set_parameters(const int8_t* weight, const float* scale,
                                         const float* bias, const Activations& activations) {
  const int64_t channels = spec_.out_channels;
  const int64_t per_channel = spec_.kernel_elements() * spec_.group_in_channels();
  Staging staging;
  std::unique_ptr<Packed> packed(new (std::nothrow) Packed);
  if (packed == nullptr || !staging.weight.reserve(floats_for(spec_.weight_elements())) ||
      !staging.scale.reserve(channels) || !staging.bias.reserve(channels)) {
    return Status::kOutOfMemory;
  }
  pack_out_tap_in(spec_, weight, staging.weights());
  std::copy_n(scale, channels, staging.scale.data());
  if (bias != nullptr) std::copy_n(bias, channels, staging.bias.data());
  if (activations.fixed) {
    const double input_scale = activations.input.scale;
    for (int64_t channel = 0; channel < channels; ++channel) {
      float& own = staging.scale.data()[channel];
      const double value = bias == nullptr ? 0 : bias[channel];
      // Weights that vanish beside the bias: their scale grows until the bias fits.
      if (std::abs(value) > kMaxBias * input_scale * own) {
        const auto coarser = static_cast<float>(std::abs(value) / (kMaxBias * input_scale));
        int8_t* values = staging.weights() + channel * per_channel;
        for (int64_t index = 0; index < per_channel; ++index) {
          values[index] =
              static_cast<int8_t>(std::nearbyint(double{own} / coarser * values[index]));
        }
        own = coarser;
      }
      if (!(activations.input.scale * own / activations.output.scale < 256)) {
        return Status::kBadSpec;
      }
      const double units = std::nearbyint(value / (input_scale * own));
      staging.integer_bias()[channel] =
          static_cast<int32_t>(std::clamp(units, -kMaxBias, kMaxBias));
    }
  }
  packed->activations = activations;
  const Status status = packed->create(spec_, staging, bias != nullptr);
  if (status == Status::kOk) packed_ = std::move(packed);
  return status;
}

Status QuantizedOperator::shape() {
  Packed& packed = *packed_;
  // Batch and layout are ours alone.
  if (packed.shaped && packed.shaped_for.input == problem_.input) return Status::kOk;
  packed.shaped = false;
  size_t height = 0;
  size_t width = 0;
  if (const Status status = from_xnnpack(packed.reshape(problem_, &height, &width));
      status != Status::kOk) {
    return status;
  }
  // XNNPACK clamps an impossible size to 0 instead of refusing it.
  if (height != static_cast<size_t>(problem_.output[1]) ||
      width != static_cast<size_t>(problem_.output[2])) {
    return Status::kInternal;
  }
  packed.shaped_for = problem_;
  packed.shaped = true;
  return Status::kOk;
}

Status QuantizedOperator::run(const void* input, Element input_element, void* output,
                              Element output_element) {
  if (!planned_ || packed_ == nullptr) return Status::kMissingParameters;
  if (!packed_->activations.fixed &&
      (input_element != Element::kFloat32 || output_element != Element::kFloat32)) {
    return Status::kUnsupported;
  }
  if (problem_.batch == 0) return Status::kOk;
  if (const Status status = shape(); status != Status::kOk) {
    // XNNPACK leaves an operator between two sizes when it cannot reshape it: its next run at the
    // old size would write behind the output.
    packed_.reset();
    return status;
  }

  const bool channels_last = problem_.layout == Layout::kChannelsLast;
  const bool input_as_is = channels_last || !problem_.input_layout_matters();
  const bool output_as_is = channels_last || !problem_.output_layout_matters();
  const int64_t input_size = problem_.input_elements() / problem_.batch;
  const int64_t output_size = problem_.output_elements() / problem_.batch;
  // Room for the image twice in bytes, in the caller's order and in XNNPACK's, or once in floats.
  Workspace& workspace = Workspace::shared();
  if (!workspace.route_input.reserve(floats_for(2 * (input_size + Buffer::kSlackBytes))) ||
      !workspace.route_output.reserve(packed_->activations.fixed
                                          ? floats_for(2 * (output_size + Buffer::kSlackBytes))
                                          : (output_as_is ? 0 : output_size))) {
    return Status::kOutOfMemory;
  }
  // Before anything is written: one image that has no range refuses the whole batch.
  if (!packed_->activations.fixed) {
    if (!packed_->measured.reserve(problem_.batch)) return Status::kOutOfMemory;
    const auto* floats = static_cast<const float*>(input);
    for (int32_t image = 0; image < problem_.batch; ++image, floats += input_size) {
      if (!measure(input_size, floats, &packed_->measured[image])) return Status::kNotFinite;
    }
  }
  const auto* from = static_cast<const uint8_t*>(input);
  auto* to = static_cast<uint8_t*>(output);
  const int64_t input_step = input_size * (input_element == Element::kInt8 ? 1 : 4);
  const int64_t output_step = output_size * (output_element == Element::kInt8 ? 1 : 4);
  for (int32_t image = 0; image < problem_.batch; ++image, from += input_step, to += output_step) {
    const Quantization& quantization =
        packed_->activations.fixed ? packed_->activations.input : packed_->measured[image];
    if (const Status status = run_image(quantization, from, input_element, to, output_element,
                                        input_as_is, output_as_is);
        status != Status::kOk) {
      return status;
    }
  }
  return Status::kOk;
}

Status QuantizedOperator::run_image(const Quantization& quantization, const void* input,
                                    Element input_element, void* output, Element output_element,
                                    bool input_as_is, bool output_as_is) {
  Packed& packed = *packed_;
  const bool fixed = packed.activations.fixed;
  Workspace& workspace = Workspace::shared();
  const int64_t input_points = problem_.input_points();
  const int64_t output_points = problem_.output_points();
  const int64_t input_size = input_points * spec_.in_channels;
  const int64_t output_size = output_points * spec_.out_channels;

  const int8_t* values = static_cast<const int8_t*>(input);
  auto* scratch = reinterpret_cast<int8_t*>(workspace.route_input.data());
  if (input_element == Element::kFloat32) {
    quantize(input_size, static_cast<const float*>(input), quantization, scratch);
    values = scratch;
    scratch += input_size + Buffer::kSlackBytes;
  }
  if (!input_as_is) {
    transpose_bytes(1, spec_.in_channels, input_points, values, scratch);
    values = scratch;
  }

  // Where XNNPACK writes: the caller's place when type and order are already the caller's.
  const bool direct = output_as_is && (!fixed || output_element == Element::kInt8);
  void* result = direct ? output : workspace.route_output.data();
  if (const Status status = from_xnnpack(packed.set_pointers(spec_, values, quantization, result));
      status != Status::kOk) {
    return status;
  }
  if (const Status status = from_xnnpack(xnn_run_operator(packed.op.get(), shared_pool()));
      status != Status::kOk || direct) {
    return status;
  }

  if (!fixed) {
    transpose(1, output_points, spec_.out_channels, static_cast<const float*>(result),
              static_cast<float*>(output));
    return Status::kOk;
  }
  const auto* bytes = static_cast<const int8_t*>(result);
  if (!output_as_is) {
    auto* turned = output_element == Element::kInt8
                       ? static_cast<int8_t*>(output)
                       : static_cast<int8_t*>(result) + output_size + Buffer::kSlackBytes;
    transpose_bytes(1, output_points, spec_.out_channels, bytes, turned);
    bytes = turned;
  }
  if (output_element == Element::kFloat32) {
    dequantize(output_size, bytes, packed.activations.output, static_cast<float*>(output));
  }
  return Status::kOk;
}

}  // namespace deconv
