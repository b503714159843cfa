#include "quantized/parameters.h"

#include <algorithm>
#include <cmath>

namespace deconv {
namespace {

// A bias beyond it makes the channel's scale coarser.
constexpr double kMaxBias = int64_t{1} << 30;

// The output channel of a value of the canonical weight.
int64_t output_channel(const Spec& spec, int64_t index) {
  const int64_t row = index / spec.kernel_elements();
  if (!spec.transposed) return row / spec.group_in_channels();
  const int64_t group_out = spec.group_out_channels();
  return row / group_out / spec.group_in_channels() * group_out + row % group_out;
}

}  // namespace

Status ParameterMaker::make(const Spec& spec, const int8_t* weight, const float* scale,
                            const float* bias, const Activations& activations,
                            QuantizedParameters* parameters) {
  const int64_t channels = spec.out_channels;
  if (!scale_.reserve(channels) || !bias_.reserve(channels) || !integer_bias_.reserve(channels)) {
    return Status::kOutOfMemory;
  }
  bool coarser = false;
  const double input_scale = activations.input.scale;
  for (int64_t channel = 0; channel < channels; ++channel) {
    scale_[channel] = scale[channel];
    // + 0 makes 0 of -0: sums of nothing but zeros have no sign.
    bias_[channel] = bias == nullptr ? 0.0f : bias[channel] + 0.0f;
    if (!spec.fixed()) continue;
    const double value = bias_[channel];
    // Weights that vanish beside the bias: their scale grows until the bias fits.
    if (std::abs(value) > kMaxBias * input_scale * scale[channel]) {
      scale_[channel] = static_cast<float>(std::abs(value) / (kMaxBias * input_scale));
      coarser = true;
    }
    if (!(activations.input.scale * scale_[channel] / activations.output.scale < 256)) {
      return Status::kBadSpec;
    }
    const double units = std::nearbyint(value / (input_scale * scale_[channel]));
    integer_bias_[channel] = static_cast<int32_t>(std::clamp(units, -kMaxBias, kMaxBias));
  }
  if (coarser) {
    if (!weight_.reserve(spec.weight_elements())) return Status::kOutOfMemory;
    for (int64_t index = 0; index < spec.weight_elements(); ++index) {
      const int64_t channel = output_channel(spec, index);
      weight_[index] = static_cast<int8_t>(
          std::nearbyint(double{scale[channel]} / scale_[channel] * weight[index]));
    }
  }
  *parameters = {.weight = coarser ? weight_.data() : weight,
                 .scale = scale_.data(),
                 .bias = bias_.data(),
                 .integer_bias = integer_bias_.data(),
                 .activations = activations};
  return Status::kOk;
}

}  // namespace deconv
